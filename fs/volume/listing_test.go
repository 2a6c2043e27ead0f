package volume_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestListing(t *testing.T) {
	v := volumetest.Start(t, nil)
	const number = 3000
	must(t, os.Mkdir(v.Join("d"), 0o755))
	var want []string
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := w; i < number; i += 6 {
				if err := unix.Mknod(v.Join("d", fmt.Sprintf("%04d", i)), unix.S_IFREG|0o644, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range number {
		want = append(want, fmt.Sprintf("%04d", i))
	}
	wg.Wait()
	d, err := os.Open(v.Join("d"))
	must(t, err)
	defer d.Close()
	for range 2 { // the second time after a rewind
		got, err := d.Readdirnames(-1)
		must(t, err)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("listed %d names", len(got))
		}
		_, err = d.Seek(0, 0)
		must(t, err)
	}
	// While names come and go, those that stay are listed exactly once.
	stop := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := v.Join("d", fmt.Sprintf("%04d-%d", i*37%number, i))
			if err := os.WriteFile(name, nil, 0o644); err != nil {
				t.Error(err)
			}
			if err := os.Remove(name); err != nil {
				t.Error(err)
			}
		}
	})
	for range 20 {
		entries, err := os.ReadDir(v.Join("d"))
		must(t, err)
		var got []string
		for _, e := range entries {
			if len(e.Name()) == 4 {
				got = append(got, e.Name())
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d of %d names that stay were listed", len(got), number)
		}
	}
	close(stop)
	wg.Wait()
}

// TestSeekInListing goes back to where a listing was before.
func TestSeekInListing(t *testing.T) {
	v := volumetest.Start(t, nil)
	const number = 1500
	for i := range number {
		must(t, os.Symlink("x", v.Join(fmt.Sprintf("%04d", i))))
	}
	fd, err := unix.Open(v.Path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(t, err)
	defer unix.Close(fd)
	type piece struct {
		at    int64
		bytes []byte
	}
	var pieces []piece
	for {
		at, err := unix.Seek(fd, 0, 1)
		must(t, err)
		buf := make([]byte, 4096)
		n, err := unix.Getdents(fd, buf)
		must(t, err)
		if n == 0 {
			break
		}
		pieces = append(pieces, piece{at, buf[:n]})
	}
	if len(pieces) < 10 {
		t.Fatalf("the listing came in %d pieces", len(pieces))
	}
	for i := len(pieces) - 1; i > 0; i -= 3 {
		_, err := unix.Seek(fd, pieces[i].at, 0)
		must(t, err)
		buf := make([]byte, 4096)
		n, err := unix.Getdents(fd, buf)
		must(t, err)
		// From what the kernel keeps, a piece may be longer than from us.
		if !bytes.HasPrefix(buf[:n], pieces[i].bytes) {
			t.Errorf("piece %d is another after going back", i)
		}
	}
}

// TestListingAfterChange: the kernel keeps listings, and forgets them with every
// change, whoever makes it and through whichever descriptor it is read.
func TestListingAfterChange(t *testing.T) {
	v := volumetest.Start(t, nil)
	must(t, os.Mkdir(v.Join("d"), 0o755))
	must(t, os.Mkdir(v.Join("e"), 0o755))
	open := map[string]*os.File{}
	for _, dir := range []string{"d", "e"} {
		f, err := os.Open(v.Join(dir))
		must(t, err)
		defer f.Close()
		open[dir] = f
	}
	list := func(dir string) (names []string) {
		t.Helper()
		_, err := open[dir].Seek(0, 0)
		must(t, err)
		again, err := open[dir].Readdirnames(-1)
		must(t, err)
		entries, err := os.ReadDir(v.Join(dir))
		must(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if slices.Sort(again); !slices.Equal(again, names) {
			t.Errorf("%s: an open descriptor lists %q, a new one %q", dir, again, names)
		}
		return names
	}
	for _, c := range []struct {
		what string
		do   func() error
		d, e string
	}{
		{"nothing", func() error { return nil }, "", ""},
		{"create", func() error { return os.WriteFile(v.Join("d", "a"), []byte("a"), 0o644) }, "a", ""},
		{"mknod", func() error { return unix.Mknod(v.Join("d", "b"), unix.S_IFIFO|0o644, 0) }, "a b", ""},
		{"mkdir", func() error { return os.Mkdir(v.Join("d", "c"), 0o755) }, "a b c", ""},
		{"symlink", func() error { return os.Symlink("a", v.Join("d", "s")) }, "a b c s", ""},
		{"link", func() error { return os.Link(v.Join("d", "a"), v.Join("e", "l")) }, "a b c s", "l"},
		{"rename", func() error { return os.Rename(v.Join("d", "b"), v.Join("d", "z")) }, "a c s z", "l"},
		{"rename elsewhere", func() error { return os.Rename(v.Join("d", "c"), v.Join("e", "c")) }, "a s z", "c l"},
		{"rename over", func() error { return os.Rename(v.Join("d", "z"), v.Join("e", "l")) }, "a s", "c l"},
		{"exchange", func() error {
			return unix.Renameat2(unix.AT_FDCWD, v.Join("d", "s"), unix.AT_FDCWD, v.Join("e", "c"), unix.RENAME_EXCHANGE)
		}, "a s", "c l"},
		{"rmdir", func() error { return os.Remove(v.Join("d", "s")) }, "a", "c l"},
		{"unlink", func() error { return os.Remove(v.Join("e", "l")) }, "a", "c"},
		{"another process", func() error { return exec.Command("touch", v.Join("e", "p")).Run() }, "a", "c p"},
	} {
		must(t, c.do())
		for range 2 { // the second time from what the kernel kept
			if d, e := strings.Join(list("d"), " "), strings.Join(list("e"), " "); d != c.d || e != c.e {
				t.Errorf("after %s: %q and %q, not %q and %q", c.what, d, e, c.d, c.e)
			}
		}
	}
}
