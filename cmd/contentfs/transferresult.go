package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"contentfs/fs/transfer"
)

// surveyResult is what a transfer would move.
type surveyResult struct {
	x     *transferring
	found *transfer.Survey
}

func newSurveyResult(x *transferring, found *transfer.Survey) *surveyResult {
	return &surveyResult{x, found}
}

// MarshalJSON writes the counts by every way to count.
func (r *surveyResult) MarshalJSON() ([]byte, error) {
	out := map[string]any{"volume": r.x.t.name, "files": r.found.Total.Files, "bytes": r.found.Total.Bytes}
	for _, by := range transfer.Ways() {
		out["by_"+string(by)] = r.found.Groups(by)
	}
	return json.Marshal(out)
}

func (r *surveyResult) table(w io.Writer) { surveyTable(w, r.found, transfer.Ways()...) }

// surveyTable writes the groups of a survey, one way to count below the other.
func surveyTable(w io.Writer, s *transfer.Survey, ways ...transfer.By) {
	if s.Total.Files == 0 {
		return
	}
	for _, by := range ways {
		row(w, "by "+string(by), "files", "size")
		for _, g := range s.Groups(by) {
			row(w, "  "+g.Name, fmt.Sprint(g.Files), formatSize(g.Bytes))
		}
	}
}

func (r *surveyResult) verdict() string {
	n := amount(r.found.Total.Files, r.found.Total.Bytes)
	if r.found.Total.Files == 0 {
		return "nothing to move"
	}
	if r.x.list {
		return n + " can be moved; --all moves everything, --field, --scale, --uid and others a part"
	}
	return n + " would be moved (dry run)"
}

// transferResult is what a transfer moved.
type transferResult struct {
	x   *transferring
	r   *transfer.Result
	err error
}

func newTransferResult(x *transferring, r *transfer.Result, err error) *transferResult {
	return &transferResult{x, r, err}
}

// MarshalJSON writes counts and failures.
func (r *transferResult) MarshalJSON() ([]byte, error) {
	failures := r.r.Failures
	if failures == nil {
		failures = []transfer.Failure{}
	}
	return json.Marshal(map[string]any{
		"volume": r.x.t.name, "moved": r.r.Moved, "bytes": r.r.Bytes, "skipped": r.r.Skipped, "failed": r.r.Failed,
		"seconds": r.r.Took.Seconds(), "by_field": r.r.By.Groups(transfer.ByField), "failures": failures,
		"complete": r.err == nil,
	})
}

func (r *transferResult) table(w io.Writer) {
	surveyTable(w, r.r.By, transfer.ByField)
	for _, f := range r.r.Failures {
		row(w, "failed", f.Path, f.Why)
	}
}

func (r *transferResult) verdict() string {
	if r.err == nil && r.r.Moved+r.r.Skipped+r.r.Failed == 0 {
		return "nothing to move"
	}
	text := fmt.Sprintf("%s moved, %d skipped because they changed meanwhile, %d failed, in %s",
		amount(r.r.Moved, r.r.Bytes), r.r.Skipped, r.r.Failed, r.r.Took.Round(time.Second/10))
	switch {
	case r.err != nil:
		text += "; not complete: run it again to go on"
	case r.r.Failed > 0:
		text += "; what failed is tried again by itself, see contentfs errors " + r.x.t.name
	}
	return text
}

// transferBar tells how a transfer goes on.
type transferBar struct {
	*progress
	began time.Time
}

func (p *program) transferBar(volume string) *transferBar {
	return &transferBar{p.progress(volume), p.now()}
}

func (b *transferBar) report(s transfer.Progress) {
	pause := linePause
	if b.terminal {
		pause = 100 * time.Millisecond
	}
	now := b.now()
	if !b.last.IsZero() && now.Sub(b.last) < pause || b.last.IsZero() && !b.terminal && now.Sub(b.began) < pause {
		return
	}
	b.last = now
	line := fmt.Sprintf("%s moved, %d under way, %d failed", amount(s.Moved, s.Bytes), s.UnderWay, s.Failed)
	if !b.terminal {
		fmt.Fprintf(b.w, "%s: %s\n", b.volume, line)
		return
	}
	fmt.Fprintf(b.w, "\r%s %s\x1b[K", b.volume, line)
	b.shown = true
}
