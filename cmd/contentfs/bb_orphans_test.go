package main_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/cmd/contentfs/internal/life"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// TestOrphans: gc --orphans tells of an object that no row knows, and removes it when it
// was seen for long enough, mounted or not; a copy of the database that was put back
// keeps it from removing anything.
func TestOrphans(t *testing.T) {
	v := start(t)
	v.Mount()
	v.Write("uid/image/kept", []byte("kept"))
	v.Await("the upload", func() bool { return v.Status().Counts.Waiting.Count == 0 })
	store := openBucket(t, v)
	kept := objects(t, store)[0]
	o, err := store.Stat(context.Background(), kept)
	if err != nil {
		t.Fatal(err)
	}
	// orphan puts an object beside, some days ago.
	orphan := func(name string, o backend.Object) string {
		t.Helper()
		key := strings.Replace(kept, "kept", name, 1)
		body := []byte("left over")
		_, err := store.Put(context.Background(), key, bytes.NewReader(body), int64(len(body)),
			backend.PutOptions{SHA256: sha256.Sum256(body), Metadata: o.Metadata})
		if err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-72 * time.Hour)
		if err := os.Chtimes(filepath.Join(v.Gateway.Dir, life.Bucket, key), old, old); err != nil {
			t.Fatal(err)
		}
		return key
	}
	// seen has it that an orphan was seen more than a day ago.
	seen := func(key string) {
		t.Helper()
		o, err := store.Stat(context.Background(), key)
		if err != nil {
			t.Fatal(err)
		}
		inDatabase(t, v, func(m *meta.Store) error {
			if _, err := m.SeeOrphans(life.Bucket, nil); err != nil {
				return err
			}
			_, err := m.SeeOrphans(life.Bucket, []meta.Orphan{{Key: key, ETag: o.ETag, Listed: time.Now().Add(-25 * time.Hour).UnixNano()}})
			return err
		})
	}
	gc := append([]string{"gc", v.Name, "--state", v.State, "--orphans"}, v.Store()...)
	key := orphan("first", o)
	want(t, v.Run(gc...), 0, "of 1 object that no row knows 0 would go, 1 not before")
	want(t, v.Run(append(gc, "--yes")...), 0, "of 1 object that no row knows 0 removed")
	seen(key)
	want(t, v.Run(gc...), 0, "of 1 object that no row knows 1 would go, with --force")
	want(t, v.Run(append(gc, "--yes")...), 1, "more objects that no row knows than are likely: 1 of 2", "--force")
	if got := objects(t, store); len(got) != 2 {
		t.Errorf("objects after a refusal: %q", got)
	}
	want(t, v.Run(append(gc, "--yes", "--force")...), 0, "of 1 object that no row knows 1 removed", key)
	if got := objects(t, store); !slices.Equal(got, []string{kept}) {
		t.Errorf("objects that are left: %q", got)
	}
	v.Unmount()
	key = orphan("second", o)
	want(t, v.Run(gc...), 0, "of 1 object that no row knows 0 would go, 1 not before")
	seen(key)
	want(t, v.Run(append(gc, "--yes", "--force")...), 0, "of 1 object that no row knows 1 removed", key)

	stale(t, v, store, strings.Replace(kept, "kept", "stale", 1), func() {
		want(t, v.Run(append(gc, "--yes")...), 0, "1 unfinished upload aborted")
	})

	key = orphan("third", o)
	seen(key)
	o.Metadata["volume"] = o.Metadata["volume"][:33] + "elsewher" // a life that is not on record
	lost := orphan("lost", o)
	want(t, v.Run(append(gc, "--yes", "--force")...), 5, "an old copy of it was put back", "contentfs rebuild")
	if got := objects(t, store); len(got) != 3 {
		t.Errorf("objects that are left: %q", got)
	}
	for _, k := range []string{key, lost} {
		if err := store.Delete(context.Background(), k); err != nil {
			t.Error(err)
		}
	}
	v.Gateway.Stop()
	want(t, v.Run(gc...), 4, "")
	v.Gateway.Start(t)
	auditVolume(t, v, store)
}

// inDatabase changes the database as a command does.
func inDatabase(t *testing.T, v *life.Volume, change func(*meta.Store) error) {
	t.Helper()
	m, err := sqlite.Open(filepath.Join(v.State, "meta.db"), sqlite.Options{MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	if err := change(m); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// zeros is a body that is never in memory.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// stale calls then while an upload in parts is there that was begun two days ago, and
// that was aborted when then returns.
func stale(t *testing.T, v *life.Volume, store backend.Backend, key string, then func()) {
	t.Helper()
	const size = 65 << 20
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(zeros{}, 0, size)); err != nil {
		t.Fatal(err)
	}
	_, err := store.Put(context.Background(), key, zeros{}, size, backend.PutOptions{SHA256: [32]byte(sum.Sum(nil)), Multipart: func(id string) error {
		found, err := filepath.Glob(filepath.Join(v.Gateway.Dir, life.Bucket, ".sgwtmp", "multipart", "*", id))
		if err != nil || len(found) != 1 {
			t.Fatalf("the gateway's folder of the upload: %q, %v", found, err)
		}
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(found[0], old, old); err != nil {
			t.Fatal(err)
		}
		then()
		return nil
	}})
	if err == nil {
		t.Error("an upload that was aborted went on")
	}
}
