package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
)

// placed is a volume without a mount, whose files are here, in S3 and in the fallback.
type placed struct {
	*garbage
	dir, there string // of the local files, and of the fallback
	files      *local.Store
	fallback   *content.Fallback
}

func newPlaced(t *testing.T) *placed {
	g := newGarbage(t)
	x := &placed{garbage: g, dir: filepath.Join(t.TempDir(), "local"), there: t.TempDir()}
	var err error
	x.files, err = local.Open(x.dir)
	g.ok(err)
	t.Cleanup(func() { x.files.Close() })
	x.fallback, err = content.OpenFallback(x.there)
	g.ok(err)
	t.Cleanup(func() { x.fallback.Close() })
	return x
}

// file makes a file in all three places.
func (x *placed) file(name string) meta.Version {
	x.Helper()
	v := x.stored(name, "a")
	x.ok(os.WriteFile(x.local(v), []byte(name), 0o600))
	when := time.Unix(0, v.Mtime)
	x.ok(os.Chtimes(x.local(v), when, when))
	x.ok(os.WriteFile(filepath.Join(x.there, name), []byte(name), 0o600))
	x.ok(x.m.SetFallback(v.ID, []byte(name)))
	return x.now(v)
}

func (x *placed) local(v meta.Version) string { return filepath.Join(x.dir, string(v.File)) }

func (x *placed) now(v meta.Version) meta.Version {
	x.Helper()
	w, err := x.m.Version(v.ID)
	x.ok(err)
	return w
}

func (x *placed) verify(change func(*Verification)) Verified {
	x.Helper()
	v := &Verification{Meta: x.m, Files: x.files, Fallback: x.fallback, Checksum: true,
		Objects: func(name string) (backend.Backend, error) { return x.buckets[name], nil },
		Now:     func() int64 { return time.Now().UnixNano() }}
	if change != nil {
		change(v)
	}
	r, err := v.Run(context.Background())
	x.ok(err)
	return r
}

// TestCures: each damage alone, and what is done about it depends on what else is good.
func TestCures(t *testing.T) {
	type damaged struct{ local, copy, object bool }
	for _, d := range []damaged{{local: true}, {copy: true}, {object: true}, {local: true, copy: true},
		{local: true, object: true}, {copy: true, object: true}, {true, true, true}} {
		t.Run(fmt.Sprintf("%+v", d), func(t *testing.T) {
			x := newPlaced(t)
			v := x.file("f")
			if r := x.verify(nil); len(r.Findings)+len(r.Unseen) != 0 || r.Files != 1 || r.Copies != 1 || r.Objects != 1 {
				t.Fatalf("%+v", r)
			}
			n, cures := 0, 0
			if d.local {
				n++
				x.ok(os.WriteFile(x.local(v), []byte("g"), 0o600))
				when := time.Unix(0, v.Mtime)
				x.ok(os.Chtimes(x.local(v), when, when))
				if !d.copy || !d.object {
					cures++
				}
			}
			if d.copy {
				n++
				x.ok(os.WriteFile(filepath.Join(x.there, "f"), []byte("g"), 0o600))
				if !d.object {
					cures++
				}
			}
			if d.object {
				n++
				x.ok(x.buckets["a"].Delete(context.Background(), v.Key))
				if !d.local || !d.copy {
					cures++
				}
			}
			if r := x.verify(nil); len(r.Findings) != n || r.Cured != 0 {
				t.Errorf("only looked: %+v", r)
			}
			if w := x.now(v); w.File != v.File || string(w.Fallback) != "f" || w.Remote != meta.Stored {
				t.Errorf("looking changed %+v", w)
			}
			r := x.verify(func(v *Verification) { v.Repair = true })
			if len(r.Findings) != n || r.Cured != int64(cures) {
				t.Errorf("%d cures instead of %d: %+v", r.Cured, cures, r)
			}
			w := x.now(v)
			u, err := x.m.QueueEntry(v.ID)
			if sent := err == nil && u.Goal == meta.GoalS3 && w.Remote == meta.NotSent; sent != (d.object && !(d.local && d.copy)) {
				t.Errorf("queued %+v, %v; %+v", u, err, w)
			}
			if b, err := os.ReadFile(filepath.Join(x.there, "f")); err != nil || (string(b) == "g") != d.copy {
				t.Errorf("the file in the fallback: %q, %v", b, err)
			}
			x.check()
		})
	}
}

// TestVerifyAway: what S3 does not answer is not missing, nothing is given up for it, and
// a store that is away is not asked for everything.
func TestVerifyAway(t *testing.T) {
	x := newPlaced(t)
	for i := range 60 {
		x.stored(fmt.Sprint("f", i), "a")
	}
	v := x.file("rotten")
	x.ok(x.m.SetFallback(v.ID, nil))
	x.ok(os.WriteFile(x.local(v), []byte("rattan"), 0o600))
	x.buckets["a"].Add(fault.Rule{Fail: true, Class: backend.Transient})
	r := x.verify(func(v *Verification) { v.Repair, v.Fallback = true, nil })
	for _, f := range r.Findings {
		if f.Place == InS3 || f.Cured {
			t.Errorf("%+v", f)
		}
	}
	if r.Skipped != 61 || len(r.Unseen) == 0 || r.Cured != 0 {
		t.Errorf("%d skipped, %d unseen, %d cured", r.Skipped, len(r.Unseen), r.Cured)
	}
	if n := x.buckets["a"].Calls(fault.Stat); n > storeFails+verifying+2 {
		t.Errorf("a store that is away was asked %d times", n)
	}
	if w := x.now(v); w.File != v.File {
		t.Errorf("given up: %+v", w)
	}
}

// TestVerifyInUse: what somebody has open is left.
func TestVerifyInUse(t *testing.T) {
	x := newPlaced(t)
	v := x.file("f")
	x.ok(os.WriteFile(x.local(v), []byte("g"), 0o600))
	f, err := os.Open(x.local(v))
	x.ok(err)
	repair := func(v *Verification) { v.Repair = true }
	if r := x.verify(repair); r.Cured != 0 || !strings.Contains(r.Findings[0].Cure, "open") {
		t.Errorf("%+v", r)
	}
	x.ok(f.Close())
	// Its time says that somebody wrote there: it is kept.
	if r := x.verify(repair); r.Cured != 1 {
		t.Errorf("%+v", r)
	}
	if list, err := x.m.Quarantined(9, ""); err != nil || len(list) != 1 || list[0].File != v.File {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestVerifyOnlyHere: of what is only here, what surely is bad goes to the quarantine,
// and what a writer may have done stays.
func TestVerifyOnlyHere(t *testing.T) {
	x := newPlaced(t)
	only := func(name string) meta.Version {
		now := time.Now().UnixNano()
		n, err := x.m.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: meta.TypeRegular | 0o644, Now: now})
		x.ok(err)
		file := fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:32]
		v, err := x.m.Commit(meta.CommitRequest{Ino: n.Ino, File: meta.FileID(file), Size: 4, Mtime: now, Now: now})
		x.ok(err)
		x.ok(os.WriteFile(x.local(v), []byte("1234"), 0o600))
		x.ok(os.Chtimes(x.local(v), time.Unix(0, now), time.Unix(0, now)))
		return v
	}
	good, cut, longer, gone := only("good"), only("cut"), only("longer"), only("gone")
	x.ok(os.WriteFile(x.local(cut), []byte("12"), 0o600))
	x.ok(os.WriteFile(x.local(longer), []byte("12345"), 0o600))
	x.ok(os.Remove(x.local(gone)))
	r := x.verify(func(v *Verification) { v.Repair = true })
	if len(r.Findings) != 3 || r.Cured != 2 {
		t.Errorf("%+v", r)
	}
	for v, want := range map[*meta.Version]bool{&good: true, &cut: false, &longer: true, &gone: false} {
		if w := x.now(*v); w.Local() != want {
			t.Errorf("%+v", w)
		}
	}
	lost, err := x.m.LostVersions(0, 9)
	if err != nil || len(lost) != 2 {
		t.Errorf("%+v, %v", lost, err)
	}
	if r := x.verify(nil); len(r.Findings) != 3 { // two are lost now
		t.Errorf("again: %+v", r)
	}
	x.check()
}
