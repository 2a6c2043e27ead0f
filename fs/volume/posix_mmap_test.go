package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixMappings(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "mappings", func(p *place) {
			p.make("f", strings.Repeat("0123456789", 2000))
			p.make("small", "ten bytes.")
			out, err := child(p.T, "maps", p.dir).Output()
			var failed *exec.ExitError
			if errors.As(err, &failed) {
				p.Fatalf("child: %v", err)
			}
			must(p.T, err)
			for line := range strings.Lines(string(out)) {
				p.note("%s", line)
			}
			p.read("f")
			p.read("small")
		})
	})
}

// childMaps uses mappings of f and small in the directory in args[0] and says what
// it sees.
func childMaps(args []string) error {
	if err := os.Chdir(args[0]); err != nil {
		return err
	}
	debug.SetPanicOnFault(true)
	f, err := os.OpenFile("f", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	for _, step := range []func(f *os.File) error{mapShared, mapPrivate, mapRights, mapEnd, mapUnlinked} {
		if err := step(f); err != nil {
			return err
		}
	}
	return f.Close()
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// mapShared looks whether a mapping and read and write agree at once.
func mapShared(f *os.File) error {
	fd := int(f.Fd())
	m, err := unix.Mmap(fd, 0, 20_000, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	other, err := os.Open("f")
	if err != nil {
		return err
	}
	defer other.Close()
	second, err := unix.Mmap(int(other.Fd()), 4096, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	copy(m[4090:], "stored across pages")
	b := make([]byte, 19)
	_, err = other.ReadAt(b, 4090)
	say("read after a store: %q %v; in the other mapping: %q", b, err, second[:13])
	_, err = f.WriteAt([]byte("written"), 4100)
	say("mapped after a write: %q %q %v", m[4095:4110], second[:13], err)
	say("msync: %v %v", unix.Msync(m, unix.MS_ASYNC), unix.Msync(m, unix.MS_SYNC))
	say("msync of a reader: %v", unix.Msync(second, unix.MS_SYNC))
	content, err := os.ReadFile("f")
	say("the same by path: %v %v", bytes.Equal(content, m), err)
	return errors.Join(unix.Munmap(m), unix.Munmap(second))
}

// mapPrivate keeps what is stored to itself.
func mapPrivate(f *os.File) error {
	r, err := os.Open("f")
	if err != nil {
		return err
	}
	defer r.Close()
	m, err := unix.Mmap(int(r.Fd()), 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	copy(m[100:], "private")
	b := make([]byte, 7)
	_, err = f.ReadAt(b, 100)
	say("read after a private store: %q %v", b, err)
	_, err = f.WriteAt([]byte("public"), 5000)
	say("untouched page after a write: %q %v", m[5000:5006], err)
	say("msync: %v", unix.Msync(m, unix.MS_SYNC))
	return unix.Munmap(m)
}

// mapRights asks for more than the descriptor allows.
func mapRights(f *os.File) error {
	for _, flags := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR | os.O_APPEND} {
		d, err := os.OpenFile("f", flags, 0)
		if err != nil {
			return err
		}
		for _, prot := range []int{unix.PROT_READ, unix.PROT_READ | unix.PROT_WRITE, unix.PROT_READ | unix.PROT_EXEC} {
			for _, share := range []int{unix.MAP_SHARED, unix.MAP_PRIVATE} {
				m, err := unix.Mmap(int(d.Fd()), 0, 4096, prot, share)
				say("opened with %x, mapped with %x %x: %v", flags, prot, share, err)
				if err == nil {
					err = unix.Munmap(m)
				}
				if err != nil && !errors.Is(err, unix.EACCES) {
					return err
				}
			}
		}
		if err := d.Close(); err != nil {
			return err
		}
	}
	_, err := unix.Mmap(int(f.Fd()), 100, 4096, unix.PROT_READ, unix.MAP_SHARED)
	say("at no page's beginning: %v", err)
	return nil
}

// mapEnd touches what lies behind the end.
func mapEnd(*os.File) error {
	f, err := os.OpenFile("small", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, 3*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	say("rest of the last page is zero: %v", bytes.Equal(m[10:4096], make([]byte, 4086)))
	say("page behind the end: %v", touch(m, 4096))
	copy(m[10:], "behind the end")
	say("sync: %v", f.Sync())
	st, err := f.Stat()
	say("%d bytes, %v", st.Size(), err)
	say("truncate: %v", f.Truncate(2*4096+5))
	say("page inside now: %v, still behind: %v", touch(m, 4096), touch(m, 8192+4000))
	say("grown: %v", bytes.Equal(m[10:8192], make([]byte, 8182)))
	say("truncate: %v", f.Truncate(5))
	say("page cut off: %v; rest is zero: %v", touch(m, 4096), bytes.Equal(m[5:4096], make([]byte, 4091)))
	return unix.Munmap(m)
}

// touch reads a byte of a mapping and reports whether that was a fault.
func touch(m []byte, at int) (fault bool) {
	defer func() { fault = recover() != nil }()
	return m[at] == 0xFF
}

// mapUnlinked goes on with a mapping whose file has no name and no descriptor.
func mapUnlinked(*os.File) error {
	f, err := os.OpenFile("gone", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(8192); err != nil {
		return err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	copy(m, "before")
	say("unlink: %v, close: %v", os.Remove("gone"), f.Close())
	copy(m[4096:], "after")
	say("msync: %v, %q %q", unix.Msync(m, unix.MS_SYNC), m[:6], m[4096:4101])
	return unix.Munmap(m)
}
