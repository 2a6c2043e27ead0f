package main

import (
	"io"
	"time"

	"contentfs/fs/audit"
	"contentfs/meta"
)

// heldFile is a file of the quarantine as it is listed.
type heldFile struct {
	ID      meta.FileID `json:"id"`
	Path    string      `json:"path"`
	Size    int64       `json:"size"`
	Written time.Time   `json:"written,omitzero"`
	Since   time.Time   `json:"since"`
	Reason  string      `json:"reason"`
	Problem string      `json:"problem,omitempty"`
}

type quarantineResult struct {
	Volume  string     `json:"volume"`
	Files   []heldFile `json:"files"`
	Removed *int       `json:"removed,omitempty"`

	plan bool
}

func (r *quarantineResult) table(w io.Writer) {
	if len(r.Files) == 0 || r.Removed != nil {
		return
	}
	row(w, "id", "path", "size", "since", "reason")
	for _, f := range r.Files {
		size, reason := formatSize(f.Size), f.Reason
		if f.Problem != "" {
			size, reason = "?", reason+" ("+f.Problem+")"
		}
		row(w, string(f.ID), f.Path, size, formatTime(f.Since), reason)
	}
}

func (r *quarantineResult) verdict() string {
	var bytes int64
	for _, f := range r.Files {
		bytes += f.Size
	}
	n := amount(int64(len(r.Files)), bytes)
	switch {
	case r.Removed != nil:
		return count(int64(*r.Removed), "file") + " removed from the quarantine"
	case len(r.Files) == 0:
		return "nothing is in the quarantine"
	case r.plan:
		return n + " would be removed for good; --yes removes them"
	}
	return n + " in the quarantine; contentfs quarantine restore " + r.Volume + " ID brings one back"
}

func (r *quarantineResult) add(h *audit.Held) {
	f := heldFile{ID: h.File, Path: string(h.Path), Size: h.Size, Written: timeOf(h.Mtime), Since: timeOf(h.Since),
		Reason: h.Reason, Problem: h.Why}
	r.Files = append(r.Files, f)
}

type restoredResult struct {
	Volume  string         `json:"volume"`
	ID      meta.FileID    `json:"id"`
	Path    string         `json:"path,omitempty"` // inside the volume
	To      string         `json:"to,omitempty"`   // outside
	Version meta.VersionID `json:"version,omitempty"`
	Size    int64          `json:"size"`
}

func (r *restoredResult) table(io.Writer) {}

func (r *restoredResult) verdict() string {
	if r.To != "" {
		return "copied to " + r.To + " (" + formatSize(r.Size) + "); it is in the quarantine still"
	}
	return r.Path + " is back (" + formatSize(r.Size) + ")"
}
