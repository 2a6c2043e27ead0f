package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"contentfs/fs/audit"
	"contentfs/meta"
)

// difference is something that is not as it is on record.
type difference struct {
	Place   audit.Place    `json:"where"`
	Path    string         `json:"path,omitempty"`
	Version meta.VersionID `json:"version,omitempty"`
	Thing   string         `json:"thing,omitempty"`
	Why     string         `json:"why"`
	Cure    string         `json:"cure,omitempty"`
	Cured   bool           `json:"cured"`
}

// unseen is something that could not be looked at.
type unseen struct {
	Where audit.Place `json:"where"`
	Thing string      `json:"thing"`
	Error string      `json:"error"`
}

type verifyResult struct {
	Volume      string       `json:"volume"`
	Repair      bool         `json:"repair"`
	Complete    bool         `json:"complete"` // not interrupted
	Versions    int64        `json:"versions"`
	Local       int64        `json:"local"`
	Fallback    int64        `json:"fallback"`
	Objects     int64        `json:"objects"`
	Cured       int64        `json:"cured"`
	Differences []difference `json:"differences"`
	Unseen      []unseen     `json:"not_looked_at"` // some of them
	Skipped     int64        `json:"not_looked_at_versions"`

	found audit.Verified
}

func (r *verifyResult) fill() {
	f := &r.found
	r.Versions, r.Local, r.Fallback, r.Objects, r.Cured, r.Skipped = f.Versions, f.Files, f.Copies, f.Objects, f.Cured, f.Skipped
	r.Differences, r.Unseen = []difference{}, []unseen{}
	for _, d := range f.Findings {
		r.Differences = append(r.Differences, difference(d))
	}
	for _, u := range f.Unseen {
		r.Unseen = append(r.Unseen, unseen{u.Place, u.Thing, u.Err.Error()})
	}
}

func (r *verifyResult) table(w io.Writer) {
	if len(r.Differences) > 0 {
		row(w, "where", "path", "what differs", r.cureTitle())
	}
	for _, d := range r.Differences {
		what := d.Why
		if d.Path == "" && d.Thing != "" {
			what = d.Thing + ": " + what
		}
		cure := d.Cure
		if r.Repair && !d.Cured {
			cure = "not cured"
			if d.Cure != "" {
				cure += ": " + d.Cure
			}
		}
		row(w, string(d.Place), d.Path, what, cure)
	}
	if len(r.Unseen) > 0 {
		row(w, "not looked at", "", "why", "")
	}
	for _, u := range r.Unseen {
		row(w, string(u.Where), u.Thing, u.Error, "")
	}
}

func (r *verifyResult) cureTitle() string {
	if r.Repair {
		return "cure"
	}
	return "what --repair would do"
}

func (r *verifyResult) verdict() string {
	parts := []string{count(r.Versions, "version") + " compared: " + strings.Join([]string{
		count(r.Local, "local file"), copies(r.Fallback), count(r.Objects, "object")}, ", ")}
	switch n := int64(len(r.Differences)); {
	case n == 0 && len(r.Unseen) == 0:
		parts = append(parts, "no differences")
	case n == 0:
		parts = append(parts, "no differences in what could be looked at")
	case r.Repair:
		parts = append(parts, fmt.Sprintf("%s, %d cured", count(n, "difference"), r.Cured))
	default:
		parts = append(parts, count(n, "difference"))
	}
	if r.Skipped > 0 {
		parts = append(parts, count(r.Skipped, "version")+" could not be looked at whole")
	}
	if !r.Complete {
		parts = append(parts, "interrupted")
	}
	return strings.Join(parts, "; ")
}

func copies(n int64) string {
	if n == 1 {
		return "1 copy in the fallback"
	}
	return fmt.Sprintf("%d copies in the fallback", n)
}

// outcome is what the exit code tells: differences that are left, before what could not
// be looked at.
func (r *verifyResult) outcome() error {
	if int64(len(r.Differences)) > r.Cured {
		return told(exitDifferences)
	}
	for _, u := range r.found.Unseen {
		if u.Place == audit.InS3 {
			return &failure{code: storeCode(u.Err), what: "volume " + r.Volume, err: fmt.Errorf("not all of S3 could be looked at: %w", u.Err),
				try: storeRemedy(u.Err)}
		}
	}
	for _, u := range r.found.Unseen {
		return &failure{code: exitFailed, what: string(u.Place) + " " + u.Thing, err: fmt.Errorf("it could not be looked at: %w", u.Err)}
	}
	return nil
}

// verifyBar tells how a verification goes on.
type verifyBar struct {
	*progress
	began time.Time
}

func (p *program) verifyBar(volume string) *verifyBar {
	return &verifyBar{p.progress(volume), p.now()}
}

func (b *verifyBar) report(done, all int64) {
	pause := linePause
	if b.terminal {
		pause = 100 * time.Millisecond
	}
	now := b.now()
	if !b.last.IsZero() && now.Sub(b.last) < pause || b.last.IsZero() && !b.terminal && now.Sub(b.began) < pause {
		return
	}
	b.last = now
	line := fmt.Sprintf("%d of %s compared", done, count(all, "version"))
	if !b.terminal {
		fmt.Fprintf(b.w, "%s: %s\n", b.volume, line)
		return
	}
	fmt.Fprintf(b.w, "\r%s %s %s\x1b[K", b.volume, bar(done, all), line)
	b.shown = true
}
