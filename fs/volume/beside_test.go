package volume_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"contentfs/fs/volume/volumetest"
)

// numbered returns content that tells if it is whole: the number n, again and
// again, for a length that n decides.
func numbered(n uint64) []byte {
	b := make([]byte, 0, 8*(100+n%400))
	for len(b) < cap(b) {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

func whole(b []byte) bool {
	return len(b) >= 8 && bytes.Equal(b, numbered(binary.BigEndian.Uint64(b)))
}

// TestReadersBesideSaves: whoever opens a file while it is replaced by rename
// reads the old content or the new one.
func TestReadersBesideSaves(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		const reads, readers = 2000, 4
		path := v.Join("page.html")
		v.Write("page.html", numbered(0))
		var left atomic.Int64
		left.Store(reads)
		var wg sync.WaitGroup
		for range readers {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					b, err := os.ReadFile(path)
					if err != nil {
						t.Errorf("read beside a save: %v", err)
					} else if !whole(b) {
						t.Errorf("read beside a save: %s", brief(b))
					}
				}
			})
		}
		saves := uint64(0)
		for ; left.Load() > 0; saves++ {
			v.Write("page.tmp", numbered(saves+1))
			must(t, os.Rename(v.Join("page.tmp"), path))
		}
		wg.Wait()
		t.Logf("%d reads beside %d saves", reads, saves)
		expect(v, "page.html", numbered(saves))
		expectObject(v, "page.html", numbered(saves))
	})
}

// TestOpenBesideUnlink: a name that others make and remove is there or not, and
// never anything else.
func TestOpenBesideUnlink(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		path := v.Join("flag")
		var over atomic.Bool
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for !over.Load() {
					b, err := os.ReadFile(path)
					if err != nil && !errors.Is(err, os.ErrNotExist) {
						t.Errorf("read beside unlink: %v", err)
					}
					if err == nil && len(b) != 0 && string(b) != "up" {
						t.Errorf("read beside unlink: %q", b)
					}
				}
			})
		}
		for range 150 {
			must(t, os.WriteFile(path, []byte("up"), 0o644))
			must(t, os.Remove(path))
		}
		over.Store(true)
		wg.Wait()
	})
}

// TestReaderKeepsItsFile: an open descriptor outlives its name.
func TestReaderKeepsItsFile(t *testing.T) {
	content := random(50_000)
	ends := map[string]func(v *volumetest.Volume, path string){
		"unlink": func(v *volumetest.Volume, path string) { must(v.T, os.Remove(v.Join(path))) },
		"rename over": func(v *volumetest.Volume, path string) {
			v.Write("new", random(70_000))
			must(v.T, os.Rename(v.Join("new"), v.Join(path)))
		},
	}
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		for state, enter := range ways {
			for end, do := range ends {
				path := state + " " + end
				v.Write(path, content)
				enter(v, path)
				f := open(v, path, os.O_RDONLY)
				half := make([]byte, len(content)/2)
				_, err := io.ReadFull(f, half)
				must(t, err)
				do(v, path)
				rest, err := io.ReadAll(f)
				must(t, err)
				if got := append(half, rest...); !bytes.Equal(got, content) {
					t.Errorf("%s: the reader has %s, not %s", path, brief(got), brief(content))
				}
				if got := contentOf(t, f); !bytes.Equal(got, content) {
					t.Errorf("%s: read again it is %s, not %s", path, brief(got), brief(content))
				}
				must(t, f.Close())
			}
		}
	})
}

// TestReaderSeesTruncate: a file is one for all who have it open.
func TestReaderSeesTruncate(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		for state, enter := range ways {
			path := "truncated " + state
			content := random(50_000)
			v.Write(path, content)
			enter(v, path)
			f := open(v, path, os.O_RDONLY)
			if got := contentOf(t, f); !bytes.Equal(got, content) {
				t.Fatalf("%s: %s", path, brief(got))
			}
			must(t, os.Truncate(v.Join(path), 1000))
			if got := contentOf(t, f); !bytes.Equal(got, content[:1000]) {
				t.Errorf("%s: after truncate the reader has %s", path, brief(got))
			}
			v.Write(path, []byte("short"))
			if got := contentOf(t, f); string(got) != "short" {
				t.Errorf("%s: after a rewrite in place the reader has %s", path, brief(got))
			}
			must(t, f.Close())
			expectObject(v, path, []byte("short"))
		}
	})
}
