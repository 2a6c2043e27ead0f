package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"contentfs/fs/takeover"
)

// maxFindings is how many objects that were left alone are listed.
const maxFindings = 1000

// importResult is what import took, or would take.
type importResult struct {
	Volume        string                    `json:"volume"`
	Bucket        string                    `json:"bucket"`
	Prefix        string                    `json:"prefix"`
	DryRun        bool                      `json:"dry_run"`
	Complete      bool                      `json:"complete"`
	Listed        int64                     `json:"listed"`
	Taken         takeover.Count            `json:"taken"`
	Known         takeover.Count            `json:"already_there"`
	Ambiguous     int64                     `json:"ambiguous"`
	Conflicts     int64                     `json:"conflicts"`
	NotUnderstood int64                     `json:"not_understood"`
	ByField       map[string]takeover.Count `json:"by_field"`
	Findings      []takeover.Finding        `json:"findings"` // the first of them
}

func newImportResult(volume string, t *takeover.Takeover, plan *takeover.Plan, r *takeover.Result, dry, complete bool) *importResult {
	out := &importResult{Volume: volume, Bucket: t.Bucket, Prefix: t.Prefix, DryRun: dry, Complete: complete,
		Listed: plan.Listed, Taken: r.Taken, Known: r.Known, ByField: r.Fields,
		Ambiguous: r.NumberOf(takeover.Ambiguous), Conflicts: r.NumberOf(takeover.Conflict),
		NotUnderstood: r.NumberOf(takeover.NotUnderstood), Findings: []takeover.Finding{}}
	out.Findings = append(out.Findings, r.Findings[:min(len(r.Findings), maxFindings)]...)
	return out
}

func (r *importResult) table(w io.Writer) {
	if len(r.ByField) > 0 {
		row(w, "by field", "files", "size")
	}
	for _, name := range slices.Sorted(maps.Keys(r.ByField)) {
		c, shown := r.ByField[name], name
		if shown == "" {
			shown = "(none)"
		}
		row(w, "  "+shown, fmt.Sprint(c.Files), formatSize(c.Bytes))
	}
	for _, f := range r.Findings {
		row(w, string(f.Reason), f.Key, f.Why)
		if len(f.Readings) > 0 {
			row(w, "", "", "readings: "+strings.Join(f.Readings, ", "))
		}
	}
}

func (r *importResult) verdict() string {
	taken := "taken"
	if r.DryRun {
		taken = "would be taken (dry run)"
	}
	text := fmt.Sprintf("%s %s, %d already there, %d ambiguous, %s, %d not understood, of %s",
		amount(r.Taken.Files, r.Taken.Bytes), taken, r.Known.Files, r.Ambiguous, count(r.Conflicts, "conflict"),
		r.NotUnderstood, count(r.Listed, "object"))
	switch {
	case !r.Complete:
		text += "; not complete: run it again to go on"
	case r.Ambiguous > 0:
		text += "; --fields and --scales name what is not known"
	}
	return text
}
