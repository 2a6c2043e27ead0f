package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"contentfs/meta"
)

// run starts a store's writer and returns how to stop it; the test stops it at
// its end at the latest, and fails if the writer did.
func run(t testing.TB, s *meta.Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// openAt opens a store that is closed and checked when the test ends.
func openAt(t testing.TB, path string, o Options) *meta.Store {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		check(t, s)
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func openNew(t testing.TB) (*meta.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "meta.db")
	return openAt(t, path, Options{}), path
}

func check(t testing.TB, s *meta.Store) {
	t.Helper()
	found, err := s.Check(context.Background())
	if err != nil {
		t.Errorf("Check: %v", err)
	}
	for _, text := range found {
		t.Errorf("Check: %s", text)
	}
}

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// listed gives up to limit entries of a directory behind a place.
func listed(s *meta.Store, dir meta.Ino, after meta.Place, limit int) (list []meta.Entry, err error) {
	err = s.List(dir, after, func(e *meta.Entry) bool {
		list = append(list, *e)
		return len(list) < limit
	})
	return list, err
}

// fileID makes the i-th of the names of local files.
func fileID(i int) meta.FileID { return meta.FileID(fmt.Sprintf("%032x", i)) }

// newFile creates a regular file with a draft.
func newFile(s *meta.Store, parent meta.Ino, name string, i int) (meta.Node, error) {
	return s.Create(meta.CreateRequest{Parent: parent, Name: []byte(name), Mode: meta.TypeRegular | 0o644,
		Now: int64(i), Draft: fileID(i)})
}

// write creates a regular file and commits it.
func write(s *meta.Store, parent meta.Ino, name string, i int) (meta.Version, error) {
	n, err := newFile(s, parent, name, i)
	if err != nil {
		return meta.Version{}, err
	}
	return s.Commit(meta.CommitRequest{Ino: n.Ino, File: fileID(i), Size: int64(i), Mtime: int64(i), Now: int64(i)})
}

// await waits until the condition holds.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !condition(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}
