package local

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBlocksAreOfContent: what a file's attributes take does not count as content,
// whether they fit beside the inode or not.
func TestBlocksAreOfContent(t *testing.T) {
	s := newStore(t)
	for _, path := range [][]byte{nil, bytes.Repeat([]byte("a"), 1000)} {
		f := create(t, s, nil)
		must(t, f.SetIdentity(Identity{Kind: Draft, Path: path}))
		for _, size := range []int64{0, 4096, 40960} {
			if size > 0 {
				_, err := f.WriteAt(make([]byte, 4096), size-4096)
				must(t, err)
			}
			plain := create(t, s, nil)
			must(t, unix.Fremovexattr(int(plain.Fd()), identityAttr))
			for at := range size / 4096 {
				if at == 0 || at == 9 {
					_, err := plain.WriteAt(make([]byte, 4096), at*4096)
					must(t, err)
				}
			}
			var want unix.Stat_t
			must(t, unix.Fstat(int(plain.Fd()), &want))
			if st, err := f.Stamp(); err != nil || st.Blocks != want.Blocks {
				t.Errorf("%d bytes with a path of %d take %d blocks, not %d: %v", size, len(path), st.Blocks, want.Blocks, err)
			}
		}
	}
}
