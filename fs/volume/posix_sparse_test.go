package volume_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixSparse(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "truncate", truncateBothWays)
		compare(v, "fallocate", fallocateModes)
		compare(v, "holes", func(p *place) {
			f := makeHoles(p)
			p.extents("while open", f)
			p.blocks("sparse")
			must(p.T, f.Close())
			f, err := os.Open(p.path("sparse"))
			must(p.T, err)
			defer f.Close()
			p.extents("opened again", f)
			p.blocks("sparse")
			out, err := shell(p, `cp --sparse=auto "$DIR/sparse" "$DIR/copy" && cmp "$DIR/sparse" "$DIR/copy" && cd "$DIR" && du sparse copy`)
			p.note("%s: %s", out, ending(err))
		})
	})
}

// TestPosixSparseFetched: what comes back from S3 has the same bytes, and no hole
// where there are some.
func TestPosixSparseFetched(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		t := v.T
		p := &place{T: t, dir: v.Path}
		must(t, makeHoles(p).Close())
		want := v.Read("sparse")
		awaitS3(v, "sparse")
		v.EvictAll()
		if st := lstat(v, "sparse"); st.Blocks > (st.Size+4095)/4096*8 {
			t.Errorf("%d blocks for %d bytes that are not here", st.Blocks, st.Size)
		}
		f := open(v, "sparse", os.O_RDONLY)
		for off := int64(0); ; {
			data, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
			if err != nil {
				fails(t, "SEEK_DATA", err, unix.ENXIO)
				data = int64(len(want))
			}
			if hole := want[off:data]; !bytes.Equal(hole, make([]byte, len(hole))) {
				t.Errorf("a hole is reported from %d to %d, where there is data", off, data)
			}
			if err != nil {
				break
			}
			off, err = unix.Seek(int(f.Fd()), data, unix.SEEK_HOLE)
			must(t, err)
		}
		expect(v, "sparse", want)
		st := lstat(v, "sparse")
		if st.Blocks > (st.Size+4095)/4096*8 || st.Blocks == 0 {
			t.Errorf("%d blocks for %d bytes", st.Blocks, st.Size)
		}
	})
}

// truncateBothWays shows that nothing of what was cut off comes back.
func truncateBothWays(p *place) {
	f, err := os.OpenFile(p.path("f"), os.O_CREATE|os.O_RDWR, 0o644)
	must(p.T, err)
	defer f.Close()
	for _, size := range []int64{10, 4095, 4096, 4097, 20_000, 1 << 20} {
		write(p.T, f, bytes.Repeat([]byte{0xAA}, 10_000), 0)
		for _, cut := range []int64{size / 2, size, 2*size + 1, 0, 3 * size} {
			if cut%2 == 0 {
				must(p.T, f.Truncate(cut))
			} else {
				must(p.T, os.Truncate(p.path("f"), cut))
			}
			b := contentOf(p.T, f)
			p.note("%d: %d bytes, %d of them not zero", cut, len(b), len(b)-bytes.Count(b, []byte{0}))
		}
		write(p.T, f, []byte("island"), 5*size)
		b, err := os.ReadFile(p.path("f"))
		must(p.T, err)
		p.note("%d bytes, %d of them not zero, %q", len(b), len(b)-bytes.Count(b, []byte{0}), b[5*size:])
	}
	p.try("negative", unix.Ftruncate(int(f.Fd()), -1))
	p.try("too much", unix.Ftruncate(int(f.Fd()), 1<<60))
	p.try("too much by path", unix.Truncate(p.path("f"), 1<<60))
	p.try("of a fifo", unix.Mkfifo(p.path("fifo"), 0o600))
	p.try("of a fifo", unix.Truncate(p.path("fifo"), 0))
	p.try("of nothing", unix.Truncate(p.path("none"), 0))
	p.try("large", unix.Truncate(p.path("f"), 1<<40))
	p.stat("f")
	p.try("small", unix.Truncate(p.path("f"), 1))
}

// fallocateModes calls fallocate(2) in all its modes.
func fallocateModes(p *place) {
	const block = 4096
	modes := []struct {
		name string
		mode uint32
		free bool // a file system may lack it
	}{
		{"plain", 0, false},
		{"keep size", unix.FALLOC_FL_KEEP_SIZE, false},
		{"punch", unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE, false},
		{"punch alone", unix.FALLOC_FL_PUNCH_HOLE, false},
		{"zero", unix.FALLOC_FL_ZERO_RANGE, false},
		{"zero keep size", unix.FALLOC_FL_ZERO_RANGE | unix.FALLOC_FL_KEEP_SIZE, false},
		{"collapse", unix.FALLOC_FL_COLLAPSE_RANGE, true},
		{"insert", unix.FALLOC_FL_INSERT_RANGE, true},
		{"unknown", 1 << 10, false},
	}
	for _, m := range modes {
		for _, r := range [][2]int64{{0, block}, {block, 2 * block}, {100, 5000}, {3 * block, 4 * block}, {20 * block, block}, {0, 0}, {-1, block}, {5, -5}} {
			p.make("f", "")
			f, err := os.OpenFile(p.path("f"), os.O_RDWR, 0)
			must(p.T, err)
			write(p.T, f, bytes.Repeat([]byte{0xAA}, 5*block), 0)
			err = unix.Fallocate(int(f.Fd()), m.mode, r[0], r[1])
			what := fmt.Sprintf("%s %v", m.name, r)
			if m.free {
				// Either all is as it should be, or nothing happened.
				if err != nil && len(contentOf(p.T, f)) != 5*block {
					p.Errorf("%s failed and changed something: %v", what, err)
				}
				must(p.T, f.Close())
				continue
			}
			p.try(what, err)
			b := contentOf(p.T, f)
			p.note("%s: %d bytes, %d zero", what, len(b), bytes.Count(b, []byte{0}))
			p.blocks("f")
			must(p.T, f.Close())
			p.stat("f")
			p.blocks("f")
		}
	}
	p.make("f", "x")
	f, err := os.Open(p.path("f"))
	must(p.T, err)
	defer f.Close()
	p.try("of a reader", unix.Fallocate(int(f.Fd()), 0, 0, 100))
}

// makeHoles makes a sparse file and leaves it open.
func makeHoles(p *place) *os.File {
	f, err := os.OpenFile(p.path("sparse"), os.O_CREATE|os.O_RDWR, 0o644)
	must(p.T, err)
	for i := range int64(5) {
		write(p.T, f, bytes.Repeat([]byte{byte(i + 1)}, 8192), i<<20)
	}
	must(p.T, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 2<<20, 8192))
	must(p.T, f.Truncate(9<<20))
	must(p.T, f.Sync())
	return f
}

// extents notes where a file has data and where holes.
func (p *place) extents(when string, f *os.File) {
	p.Helper()
	st, err := f.Stat()
	must(p.T, err)
	for off, whence := int64(0), unix.SEEK_DATA; off < st.Size(); {
		next, err := unix.Seek(int(f.Fd()), off, whence)
		p.note("%s: from %d by %d to %d %s", when, off, whence, next, ending(err))
		if err != nil {
			break
		}
		off, whence = next, unix.SEEK_DATA+unix.SEEK_HOLE-whence
	}
	for _, off := range []int64{st.Size() - 1, st.Size(), st.Size() + 1, -1} {
		for _, whence := range []int{unix.SEEK_DATA, unix.SEEK_HOLE} {
			next, err := unix.Seek(int(f.Fd()), off, whence)
			p.note("%s: at %d by %d to %d %s", when, off, whence, next, ending(err))
		}
	}
}

// blocks notes how much room a file takes.
func (p *place) blocks(name string) {
	p.Helper()
	st, ok := p.times(name)
	if !ok {
		p.Fatalf("%s is not there", name)
	}
	p.note("%s takes %d blocks", name, st.Blocks)
}
