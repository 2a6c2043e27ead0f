package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"contentfs/meta"
)

// TestViewsTogether: those who look at one moment need one connection each, whatever
// was prepared before.
func TestViewsTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	openAt(t, path, Options{})
	for range 20 {
		s := must(Open(path, Options{ReadOnly: true, Readers: 2}))(t)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if i%2 == 0 {
					_, _ = s.Issued(1)
				} else {
					_, _ = s.Unknown("b", []string{"k"})
				}
			})
		}
		wg.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOldCopyPutBack: ids go on with the time, so the counter of a copy that was put
// back passes those of the life that was lost. That they were lost is still known.
func TestOldCopyPutBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	i := 0
	life := func(now int64) meta.VersionID {
		t.Helper()
		s := must(Open(path, Options{}))(t)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		var v meta.Version
		for range 3 { // only the first of a process begins behind a gap
			i++
			n := must(s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(fileID(i)), Mode: meta.TypeRegular | 0o644, Now: now}))(t)
			v = must(s.Commit(meta.CommitRequest{Ino: n.Ino, File: fileID(i), Size: 1, Mtime: now, Now: now}))(t)
			now += 5_000_000_000
		}
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return v.ID
	}
	const hour = int64(3600e9)
	kept := life(hour)
	old := must(os.ReadFile(path))(t)
	lost := life(2 * hour)
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	late := must(Open(path, Options{ReadOnly: true}))(t)
	if must(late.Issued(lost))(t) {
		t.Error("an id above the counter was given out")
	}
	if err := late.Close(); err != nil {
		t.Fatal(err)
	}
	next := life(3 * hour)
	s := openAt(t, path, Options{ReadOnly: true})
	for id, want := range map[meta.VersionID]bool{kept: true, lost: false, next: true, kept + 1: false, next - 1: true, next + 1: false} {
		if got := must(s.Issued(id))(t); got != want {
			t.Errorf("id %d, of %d kept, %d lost, %d next: %v", id, kept, lost, next, got)
		}
	}
}
