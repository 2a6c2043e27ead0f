package fs

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"contentfs/meta"
)

func TestListing(t *testing.T) {
	for _, n := range []int{0, 1, page - 1, page, page + 1, 2 * page, 2*page + 7} {
		tr := newTree(t)
		want := numbered(n)
		tr.create(want...)
		for _, plus := range []bool{false, true} {
			for _, size := range []int{4096, 1 << 20} {
				fh := tr.open()
				got := tr.all(fh, 0, size, plus)
				tr.want(fmt.Sprintf("%d entries by %d bytes", n, size), got, append(slices.Clone(dotNames), want...))
				seen := make(map[uint64]bool)
				for _, e := range got[dots:] {
					if seen[e.ino] || e.ino == 0 || e.plus != plus {
						t.Errorf("entry %+v", e)
					}
					seen[e.ino] = true
				}
				tr.release(fh)
			}
		}
	}
}

// TestDotsGiveNoNode: the kernel would count them as looked up.
func TestDotsGiveNoNode(t *testing.T) {
	tr := newTree(t)
	for _, e := range tr.read(tr.open(), 0, 4096, true) {
		if e.plus || e.ino != uint64(meta.Root) {
			t.Errorf("%+v", e)
		}
	}
}

// TestAnyNumber: every number that was given is a place to go on from, in any order.
func TestAnyNumber(t *testing.T) {
	tr := newTree(t)
	want := append(slices.Clone(dotNames), numbered(3*page)...)
	tr.create(want[dots:]...)
	fh := tr.open()
	tr.all(fh, 0, 1<<16, false)
	for _, at := range []int{1, 2, 3, page + dots, page + dots + 1, 2*page + 1, 5, 3*page + dots - 1, page, 1} {
		got := tr.read(fh, uint64(at), 200, false)
		if len(got) == 0 || got[0].name != want[at] || got[0].off != uint64(at)+1 {
			t.Errorf("from %d: %+v, not %s", at, got, want[at])
		}
	}
	if got := tr.read(fh, uint64(len(want)), 4096, false); len(got) != 0 {
		t.Errorf("behind the end: %+v", got)
	}
	// A handle that never read a page (the kernel kept the number over a reopen).
	fresh := tr.open()
	if got := tr.read(fresh, 2*page, 200, false); len(got) == 0 || got[0].name != want[2*page] {
		t.Errorf("fresh handle: %+v", got)
	}
	if got := tr.read(fresh, 1<<40, 200, false); len(got) != 0 {
		t.Errorf("far behind the end: %+v", got)
	}
}

// TestRewind looks again; going on does not.
func TestRewind(t *testing.T) {
	tr := newTree(t)
	tr.create("b", "d")
	fh := tr.open()
	tr.want("first", tr.all(fh, 0, 4096, false), []string{".", "..", "b", "d"})
	tr.create("a", "c")
	tr.remove("d")
	tr.want("rewound", tr.all(fh, 0, 4096, false), []string{".", "..", "a", "b", "c"})
}

// TestChangesMeanwhile: names that stay are listed once each, whatever comes and
// goes before, at and behind the place where the reader is.
func TestChangesMeanwhile(t *testing.T) {
	for _, plus := range []bool{false, true} {
		tr := newTree(t)
		old := numbered(4 * page)
		tr.create(old...)
		fh := tr.open()
		got := tr.read(fh, 0, 8192, plus)
		removed := make(map[string]bool)
		for i, off := 0, got[len(got)-1].off; ; i++ {
			// One that was listed and two that were not go; new ones come on both sides.
			for _, name := range []string{old[i], old[len(old)-1-i], old[min(len(old)/2+i, len(old)-1)]} {
				if !removed[name] {
					tr.remove(name)
					removed[name] = true
				}
			}
			tr.create(fmt.Sprintf("a%06d", i), fmt.Sprintf("z%06d", i))
			part := tr.read(fh, off, 8192, plus)
			if len(part) == 0 {
				break
			}
			got = append(got, part...)
			off = part[len(part)-1].off
		}
		count := make(map[string]int)
		for _, e := range got {
			if count[e.name]++; count[e.name] > 1 {
				t.Errorf("%s was listed twice", e.name)
			}
		}
		for _, name := range old {
			if count[name] == 0 && !removed[name] {
				t.Errorf("%s was not listed", name)
			}
		}
	}
}

// TestNameBytes: all but slash and NUL is a name.
func TestNameBytes(t *testing.T) {
	tr := newTree(t)
	want := []string{"\x01", " ", "\"\n\\", "...", "a", string(bytes.Repeat([]byte("n"), 255)), "\xc3\xa4", "\xfe\xff"}
	tr.create(want...)
	tr.want("names", tr.all(tr.open(), 0, 4096, true), append(slices.Clone(dotNames), want...))
}

// TestBufferForNothing: a buffer that holds not even one entry gives none and no
// error; the number stays good.
func TestBufferForNothing(t *testing.T) {
	tr := newTree(t)
	tr.create("a")
	fh := tr.open()
	if got := tr.read(fh, 0, 16, false); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	tr.want("afterwards", tr.all(fh, 0, 4096, false), []string{".", "..", "a"})
}

func TestClosedDirectory(t *testing.T) {
	tr := newTree(t)
	fh := tr.open()
	tr.release(fh)
	in := fuse.ReadIn{Fh: fh}
	if st := tr.fs.ReadDir(nil, &in, fuse.NewDirEntryList(make([]byte, 4096), 0)); st != fuse.EBADF {
		t.Errorf("read of a closed directory: %v", st)
	}
}
