package sqlite

import (
	"context"
	"errors"
	"fmt"
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
					_, _ = s.Issued(1, "")
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
// back passes those of the life that was lost, sooner or later: with a clock that was
// ahead it gives them out again. That the others were lost is still known.
func TestOldCopyPutBack(t *testing.T) {
	const hour = int64(3600e9)
	for name, lostAt := range map[string]int64{"at the time": 2 * hour, "with a clock ahead": 3*hour + 5e9} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "meta.db")
			kept, keptLife := life(t, path, hour)
			old := must(os.ReadFile(path))(t)
			lost, lostLife := life(t, path, lostAt)
			// With the mark of its last state beside it the copy would be refused.
			if err := errors.Join(os.WriteFile(path, old, 0o600), os.Remove(path+markSuffix)); err != nil {
				t.Fatal(err)
			}
			check := func(id meta.VersionID, token string, want bool) {
				t.Helper()
				s := must(Open(path, Options{ReadOnly: true}))(t)
				if got := must(s.Issued(id, token))(t); got != want {
					t.Errorf("id %d of life %s: %v", id, token, got)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			check(lost, lostLife, false)
			next, nextLife := life(t, path, 3*hour)
			check(kept, keptLife, true)
			check(kept+1, keptLife, false)
			check(lost, lostLife, false)
			check(next, nextLife, true)
			check(next-1, nextLife, true)
			check(next+1, nextLife, false)
		})
	}
}

// life opens a database, makes three files from a time on, and closes it. It returns
// the last version's id and the life that it is of.
func life(t *testing.T, path string, now int64) (meta.VersionID, string) {
	t.Helper()
	s := must(Open(path, Options{}))(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var v meta.Version
	for range 3 { // only the first of a process begins behind a gap
		id := meta.FileID(fmt.Sprintf("%032x", now))
		n := must(s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(id), Mode: meta.TypeRegular | 0o644, Now: now}))(t)
		v = must(s.Commit(meta.CommitRequest{Ino: n.Ino, File: id, Size: 1, Mtime: now, Now: now}))(t)
		now += 5_000_000_000
	}
	token := must(s.Life(v.ID))(t)
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return v.ID, token
}
