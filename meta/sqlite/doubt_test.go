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

	"contentfs/meta"
	"contentfs/meta/sqlite/sqlitetest"
)

// faulty opens a store between which and its database stand faults, and runs it. ended
// gives what Run ended with.
func faulty(t *testing.T, path string, f *sqlitetest.Faults) (s *meta.Store, ended chan error) {
	t.Helper()
	s = must(Open(path, Options{Wrap: f.Wrap}))(t)
	ended = make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { ended <- s.Run(ctx) }()
	return s, ended
}

// TestInDoubt: the sync of a commit fails. Who asked is told that it is not known what
// became of it, the store ends by itself, and the next one finds the change.
func TestInDoubt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	var f sqlitetest.Faults
	s, ended := faulty(t, path, &f)
	if err := s.SetSetting("before", "1"); err != nil {
		t.Fatal(err)
	}
	f.FailSync(1)
	err := s.SetSetting("doubtful", "1")
	if !meta.InDoubt(err) {
		t.Errorf("the change whose sync failed: %v", err)
	}
	if err := <-ended; !errors.Is(err, meta.ErrInDoubt) {
		t.Errorf("Run: %v", err)
	}
	if err := s.SetSetting("after", "1"); !errors.Is(err, meta.ErrClosed) || meta.InDoubt(err) {
		t.Errorf("a change after that: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = openAt(t, path, Options{MustExist: true})
	for key, there := range map[string]bool{"before": true, "doubtful": true, "after": false} {
		if _, err := s.Setting(key); there != (err == nil) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestDurableChanges: what must not be taken back by a power cut is answered after the
// disk has it.
func TestDurableChanges(t *testing.T) {
	var f sqlitetest.Faults
	s := openAt(t, filepath.Join(t.TempDir(), "meta.db"), Options{Wrap: f.Wrap})
	run(t, s)
	var syncs atomic.Int64
	f.OnSync(func() { syncs.Add(1) })
	v := must(write(s, meta.Root, "f", 1))(t)
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"a commit", func() error { _, err := write(s, meta.Root, "g", 2); return err }},
		{"the start of an upload", func() error {
			return s.BeginUpload(v.ID, meta.BeginUpload{Bucket: "b", Key: "k", SHA256: make([]byte, 32)})
		}},
		{"the end of an upload", func() error { _, err := s.FinishUpload(v.ID, "k", "", nil, 3); return err }},
		{"an eviction", func() error { return s.Evict(v.ID, v.File) }},
		{"a link", func() error { _, err := s.Link(v.Ino, meta.Root, []byte("h"), 4); return err }},
		{"a file for the quarantine", func() error { return s.Quarantine("q", 0, nil, "why", 5) }},
		{"a setting", func() error { return s.SetSetting("x", "1") }},
		{"a sighting of orphans", func() error { _, err := s.SeeOrphans("b", nil); return err }},
	} {
		before := syncs.Load()
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if syncs.Load() == before {
			t.Errorf("%s did not wait for the disk", c.name)
		}
	}
}

// TestInDoubtTogether: all whose changes shared the transaction are told the same, but
// for one who did something wrong by himself.
func TestInDoubtTogether(t *testing.T) {
	// A commit of nothing but wrong requests leaves nobody in doubt.
	for round := 0; doubtTogether(t) == 0; round++ {
		if round == 100 {
			t.Fatal("nobody was told that it is not known")
		}
	}
}

func doubtTogether(t *testing.T) int64 {
	var f sqlitetest.Faults
	s, ended := faulty(t, filepath.Join(t.TempDir(), "meta.db"), &f)
	f.FailSync(20)
	var doubts, closed atomic.Int64
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			var err error
			for n := 0; err == nil; n++ {
				if _, err := s.Link(12345, meta.Root, fmt.Append(nil, i), 1); !errors.Is(err, meta.ErrNotExist) && !errors.Is(err, meta.ErrClosed) {
					t.Errorf("link of nothing: %v", err)
				}
				err = s.SetSetting(fmt.Sprint(i, "-", n), "1")
			}
			switch {
			case meta.InDoubt(err):
				doubts.Add(1)
			case errors.Is(err, meta.ErrClosed):
				closed.Add(1)
			default:
				t.Errorf("setting: %v", err)
			}
		})
	}
	all.Wait()
	if doubts.Load()+closed.Load() != 32 {
		t.Errorf("%d were told that it is not known, and %d that the store ended", doubts.Load(), closed.Load())
	}
	<-ended
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return doubts.Load()
}

// TestFullForOne: of changes that share a transaction one finds the disk full, and the
// database rolls back all. The others are made, and told so.
func TestFullForOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	var f sqlitetest.Faults
	s, _ := faulty(t, path, &f)
	for round := 0; f.Found() < 2; round++ {
		if round == 1000 {
			t.Fatal("no two changes shared a transaction")
		}
		f.FailFull("INTO xattr", -1)
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if err := s.SetSetting(fmt.Sprint(round, "-", i), "1"); err != nil {
					t.Errorf("one for whom there was room: %v", err)
				}
			})
		}
		if err := s.Setxattr(meta.Root, []byte("user.x"), []byte("1"), false, false, 1); !errors.Is(err, meta.ErrNoSpace) {
			t.Errorf("the one for whom the disk was full: %v", err)
		}
		all.Wait()
		for i := range 16 {
			if _, err := s.Setting(fmt.Sprint(round, "-", i)); err != nil {
				t.Errorf("what was answered is not there: %v", err)
			}
		}
	}
	f.FailFull("", 0)
	if err := s.Setxattr(meta.Root, []byte("user.x"), []byte("1"), false, false, 1); err != nil {
		t.Error(err)
	}
	check(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestInDoubtAtTheEnd: the last commit of a life is the one whose sync fails. The store
// failed then too, and leaves its log alone.
func TestInDoubtAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	var f sqlitetest.Faults
	s := must(Open(path, Options{Wrap: f.Wrap}))(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	if err := s.SetSetting("before", "1"); err != nil {
		t.Fatal(err)
	}
	f.FailSync(1)
	if err := s.Touch(meta.Root, 1<<62); err != nil { // for the end, or the next second
		t.Fatal(err)
	}
	stop()
	err := <-ended
	if !errors.Is(err, meta.ErrInDoubt) || s.Failed() == nil {
		t.Errorf("Run ended with %v, and the store failed with %v", err, s.Failed())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if st, err := os.Stat(path + "-wal"); err != nil || st.Size() == 0 {
		t.Errorf("the log was not left alone: %v", err)
	}
}
