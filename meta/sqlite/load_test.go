package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"contentfs/meta"
)

// TestGroupCommit has 64 commit at a time: they share transactions and syncs.
func TestGroupCommit(t *testing.T) {
	s, _ := openNew(t)
	run(t, s)
	before := s.Activity()
	const rounds, writers = 10, 64
	for round := range rounds {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				i := round*writers + w
				if _, err := write(s, meta.Root, fmt.Sprint("f", i), i); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	after := s.Activity()
	if n := after.Requests - before.Requests; n != 2*rounds*writers {
		t.Errorf("%d requests, not %d", n, 2*rounds*writers)
	}
	if syncs := after.Syncs - before.Syncs; syncs == 0 || syncs > rounds*writers/4 {
		t.Errorf("%d durable commits took %d syncs", rounds*writers, syncs)
	}
}

// TestSyncedInTime waits for the sync that nobody asks for.
func TestSyncedInTime(t *testing.T) {
	s, _ := openNew(t)
	run(t, s)
	must(newFile(s, meta.Root, "f", 1))(t)
	begin, before := time.Now(), s.Activity().Syncs
	for s.Activity().Syncs == before {
		if time.Since(begin) > 5*time.Second {
			t.Fatal("a visible change is not synced after five seconds")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestLogStaysShort writes all the time beside readers who read all the time. The
// log must be started anew again and again, and be gone at the end.
func TestLogStaysShort(t *testing.T) {
	s, path := openNew(t)
	stop := run(t, s)
	var done atomic.Bool
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for !done.Load() {
				if _, err := listed(s, meta.Root, 0, 500); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var next atomic.Int64
	for range 8 {
		all.Go(func() {
			for i := int(next.Add(1)); i < 12000; i = int(next.Add(1)) {
				if _, err := newFile(s, meta.Root, fmt.Sprint("f", i), i); err != nil {
					t.Error(err)
				}
			}
			done.Store(true)
		})
	}
	all.Wait()
	const limit = 16000 * 4096 // a busy machine copies later; uncopied it would be many times that
	if size := must(os.Stat(path + "-wal"))(t).Size(); size > limit {
		t.Errorf("the log has grown to %d bytes", size)
	}
	if n := s.Activity().Checkpoints; n < 2 {
		t.Errorf("the log was copied %d times", n)
	}
	stop()
	if size := must(os.Stat(path + "-wal"))(t).Size(); size != 0 {
		t.Errorf("%d bytes of the log are left", size)
	}
}

// TestPageLimit fills a database that may not grow: the request that does not
// fit fails, and the store goes on.
func TestPageLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	closed(t, path)
	writes := pool(connector{path: path}, 2)
	for _, conn := range connections(t, writes, 2) {
		execOn(t, conn, "PRAGMA max_page_count = 60")
		conn.Close()
	}
	s := must(newStore(dialect(), writes, pool(connector{path: path, role: reading}, 2), meta.NoKeeper{}))(t)
	t.Cleanup(func() {
		check(t, s)
		s.Close()
	})
	run(t, s)
	value := make([]byte, 3000)
	i := 0
	var err error
	for ; err == nil && i < 100; i++ {
		err = s.Setxattr(meta.Root, fmt.Append(nil, i), value, false, false, 1)
	}
	if !errors.Is(err, meta.ErrNoSpace) {
		t.Fatalf("attribute %d: %v", i, err)
	}
	if n := len(must(s.Listxattr(meta.Root))(t)); n != i-1 {
		t.Errorf("%d attributes after %d that were set", n, i-1)
	}
	if err := s.Removexattr(meta.Root, []byte("0"), 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Setxattr(meta.Root, []byte("again"), value, false, false, 1); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestBroken has the dialect take an error for that of a disk: the store stops,
// says why, and takes nothing more.
func TestBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	closed(t, path)
	d := dialect()
	d.Classify = func(err error) meta.Class {
		if c := classify(err); c != meta.ClassConstraint {
			return c
		}
		return meta.ClassBroken
	}
	s := must(meta.New(d, pool(connector{path: path}, 2), pool(connector{path: path, role: reading}, 2), meta.NoKeeper{}))(t)
	t.Cleanup(func() { s.Close() })
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	a, b := must(write(s, meta.Root, "a", 10))(t), must(write(s, meta.Root, "b", 11))(t)
	upload := meta.BeginUpload{Bucket: "b", Key: "k"}
	if err := s.BeginUpload(a.ID, upload); err != nil {
		t.Fatal(err)
	}
	if err := s.BeginUpload(b.ID, upload); err == nil {
		t.Fatal("the same key was given twice")
	}
	if err := <-done; d.Classify(err) != meta.ClassBroken {
		t.Errorf("Run: %v", err)
	}
	if err := s.SetSetting("k", "v"); !errors.Is(err, meta.ErrClosed) || d.Classify(err) != meta.ClassBroken {
		t.Errorf("afterwards: %v", err)
	}
	check(t, s)
}
