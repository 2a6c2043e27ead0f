package volume_test

import (
	"fmt"
	"io"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

// resolveCached is RESOLVE_CACHED of openat2(2).
const resolveCached = 0x20

func addressOf(b []byte) unsafe.Pointer { return unsafe.Pointer(&b[0]) }

// openPath uses descriptors that only stand for a place.
func openPath(p *place) {
	must(p.T, os.Mkdir(p.path("d"), 0o755))
	p.make("d/f", "content")
	must(p.T, os.Symlink("f", p.path("d/l")))
	fd, err := unix.Open(p.path("d/f"), unix.O_PATH, 0)
	must(p.T, err)
	defer unix.Close(fd)
	_, err = unix.Read(fd, make([]byte, 1))
	p.try("read", err)
	p.try("fchmod", unix.Fchmod(fd, 0o600))
	p.try("ftruncate", unix.Ftruncate(fd, 0))
	p.try("fsync", unix.Fsync(fd))
	var st unix.Stat_t
	p.try("fstat", unix.Fstat(fd, &st))
	p.note("%s", described(&st))
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", fd))
	p.note("content %q: %s", b, ending(err))
	p.try("chmod by way of proc", os.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), 0o640))
	l, err := unix.Open(p.path("d/l"), unix.O_PATH|unix.O_NOFOLLOW, 0)
	must(p.T, err)
	defer unix.Close(l)
	buf := make([]byte, 100)
	n, err := unix.Readlinkat(l, "", buf)
	p.note("symlink to %q: %s", buf[:max(n, 0)], ending(err))
	p.try("chown of a symlink", unix.Fchownat(l, "", 42, 43, unix.AT_EMPTY_PATH))
	d, err := unix.Open(p.path("d"), unix.O_PATH|unix.O_DIRECTORY, 0)
	must(p.T, err)
	defer unix.Close(d)
	p.try("mkdirat", unix.Mkdirat(d, "sub", 0o755))
	_, err = unix.Getdents(d, make([]byte, 1000))
	p.try("getdents", err)
	p.tree()
}

// openResolve restricts how a path may be walked.
func openResolve(p *place) {
	must(p.T, os.MkdirAll(p.path("d/sub"), 0o755))
	p.make("f", "outside")
	p.make("d/f", "inside")
	must(p.T, os.Symlink("../f", p.path("d/out")))
	must(p.T, os.Symlink("sub/../f", p.path("d/in")))
	must(p.T, os.Symlink("/f", p.path("d/root")))
	must(p.T, os.Symlink("/proc/self/exe", p.path("d/magic")))
	d, err := unix.Open(p.path("d"), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(p.T, err)
	defer unix.Close(d)
	for _, resolve := range []uint64{0, unix.RESOLVE_BENEATH, unix.RESOLVE_IN_ROOT, unix.RESOLVE_NO_SYMLINKS,
		unix.RESOLVE_NO_MAGICLINKS, unix.RESOLVE_NO_XDEV, unix.RESOLVE_BENEATH | unix.RESOLVE_IN_ROOT} {
		for _, name := range []string{"f", "in", "out", "root", "magic", "../f", "sub/../f", "sub/..", "/proc/self/exe", "none"} {
			fd, err := unix.Openat2(d, name, &unix.OpenHow{Resolve: resolve})
			content := "nothing"
			if err == nil {
				b := make([]byte, 8)
				n, _ := unix.Read(fd, b)
				content = string(b[:max(n, 0)])
				must(p.T, unix.Close(fd))
			}
			p.note("%x %s: %q %s", resolve, name, content, ending(err))
		}
	}
	// From what the kernel knows already.
	fd, err := unix.Openat2(d, "f", &unix.OpenHow{Resolve: resolveCached})
	p.try("from the cache", err)
	if err == nil {
		must(p.T, unix.Close(fd))
	}
	fd, err = unix.Openat2(d, "made", &unix.OpenHow{Flags: unix.O_CREAT | unix.O_WRONLY, Mode: 0o604, Resolve: unix.RESOLVE_BENEATH})
	p.try("create", err)
	if err == nil {
		must(p.T, unix.Close(fd))
	}
	p.tree()
}

// openAgain opens files by the descriptors that others have of them.
func openAgain(p *place) {
	p.make("f", "the content")
	f, err := os.OpenFile(p.path("f"), os.O_RDWR, 0)
	must(p.T, err)
	defer f.Close()
	again := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	for _, when := range []string{"named", "without a name"} {
		b, err := os.ReadFile(again)
		p.note("%s: %q %s", when, b, ending(err))
		w, err := os.OpenFile(again, os.O_WRONLY|os.O_APPEND, 0)
		p.try(when+": open for writing", err)
		if err == nil {
			_, err = w.WriteString(", " + when)
			p.try("write", err)
			p.try("close", w.Close())
		}
		copied, err := os.Create(p.path("copy " + when))
		must(p.T, err)
		r, err := os.Open(again)
		must(p.T, err)
		n, err := io.Copy(copied, r)
		p.note("%s: copied %d %s", when, n, ending(err))
		must(p.T, r.Close())
		must(p.T, copied.Close())
		p.read("copy " + when)
		p.try("unlink", unix.Unlink(p.path("f")))
	}
	t, err := os.OpenFile(again, os.O_TRUNC|os.O_WRONLY, 0)
	p.try("truncate", err)
	if err == nil {
		p.try("close", t.Close())
	}
	p.note("%q is left", contentOf(p.T, f))
}

// TestPosixTmpfile makes files without a name, and gives them one.
func TestPosixTmpfile(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		compare(v, "tmpfile", useTmpfile)
		want, err := os.ReadFile(v.Join("tmpfile/named"))
		must(v.T, err)
		expectObject(v, "tmpfile/named", want)
		v.Unmount()
		v.Mount()
		expect(v, "tmpfile/named", want)
	})
}

func useTmpfile(p *place) {
	must(p.T, os.Mkdir(p.path("d"), 0o755))
	must(p.T, os.Chmod(p.path("d"), 0o777|os.ModeSetgid))
	must(p.T, os.Lchown(p.path("d"), 0, 77))
	p.make("file", "x")
	for _, c := range []struct {
		name, dir string
		flags     int
	}{
		{"plain", "d", unix.O_RDWR}, {"write only", "d", unix.O_WRONLY}, {"read only", "d", unix.O_RDONLY},
		{"exclusive", "d", unix.O_RDWR | unix.O_EXCL}, {"in a file", "file", unix.O_RDWR},
		{"in nothing", "none", unix.O_RDWR}, {"create", "d", unix.O_RDWR | unix.O_CREAT},
	} {
		fd, err := unix.Open(p.path(c.dir), c.flags|unix.O_TMPFILE, 0o6642)
		p.try(c.name, err)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		must(p.T, unix.Fstat(fd, &st))
		p.note("%s: %s", c.name, described(&st))
		n, err := unix.Write(fd, []byte("without a name"))
		p.note("write: %d %s", n, ending(err))
		p.try("fsync", unix.Fsync(fd))
		p.try("link", unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, p.path("d", c.name), unix.AT_SYMLINK_FOLLOW))
		n, err = unix.Write(fd, []byte(", and with one"))
		p.note("write: %d %s", n, ending(err))
		p.try("link again", unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, p.path("named"), unix.AT_SYMLINK_FOLLOW))
		p.try("close", unix.Close(fd))
	}
	p.tree()
	p.read("d/plain")
	p.read("named")
}

// TestPosixFileHandles: a handle that the mount gives out leads to the file, or to
// the errno of one that is gone.
func TestPosixFileHandles(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		v.Write("d/f", []byte("content"))
		root, err := unix.Open(v.Path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		must(t, err)
		defer unix.Close(root)
		handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, v.Join("d/f"), 0)
		if err != nil {
			fails(t, "name_to_handle_at", err, unix.EOPNOTSUPP)
			return
		}
		fd, err := unix.OpenByHandleAt(root, handle, unix.O_RDONLY)
		if err != nil {
			fails(t, "open_by_handle_at", err, unix.ESTALE)
			return
		}
		f := os.NewFile(uintptr(fd), "by handle")
		defer f.Close()
		if got := contentOf(t, f); string(got) != "content" {
			t.Errorf("by its handle the file is %q", got)
		}
		must(t, os.Remove(v.Join("d/f")))
		must(t, f.Close())
		v.Write("d/g", []byte("another"))
		if fd, err = unix.OpenByHandleAt(root, handle, unix.O_RDONLY); err == nil {
			f := os.NewFile(uintptr(fd), "by old handle")
			defer f.Close()
			if got := contentOf(t, f); string(got) != "content" {
				t.Errorf("by the handle of a removed file there is %q", got)
			}
		} else {
			fails(t, "open_by_handle_at of what is gone", err, unix.ESTALE)
		}
	})
}
