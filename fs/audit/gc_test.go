package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// garbage is a volume without a mount, with objects in two buckets.
type garbage struct {
	*testing.T
	m       *meta.Store
	buckets map[string]*fault.Backend
	files   int
}

func newGarbage(t *testing.T) *garbage {
	m, err := sqlite.Open(filepath.Join(t.TempDir(), "meta.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, m.Close()); err != nil {
			t.Error(err)
		}
	})
	return &garbage{T: t, m: m, buckets: map[string]*fault.Backend{"a": fault.New(mem.New()), "b": fault.New(mem.New())}}
}

func (g *garbage) ok(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// stored makes a file with an object, and returns its version.
func (g *garbage) stored(name, bucket string) meta.Version {
	g.Helper()
	now := time.Now().UnixNano()
	n, err := g.m.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: meta.TypeRegular | 0o644, Now: now})
	g.ok(err)
	g.files++
	body := []byte(name)
	v, err := g.m.Commit(meta.CommitRequest{Ino: n.Ino, File: meta.FileID(fmt.Sprintf("%032x", g.files)), Size: int64(len(body)), Mtime: now, Now: now})
	g.ok(err)
	sum := sha256.Sum256(body)
	g.ok(g.m.BeginUpload(v.ID, meta.BeginUpload{Bucket: bucket, Key: name, SHA256: sum[:]}))
	_, err = g.buckets[bucket].Put(context.Background(), name, bytes.NewReader(body), int64(len(body)), backend.PutOptions{SHA256: sum})
	g.ok(err)
	_, err = g.m.FinishUpload(v.ID, name, "", nil, now)
	g.ok(err)
	return v
}

// deleted makes a file and deletes it, for good.
func (g *garbage) deleted(name, bucket string) {
	g.Helper()
	v := g.stored(name, bucket)
	_, err := g.m.Unlink(meta.Root, []byte(name), time.Now().UnixNano())
	g.ok(err)
	g.ok(g.m.RemoveOrphan(v.Ino, time.Now().UnixNano()))
}

func (g *garbage) collection() *Collection {
	return &Collection{Meta: g.m, Before: time.Now().Add(time.Second).UnixNano(), Force: true,
		Objects: func(name string) (backend.Backend, error) { return g.buckets[name], nil }}
}

// keys lists a bucket.
func (g *garbage) keys(bucket string) (keys string) {
	g.Helper()
	g.ok(g.buckets[bucket].List(context.Background(), "", "", func(o backend.Object) error {
		keys += o.Key + " "
		return nil
	}))
	return keys
}

func (g *garbage) check() {
	g.Helper()
	found, err := g.m.Check(context.Background())
	if err != nil || len(found) > 0 {
		g.Errorf("check: %v, %v", found, err)
	}
}

func TestCollect(t *testing.T) {
	g := newGarbage(t)
	g.stored("kept", "a")
	g.deleted("gone", "a")
	g.deleted("absent", "b")
	g.ok(g.buckets["b"].Delete(context.Background(), "absent"))
	c := g.collection()
	c.Before = time.Now().Add(-time.Hour).UnixNano()
	if r, err := c.Run(context.Background(), time.Now()); err != nil || r.Versions+r.Objects != 0 {
		t.Errorf("within the grace: %+v, %v", r, err)
	}
	c = g.collection()
	r, err := c.Run(context.Background(), time.Now())
	if err != nil || r.Versions != 2 || r.Objects != 2 || len(r.Failed) != 0 || r.Left != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if a, b := g.keys("a"), g.keys("b"); a != "kept " || b != "" {
		t.Errorf("left: %q, %q", a, b)
	}
	if lost, err := g.m.LostObjects(9); err != nil || len(lost) != 0 {
		t.Errorf("on record: %+v, %v", lost, err)
	}
	g.check()
}

// TestBucketRefuses: an error ends the deletions in its bucket only, and the next
// collection does the rest.
func TestBucketRefuses(t *testing.T) {
	g := newGarbage(t)
	for i := range 300 {
		g.deleted(fmt.Sprintf("a%03d", i), "a")
	}
	g.deleted("b", "b")
	remove := g.buckets["a"].Add(fault.Rule{Op: fault.Delete, Skip: 20, Fail: true, Class: backend.Denied})
	r, err := g.collection().Run(context.Background(), time.Now())
	if err != nil || len(r.Failed) != 1 || r.Failed["a"] == nil || backend.ClassOf(r.Failed["a"]) != backend.Denied {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Versions != 301 || r.Objects+r.Left != 301 || g.keys("b") != "" {
		t.Errorf("%+v, left in b: %q", r, g.keys("b"))
	}
	if calls := g.buckets["a"].Calls(fault.Delete); calls > 20+deleting {
		t.Errorf("%d deletions were tried after the first was refused", calls-20)
	}
	g.check()
	remove()
	if r, err = g.collection().Run(context.Background(), time.Now()); err != nil || len(r.Failed) != 0 {
		t.Errorf("again: %+v, %v", r, err)
	}
	if keys := g.keys("a"); keys != "" {
		t.Errorf("left: %s", keys)
	}
	g.check()
}

// TestAnswerLost: an object that is gone although its deletion failed is forgotten by
// the next collection.
func TestAnswerLost(t *testing.T) {
	g := newGarbage(t)
	g.deleted("gone", "a")
	g.buckets["a"].Add(fault.Rule{Op: fault.Delete, Times: 1, Lose: true, Class: backend.Transient})
	r, err := g.collection().Run(context.Background(), time.Now())
	if err != nil || r.Left != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = g.collection().Run(context.Background(), time.Now()); err != nil || r.Objects != 1 {
		t.Errorf("again: %+v, %v", r, err)
	}
	if lost, err := g.m.LostObjects(9); err != nil || len(lost) != 0 {
		t.Errorf("on record: %+v, %v", lost, err)
	}
}

func TestCollectRefuses(t *testing.T) {
	g := newGarbage(t)
	g.stored("kept", "a")
	g.deleted("one", "a")
	g.deleted("two", "a")
	c := g.collection()
	if _, err := c.Run(context.Background(), time.Now().Add(-time.Hour)); !errors.Is(err, ErrClock) {
		t.Errorf("with a clock that went back: %v", err)
	}
	c.Force = false
	if _, err := c.Run(context.Background(), time.Now()); !errors.Is(err, ErrTooMuch) {
		t.Errorf("two of three: %v", err)
	}
	if keys := g.keys("a"); keys != "kept one two " {
		t.Errorf("left: %s", keys)
	}
	c.Force, c.Limit = true, 1
	if r, err := c.Run(context.Background(), time.Now()); err != nil || r.Versions != 1 || r.Objects != 1 {
		t.Errorf("limited: %+v, %v", r, err)
	}
	c.Limit, c.Force = 0, false
	if r, err := c.Run(context.Background(), time.Now()); err != nil || r.Versions != 1 || r.Objects != 1 {
		t.Errorf("one of two: %+v, %v", r, err)
	}
}
