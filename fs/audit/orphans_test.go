package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
	"contentfs/fs/content"
	"contentfs/meta"
)

const day = 24 * time.Hour

// space is where the tests of orphans have their objects.
var space = meta.KeySpace{Bucket: "a", Prefix: "p"}

// attic is a volume whose bucket has a clock of its own.
type attic struct {
	*garbage
	store *mem.Store
	far   time.Duration // how far the store's clock is ahead of this server's

	objects func(bucket string) (backend.Backend, error)
}

func newAttic(t *testing.T) *attic {
	a := &attic{garbage: newGarbage(t), store: mem.New()}
	a.store.SetClock(func() time.Time { return time.Now().Add(a.far) })
	a.buckets["a"] = fault.New(a.store)
	a.objects = func(name string) (backend.Backend, error) { return a.buckets[name], nil }
	return a
}

// keyOf makes a key as the engine does.
func (a *attic) keyOf(name string, id meta.VersionID) string {
	a.Helper()
	key, err := content.Key(space.Prefix, []byte("/uid/file/"+name), id, 0)
	a.ok(err)
	return key
}

// put stores an object that says it is a volume's.
func (a *attic) put(key, volume string, id meta.VersionID) {
	a.Helper()
	body := []byte(key)
	m := content.ObjectMetadata([]byte("/uid/file/name"), meta.Node{Mode: meta.TypeRegular | 0o644}, meta.Version{ID: id, Size: int64(len(body))})
	if volume != "" {
		life, err := a.m.Life(id)
		a.ok(err)
		k, v := content.ObjectOrigin(volume, life)
		m[k] = v
	}
	_, err := a.store.Put(context.Background(), key, bytes.NewReader(body), int64(len(body)),
		backend.PutOptions{SHA256: sha256.Sum256(body), Metadata: m})
	a.ok(err)
}

// file makes a file with an object, which every row knows.
func (a *attic) file(name string) meta.Version {
	a.Helper()
	v := a.committed(name)
	key := a.keyOf(name, v.ID)
	sum := sha256.Sum256([]byte(key))
	a.ok(a.m.BeginUpload(v.ID, meta.BeginUpload{Bucket: "a", Prefix: "p", Key: key, SHA256: sum[:]}))
	a.put(key, a.m.VolumeID(), v.ID)
	_, err := a.m.FinishUpload(v.ID, key, "", nil, 0)
	a.ok(err)
	v, err = a.m.Version(v.ID)
	a.ok(err)
	return v
}

// committed makes a file that is not in S3.
func (a *attic) committed(name string) meta.Version {
	a.Helper()
	now := time.Now().UnixNano()
	n, err := a.m.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: meta.TypeRegular | 0o644, Now: now})
	a.ok(err)
	a.files++
	v, err := a.m.Commit(meta.CommitRequest{Ino: n.Ino, File: meta.FileID(fmt.Sprintf("%032x", a.files)), Size: 5, Mtime: now, Now: now})
	a.ok(err)
	return v
}

// orphan makes an object of this volume that no row knows.
func (a *attic) orphan(name string) string {
	a.Helper()
	id, err := a.m.ReserveVersion(time.Now().UnixNano())
	a.ok(err)
	key := a.keyOf(name, id)
	a.put(key, a.m.VolumeID(), id)
	return key
}

func (a *attic) orphans() *Orphans {
	return &Orphans{Meta: a.m, Spaces: []meta.KeySpace{space}, Force: true, Objects: a.objects,
		Log: slog.New(slog.DiscardHandler)}
}

func (a *attic) survey() Found {
	a.Helper()
	f, err := a.orphans().Survey(context.Background())
	a.ok(err)
	return f
}

// ripen surveys so often that orphans may go.
func (a *attic) ripen() Found {
	a.Helper()
	a.survey()
	a.far += 3 * day
	return a.survey()
}

func (a *attic) want(keys ...string) {
	a.Helper()
	have := make(map[string]bool)
	a.ok(a.store.List(context.Background(), "", "", func(o backend.Object) error { have[o.Key] = true; return nil }))
	want := make(map[string]bool)
	for _, k := range keys {
		want[k] = true
	}
	if !maps.Equal(have, want) {
		a.Errorf("the bucket has %v, not %v", have, want)
	}
}

// TestOrphan: it goes when it was seen twice, a day apart, and is two days old.
func TestOrphan(t *testing.T) {
	for _, far := range []time.Duration{0, -40 * day, 40 * day} {
		t.Run(far.String(), func(t *testing.T) {
			a := newAttic(t)
			a.far = far
			kept := a.file("kept").Key
			gone := a.orphan("gone")
			for _, after := range []time.Duration{0, 23 * time.Hour, 25 * time.Hour, 47 * time.Hour} {
				a.far = far + after
				if f := a.survey(); f.Objects != 2 || f.Orphans != 1 || len(f.Ripe) != 0 || f.Young != 1 || f.Foreign != 0 {
					t.Errorf("after %v: %+v", after, f)
				}
			}
			// Old enough, but seen for the first time a moment ago.
			late := a.orphan("late")
			a.far = far + 100*day
			f := a.survey()
			if len(f.Ripe) != 1 || f.Ripe[0].Key != gone || f.Young != 1 || f.Bytes == 0 {
				t.Fatalf("in the end: %+v", f)
			}
			r, err := a.orphans().Remove(context.Background(), &f)
			if err != nil || r.Objects != 1 || r.Left != 0 || len(r.Failed) != 0 {
				t.Errorf("%+v, %v", r, err)
			}
			a.want(kept, late)
			if lost, err := a.m.LostObjects(9); err != nil || len(lost) != 0 {
				t.Errorf("on record: %+v, %v", lost, err)
			}
			a.check()
		})
	}
}

// TestOrphanThatCameBack: who was not seen for a while begins anew.
func TestOrphanThatCameBack(t *testing.T) {
	a := newAttic(t)
	key := a.orphan("f")
	a.survey()
	a.ok(a.store.Delete(context.Background(), key))
	a.far = 3 * day
	a.survey()
	id, err := content.ParseKey("p", key)
	a.ok(err)
	a.far = 0
	a.put(key, a.m.VolumeID(), id.ID)
	a.far = 4 * day
	if f := a.survey(); len(f.Ripe) != 0 || f.Young != 1 {
		t.Errorf("%+v", f)
	}
	a.put(key, a.m.VolumeID(), id.ID) // another object under the key
	a.far = 10 * day
	if f := a.survey(); len(f.Ripe) != 0 || f.Young != 1 {
		t.Errorf("replaced: %+v", f)
	}
}

// TestOthersAreLeft: what does not say that it is this volume's is counted and left,
// however old; so is what is on its way, given up, or no content at all.
func TestOthersAreLeft(t *testing.T) {
	a := newAttic(t)
	id, err := a.m.ReserveVersion(time.Now().UnixNano())
	a.ok(err)
	sending := a.committed("sending")
	key := a.keyOf("sending", sending.ID)
	a.ok(a.m.BeginUpload(sending.ID, meta.BeginUpload{Bucket: "a", Prefix: "p", Key: key, SHA256: make([]byte, 32)}))
	a.put(key, a.m.VolumeID(), sending.ID)
	a.put(a.keyOf("given up", id), a.m.VolumeID(), id)
	a.ok(a.m.LoseObject("a", a.keyOf("given up", id), time.Now().UnixNano()))
	const other = "0123456789abcdef0123456789abcdef"
	a.put(a.keyOf("other", id), other, id)
	a.put(a.keyOf("other and later", 1<<60), other, 1<<60)
	a.put(a.keyOf("nobody's", id), "", id)
	for _, k := range []string{"p/readme.txt", "p/.contentfs-probe", "p/.contentfs/db/1", "q/x", "p/003d_537fd44_image_large_a.jpg"} {
		a.put(k, a.m.VolumeID(), id)
	}
	_, err = a.store.Put(context.Background(), a.keyOf("plain", id), bytes.NewReader(nil), 0, backend.PutOptions{SHA256: sha256.Sum256(nil)})
	a.ok(err)
	a.survey()
	a.far = 100 * day
	f := a.survey()
	if f.Orphans != 0 || len(f.Ripe) != 0 || f.Foreign != 6 || f.Objects != 2 {
		t.Errorf("%+v", f)
	}
}

// TestOrphansRefused: nothing is ripe.
func TestOrphansRefused(t *testing.T) {
	late := func(a *attic) { a.put(a.keyOf("late", 1<<60), a.m.VolumeID(), 1<<60) }
	rebuilt := func(d time.Duration) func(*attic) {
		return func(a *attic) { a.orphan("f"); a.ok(a.m.SetRebuilt(time.Now().Add(d).UnixNano())) }
	}
	for name, c := range map[string]struct {
		prepare func(*attic)
		want    error
	}{
		"written by a later database":        {late, ErrBehind},
		"between two lives":                  {func(a *attic) { a.put(a.keyOf("lost", 77), a.m.VolumeID(), 77) }, ErrBehind},
		"rebuilt yesterday":                  {rebuilt(-day), ErrRebuilt},
		"rebuilt in the future":              {rebuilt(40 * day), ErrRebuilt},
		"rebuilt, by a store's clock behind": {func(a *attic) { a.far = -40 * day; rebuilt(-10 * day)(a) }, ErrRebuilt},
		"rebuilt, by a store's clock ahead":  {func(a *attic) { a.far = 40 * day; rebuilt(-day)(a) }, ErrRebuilt},
		"no time": {func(a *attic) {
			a.orphan("f")
			a.buckets["a"] = fault.New(timeless{a.store})
		}, ErrNoTime},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttic(t)
			a.file("kept")
			a.orphan("seen")
			a.survey()
			c.prepare(a)
			a.far += 50 * day
			if name == "rebuilt, by a store's clock behind" {
				a.far -= 50 * day
			}
			f, err := a.orphans().Survey(context.Background())
			if !errors.Is(err, c.want) || len(f.Ripe) != 0 {
				t.Fatalf("%+v, %v; want %v", f, err, c.want)
			}
		})
	}
}

// timeless is a store that says nothing of its clock.
type timeless struct{ backend.Backend }

func (b timeless) List(ctx context.Context, prefix, after string, fn func(backend.Object) error) error {
	return b.Backend.List(ctx, prefix, after, func(o backend.Object) error {
		o.Told = time.Time{}
		return fn(o)
	})
}

// TestRebuiltLongAgo: the rest after a rebuild ends.
func TestRebuiltLongAgo(t *testing.T) {
	a := newAttic(t)
	a.orphan("f")
	a.ok(a.m.SetRebuilt(time.Now().Add(-8 * day).UnixNano()))
	if f := a.ripen(); len(f.Ripe) != 1 {
		t.Errorf("%+v", f)
	}
}

func TestTooManyOrphans(t *testing.T) {
	a := newAttic(t)
	for i := range 99 {
		a.file(fmt.Sprint(i))
	}
	a.orphan("one")
	a.ripen()
	o := a.orphans()
	o.Force = false
	if f, err := o.Survey(context.Background()); err != nil || len(f.Ripe) != 1 {
		t.Errorf("one of a hundred: %+v, %v", f, err)
	}
	a.far = 0
	a.orphan("two")
	a.ripen()
	if f, err := o.Survey(context.Background()); !errors.Is(err, ErrTooMany) || len(f.Ripe) != 2 {
		t.Errorf("two of a hundred and one: %+v, %v", f, err)
	}
}
