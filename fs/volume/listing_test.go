package volume_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
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
		if !bytes.Equal(buf[:n], pieces[i].bytes) {
			t.Errorf("piece %d is another after going back", i)
		}
	}
}
