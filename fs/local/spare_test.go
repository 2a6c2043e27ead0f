package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func awaitSpares(t testing.TB, s *Store) {
	t.Helper()
	await(t, "files to lie ready", func() bool { return len(s.spare) == spares })
}

func TestSpares(t *testing.T) {
	s := newStore(t)
	stop := run(t, s)
	awaitSpares(t, s)
	ready := list(t, s)
	if len(ready) != spares {
		t.Fatalf("%d files lie ready", len(ready))
	}
	var taken []ID
	for range 10 {
		f := create(t, s, []byte("x"))
		if !slices.Contains(ready, f.ID) || slices.Contains(taken, f.ID) || !f.named {
			t.Errorf("file %s lay ready: %v; named: %v", f.ID, slices.Contains(ready, f.ID), f.named)
		}
		if who, err := f.Identity(); err != nil || who.Kind != Draft {
			t.Errorf("identity %+v, %v", who, err)
		}
		if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
			t.Errorf("flags %x, %v", flags, err)
		}
		taken = append(taken, f.ID)
	}
	stop()
	slices.Sort(taken)
	if left := list(t, s); !slices.Equal(left, taken) {
		t.Errorf("%d files left, not the %d that were taken", len(left), len(taken))
	}
	if f := create(t, s, nil); f.named {
		t.Error("without Run no file has a durable name")
	}
}

// TestSpareIsOfNow: what is made of a file that lay ready is as old as what is made
// of it, even if nothing is ever written to it.
func TestSpareIsOfNow(t *testing.T) {
	s := newStore(t)
	defer run(t, s)()
	awaitSpares(t, s)
	lain := time.Now().Add(-48 * time.Hour)
	for range len(s.spare) {
		f := <-s.spare
		must(t, f.SetTimes(lain.UnixNano(), lain.UnixNano()))
		s.spare <- f
	}
	f := create(t, s, nil)
	st, err := f.Stamp()
	must(t, err)
	if age := time.Since(time.Unix(0, st.Mtime)); age > time.Hour {
		t.Errorf("a new file was modified %v ago", age)
	}
}

// TestSparesAreRefilled under concurrent use.
func TestSparesAreRefilled(t *testing.T) {
	s := newStore(t)
	stop := run(t, s)
	var mu sync.Mutex // guards seen
	seen := make(map[ID]bool)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				f, err := s.Create(Identity{Kind: Draft})
				if err != nil {
					t.Error(err)
					return
				}
				f.Close()
				mu.Lock()
				if seen[f.ID] {
					t.Errorf("file %s was given twice", f.ID)
				}
				seen[f.ID] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	await(t, "half of the files to lie ready again", func() bool { return len(s.spare) > spares/2 })
	stop()
	if left := list(t, s); len(left) != len(seen) {
		t.Errorf("%d files left of %d", len(left), len(seen))
	}
}

// TestSparesOnFullDisk: Run goes on, Create says what is wrong, and when there is
// room again files lie ready again.
func TestSparesOnFullDisk(t *testing.T) {
	dir := tmpfs(t, "size=4m,nr_inodes=500")
	s := openIn(t, filepath.Join(dir, "local"))
	var hogs []string
	for err := error(nil); err == nil; {
		hog := filepath.Join(dir, fmt.Sprint("hog", len(hogs)))
		if err = os.WriteFile(hog, nil, 0o600); err == nil {
			hogs = append(hogs, hog)
		}
	}
	must(t, os.Remove(hogs[0])) // room for one file, and not for what tells whose it is
	run(t, s)
	await(t, "a full disk", func() bool {
		f, err := s.Create(Identity{Kind: Draft})
		if err == nil {
			f.Close()
			return false
		}
		wantErr(t, "create", err, unix.ENOSPC)
		return true
	})
	for _, hog := range hogs[1:] {
		must(t, os.Remove(hog))
	}
	await(t, "files to lie ready again", func() bool {
		f, err := s.Create(Identity{Kind: Draft})
		must(t, err)
		f.Close()
		must(t, s.Remove([]ID{f.ID}))
		return f.named
	})
}

// TestNoneReadyAsksForMore: files that could not be made ahead are asked for again
// by whoever found none.
func TestNoneReadyAsksForMore(t *testing.T) {
	s := newStore(t)
	if f := s.takeSpare(); f != nil {
		t.Fatalf("file %s lay ready", f.ID)
	}
	if len(s.taken) != 1 {
		t.Error("Run is not told")
	}
}

// TestOpenOnFullDisk: a full disk does not keep the volume from starting.
func TestOpenOnFullDisk(t *testing.T) {
	for name, options := range map[string]string{"no bytes": "size=64k,nr_inodes=1000", "few inodes": "size=1m,nr_inodes=5"} {
		t.Run(name, func(t *testing.T) {
			dir := tmpfs(t, options)
			s := openIn(t, filepath.Join(dir, "local"))
			f, err := s.Create(Identity{Kind: Draft})
			must(t, err)
			defer f.Close()
			for err == nil {
				_, err = f.Write(make([]byte, 4096))
			}
			wantErr(t, "write", err, unix.ENOSPC)
			if sp, err := s.Space(); err != nil || sp.Free != 0 {
				t.Errorf("space %+v, %v", sp, err)
			}
			again := openIn(t, s.dir.Name())
			run(t, again)()
			if ids := list(t, again); !slices.Equal(ids, []ID{f.ID}) {
				t.Errorf("files %v", ids)
			}
		})
	}
}

// TestRunEndsAtOnce: with an ended context it leaves neither files nor goroutines.
func TestRunEndsAtOnce(t *testing.T) {
	s := newStore(t)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	must(t, s.Run(ctx))
	if ids := list(t, s); len(ids) != 0 {
		t.Errorf("%d files left", len(ids))
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, before %d", n, before)
	}
}

func TestSpace(t *testing.T) {
	const size = 8 << 20
	s := openIn(t, filepath.Join(tmpfs(t, "size=8m,nr_inodes=100"), "local"))
	before, err := s.Space()
	must(t, err)
	create(t, s, make([]byte, 1<<20))
	after, err := s.Space()
	must(t, err)
	if before.Size != size || before.Files != 100 || before.BlockSize != 4096 {
		t.Errorf("space %+v", before)
	}
	if before.Free-after.Free != 1<<20 || after.FilesFree >= before.FilesFree {
		t.Errorf("a file of 1 MiB took %d bytes; free files before %d, after %d", before.Free-after.Free, before.FilesFree, after.FilesFree)
	}
}

// TestFineTimes: what the store says about the clock is what the clock does.
func TestFineTimes(t *testing.T) {
	s := newStore(t)
	f := create(t, s, nil)
	coarse := false
	var last Stamp
	for i := range 2000 {
		_, err := f.WriteAt([]byte{byte(i)}, 0)
		must(t, err)
		st, err := f.Stamp()
		must(t, err)
		coarse = coarse || i > 0 && st.Mtime == last.Mtime
		last = st
	}
	if s.FineTimes() == coarse {
		t.Errorf("FineTimes is %v; writes without a trace seen: %v", s.FineTimes(), coarse)
	}
}
