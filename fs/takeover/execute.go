package takeover

import (
	"context"
	"fmt"
	"strings"

	"contentfs/fs/content"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// Count is a number of files with their size.
type Count struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Result is what came of a plan.
type Result struct {
	Taken    Count
	Known    Count            // on record already
	Fields   map[string]Count // of those taken; "" where the path has no field
	Findings []Finding        // of the plan, and what stood in the way
}

// NumberOf returns how many objects were left alone for a reason.
func (r *Result) NumberOf(reason Reason) (n int64) {
	for i := range r.Findings {
		if r.Findings[i].Reason == reason {
			n++
		}
	}
	return n
}

// Execute puts the files of a plan on record; with dry it only finds out what would
// come of that. When ctx ends, what was done until then stays, and is returned with
// the error. now is in nanoseconds.
func (t *Takeover) Execute(ctx context.Context, plan *Plan, dry bool, now func() int64) (Result, error) {
	r := Result{Fields: make(map[string]Count), Findings: plan.Findings}
	for list := plan.Files; len(list) > 0; {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		some := list[:min(len(list), batch)]
		list = list[len(some):]
		outcomes, err := t.record(some, dry, now())
		if err != nil {
			return r, err
		}
		crash.Here(crash.ImportSome)
		for i, outcome := range outcomes {
			r.add(&some[i], outcome)
		}
	}
	return r, nil
}

func (t *Takeover) record(list []meta.ImportedObject, dry bool, now int64) ([]meta.ImportOutcome, error) {
	if dry {
		return t.Meta.Importable(list)
	}
	return t.Meta.ImportObjects(list, meta.ImportRequest{DirMode: t.DirMode, DirUID: t.UID, DirGID: t.GID, Now: now})
}

// inTheWay says what hinders an object.
var inTheWay = map[meta.ImportOutcome]string{
	meta.ImportExists:  "there is something else at %s",
	meta.ImportNotDir:  "%s leads through a file",
	meta.ImportGivenUp: "the object for %s was given up and will be removed",
}

func (r *Result) add(o *meta.ImportedObject, outcome meta.ImportOutcome) {
	switch outcome {
	case meta.ImportTaken:
		r.Taken.add(o.Size)
		a, _ := content.ParseAddress(o.Path)
		name := a.Field
		if a.Scaled {
			name = strings.Join([]string{a.Field, a.Scale}, "/")
		}
		c := r.Fields[name]
		c.add(o.Size)
		r.Fields[name] = c
	case meta.ImportKnown:
		r.Known.add(o.Size)
	default:
		r.Findings = append(r.Findings, Finding{Key: o.Key, Reason: Conflict, Why: fmt.Sprintf(inTheWay[outcome], o.Path)})
	}
}

func (c *Count) add(size int64) {
	c.Files++
	c.Bytes += size
}
