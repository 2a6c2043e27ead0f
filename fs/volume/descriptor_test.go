package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// TestUnlinkWhileOpen: content without a name works until it is closed, and
// leaves nothing behind.
func TestUnlinkWhileOpen(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		f := open(v, "scratch", os.O_CREATE|os.O_RDWR)
		write(t, f, []byte("before"), 0)
		must(t, os.Remove(v.Join("scratch")))
		useNameless(v, f)
		must(t, f.Close())
		v.Await("the room to be given back", func() bool { return localBytes(v) == 0 })
		if keys := v.List(); len(keys) != 0 {
			t.Errorf("content without a name was uploaded: %q", keys)
		}
	})
}

// TestUnlinkCommittedWhileOpen: as TestUnlinkWhileOpen, of content that was
// committed before, in every state.
func TestUnlinkCommittedWhileOpen(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		for state, enter := range ways {
			v.Write(state, random(3000))
			enter(v, state)
			f := open(v, state, os.O_RDWR)
			write(t, f, []byte("edited"), 10)
			must(t, f.Sync())
			before := len(v.List())
			must(t, os.Remove(v.Join(state)))
			useNameless(v, f)
			must(t, f.Close())
			if after := len(v.List()); after != before {
				t.Errorf("%s: content without a name was uploaded", state)
			}
		}
	})
}

// useNameless writes to, reads and cuts a file that has no name.
func useNameless(v *volumetest.Volume, f *os.File) {
	v.Helper()
	big := random(1 << 20)
	write(v.T, f, big, 0)
	must(v.T, f.Sync())
	if got := contentOf(v.T, f); !bytes.Equal(got, big) {
		v.Errorf("content without a name is %s", brief(got))
	}
	st, err := f.Stat()
	must(v.T, err)
	if n := st.Sys().(*syscall.Stat_t).Nlink; n != 0 {
		v.Errorf("a file without a name has %d links", n)
	}
	must(v.T, f.Truncate(10))
	if got := contentOf(v.T, f); !bytes.Equal(got, big[:10]) {
		v.Errorf("content without a name is %s after truncate", brief(got))
	}
}

// localBytes returns how much the local store holds.
func localBytes(v *volumetest.Volume) int64 {
	v.Helper()
	entries, err := os.ReadDir(v.LocalFile(""))
	must(v.T, err)
	var n int64
	for _, e := range entries {
		st, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		must(v.T, err)
		n += st.Size()
	}
	return n
}

// TestDuplicatedDescriptors: every close of a duplicate commits what was written
// until then; the file is one.
func TestDuplicatedDescriptors(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		f := open(v, "f", os.O_CREATE|os.O_RDWR)
		for i := range 3 {
			write(t, f, []byte(fmt.Sprint(i)), int64(i))
			fd, err := unix.Dup(int(f.Fd()))
			must(t, err)
			must(t, unix.Close(fd))
			if ver := v.Version("f"); ver.Size != int64(i+1) {
				t.Errorf("%d bytes are on record after close of duplicate %d", ver.Size, i)
			}
		}
		child := child(t, "inherit", "child", "3")
		child.ExtraFiles = []*os.File{f}
		must(t, child.Run())
		want := []byte("012child")
		if ver := v.Version("f"); ver.Size != int64(len(want)) {
			t.Errorf("%d bytes are on record after the child's close", ver.Size)
		}
		expect(v, "f", want)
		must(t, f.Close())
		expectObject(v, "f", want)
		if n := len(v.List()); n != 1 {
			t.Errorf("%d objects; a file that is open is not uploaded", n)
		}
	})
}

// TestAppendersTogether: with O_APPEND nobody overwrites anybody.
func TestAppendersTogether(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		const writers, lines = 6, 100
		v.Write("log", nil)
		var wg sync.WaitGroup
		for w := range writers {
			f := open(v, "log", os.O_WRONLY|os.O_APPEND)
			wg.Go(func() {
				for i := range lines {
					if _, err := fmt.Fprintf(f, "writer %d line %d\n", w, i); err != nil {
						t.Error(err)
					}
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		content := v.Read("log")
		got := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
		if len(got) != writers*lines {
			t.Errorf("%d lines, not %d", len(got), writers*lines)
		}
		slices.Sort(got)
		if n := len(slices.Compact(got)); n != writers*lines {
			t.Errorf("%d different lines, not %d", n, writers*lines)
		}
		expectObject(v, "log", content)
	})
}

// TestMapping: what is stored into a shared mapping reaches S3, also when that
// happens after the descriptor is closed.
func TestMapping(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		want := random(3 * os.Getpagesize())
		v.Write("mapped", want)
		awaitS3(v, "mapped")
		m := speak(t, "mmap", v.Join("mapped"))
		m.do("store 100 first")
		copy(want[100:], "first")
		m.do("msync")
		expect(v, "mapped", want)
		m.do("close")
		m.do("store 5000 second")
		copy(want[5000:], "second")
		m.do("msync")
		expect(v, "mapped", want)
		m.do("store 9000 third")
		copy(want[9000:], "third")
		m.do("unmap")
		m.end()
		awaitObject(v, "mapped", want)
		expect(v, "mapped", want)
		expectObject(v, "mapped", want)
	})
}

// TestMappingOfNewContent: as TestMapping, of content that was in S3 never before.
func TestMappingOfNewContent(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		want := make([]byte, 2*os.Getpagesize())
		f := open(v, "mapped", os.O_CREATE|os.O_RDWR)
		must(t, f.Truncate(int64(len(want))))
		must(t, f.Close())
		m := speak(t, "mmap", v.Join("mapped"))
		m.do("close")
		m.do("store 0 late")
		copy(want, "late")
		m.do("unmap")
		m.end()
		awaitObject(v, "mapped", want)
		expect(v, "mapped", want)
	})
}

// TestMappingDeliveredAtClose: with durability "s3" the close already sent the
// content when the mapping stores more.
func TestMappingDeliveredAtClose(t *testing.T) {
	remote := func(o *volume.Options) { o.Durability = "s3" }
	volumetest.Each(t, remote, func(v *volumetest.Volume) {
		t := v.T
		want := make([]byte, 2*os.Getpagesize())
		v.Write("mapped", want)
		m := speak(t, "mmap", v.Join("mapped"))
		m.do("store 0 early")
		copy(want, "early")
		m.do("msync")
		m.do("close")
		m.do("store 100 late")
		copy(want[100:], "late")
		m.do("unmap")
		m.end()
		awaitObject(v, "mapped", want)
		expect(v, "mapped", want)
	})
}

// awaitObject waits until the object of the file has these bytes.
func awaitObject(v *volumetest.Volume, path string, want []byte) {
	v.Helper()
	v.Await("the last store in S3", func() bool {
		key := attr(v.T, v.Join(path), "user.contentfs.key")
		if key == "" {
			return false
		}
		got, err := os.ReadFile(v.Object(key))
		return err == nil && bytes.Equal(got, want)
	})
}

// TestReadFromStartToEnd reads with a reader's own offset, in odd pieces.
func TestReadFromStartToEnd(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		content := random(777_777)
		v.Write("f", content)
		f := open(v, "f", os.O_RDONLY)
		var got bytes.Buffer
		_, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{f}, make([]byte, 4099))
		must(t, err)
		if !bytes.Equal(got.Bytes(), content) {
			t.Errorf("read %s, not %s", brief(got.Bytes()), brief(content))
		}
	})
}
