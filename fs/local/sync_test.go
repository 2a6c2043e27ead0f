package local

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// waiting tells how many callers wait for the sync after the one under way.
func waiting(s *Store, b *batch) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(b.waiting)
}

// TestCoalescing: those who come while a sync is under way share the next one;
// nobody is answered by a sync that began before the call.
func TestCoalescing(t *testing.T) {
	s := newStore(t)
	const callers = 50
	var b batch
	var groups []int // only the leader appends
	entered, goOn := make(chan struct{}), make(chan struct{})
	errFirst, errSecond := errors.New("first"), errors.New("second")
	serve := func(group []*waiter) {
		groups = append(groups, len(group))
		err := errSecond
		if len(groups) == 1 {
			err = errFirst
			close(entered)
			<-goOn
		}
		for _, w := range group {
			w.done <- err
		}
	}
	join := func(want error) {
		if err := s.wait(&b, &waiter{done: make(chan error, 1)}, serve); err != want {
			t.Errorf("answered %v, not %v", err, want)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { join(errFirst) })
	<-entered
	for range callers {
		wg.Go(func() { join(errSecond) })
	}
	await(t, "all callers to wait", func() bool { return waiting(s, &b) == callers })
	close(goOn)
	wg.Wait()
	if len(groups) != 2 || groups[1] != callers {
		t.Errorf("groups of %v callers, not 1 and %d", groups, callers)
	}
	if b.busy || b.waiting != nil {
		t.Errorf("left: %+v", b)
	}
	join(errSecond) // a lone caller serves itself
}

// TestSyncDirCoalesces: so do the callers of SyncDir, which use no other batch.
func TestSyncDirCoalesces(t *testing.T) {
	s := newStore(t)
	s.mu.Lock()
	s.names.busy = true // a sync is under way
	s.mu.Unlock()
	const callers = 20
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if err := s.SyncDir(); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, "all callers to wait", func() bool { return waiting(s, &s.names) == callers })
	s.mu.Lock()
	s.names.busy = false // and over: the next caller serves all
	s.mu.Unlock()
	must(t, s.SyncDir())
	wg.Wait()
}

// TestSyncNewWaitsForTheName, and only as long as the name is not durable.
func TestSyncNewWaitsForTheName(t *testing.T) {
	s := newStore(t)
	f := create(t, s, []byte("x"))
	s.mu.Lock()
	s.names.busy = true
	s.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- s.SyncNew(f) }()
	await(t, "SyncNew to ask for the directory", func() bool { return waiting(s, &s.names) == 1 })
	s.mu.Lock()
	s.names.busy = false
	s.mu.Unlock()
	must(t, s.SyncDir())
	must(t, <-done)

	s.mu.Lock()
	s.names.busy = true // for ever: who asks for the directory now, waits
	s.mu.Unlock()
	must(t, s.SyncNew(f))
	r, err := s.Reopen(f)
	must(t, err)
	defer r.Close()
	must(t, s.SyncNew(r))
}

// TestSyncNewFails: a name of which nothing is known is not taken for durable.
func TestSyncNewFails(t *testing.T) {
	s := newStore(t)
	f := create(t, s, []byte("x"))
	must(t, s.dir.Close())
	if err := s.SyncNew(f); err == nil || f.named {
		t.Errorf("error %v, named %v", err, f.named)
	}
}

func TestSyncOfClosedFile(t *testing.T) {
	for _, whole := range []bool{false, true} {
		s := newStore(t)
		s.whole = whole
		f := create(t, s, nil)
		must(t, f.Close())
		wantErr(t, "sync", s.Sync(f), unix.EBADF)
	}
}

// TestManySyncs: every caller is answered, whatever comes together.
func TestManySyncs(t *testing.T) {
	for _, whole := range []bool{false, true} {
		s := newStore(t)
		s.whole = whole
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				f := create(t, s, []byte("content"))
				if err := errors.Join(s.SyncNew(f), s.Sync(f), s.SyncDir()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

// TestOwnFileSystem: only where the state directory is a mount point may a sync
// touch all that is dirty there.
func TestOwnFileSystem(t *testing.T) {
	if newStore(t).whole {
		t.Error("a plain directory is taken for a file system of its own")
	}
	dir := tmpfs(t, "size=1m")
	if s := openIn(t, filepath.Join(dir, "local")); !s.whole {
		t.Error("a mount point is not taken for a file system of its own")
	}
	must(t, os.Mkdir(filepath.Join(dir, "below"), 0o700))
	if s := openIn(t, filepath.Join(dir, "below", "local")); s.whole {
		t.Error("a directory below a mount point is taken for a file system of its own")
	}
}

// TestGroupsShareASyncfs: four waiting files are flushed by one syncfs, which also
// takes what somebody else wrote; three are not. One file's failure is its own.
func TestGroupsShareASyncfs(t *testing.T) {
	s := openIn(t, filepath.Join(ext4(t, 64<<20), "local"))
	if !s.whole {
		t.Fatal("not taken for a file system of its own")
	}
	for _, c := range []struct {
		callers int
		all     bool
	}{{groupSync - 1, false}, {groupSync, true}, {20, true}} {
		bystander := create(t, s, random(64<<10))
		group := make([]*waiter, c.callers)
		for i := range group {
			group[i] = &waiter{file: create(t, s, random(4096)), done: make(chan error, 1)}
		}
		must(t, group[1].file.Close())
		s.syncFiles(group)
		for i, w := range group {
			err := <-w.done
			if i == 1 {
				wantErr(t, "sync of the closed file", err, unix.EBADF)
				continue
			}
			if err != nil || unallocated(t, w.file) {
				t.Errorf("%d callers: file %d: error %v, or not on disk", c.callers, i, err)
			}
		}
		if unallocated(t, bystander) == c.all {
			t.Errorf("%d callers: syncfs used: %v, wanted %v", c.callers, !c.all, c.all)
		}
	}
}

// TestConcurrentSyncsOnOwnFileSystem drives the groups through the front door.
func TestConcurrentSyncsOnOwnFileSystem(t *testing.T) {
	s := openIn(t, filepath.Join(ext4(t, 64<<20), "local"))
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for range 5 {
				f, err := s.Create(Identity{Kind: Draft})
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				_, err = f.WriteAt(random(8192), 0)
				if err = errors.Join(err, s.SyncNew(f)); err != nil || unallocated(t, f) {
					t.Errorf("error %v, or not on disk", err)
				}
			}
		})
	}
	wg.Wait()
}

// unallocated reports whether a file has data that no place on the disk was chosen
// for yet, as ext4 tells by FIEMAP: it was not written out.
func unallocated(t testing.TB, f *File) bool {
	t.Helper()
	const (
		fsIocFiemap = 0xc020660b
		lastExtent  = 0x1
		delayed     = 0x4
	)
	type extent struct {
		logical, physical, length uint64
		_                         [2]uint64
		flags                     uint32
		_                         [3]uint32
	}
	m := struct {
		start, length                  uint64
		flags, mapped, count, reserved uint32
		extents                        [64]extent
	}{length: 1<<64 - 1, count: 64}
	err := f.Control(func(fd int) error {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), fsIocFiemap, uintptr(unsafe.Pointer(&m)))
		if errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil || m.mapped == 0 || m.extents[m.mapped-1].flags&lastExtent == 0 {
		t.Errorf("FIEMAP: %d extents, %v", m.mapped, err)
		return false
	}
	for _, e := range m.extents[:m.mapped] {
		if e.flags&delayed != 0 {
			return true
		}
	}
	return false
}
