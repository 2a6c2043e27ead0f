package volume_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixNames(t *testing.T) {
	volumetest.Each(t, alone, func(v *volumetest.Volume) {
		compare(v, "nodes", makeNodes)
		compare(v, "fifo", useFifo)
		compare(v, "socket", useSocket)
		compare(v, "symlinks", makeSymlinks)
		compare(v, "loops", followLoops)
		compare(v, "links", makeLinks)
		compare(v, "lengths", longNames)
		compare(v, "bytes", everyByte)
		compare(v, "directories", directoryTimes)
	})
}

func makeNodes(p *place) {
	for _, mode := range []uint32{0, 0o644, 0o1777, 0o2755, 0o4755, 0o7777} {
		p.try("mkdir", unix.Mkdir(p.path(fmt.Sprintf("dir%o", mode)), mode))
		p.try("mknod", unix.Mknod(p.path(fmt.Sprintf("file%o", mode)), unix.S_IFREG|mode, 0))
		fd, err := unix.Open(p.path(fmt.Sprintf("open%o", mode)), unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, mode)
		p.try("open", err)
		if err == nil {
			must(p.T, unix.Close(fd))
		}
	}
	for name, mode := range map[string]uint32{"char": unix.S_IFCHR, "block": unix.S_IFBLK, "fifo": unix.S_IFIFO, "socket": unix.S_IFSOCK} {
		must(p.T, unix.Mknod(p.path(name), mode|0o660, int(unix.Mkdev(259, 70000))))
	}
	p.try("mknod of a directory", unix.Mknod(p.path("x"), unix.S_IFDIR|0o755, 0))
	p.try("mknod of a symlink", unix.Mknod(p.path("x"), unix.S_IFLNK|0o755, 0))
	p.try("mknod without a type", unix.Mknod(p.path("plain"), 0o600, 0))
	p.try("mknod over a file", unix.Mknod(p.path("fifo"), unix.S_IFIFO, 0))
	p.try("mkdir with a slash", unix.Mkdir(p.path("slash/"), 0o755))
	p.try("mkdir of .", unix.Mkdir(p.path("."), 0o755))
	p.try("mkdir of ..", unix.Mkdir(p.path("slash/.."), 0o755))
	p.try("rmdir of .", unix.Rmdir(p.path("slash/.")))
	p.try("rmdir of ..", unix.Rmdir(p.path("slash/..")))
	p.try("unlink with a slash", unix.Unlink(p.path("fifo/")))
	_, err := unix.Open(p.path("new/"), unix.O_CREAT|unix.O_RDWR, 0o644)
	p.try("create with a slash", err)
	as(p.T, user{uid: 1234, gid: 5678}, func() {
		p.try("mknod of a device by a user", unix.Mknod(p.path("device"), unix.S_IFCHR|0o600, 1))
		p.try("mkfifo by a user", unix.Mkfifo(p.path("theirs"), 0o600))
		p.try("mkdir by a user", unix.Mkdir(p.path("their directory"), 0o7777))
	})
	p.tree()
}

func useFifo(p *place) {
	must(p.T, unix.Mkfifo(p.path("f"), 0o644))
	_, err := unix.Open(p.path("f"), unix.O_WRONLY|unix.O_NONBLOCK, 0)
	p.try("open of a fifo nobody reads", err)
	r, err := unix.Open(p.path("f"), unix.O_RDONLY|unix.O_NONBLOCK, 0)
	must(p.T, err)
	defer unix.Close(r)
	w, err := unix.Open(p.path("f"), unix.O_WRONLY|unix.O_NONBLOCK, 0)
	must(p.T, err)
	must(p.T, unix.Rename(p.path("f"), p.path("g")))
	_, err = unix.Write(w, []byte("through the fifo"))
	p.try("write", err)
	must(p.T, unix.Unlink(p.path("g")))
	b := make([]byte, 100)
	n, err := unix.Read(r, b)
	p.note("read %q: %s", b[:max(n, 0)], ending(err))
	_, err = unix.Read(r, b)
	p.try("read of an empty fifo", err)
	must(p.T, unix.Close(w))
	n, err = unix.Read(r, b)
	p.note("read %d bytes at the end: %s", n, ending(err))
}

func useSocket(p *place) {
	dir, err := os.Open(p.dir)
	must(p.T, err)
	defer dir.Close()
	// A socket's address has 108 bytes, less than the paths of a test.
	address := &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/s", dir.Fd()), Net: "unix"}
	l, err := net.ListenUnix("unix", address)
	must(p.T, err)
	l.SetUnlinkOnClose(false)
	p.stat("s")
	_, err = net.ListenUnix("unix", address)
	p.try("bind again", err)
	heard := make(chan string)
	go func() {
		defer close(heard)
		c, err := l.AcceptUnix()
		if err != nil {
			heard <- err.Error()
			return
		}
		defer c.Close()
		b := make([]byte, 100)
		n, _ := c.Read(b)
		heard <- string(b[:n])
	}()
	c, err := net.DialUnix("unix", nil, address)
	must(p.T, err)
	_, err = c.Write([]byte("hello"))
	p.note("sent: %s, heard %q", ending(err), <-heard)
	must(p.T, c.Close())
	_, err = os.ReadFile(p.path("s"))
	p.try("open of a socket", err)
	must(p.T, l.Close())
	_, err = net.DialUnix("unix", nil, address)
	p.try("connect to nobody", err)
	must(p.T, os.Remove(p.path("s")))
	_, err = net.DialUnix("unix", nil, address)
	p.try("connect to nothing", err)
	p.make("s", "")
	_, err = net.DialUnix("unix", nil, address)
	p.try("connect to a file", err)
}

func makeSymlinks(p *place) {
	for _, n := range []int{0, 1, 59, 60, 255, 1024, 4094, 4095, 4096, 10000} {
		name := fmt.Sprintf("to%d", n)
		target := strings.Repeat("./", n/2) + strings.Repeat("x", n%2)
		p.try(name, unix.Symlink(target, p.path(name)))
		b := make([]byte, 5000)
		got, err := unix.Readlink(p.path(name), b)
		p.note("%s points right: %v, %s", name, err == nil && string(b[:got]) == target, ending(err))
		got, _ = unix.Readlink(p.path(name), b[:10])
		p.note("%s in a small buffer: %d", name, got)
		p.stat(name)
	}
	p.try("over a symlink", unix.Symlink("x", p.path("to1")))
	p.try("with a slash", unix.Symlink("x", p.path("new/")))
	_, err := unix.Readlink(p.dir, make([]byte, 10))
	p.try("readlink of a directory", err)
	p.try("chmod of a symlink", unix.Fchmodat(unix.AT_FDCWD, p.path("to1"), 0o600, unix.AT_SYMLINK_NOFOLLOW))
	must(p.T, unix.Symlink("target", p.path("dangling")))
	_, err = os.Stat(p.path("dangling"))
	p.try("stat", err)
	fd, err := unix.Open(p.path("dangling"), unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o644)
	p.note("exclusive create: %d, %s", min(fd, 0), ending(err))
	must(p.T, os.WriteFile(p.path("dangling"), []byte("made through a symlink"), 0o644))
	p.read("target")
	must(p.T, os.Symlink(".", p.path("here")))
	p.read("here/here/here/target")
	p.try("rmdir of a symlink", unix.Rmdir(p.path("here")))
	p.try("unlink below a symlink", unix.Unlink(p.path("here/target")))
	p.tree()
}

func followLoops(p *place) {
	must(p.T, os.Symlink("b", p.path("a")))
	must(p.T, os.Symlink("a", p.path("b")))
	must(p.T, os.Symlink("self/x", p.path("self")))
	for _, name := range []string{"a", "b/c", "self", "self/"} {
		_, err := os.Stat(p.path(name))
		p.try("stat "+name, err)
		_, err = unix.Open(p.path(name), unix.O_CREAT|unix.O_RDWR, 0o644)
		p.try("create "+name, err)
		p.try("mkdir "+name, os.Mkdir(p.path(name), 0o755))
	}
	p.make("chain0", "at the end of the chain")
	for i := range 41 {
		must(p.T, os.Symlink(fmt.Sprintf("chain%d", i), p.path(fmt.Sprintf("chain%d", i+1))))
	}
	p.read("chain40")
	p.read("chain41")
}

func makeLinks(p *place) {
	p.make("file", "x")
	must(p.T, os.Mkdir(p.path("dir"), 0o755))
	must(p.T, os.Symlink("file", p.path("symlink")))
	must(p.T, unix.Mkfifo(p.path("fifo"), 0o600))
	for _, name := range []string{"file", "dir", "symlink", "fifo", "none", "file/", "."} {
		for i := range 3 {
			p.try("link of "+name, unix.Link(p.path(name), p.path("dir", strings.TrimSuffix(name, "/")+fmt.Sprint(i))))
		}
	}
	p.try("link over a file", unix.Link(p.path("file"), p.path("symlink")))
	p.try("link into nothing", unix.Link(p.path("file"), p.path("none/x")))
	p.try("link into a file", unix.Link(p.path("file"), p.path("file/x")))
	p.try("link followed", unix.Linkat(unix.AT_FDCWD, p.path("symlink"), unix.AT_FDCWD, p.path("followed"), unix.AT_SYMLINK_FOLLOW))
	p.try("link to elsewhere", unix.Link(p.path("file"), "/proc/self/x"))
	fd, err := unix.Open(p.path("file"), unix.O_RDONLY, 0)
	must(p.T, err)
	defer unix.Close(fd)
	p.try("link of a descriptor", unix.Linkat(fd, "", unix.AT_FDCWD, p.path("by descriptor"), unix.AT_EMPTY_PATH))
	for _, name := range []string{"file0", "symlink1", "fifo2"} {
		p.try("unlink", unix.Unlink(p.path("dir", name)))
	}
	p.tree()
	gone, err := unix.Open(p.path("gone"), unix.O_CREAT|unix.O_RDWR, 0o644)
	must(p.T, err)
	defer unix.Close(gone)
	must(p.T, unix.Unlink(p.path("gone")))
	p.try("link of what has no name", unix.Linkat(gone, "", unix.AT_FDCWD, p.path("back"), unix.AT_EMPTY_PATH))
	as(p.T, user{uid: 1234, gid: 5678}, func() {
		p.try("link by a user", unix.Link(p.path("file"), p.path("theirs")))
	})
}

func longNames(p *place) {
	p.make("f", "x")
	must(p.T, os.Mkdir(p.path("d"), 0o755))
	for _, n := range []int{255, 256, 1000} {
		name := strings.Repeat("n", n)
		p.try("create", os.WriteFile(p.path(name), nil, 0o644))
		p.try("rename", unix.Rename(p.path("f"), p.path("d", name)))
		p.try("rename back", unix.Rename(p.path("d", name), p.path("f")))
		p.try("mkdir", unix.Mkdir(p.path("d", name), 0o755))
		p.try("rmdir", unix.Rmdir(p.path("d", name)))
		p.try("symlink", unix.Symlink("x", p.path("d", name)))
		p.try("unlink", unix.Unlink(p.path("d", name)))
		p.try("link", unix.Link(p.path("f"), p.path("d", name)))
		p.try("mkfifo", unix.Mkfifo(p.path(name+"f"), 0o644))
		p.try("below", unix.Access(p.path(name, "x"), unix.F_OK))
	}
	fill := func(n int) string {
		rest := n - len(p.path("d"))
		return p.path("d") + strings.Repeat("/", rest-1) + "x"
	}
	p.try("path of 4095", os.WriteFile(fill(4095), nil, 0o644))
	p.try("path of 4096", os.WriteFile(fill(4096), nil, 0o644))
	// Deeper than any path reaches.
	fd, err := unix.Open(p.path("d"), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(p.T, err)
	name := strings.Repeat("d", 255)
	for range 20 {
		must(p.T, unix.Mkdirat(fd, name, 0o755))
		next, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		must(p.T, err)
		must(p.T, unix.Close(fd))
		fd = next
	}
	f, err := unix.Openat(fd, "deep", unix.O_CREAT|unix.O_WRONLY, 0o644)
	must(p.T, err)
	_, err = unix.Write(f, []byte("down here"))
	p.try("write", err)
	p.try("close", unix.Close(f))
	must(p.T, unix.Close(fd))
	p.try("removal", os.RemoveAll(p.path("d")))
}

func everyByte(p *place) {
	for b := 1; b < 256; b++ {
		if b == '/' {
			continue
		}
		name := string([]byte{byte(b)})
		p.try(fmt.Sprintf("byte %x", b), unix.Mkdir(p.path(name+"-"), 0o755))
		must(p.T, unix.Mknod(p.path("--"+name), unix.S_IFIFO|0o600, 0))
	}
	p.note("%q", sorted(p.T, p.dir))
}

// directoryTimes notes which operations move a directory's times, and a node's.
func directoryTimes(p *place) {
	must(p.T, os.Mkdir(p.path("d"), 0o755))
	must(p.T, os.Mkdir(p.path("d/from"), 0o755))
	must(p.T, os.Mkdir(p.path("d/to"), 0o755))
	p.make("d/from/a", "x")
	p.tick()
	p.make("d/to/b", "x")
	watched := []string{"d", "d/from", "d/to", "d/from/a", "d/to/b"}
	step := func(what string, err error, before map[string]unix.Stat_t) {
		p.try(what, err)
		for _, w := range watched {
			now, ok := p.times(w)
			p.note("%s: %s there %v, modified %v, changed %v", what, w, ok,
				ok && now.Mtim != before[w].Mtim, ok && now.Ctim != before[w].Ctim)
		}
	}
	for _, s := range []struct {
		what string
		do   func() error
	}{
		{"chmod", func() error { return os.Chmod(p.path("d/from/a"), 0o600) }},
		{"same chmod", func() error { return os.Chmod(p.path("d/from/a"), 0o600) }},
		{"chown", func() error { return os.Lchown(p.path("d/from/a"), 1, 1) }},
		{"chown of nothing", func() error { return os.Lchown(p.path("d/from/a"), -1, -1) }},
		{"link", func() error { return os.Link(p.path("d/from/a"), p.path("d/to/c")) }},
		{"unlink", func() error { return os.Remove(p.path("d/to/c")) }},
		{"setxattr", func() error { return unix.Setxattr(p.path("d/from/a"), "user.x", []byte("1"), 0) }},
		{"removexattr", func() error { return unix.Removexattr(p.path("d/from/a"), "user.x") }},
		{"rename", func() error { return os.Rename(p.path("d/from/a"), p.path("d/from/a2")) }},
		{"rename back", func() error { return os.Rename(p.path("d/from/a2"), p.path("d/from/a")) }},
		{"exchange", func() error {
			return unix.Renameat2(-100, p.path("d/from/a"), -100, p.path("d/to/b"), unix.RENAME_EXCHANGE)
		}},
		{"mkdir", func() error { return os.Mkdir(p.path("d/from/sub"), 0o755) }},
		{"move of a directory", func() error { return os.Rename(p.path("d/from/sub"), p.path("d/to/sub")) }},
		{"rmdir", func() error { return os.Remove(p.path("d/to/sub")) }},
		{"truncate to the same size", func() error { return os.Truncate(p.path("d/from/a"), 1) }},
		{"truncate", func() error { return os.Truncate(p.path("d/from/a"), 5) }},
		{"rewrite", func() error { return os.WriteFile(p.path("d/from/a"), []byte("y"), 0) }},
		{"empty rewrite", func() error { return os.WriteFile(p.path("d/from/a"), nil, 0) }},
		{"empty rewrite of nothing", func() error { return os.WriteFile(p.path("d/from/a"), nil, 0) }},
		{"open for writing", func() error {
			fd, err := unix.Open(p.path("d/from/a"), unix.O_RDWR, 0)
			if err == nil {
				err = unix.Close(fd)
			}
			return err
		}},
		{"utimes", func() error { return unix.Utimes(p.path("d/from/a"), []unix.Timeval{{Sec: 5}, {Sec: 6}}) }},
		{"rename over", func() error { return os.Rename(p.path("d/from/a"), p.path("d/to/b")) }},
	} {
		before := make(map[string]unix.Stat_t)
		for _, w := range watched {
			before[w], _ = p.times(w)
		}
		p.tick()
		step(s.what, s.do(), before)
	}
}

func (p *place) times(name string) (unix.Stat_t, bool) {
	var st unix.Stat_t
	err := unix.Lstat(p.path(name), &st)
	return st, err == nil
}

// tick returns when the clock of file times has moved.
func (p *place) tick() {
	p.Helper()
	f, err := os.CreateTemp("", "tick")
	must(p.T, err)
	defer os.Remove(f.Name())
	defer f.Close()
	var first, st unix.Stat_t
	must(p.T, unix.Fstat(int(f.Fd()), &first))
	for st = first; st.Mtim == first.Mtim; {
		write(p.T, f, []byte("x"), 0)
		must(p.T, unix.Fstat(int(f.Fd()), &st))
	}
}
