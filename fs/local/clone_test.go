package local

import (
	"bytes"
	"io"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func TestClone(t *testing.T) {
	s := newStore(t)
	for _, size := range []int{0, 1, 4096, 3<<20 + 17} {
		content := random(size)
		w := create(t, s, content)
		_, err := w.Seek(int64(size/2), io.SeekStart)
		must(t, err)
		r, err := s.Reopen(w)
		must(t, err)
		defer r.Close()
		for _, src := range []*File{w, r} { // the engine clones readers
			who := Identity{Kind: Draft, Ino: 3, Version: 4}
			c, err := s.Clone(src, who)
			must(t, err)
			defer c.Close()
			if got := contentOf(t, c); !bytes.Equal(got, content) {
				t.Fatalf("clone of %d bytes has %d others", size, len(got))
			}
			if got, err := c.Identity(); err != nil || !reflect.DeepEqual(got, who) {
				t.Errorf("identity %+v, %v", got, err)
			}
			_, err = c.WriteAt([]byte("changed"), 0)
			must(t, err)
			if got := contentOf(t, src); !bytes.Equal(got, content) {
				t.Error("writing to the clone changed the original")
			}
		}
		if at, err := w.Seek(0, io.SeekCurrent); err != nil || at != int64(size/2) {
			t.Errorf("the original's own offset moved to %d, %v", at, err)
		}
	}
}

// TestCloneOfHoles: what takes no room takes none in the clone.
func TestCloneOfHoles(t *testing.T) {
	s := newStore(t)
	f := create(t, s, nil)
	const size = 1 << 40 // more than the disk has
	must(t, f.Truncate(size))
	for _, off := range []int64{0, 10 << 20, size - 5} {
		_, err := f.WriteAt([]byte("bytes"), off)
		must(t, err)
	}
	c, err := s.Clone(f, Identity{Kind: Draft})
	must(t, err)
	defer c.Close()
	for _, off := range []int64{0, 10 << 20, size - 5} {
		b := make([]byte, 5)
		if _, err := c.ReadAt(b, off); err != nil || string(b) != "bytes" {
			t.Errorf("at %d the clone has %q, %v", off, b, err)
		}
	}
	st, err := c.Stamp()
	must(t, err)
	if st.Size != size || st.Blocks > 2048 {
		t.Errorf("the clone has %d bytes in %d blocks", st.Size, st.Blocks)
	}
	must(t, f.Truncate(1<<20)) // a hole at the end, and nothing else behind
	must(t, f.Truncate(1<<30))
	c, err = s.Clone(f, Identity{Kind: Draft})
	must(t, err)
	defer c.Close()
	if st, err := c.Stamp(); err != nil || st.Size != 1<<30 || st.Blocks > 2048 {
		t.Errorf("the clone has %d bytes in %d blocks, %v", st.Size, st.Blocks, err)
	}
}

// TestCloneOfRemoved: a file in use has no name any more.
func TestCloneOfRemoved(t *testing.T) {
	s := newStore(t)
	f := create(t, s, []byte("content"))
	must(t, s.Remove([]ID{f.ID}))
	c, err := s.Clone(f, Identity{Kind: Draft})
	must(t, err)
	defer c.Close()
	if got := contentOf(t, c); string(got) != "content" {
		t.Errorf("clone has %q", got)
	}
}

// TestCloneOnFullDisk: a clone that failed leaves nothing behind.
func TestCloneOnFullDisk(t *testing.T) {
	s := openIn(t, filepath.Join(tmpfs(t, "size=1m"), "local"))
	f := create(t, s, random(600<<10))
	_, err := s.Clone(f, Identity{Kind: Draft})
	wantErr(t, "clone", err, unix.ENOSPC)
	if ids := list(t, s); len(ids) != 1 {
		t.Errorf("left: %v", ids)
	}
}

// TestCloneOfClosed: nothing is left behind either.
func TestCloneOfClosed(t *testing.T) {
	s := newStore(t)
	f := create(t, s, []byte("x"))
	must(t, f.Close())
	if _, err := s.Clone(f, Identity{Kind: Draft}); err == nil {
		t.Error("cloned a file that is closed")
	}
	if ids := list(t, s); len(ids) != 1 {
		t.Errorf("left: %v", ids)
	}
}
