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
	for _, n := range []int{0, 1, 500, 1500} {
		tr := newTree(t)
		want := tr.numbered(n)
		tr.create(want...)
		for _, plus := range []bool{false, true} {
			for _, size := range []int{4096, 1 << 20} {
				got := tr.all(0, size, plus)
				tr.want(fmt.Sprintf("%d entries by %d bytes", n, size), got, append(slices.Clone(dotNames), want...))
				seen := make(map[uint64]bool)
				for _, e := range got[dots:] {
					if seen[e.ino] || e.ino == 0 || e.plus != plus {
						t.Errorf("entry %+v", e)
					}
					seen[e.ino] = true
				}
			}
		}
	}
}

// TestDotsGiveNoNode: the kernel would count them as looked up.
func TestDotsGiveNoNode(t *testing.T) {
	tr := newTree(t)
	for _, e := range tr.read(0, 4096, true) {
		if e.plus || e.ino != uint64(meta.Root) {
			t.Errorf("%+v", e)
		}
	}
}

// TestAnyPosition: every position that was given is a place to go on from, in any
// order, by whoever, and when the name that stands there is gone.
func TestAnyPosition(t *testing.T) {
	tr := newTree(t)
	tr.create(tr.numbered(1000)...)
	list := tr.all(0, 1<<16, false)
	for _, i := range []int{0, 1, 2, 500, 3, 999, 1000, 4, 700} {
		got := tr.read(list[i].off, 200, false)
		if len(got) == 0 || got[0] != list[i+1] {
			t.Errorf("behind %d: %+v, not %+v", i, got, list[i+1])
		}
	}
	end := list[len(list)-1]
	if got := tr.read(end.off, 4096, false); len(got) != 0 {
		t.Errorf("behind the end: %+v", got)
	}
	tr.remove(list[300].name, end.name)
	if got := tr.read(list[300].off, 200, false); len(got) == 0 || got[0] != list[301] {
		t.Errorf("behind a name that is gone: %+v", got)
	}
	if got := tr.read(end.off, 4096, false); len(got) != 0 {
		t.Errorf("behind the end: %+v", got)
	}
}

// TestRewind looks again.
func TestRewind(t *testing.T) {
	tr := newTree(t)
	tr.create("b", "d")
	tr.want("first", tr.all(0, 4096, false), append([]string{".", ".."}, tr.inOrder([]string{"b", "d"})...))
	tr.create("a", "c")
	tr.remove("d")
	tr.want("rewound", tr.all(0, 4096, false), append([]string{".", ".."}, tr.inOrder([]string{"a", "b", "c"})...))
}

// TestChangesMeanwhile: names that stay are listed once each, whatever comes and
// goes before, at and behind the place where the reader is.
func TestChangesMeanwhile(t *testing.T) {
	for _, plus := range []bool{false, true} {
		tr := newTree(t)
		old := tr.numbered(2000)
		tr.create(old...)
		got := tr.read(0, 8192, plus)
		removed := make(map[string]bool)
		for i, off := 0, got[len(got)-1].off; ; i++ {
			// One that was listed and two that were not go; new ones come anywhere.
			for _, name := range []string{old[i], old[len(old)-1-i], old[min(len(old)/2+i, len(old)-1)]} {
				if !removed[name] {
					tr.remove(name)
					removed[name] = true
				}
			}
			tr.create(fmt.Sprintf("a%06d", i), fmt.Sprintf("z%06d", i))
			part := tr.read(off, 8192, plus)
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
	want := tr.inOrder([]string{"\x01", " ", "\"\n\\", "...", "a", string(bytes.Repeat([]byte("n"), 255)), "\xc3\xa4", "\xfe\xff"})
	tr.create(want...)
	tr.want("names", tr.all(0, 4096, true), append(slices.Clone(dotNames), want...))
}

// TestBufferForNothing: a buffer that holds not even one entry gives none and no
// error; the position stays good.
func TestBufferForNothing(t *testing.T) {
	tr := newTree(t)
	tr.create("a")
	if got := tr.read(0, 16, false); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	tr.want("afterwards", tr.all(0, 4096, false), []string{".", "..", "a"})
}

// TestOpenDirectory: a kernel that can is told once that it need not ask; another
// one gets a directory whose listing it may keep.
func TestOpenDirectory(t *testing.T) {
	tr := newTree(t)
	for _, can := range []bool{false, true} {
		tr.fs.noOpenDir = can
		var out fuse.OpenOut
		st := tr.fs.OpenDir(nil, &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: uint64(meta.Root)}}, &out)
		if can != (st == fuse.ENOSYS) || !can && (st != fuse.OK || out.OpenFlags != fuse.FOPEN_CACHE_DIR|fuse.FOPEN_KEEP_CACHE) {
			t.Errorf("a kernel that can: %v; answer %v, %#x", can, st, out.OpenFlags)
		}
	}
}
