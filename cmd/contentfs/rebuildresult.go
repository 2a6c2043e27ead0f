package main

import (
	"fmt"
	"io"
	"time"

	"contentfs/fs/rebuild"
)

// rebuildResult is what a rebuilding found, and whether it is in place.
type rebuildResult struct {
	Name     string         `json:"volume"`
	Bucket   string         `json:"bucket"`
	Prefix   string         `json:"prefix"`
	From     rebuild.Source `json:"from"`
	Database rebuild.Health `json:"database"` // before
	Damage   string         `json:"damage,omitempty"`
	*rebuild.Report
	Replaced bool   `json:"replaced"`
	Kept     string `json:"kept,omitempty"` // where the old database is

	now time.Time
}

func (r *rebuildResult) table(w io.Writer) {
	before := string(r.Database)
	if r.Damage != "" {
		before += ": " + r.Damage
	}
	row(w, "database", before)
	if s := r.Snapshot; s != nil {
		row(w, "copy", fmt.Sprintf("of %s (%s), with %s", formatTime(s.Taken), formatAge(r.now.Sub(s.Taken)), count(s.Files, "file")))
	} else if r.From == rebuild.FromSnapshot {
		row(w, "copy", "none that is whole; everything comes from the listing")
	}
	row(w, "listed", count(r.Listed, "object"))
	for _, l := range []struct {
		name string
		c    rebuild.Count
	}{
		{"from the listing", r.Objects}, {"uploads that had ended", r.Finished}, {"renamed since", r.Moved},
		{"replaced or given up before", r.Old}, {"on record and not in the bucket", r.Missing},
		{"here and not uploaded", r.Adopted}, {"here and in S3", r.Attached},
		{"to the quarantine", r.Quarantined}, {"LOST", r.Lost},
	} {
		if l.c.Number > 0 {
			row(w, l.name, fmt.Sprint(l.c.Number), formatSize(l.c.Bytes))
		}
	}
	for i, f := range r.Findings {
		if i == maxFindings {
			row(w, "...", "", "")
			break
		}
		row(w, "left alone", f.What, f.Why)
	}
	if since := r.since(); since != "" {
		row(w, "note", since)
	}
	if r.Kept != "" {
		row(w, "old database", r.Kept)
	}
}

// since says what cannot be told.
func (r *rebuildResult) since() string {
	if r.Snapshot == nil {
		return "deleted files may be there again; links, empty folders and attributes of folders are not"
	}
	return "what was deleted or renamed after the copy may be there again under its old name"
}

func (r *rebuildResult) verdict() string {
	tree := fmt.Sprintf("%s, %s", count(r.Stats.Nodes.Files, "file"), directories(r.Stats.Nodes.Dirs))
	if r.Stats.Queue.Number > 0 {
		tree += fmt.Sprintf(", %d to upload", r.Stats.Queue.Number)
	}
	switch n := len(r.Findings); {
	case n == 0:
		tree += ", nothing left alone"
	default:
		tree += fmt.Sprintf(", %d left alone", n)
	}
	if r.Lost.Number > 0 {
		tree += fmt.Sprintf(", %d LOST", r.Lost.Number)
	}
	if r.Replaced {
		return r.Name + " is rebuilt: " + tree
	}
	text := r.Name + " would be rebuilt: " + tree + "; --yes puts it in place"
	if r.Database == rebuild.Healthy {
		text += ", with --force: the database is not damaged"
	}
	return text
}
