package main_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/cmd/contentfs/internal/life"
)

// filling fills a small disk and empties it, again and again.
type filling struct {
	*bout
	*life.Volume
	disk *life.Disk

	taken   map[string][32]byte // what was acknowledged, by name
	refused int
	bytes   int64
	last    life.Status
}

// TestSpaceLoop: writers fill the disk while S3 is away or not, somebody else takes
// what they leave, the daemon is killed in the middle of that. Nothing that was
// acknowledged is lost, the daemon never ends by itself, and when S3 is back and the
// files are removed the disk is as empty as it was.
func TestSpaceLoop(t *testing.T) {
	const size = 64 << 20
	v := start(t)
	f := &filling{bout: newBout(t, 3, 1), Volume: v, disk: life.NewDisk(t, life.Ext4, size), taken: make(map[string][32]byte)}
	v.State = filepath.Join(f.disk.Path, "state")
	v.Args = []string{"--cache-size", "2MiB"}
	v.Log.Expect("the disk is full", "the store is away", "upload failed", "released a mount point whose process was gone",
		"recovered after a crash", "kept in the quarantine")
	t.Cleanup(func() {
		if t.Failed() && f.last.Counts != nil {
			t.Logf("cycle %d; the last status: %+v, %+v, %s; the log:\n%s", f.done, f.last, *f.last.Counts, f.holders(), v.Log.Tail())
		}
	})
	v.Mount()
	f.awaitReserve(size / 25)
	began := f.used()
	for ; f.more(); f.done++ {
		f.fill()
		f.drain()
		if used := f.used(); used > began+size/20 {
			t.Errorf("cycle %d: %d bytes of the disk are used when it is empty again; at first it were %d; %s",
				f.done, used, began, f.holders())
		}
	}
	if code := v.Terminate(); code != 0 {
		t.Errorf("the daemon ended with exit code %d; the log:\n%s", code, v.Log.Tail())
	}
	auditVolume(t, v, openBucket(t, v))
	told := v.Log.Count("the disk is full")
	t.Logf("%d cycles: %d bytes taken, %d times refused, told %d times that the disk is full", f.done, f.bytes, f.refused, told)
	if f.refused == 0 || told == 0 || told > 4*f.done {
		t.Errorf("refused %d times and told %d times in %d cycles", f.refused, told, f.done)
	}
}

// used is how much of the disk is, without the database: that knows of what was removed
// for as long as it can be brought back, and its log keeps its greatest length.
func (f *filling) used() int64 {
	f.T.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(f.disk.Path, &st); err != nil {
		f.T.Fatal(err)
	}
	used := int64(st.Blocks-st.Bfree) * st.Bsize
	var log unix.Stat_t
	if err := unix.Stat(filepath.Join(f.State, "meta.db-wal"), &log); err != nil {
		f.T.Fatal(err)
	}
	if log.Size > 20<<20 {
		f.T.Errorf("the log of the database has %d bytes", log.Size)
	}
	var db unix.Stat_t
	if err := unix.Stat(filepath.Join(f.State, "meta.db"), &db); err != nil {
		f.T.Fatal(err)
	}
	return used - (log.Blocks+db.Blocks)*512
}

// holders tells what takes room on the disk.
func (f *filling) holders() string {
	sizes := make(map[string]int64)
	err := filepath.WalkDir(f.disk.Path, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		var st unix.Stat_t
		if unix.Lstat(path, &st) == nil {
			rel, _ := filepath.Rel(f.disk.Path, path)
			if filepath.Base(filepath.Dir(rel)) == "local" {
				rel = "local files"
			}
			sizes[rel] += st.Blocks * 512
		}
		return nil
	})
	return fmt.Sprint(sizes, err)
}

func (f *filling) awaitReserve(least int64) {
	f.T.Helper()
	f.Await("the reserve", func() bool {
		st, err := os.Stat(filepath.Join(f.State, "reserve"))
		return err == nil && st.Size() >= least
	})
}

func (f *filling) ballast() string { return filepath.Join(f.disk.Path, "ballast") }

// fill lets writers work until the disk is full, with what chance adds to that, and
// looks at what was acknowledged.
func (f *filling) fill() {
	t := f.T
	t.Helper()
	away := f.done%3 != 2
	if away {
		f.Gateway.Stop()
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for w := range 4 {
		rng := mrand.New(mrand.NewPCG(f.rng.Uint64(), 3))
		wg.Go(func() { f.write(w, rng, &mu) })
	}
	if f.done%3 == 1 {
		wg.Go(func() { f.greed() })
	}
	wg.Wait()
	if !f.Running() {
		t.Fatalf("the daemon has ended; the log:\n%s", f.Log.Tail())
	}
	f.greed() // the last block, too
	f.check("full")
	f.rearrange()
	if f.done%2 == 1 {
		f.Kill()
		f.Reap()
		f.Mount()
		f.check("after a crash on a full disk")
	}
	if away {
		f.Gateway.Start(t)
	}
	if err := os.Remove(f.ballast()); err != nil {
		t.Error(err)
	}
}

// write saves files until it was refused a few times.
func (f *filling) write(w int, rng *mrand.Rand, mu *sync.Mutex) {
	refused := 0
	for i := 0; refused < 3 && i < 4000; i++ {
		name := fmt.Sprintf("%d-%d-%d", f.done, w, i)
		b := make([]byte, 1+rng.IntN(400<<10))
		rand.Read(b)
		err := os.WriteFile(f.Join(name), b, 0o644)
		mu.Lock()
		if err == nil {
			f.taken[name] = sha256.Sum256(b)
			f.bytes += int64(len(b))
		} else if refused++; errors.Is(err, syscall.ENOSPC) {
			f.refused++
			// It may be there, empty or in part.
			if err := os.Remove(f.Join(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				f.T.Errorf("rm on a full disk: %v", err)
			}
		} else {
			f.T.Errorf("a full disk gives %v", err)
		}
		mu.Unlock()
	}
}

// greed takes what is free on the disk, as somebody else would who knows no limit.
func (f *filling) greed() {
	b, err := os.OpenFile(f.ballast(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		f.T.Error(err)
		return
	}
	defer b.Close()
	for block := make([]byte, 256<<10); len(block) >= 4096; {
		if _, err := b.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			f.T.Error(err)
			return
		}
	}
}

// check reads all that was acknowledged.
func (f *filling) check(when string) {
	f.T.Helper()
	for name, sum := range f.taken {
		// What is in S3 alone cannot be had while that is away.
		b, err := os.ReadFile(f.Join(name))
		if errors.Is(err, syscall.EIO) && when != "drained" {
			continue
		}
		if err != nil || sha256.Sum256(b) != sum {
			f.T.Errorf("cycle %d, %s: %s: %d bytes, %v", f.done, when, name, len(b), err)
		}
	}
}

// rearrange does on a full disk what is to make room, or takes none.
func (f *filling) rearrange() {
	f.T.Helper()
	n := 0
	for name, sum := range f.taken {
		if n++; n > 20 {
			return
		}
		delete(f.taken, name)
		if n%2 == 0 {
			if err := os.Remove(f.Join(name)); err != nil {
				f.T.Errorf("rm on a full disk: %v", err)
			}
			continue
		}
		to := name + "-renamed"
		if err := os.Rename(f.Join(name), f.Join(to)); err != nil {
			f.T.Errorf("mv on a full disk: %v", err)
		}
		f.taken[to] = sum
	}
}

// drain waits until all is in S3, looks at it, and removes it.
func (f *filling) drain() {
	f.T.Helper()
	f.Await("room, and all in S3", func() bool {
		st := f.Status()
		f.last = st
		return st.Counts.Waiting.Count == 0 && st.Disk.Full == ""
	})
	f.check("drained")
	for name := range f.taken {
		if err := os.Remove(f.Join(name)); err != nil {
			f.T.Error(err)
		}
		delete(f.taken, name)
	}
	left, err := os.ReadDir(f.Point)
	if err != nil || len(left) > 0 {
		f.T.Errorf("cycle %d: of an empty volume %d files are there: %v, %v", f.done, len(left), left, err)
	}
	f.awaitReserve(64 << 20 / 25)
	f.Await("an empty disk", func() bool {
		list, err := os.ReadDir(filepath.Join(f.State, "local"))
		if err != nil {
			f.T.Fatal(err)
		}
		var bytes int64
		for _, e := range list {
			if i, err := e.Info(); err == nil {
				bytes += i.Size()
			}
		}
		return bytes <= 2<<20+256<<10 // the cache, and one file that came while it was counted
	})
}
