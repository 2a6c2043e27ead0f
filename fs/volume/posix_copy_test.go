package volume_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixCopies(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "sendfile", useSendfile)
		compare(v, "splice", useSplice)
		compare(v, "range", copyRanges)
		compare(v, "watch", watchChanges)
	})
}

// pattern returns n bytes that tell where they belong.
func pattern(n int) []byte {
	b := make([]byte, 0, n+8)
	for i := 0; len(b) < n; i++ {
		b = binary.LittleEndian.AppendUint32(b, uint32(i))
	}
	return b[:n]
}

func useSendfile(p *place) {
	want := pattern(300_000)
	must(p.T, os.WriteFile(p.path("from"), want, 0o644))
	from, err := os.Open(p.path("from"))
	must(p.T, err)
	defer from.Close()
	to, err := os.Create(p.path("to"))
	must(p.T, err)
	defer to.Close()
	for off := int64(1000); ; {
		n, err := unix.Sendfile(int(to.Fd()), int(from.Fd()), &off, 77_777)
		if err != nil || n == 0 {
			p.note("sent %d: %s, to offset %d", n, ending(err), off)
			break
		}
	}
	p.note("the same: %v", bytes.Equal(contentOf(p.T, to), want[1000:]))
	// To another's socket, as a web server does.
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(p.T, err)
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	off := int64(4000)
	n, err := unix.Sendfile(pair[0], int(from.Fd()), &off, 10_000)
	p.note("sent to a socket: %d %s", n, ending(err))
	b := make([]byte, 10_000)
	for got := 0; got < n; {
		k, err := unix.Read(pair[1], b[got:])
		must(p.T, err)
		got += k
	}
	p.note("the same: %v", bytes.Equal(b[:n], want[4000:4000+n]))
}

func useSplice(p *place) {
	want := pattern(100_000)
	must(p.T, os.WriteFile(p.path("from"), want, 0o644))
	from, err := os.Open(p.path("from"))
	must(p.T, err)
	defer from.Close()
	to, err := os.OpenFile(p.path("to"), os.O_CREATE|os.O_RDWR, 0o644)
	must(p.T, err)
	defer to.Close()
	pipe := make([]int, 2)
	must(p.T, unix.Pipe(pipe))
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	for src, dst := int64(500), int64(7); src < int64(len(want)); {
		n, err := unix.Splice(int(from.Fd()), &src, pipe[1], nil, 10_000, 0)
		if err != nil || n == 0 {
			p.Fatalf("splice from the file: %d, %v", n, err)
		}
		for n > 0 {
			k, err := unix.Splice(pipe[0], nil, int(to.Fd()), &dst, int(n), 0)
			if err != nil || k == 0 {
				p.Fatalf("splice to the file: %d, %v", k, err)
			}
			n -= k
		}
	}
	got := contentOf(p.T, to)
	p.note("%d bytes, the same: %v", len(got), bytes.Equal(got[7:], want[500:]))
	must(p.T, to.Close())
	p.stat("to")
}

// copyRanges copies between files and within one, as far as the file goes.
func copyRanges(p *place) {
	want := pattern(50_000)
	must(p.T, os.WriteFile(p.path("from"), want, 0o644))
	from, err := os.OpenFile(p.path("from"), os.O_RDWR, 0)
	must(p.T, err)
	defer from.Close()
	for _, c := range []struct {
		name    string
		flags   int
		src, to int64
		n, how  int
		within  bool
	}{
		{"whole", os.O_RDWR, 0, 0, 50_000, 0, false}, {"beyond the end", os.O_RDWR, 40_000, 0, 50_000, 0, false},
		{"behind the end", os.O_RDWR, 60_000, 0, 100, 0, false}, {"to an offset", os.O_WRONLY, 10, 9999, 5000, 0, false},
		{"nothing", os.O_RDWR, 0, 0, 0, 0, false}, {"to a reader", os.O_RDONLY, 0, 0, 10, 0, false},
		{"to an appender", os.O_RDWR | os.O_APPEND, 0, 0, 10, 0, false}, {"with flags", os.O_RDWR, 0, 0, 10, 1, false},
		{"within", os.O_RDWR, 0, 20_000, 10_000, 0, true}, {"within, behind", os.O_RDWR, 0, 60_000, 10_000, 0, true},
		{"overlapping", os.O_RDWR, 0, 5000, 10_000, 0, true}, {"negative", os.O_RDWR, -1, 0, 10, 0, false},
	} {
		name := "from"
		if !c.within {
			name = "to"
			must(p.T, os.WriteFile(p.path(name), []byte("what was there before"), 0o644))
		}
		to, err := os.OpenFile(p.path(name), c.flags, 0)
		must(p.T, err)
		src, dst, copied := c.src, c.to, 0
		for copied < c.n || c.n == 0 {
			var n int
			n, err = unix.CopyFileRange(int(from.Fd()), &src, int(to.Fd()), &dst, c.n-copied, c.how)
			if err != nil || n == 0 {
				break
			}
			copied += n
		}
		p.note("%s: %d bytes from %d to %d: %s", c.name, copied, src, dst, ending(err))
		must(p.T, to.Close())
		b, err := os.ReadFile(p.path(name))
		must(p.T, err)
		p.note("%d bytes %s", len(b), sum(b))
	}
	// To another file system and back.
	other, err := os.CreateTemp("/dev/shm", "copy")
	must(p.T, err)
	defer os.Remove(other.Name())
	defer other.Close()
	src := int64(0)
	n, err := unix.CopyFileRange(int(from.Fd()), &src, int(other.Fd()), nil, 1000, 0)
	p.note("to another file system: %d %s", n, ending(err))
	err = unix.IoctlFileClone(int(other.Fd()), int(from.Fd()))
	p.try("clone to another file system", err)
}

// watchChanges notes what inotify tells of the usual changes.
func watchChanges(p *place) {
	must(p.T, os.Mkdir(p.path("d"), 0o755))
	p.make("d/there", "x")
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	must(p.T, err)
	defer unix.Close(fd)
	for _, name := range []string{"d", "d/there"} {
		_, err := unix.InotifyAddWatch(fd, p.path(name), unix.IN_ALL_EVENTS)
		p.try("watch "+name, err)
	}
	for _, s := range []struct {
		what string
		do   func() error
	}{
		{"create", func() error { return os.WriteFile(p.path("d/new"), []byte("content"), 0o644) }},
		{"read", func() error { _, err := os.ReadFile(p.path("d/there")); return err }},
		{"rewrite", func() error { return os.WriteFile(p.path("d/there"), []byte("rewritten"), 0) }},
		{"truncate", func() error { return os.Truncate(p.path("d/there"), 3) }},
		{"chmod", func() error { return os.Chmod(p.path("d/there"), 0o600) }},
		{"rename", func() error { return os.Rename(p.path("d/new"), p.path("d/renamed")) }},
		{"move out", func() error { return os.Rename(p.path("d/renamed"), p.path("out")) }},
		{"link", func() error { return os.Link(p.path("out"), p.path("d/in")) }},
		{"replace", func() error { return os.Rename(p.path("d/in"), p.path("d/there")) }},
		{"mkdir", func() error { return os.Mkdir(p.path("d/dir"), 0o755) }},
		{"setxattr", func() error { return unix.Setxattr(p.path("d/there"), "user.x", []byte("x"), 0) }},
		{"list", func() error { _, err := os.ReadDir(p.path("d")); return err }},
		{"unlink", func() error { return os.Remove(p.path("d/there")) }},
		{"rmdir", func() error { return os.RemoveAll(p.path("d")) }},
	} {
		p.try(s.what, s.do())
		p.note("%s: %s", s.what, events(fd))
	}
}

// events returns what inotify has to tell.
func events(fd int) string {
	var all []string
	b := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, b)
		if err != nil || n <= 0 {
			return strings.Join(all, "; ")
		}
		for at := 0; at < n; {
			mask := binary.NativeEndian.Uint32(b[at+4:])
			size := int(binary.NativeEndian.Uint32(b[at+12:]))
			name := strings.TrimRight(string(b[at+16:at+16+size]), "\x00")
			all = append(all, fmt.Sprintf("%d %x %s", binary.NativeEndian.Uint32(b[at:]), mask, name))
			at += 16 + size
		}
	}
}
