package volume_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/control"
	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// smallDisk is a file system of its own for a volume's state. With delayed allocation
// (ext4) what does not fit may show later than with the write (tmpfs).
type smallDisk struct {
	t       *testing.T
	path    string
	ballast string
}

func newDisk(t *testing.T, kind, options string) *smallDisk {
	t.Helper()
	d := &smallDisk{t: t, path: t.TempDir()}
	d.ballast = filepath.Join(d.path, "ballast")
	if kind == "tmpfs" {
		if options == "" {
			options = "size=64m"
		}
		must(t, unix.Mount("tmpfs", d.path, "tmpfs", 0, options))
		t.Cleanup(func() { must(t, unix.Unmount(d.path, 0)) })
		return d
	}
	image := filepath.Join(t.TempDir(), "image")
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, 64<<20))
	for _, c := range [][]string{
		{"mkfs.ext4", "-q", "-F", image},
		{"mount", "-o", "loop", image, d.path},
	} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", c[0], err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", d.path).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return d
}

// fill takes what is free on the disk, as somebody else would.
func (d *smallDisk) fill() {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	must(d.t, err)
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) >= 4096; {
		_, err := f.Write(block)
		if err == nil {
			err = f.Sync()
		}
		switch {
		case errors.Is(err, unix.ENOSPC):
			block = block[:len(block)/2]
		case err != nil:
			d.t.Fatal(err)
		}
	}
}

func (d *smallDisk) empty() {
	d.t.Helper()
	must(d.t, os.Remove(d.ballast))
}

// spaceOf asks the live mount about its disk.
func spaceOf(v *volumetest.Volume) control.SpaceStatus {
	v.Helper()
	c, err := control.Dial(v.Options.Socket)
	must(v.T, err)
	st, err := c.Status(context.Background())
	must(v.T, err)
	return st.Space
}

// onDisk starts a volume with its state on a small disk, and waits for its reserve.
func onDisk(t *testing.T, d *smallDisk, change func(*volume.Options)) *volumetest.Volume {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "sock")
	v := volumetest.Start(t, func(o *volume.Options) {
		o.State, o.Socket = filepath.Join(d.path, "state"), socket
		if change != nil {
			change(o)
		}
	})
	v.Log.Expect("the disk is full")
	awaitReserve(v)
	return v
}

func awaitReserve(v *volumetest.Volume) {
	v.Helper()
	v.Await("the reserve", func() bool { s := spaceOf(v); return s.Reserve >= s.Size/20 })
}

// refused fails the test unless everything that takes room is refused, and nothing
// changed by that.
func refused(v *volumetest.Volume, existing string, content []byte) {
	v.Helper()
	fails(v.T, "a new file", os.WriteFile(v.Join("new"), []byte("x"), 0o644), unix.ENOSPC)
	fails(v.T, "a new directory", os.Mkdir(v.Join("dir"), 0o755), unix.ENOSPC)
	fails(v.T, "a new symlink", os.Symlink("x", v.Join("symlink")), unix.ENOSPC)
	fails(v.T, "another content", os.WriteFile(v.Join(existing), []byte("x"), 0o644), unix.ENOSPC)
	fails(v.T, "a truncation", os.Truncate(v.Join(existing), 1), unix.ENOSPC)
	fails(v.T, "an attribute", unix.Setxattr(v.Join(existing), "user.x", []byte("y"), 0), unix.ENOSPC)
	for _, name := range []string{"new", "dir", "symlink"} {
		if _, err := os.Lstat(v.Join(name)); !errors.Is(err, os.ErrNotExist) {
			v.Errorf("what was refused is there: %s, %v", name, err)
		}
	}
	expect(v, existing, content)
}

// TestFullByOthers: somebody else fills the disk to its last block. What is here and
// in S3 can be read, names can be removed and changed, what was begun can be finished,
// everything else is told; the mount can end and start; and when there is room again
// nobody has to do anything.
func TestFullByOthers(t *testing.T) {
	for _, kind := range []string{"tmpfs", "ext4"} {
		t.Run(kind, func(t *testing.T) {
			d := newDisk(t, kind, "")
			v := onDisk(t, d, nil)
			away := map[string][]byte{"away": random(50_000), "away-large": random(9 << 20)}
			evicted(v, away)
			here := random(30_000)
			v.Write("here", here)
			const many = 60
			for i := range many {
				v.Write(fmt.Sprintf("many/%d", i), []byte(strings.Repeat("x", i)))
			}
			for i := range many {
				awaitS3(v, fmt.Sprintf("many/%d", i))
			}
			begun := open(v, "begun", os.O_RDWR|os.O_CREATE)
			write(t, begun, here, 0)
			awaitReserve(v)
			d.fill()

			must(t, begun.Close())
			expect(v, "begun", here)
			refused(v, "here", here)
			for path, content := range away {
				expect(v, path, content)
				r := open(v, path, os.O_RDONLY)
				if _, err := os.OpenFile(v.Join(path), os.O_RDWR, 0); !errors.Is(err, unix.ENOSPC) {
					t.Errorf("open for writing beside a reader: %v", err)
				}
				if got := contentOf(t, r); !bytes.Equal(got, content) {
					t.Errorf("%s has %s", path, brief(got))
				}
				must(t, r.Close())
			}
			for i := range many {
				from := v.Join(fmt.Sprintf("many/%d", i))
				if i%2 == 0 {
					must(t, os.Remove(from))
				} else {
					must(t, os.Rename(from, v.Join(fmt.Sprintf("renamed-%d", i))))
				}
			}
			must(t, os.Chmod(v.Join("here"), 0o600))
			if s := spaceOf(v); s.Full != "space" || s.Since.IsZero() || s.Refused == 0 || s.Free > 4<<20 {
				t.Errorf("full: %+v", s)
			}
			expectObject(v, "begun", here)

			// The end and the start of a mount need room as well.
			v.Unmount()
			v.Mount()
			d.fill()
			expect(v, "here", here)
			for path, content := range away {
				expect(v, path, content)
			}
			refused(v, "here", here)

			d.empty()
			v.Await("room", func() bool { s := spaceOf(v); return s.Full == "" && s.Reserve >= s.Size/20 })
			v.Write("new", here)
			v.Write("here", []byte("other"))
			for path, content := range away {
				expect(v, path, content)
			}
			expectObject(v, "here", []byte("other"))
			if begins, ends := v.Log.Seen("the disk is full"), v.Log.Seen("has room again"); begins != 2 || ends != 1 {
				t.Errorf("told %d times that the disk is full and %d times that there is room, in two lives", begins, ends)
			}
		})
	}
}

// TestStartWithoutReserve: the disk is full to its last block and nothing is held back.
// The volume waits for room instead of ending, and then is what it was.
func TestStartWithoutReserve(t *testing.T) {
	d := newDisk(t, "tmpfs", "")
	v := onDisk(t, d, nil)
	content := random(100_000)
	v.Write("file", content)
	awaitS3(v, "file")
	// A file that is open at the end of the mount is something to put on record.
	v.Unmount()
	must(t, os.Remove(filepath.Join(v.Options.State, "reserve")))
	d.fill()
	v.Log.Expect("cannot start before there is room")
	started := make(chan error, 1)
	go func() { started <- v.TryMount() }()
	v.Await("a start that says what it waits for, or needs nothing", func() bool {
		return v.Log.Seen("waits for it") > 0 || len(started) > 0
	})
	d.empty()
	must(t, <-started)
	expect(v, "file", content)
	v.Write("another", content)
	awaitReserve(v)
}

// TestInodesGone: the disk has room for bytes and none for files. It fills with what S3
// did not take; when S3 is back it empties by itself.
func TestInodesGone(t *testing.T) {
	d := newDisk(t, "tmpfs", "size=64m,nr_inodes=300")
	v := onDisk(t, d, nil)
	v.Log.Expect("the store is away")
	v.Log.Expect("upload failed")
	v.Gateway.Stop()
	files := make(map[string][]byte)
	for i := 0; ; i++ {
		name := fmt.Sprintf("%d", i)
		err := os.WriteFile(v.Join(name), []byte(name), 0o644)
		if errors.Is(err, unix.ENOSPC) {
			break
		}
		must(t, err)
		if files[name] = []byte(name); i > 400 {
			t.Fatal("there is no end of inodes")
		}
	}
	if len(files) < 100 {
		t.Errorf("%d files: %+v", len(files), spaceOf(v))
	}
	// The first refusal may have been the disk's own, the next is ours.
	v.Await("a disk that is known to be full", func() bool {
		err := os.WriteFile(v.Join("more"), nil, 0o644)
		if err == nil {
			must(t, os.Remove(v.Join("more")))
		}
		return spaceOf(v).Full == "inodes"
	})
	for name, content := range files {
		expect(v, name, content)
	}
	must(t, os.Remove(v.Join("0")))
	delete(files, "0")
	v.Gateway.Start(t)
	v.Await("inodes", func() bool { return spaceOf(v).Full == "" })
	for i := range 200 { // more than there are: what is in S3 goes
		name := fmt.Sprintf("again-%d", i)
		files[name] = []byte(name)
		v.Await("room for "+name, func() bool {
			err := os.WriteFile(v.Join(name), files[name], 0o644)
			if err != nil && !errors.Is(err, unix.ENOSPC) {
				t.Fatal(err)
			}
			return err == nil
		})
	}
	for name, content := range files {
		expect(v, name, content)
	}
}
