package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"contentfs/meta"
)

// errorLog is the log of a volume that a command works on itself: what goes wrong and
// nothing else.
func errorLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}

func (r *gcResult) plan(g *meta.Garbage) {
	count := func(c meta.Count) gcCount { return gcCount{c.Number, c.Bytes} }
	r.Versions, r.Objects, r.Fallback, r.Local = count(g.Versions), count(g.Objects), count(g.Fallback), count(g.Local)
	r.Lost = g.Lost
	if g.Oldest != 0 {
		t := time.Unix(0, g.Oldest).UTC()
		r.Oldest = &t
	}
}

// MarshalJSON adds what was removed to the plan.
func (r *gcResult) MarshalJSON() ([]byte, error) {
	type plan gcResult // without this method
	out := struct {
		*plan
		Removed any `json:"removed,omitempty"`
	}{plan: (*plan)(r)}
	if r.Collected {
		failures := make(map[string]string)
		for bucket, err := range r.done.Failed {
			failures[bucket] = err.Error()
		}
		out.Removed = map[string]any{"versions": r.done.Versions, "bytes": r.done.Bytes, "objects": r.done.Objects,
			"left": r.done.Left, "kept": r.done.Kept, "copies": r.copies, "failures": failures, "complete": !r.interrupted}
	}
	return json.Marshal(out)
}

func (r *gcResult) table(w io.Writer) {
	if r.Versions.Count > 0 || r.Lost > 0 {
		r.recordedTable(w)
	}
	r.unrecordedTable(w)
}

func (r *gcResult) recordedTable(w io.Writer) {
	row(w, "kind", "number", "size")
	line := func(kind string, c gcCount) { row(w, kind, fmt.Sprint(c.Count), formatSize(c.Bytes)) }
	line("versions", r.Versions)
	line("  objects in S3", r.Objects)
	line("  files in the fallback", r.Fallback)
	line("  files on this server", r.Local)
	row(w, "other objects", fmt.Sprint(r.Lost), "")
	if r.Oldest != nil {
		row(w, "oldest", formatTime(*r.Oldest), "")
	}
}

func (r *gcResult) verdict() string { return r.recordedVerdict() + r.unrecordedVerdict() }

func (r *gcResult) recordedVerdict() string {
	older := "deleted or replaced more than " + graceText(r.Grace) + " ago"
	if !r.Collected {
		if r.Versions.Count == 0 && r.Lost == 0 {
			return "nothing to remove: nothing was " + older
		}
		text := fmt.Sprintf("%s (%s) and %s would go, %s; --yes removes them", count(r.Versions.Count, "version"),
			formatSize(r.Versions.Bytes), count(r.Objects.Count+r.Lost, "object"), older)
		if r.tooMuch {
			text += ", with --force: that is more than half of all objects"
		}
		return text
	}
	text := fmt.Sprintf("%s (%s) and %s removed", count(r.done.Versions, "version"), formatSize(r.done.Bytes),
		count(r.done.Objects, "object"))
	if r.copies > 0 {
		text += fmt.Sprintf(", %d old copies of the database", r.copies)
	}
	if r.done.Left > 0 {
		text += fmt.Sprintf(", %s left", count(r.done.Left, "object"))
	}
	if r.done.Kept > 0 {
		text += fmt.Sprintf(", %s kept", count(r.done.Kept, "version"))
	}
	if r.interrupted {
		text += "; interrupted: run it again to go on"
	}
	return text
}

// graceText writes a time as parseAge reads it.
func graceText(s string) string {
	d, err := time.ParseDuration(s)
	if err != nil || d < 24*time.Hour || d%(24*time.Hour) != 0 {
		return s
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}
