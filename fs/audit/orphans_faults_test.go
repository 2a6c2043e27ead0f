package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/meta"
)

// TestSurveyIsWholeOrNothing: what cannot be read to its end, or whose objects do not
// answer, makes nothing ripe and leaves no sighting.
func TestSurveyIsWholeOrNothing(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"no listing":         {Op: fault.List, Fail: true, Class: backend.Transient},
		"denied":             {Op: fault.List, Fail: true, Class: backend.Denied},
		"no bucket":          {Op: fault.List, Fail: true, Class: backend.Missing},
		"cut at the first":   {Op: fault.List, CutListAt: 1},
		"cut in the middle":  {Op: fault.List, CutListAt: 4},
		"cut at the end":     {Op: fault.List, Lose: true},
		"no answer of one":   {Op: fault.Stat, Skip: 2, Times: 1, Fail: true, Class: backend.Transient},
		"denied for one":     {Op: fault.Stat, Skip: 1, Times: 1, Fail: true, Class: backend.Denied},
		"one answer lost":    {Op: fault.Stat, Times: 1, Lose: true, Class: backend.Transient},
		"the bucket is gone": {Op: fault.Stat, Fail: true, Class: backend.Missing},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttic(t)
			a.file("kept")
			for i := range 5 {
				a.orphan(fmt.Sprint(i))
			}
			remove := a.buckets["a"].Add(rule)
			if f, err := a.orphans().Survey(context.Background()); err == nil || len(f.Ripe) != 0 {
				t.Fatalf("%+v, %v", f, err)
			}
			remove()
			a.far = 3 * day
			if f := a.survey(); f.Young != 5 {
				t.Errorf("the failed survey left sightings: %+v", f)
			}
			a.far = 6 * day
			a.buckets["a"].Add(rule)
			if f, err := a.orphans().Survey(context.Background()); err == nil || len(f.Ripe) != 0 {
				t.Fatalf("when they could go: %+v, %v", f, err)
			}
		})
	}
}

// TestReferencedAgain: what a row knows by the time of the deletion stays.
func TestReferencedAgain(t *testing.T) {
	a := newAttic(t)
	a.file("kept")
	back, gone := a.orphan("back"), a.orphan("gone")
	f := a.ripen()
	if len(f.Ripe) != 2 {
		t.Fatalf("%+v", f)
	}
	outcome, err := a.m.ImportObjects([]meta.ImportedObject{{Path: []byte("/back"), Size: 5, Bucket: "a", Prefix: "p", Key: back}},
		meta.ImportRequest{Now: time.Now().UnixNano()})
	if err != nil || outcome[0] != meta.ImportTaken {
		t.Fatalf("%v, %v", outcome, err)
	}
	if r, err := a.orphans().Remove(context.Background(), &f); err != nil || r.Objects != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := a.store.Stat(context.Background(), back); err != nil {
		t.Errorf("referenced and deleted: %v", err)
	}
	if _, err := a.store.Stat(context.Background(), gone); !backend.IsAbsent(err) {
		t.Errorf("nobody's, and still there: %v", err)
	}
	// And who comes later than the decision does not get it.
	late := a.orphan("late")
	f = a.ripen()
	condemned, err := a.m.CondemnOrphans(f.Ripe)
	if err != nil || len(condemned) != 1 || condemned[0].Key != late {
		t.Fatalf("%+v, %v", condemned, err)
	}
	outcome, err = a.m.ImportObjects([]meta.ImportedObject{{Path: []byte("/late"), Size: 5, Bucket: "a", Prefix: "p", Key: late}},
		meta.ImportRequest{Now: time.Now().UnixNano()})
	if err != nil || outcome[0] != meta.ImportGivenUp {
		t.Errorf("%v, %v", outcome, err)
	}
}

// TestCrashWhileRemoving: a removal that ends at any step, with any answer, leaves what
// the next collection works off, and what is referenced is there.
func TestCrashWhileRemoving(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"before the first deletion": {Op: fault.Delete, Fail: true, Class: backend.Transient},
		"denied":                    {Op: fault.Delete, Fail: true, Class: backend.Denied},
		"in the middle":             {Op: fault.Delete, Skip: 2, Fail: true, Class: backend.Transient},
		"an answer lost":            {Op: fault.Delete, Skip: 1, Times: 1, Lose: true, Class: backend.Transient},
		"every answer lost":         {Op: fault.Delete, Lose: true, Class: backend.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttic(t)
			kept := a.file("kept").Key
			for i := range 5 {
				a.orphan(fmt.Sprint(i))
			}
			f := a.ripen()
			a.buckets["a"].Add(rule)
			r, err := a.orphans().Remove(context.Background(), &f)
			if err != nil || r.Failed["a"] == nil || r.Left == 0 || r.Objects+r.Left != 5 {
				t.Fatalf("%+v, %v", r, err)
			}
			a.check()
			a.buckets["a"].Clear()
			c := a.collection()
			if r, err = c.Run(context.Background(), time.Now()); err != nil || len(r.Failed) != 0 {
				t.Errorf("the next collection: %+v, %v", r, err)
			}
			a.want(kept)
			if lost, err := a.m.LostObjects(9); err != nil || len(lost) != 0 {
				t.Errorf("on record: %+v, %v", lost, err)
			}
			a.check()
		})
	}
}

// TestKilledBetween: the process ended behind each of the steps.
func TestKilledBetween(t *testing.T) {
	a := newAttic(t)
	kept := a.file("kept").Key
	a.orphan("one")
	f := a.ripen()
	// Behind the survey: nothing happened, and the next survey finds the same.
	if again := a.survey(); !slices.EqualFunc(f.Ripe, again.Ripe, func(x, y meta.Orphan) bool { return x.Key == y.Key && x.Seen == y.Seen }) {
		t.Errorf("found %+v, then %+v", f.Ripe, again.Ripe)
	}
	f = a.survey()
	condemned, err := a.m.CondemnOrphans(f.Ripe)
	a.ok(err)
	// Behind the decision: no survey finds it, a collection does.
	if f = a.survey(); f.Orphans != 0 || len(condemned) != 1 {
		t.Errorf("condemned and found: %+v", f)
	}
	// Behind the deletion.
	a.ok(a.store.Delete(context.Background(), condemned[0].Key))
	if r, err := a.collection().Run(context.Background(), time.Now()); err != nil || r.Objects != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	a.want(kept)
	a.check()
}

// parts is a store with uploads that nobody finished.
type parts struct {
	backend.Backend
	list    []backend.Upload
	aborted []string
}

func (p *parts) ListUploads(_ context.Context, _ string, fn func(backend.Upload) error) error {
	for _, u := range p.list {
		if err := fn(u); err != nil {
			return err
		}
	}
	return nil
}

func (p *parts) AbortMultipart(_ context.Context, key, id string) error {
	p.aborted = append(p.aborted, key+" "+id)
	return nil
}

// TestStaleUploads: what is old by the store's clock, has a key of ours and is on
// record nowhere is aborted.
func TestStaleUploads(t *testing.T) {
	for _, far := range []time.Duration{0, -40 * day, 40 * day} {
		a := newAttic(t)
		now := time.Now().Add(far)
		sending := a.committed("sending")
		key := a.keyOf("sending", sending.ID)
		sum := sha256.Sum256(nil)
		a.ok(a.m.BeginUpload(sending.ID, meta.BeginUpload{Bucket: "a", Prefix: "p", Key: key, SHA256: sum[:]}))
		a.ok(a.m.SetUploadID(sending.ID, "current"))
		old, young := now.Add(-25*time.Hour), now.Add(-23*time.Hour)
		store := &parts{Backend: a.store, list: []backend.Upload{
			{Key: "p/.contentfs/db/1", ID: "snapshot", Begun: old, Told: now},
			{Key: key, ID: "current", Begun: old, Told: now},
			{Key: key, ID: "earlier", Begun: old, Told: now},
			{Key: key, ID: "young", Begun: young, Told: now},
			{Key: a.keyOf("x", 5), ID: "stale", Begun: old, Told: now},
			{Key: "p/backup.tar", ID: "a stranger's", Begun: old, Told: now},
		}}
		faulty := fault.New(store)
		u := &Uploads{Meta: a.m, Spaces: []meta.KeySpace{space}, Log: slog.New(slog.DiscardHandler),
			Objects: func(string) (backend.Backend, error) { return faulty, nil }}
		remove := faulty.Add(fault.Rule{Op: fault.ListUploads, CutListAt: 3})
		if f, err := u.Survey(context.Background()); err == nil {
			t.Errorf("a listing that was cut off: %+v", f)
		}
		remove()
		f, err := u.Survey(context.Background())
		if err != nil || len(f.Stale) != 2 || f.Young != 2 || f.Foreign != 1 {
			t.Fatalf("%+v, %v", f, err)
		}
		remove = faulty.Add(fault.Rule{Op: fault.Abort, Skip: 1, Fail: true, Class: backend.Denied})
		if n, err := u.Abort(context.Background(), &f); err == nil || n != 1 {
			t.Errorf("%d aborted, %v", n, err)
		}
		remove()
		// Between the survey and now the version took up the earlier one.
		a.ok(a.m.SetUploadID(sending.ID, "earlier"))
		store.aborted = nil
		if n, err := u.Abort(context.Background(), &f); err != nil || n != 1 || !slices.Equal(store.aborted, []string{a.keyOf("x", 5) + " stale"}) {
			t.Errorf("%d aborted, %q, %v", n, store.aborted, err)
		}
		store.list[1].Told = time.Time{}
		if _, err := u.Survey(context.Background()); err == nil {
			t.Error("an age without a clock")
		}
		// A store that cuts nothing in parts has nothing to abort.
		u.Objects = func(string) (backend.Backend, error) { return a.store, nil }
		if f, err := u.Survey(context.Background()); err != nil || len(f.Stale) != 0 {
			t.Errorf("%+v, %v", f, err)
		}
	}
}
