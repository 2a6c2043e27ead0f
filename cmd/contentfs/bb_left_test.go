package main_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/backend"
	"contentfs/cmd/contentfs/internal/life"
	"contentfs/fs/content"
)

// TestLeftWriters kills the daemon while descriptors and mappings are being written
// through, starts it again over the dead mount point, and lets them write on: the
// kernel still brings that to the local files, and nobody tells the new daemon. The
// new mount is usable at once, and every object is the file at one instant.
//
// CONTENTFS_CRASH_TIME and CONTENTFS_CRASH_LIVES make it a long loop.
func TestLeftWriters(t *testing.T) {
	v := start(t)
	c := newBout(t, 1, 1)
	store := openBucket(t, v)
	v.Log.Expect("released a mount point whose process was gone", "recovered after a crash", "kept in the quarantine")
	checked := make(map[string]bool)
	var rounds, objects int
	v.Mount()
	for ; c.more(); c.done++ {
		list := newLeft(t, v, c.done)
		list.write(50 * time.Millisecond)
		v.Kill()
		v.Reap()
		list.write(50 * time.Millisecond)
		v.Mount()
		// Usable at once, by others and beside those that are left.
		name := fmt.Sprintf("beside/file/%d.bin", c.done)
		v.Write(name, []byte(name))
		if got := string(v.Read(name)); got != name {
			t.Errorf("%s is %q", name, got)
		}
		list.check("while it is written to")
		list.write(time.Duration(200+c.rng.IntN(400)) * time.Millisecond)
		rounds += list.end()
		v.Await("everything in S3", func() bool { return v.Status().Counts.Waiting.Count == 0 })
		list.check("at the end")
		objects += leftObjects(t, store, checked)
	}
	t.Logf("%d lives, %d writers left by each, %d rounds of writing, %d objects checked: none torn", c.done, writersLeft, rounds, objects)
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	auditVolume(t, v, store)
}

const (
	writersLeft = 6
	leftPages   = 24
	leftPage    = 4096
)

// leftWriter writes the pages of one file in order, again and again; each page
// begins with the round. Half of them write through a mapping.
type leftWriter struct {
	path  string
	file  *os.File // nil for a mapping
	pages []byte   // the mapping
	round uint64
	next  int // page
}

type leftWriters struct {
	t    *testing.T
	v    *life.Volume
	list []*leftWriter
}

func newLeft(t *testing.T, v *life.Volume, n int) *leftWriters {
	t.Helper()
	w := &leftWriters{t: t, v: v}
	for i := range writersLeft {
		l := &leftWriter{path: fmt.Sprintf("left-%d-%d/file/a.bin", n, i)}
		v.Write(l.path, make([]byte, leftPages*leftPage))
		f, err := os.OpenFile(v.Join(l.path), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		l.file = f
		w.list = append(w.list, l)
		if i%2 == 0 {
			continue
		}
		if l.pages, err = unix.Mmap(int(f.Fd()), 0, leftPages*leftPage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			t.Fatal(err)
		}
		l.file = nil
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w.write(20 * time.Millisecond)
	for _, l := range w.list {
		if l.file == nil {
			continue
		}
		// What was synced is committed, and the file stays open.
		if err := l.file.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// write lets all of them write for a while.
func (w *leftWriters) write(d time.Duration) {
	w.t.Helper()
	until := time.Now().Add(d)
	var g sync.WaitGroup
	for _, l := range w.list {
		g.Go(func() {
			for time.Now().Before(until) {
				if err := l.step(); err != nil {
					w.t.Errorf("write to %s: %v", l.path, err)
					return
				}
			}
		})
	}
	g.Wait()
}

func (l *leftWriter) step() error {
	off := l.next * leftPage
	if l.file == nil {
		binary.LittleEndian.PutUint64(l.pages[off:], l.round+1)
	} else {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], l.round+1)
		if _, err := l.file.WriteAt(b[:], int64(off)); err != nil {
			return err
		}
	}
	if l.next++; l.next == leftPages {
		l.next, l.round = 0, l.round+1
	}
	return nil
}

// end ends all of them and returns how often they wrote their files.
func (w *leftWriters) end() (rounds int) {
	w.t.Helper()
	for _, l := range w.list {
		rounds += int(l.round)
		if l.file == nil {
			if err := unix.Munmap(l.pages); err != nil {
				w.t.Error(err)
			}
			continue
		}
		_ = l.file.Close() // who served it is gone, and says so
	}
	return rounds
}

// check reads all files through the mount.
func (w *leftWriters) check(when string) {
	w.t.Helper()
	for _, l := range w.list {
		if err := atOneInstant(w.v.Read(l.path)); err != nil {
			w.t.Errorf("%s, %s: %v", l.path, when, err)
		}
	}
}

// atOneInstant reports content that the file never was: pages are written in order,
// so that at any time the first ones are of one round and the rest of the one before.
func atOneInstant(b []byte) error {
	if len(b) != leftPages*leftPage {
		return fmt.Errorf("%d bytes", len(b))
	}
	first := binary.LittleEndian.Uint64(b)
	last := first
	for i := 1; i < leftPages; i++ {
		r := binary.LittleEndian.Uint64(b[i*leftPage:])
		if r > last || r+1 < first {
			return fmt.Errorf("torn: page 0 is of round %d, page %d of %d, page %d of %d", first, i-1, last, i, r)
		}
		last = r
	}
	return nil
}

// leftObjects checks the objects of such files that were not checked before.
func leftObjects(t *testing.T, store backend.Backend, checked map[string]bool) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), life.Limit)
	defer cancel()
	err := store.List(ctx, life.Prefix+"/left-", "", func(o backend.Object) error {
		if checked[o.Key] {
			return nil
		}
		checked[o.Key] = true
		r, err := store.Get(ctx, o.Key, 0, -1)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			return err
		}
		n++
		if err := atOneInstant(b); err != nil {
			t.Errorf("object %s: %v", o.Key, err)
		}
		if k, err := content.ParseKey(life.Prefix, o.Key); err != nil || !strings.HasPrefix(string(k.Path), "/left-") {
			t.Errorf("object %s: %v", o.Key, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return n
}
