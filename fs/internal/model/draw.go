package model

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

const (
	errAway    = unix.EIO
	errNothing = unix.ENOENT

	maxFD   = 6   // descriptors at a time
	maxTree = 60  // names at a time
	depth   = 4   // of directories
	common  = 100 // the largest odds
)

var xattrNames = []string{"user.a", "user.long-name.with.dots", "trusted.b"}

// names are few, so that operations meet. The last ones are odd.
var names = []string{"a", "b", "c", "d", "e.jpg", "f_g%2F",
	"\xff\xfe\n", "-rf", strings.Repeat("n", nameMax), strings.Repeat("x", nameMax+1)}

// actions are what a step of the sequence can be, each as often as its weight says.
func (m *machine) actions() map[string]func(*rapid.T) {
	weights := []struct {
		n    int
		name string
		do   func()
	}{
		{6, "open", m.drawOpen}, {3, "close", m.onFD(Close)}, {1, "dup", m.onFD(DupClose)},
		{6, "pwrite", m.drawPwrite}, {3, "pread", m.drawPread}, {2, "fsync", m.onFD(Fsync)},
		{2, "ftruncate", m.drawFtruncate}, {2, "fallocate", m.drawFallocate}, {2, "copy", m.drawCopy}, {1, "fstat", m.onFD(Fstat)},
		{2, "truncate", m.drawTruncate}, {2, "mkdir", m.drawMkdir}, {2, "mknod", m.drawMknod},
		{1, "symlink", m.drawSymlink}, {2, "link", m.drawLink}, {5, "rename", m.drawRename},
		{3, "unlink", m.drawUnlink}, {1, "rmdir", m.drawRmdir}, {1, "chmod", m.drawChmod},
		{1, "chown", m.drawChown}, {2, "utimens", m.drawUtimens}, {2, "xattr", m.drawXattr},
		{1, "readdir", m.drawReaddir}, {2, "stat", m.drawStat}, {1, "cat", m.onPath(Cat)},
		{4, "event", m.drawEvent},
	}
	actions := make(map[string]func(*rapid.T))
	for _, w := range weights {
		for i := range w.n {
			actions[fmt.Sprintf("%s %d", w.name, i)] = func(*rapid.T) { w.do() }
		}
	}
	since := 0
	actions[""] = func(*rapid.T) {
		if since++; since > m.Every {
			since = 0
			m.compare()
		}
	}
	return actions
}

// odds is true p times out of a hundred; never, when the sequence is shrunk.
func (m *machine) odds(p int, label string) bool {
	return rapid.IntRange(0, common-1).Draw(m.rt, label) >= common-p
}

func pick[T any](m *machine, label string, from ...T) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(m.rt, label)]
}

// existing is the path of something that is there, skipping the step if nothing is.
func (m *machine) existing() string {
	paths := m.ref.Paths()
	if len(paths) == 0 {
		return ""
	}
	return pick(m, "existing", paths...)
}

// any is a path that may be there or not.
func (m *machine) any() string {
	if m.odds(50, "existing") {
		return m.existing()
	}
	return m.child()
}

// child is a name in some directory; seldom in what is none.
func (m *machine) child() string {
	dirs := []string{""}
	for _, p := range m.ref.Paths() {
		n, _ := m.ref.must(p)
		if strings.Count(p, "/") < depth && (n.isDir() || len(p)%4 == 0) {
			dirs = append(dirs, p)
		}
	}
	dir, name := pick(m, "directory", dirs...), m.name()
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

func (m *machine) name() string {
	if m.odds(10, "odd name") {
		return pick(m, "name", names...)
	}
	return pick(m, "name", names[:5]...)
}

// full keeps the tree small: a new name is not made.
func (m *machine) full() bool { return len(m.ref.Paths()) >= maxTree }

// fd is an open descriptor, skipping the step if there is none.
func (m *machine) fd() int {
	var open []int
	for fd := range maxFD {
		if m.ref.fds[fd] != nil {
			open = append(open, fd)
		}
	}
	if len(open) == 0 {
		m.rt.Skip("nothing is open")
	}
	return pick(m, "fd", open...)
}

func (m *machine) onFD(k Kind) func()   { return func() { m.do(Op{Kind: k, FD: m.fd()}) } }
func (m *machine) onPath(k Kind) func() { return func() { m.do(Op{Kind: k, Path: m.file()}) } }

// file is a path of a regular file, a directory, or nothing: what can be opened
// without waiting for somebody at the other end.
func (m *machine) file() string {
	p := m.any()
	if n, errno := m.ref.must(p); errno == 0 && !n.isRegular() && !n.isDir() && !n.isSymlink() {
		m.rt.Skip("opening a device means something else")
	}
	return p
}

func (m *machine) drawOpen() {
	var free []int
	for fd := range maxFD {
		if m.ref.fds[fd] == nil {
			free = append(free, fd)
		}
	}
	if len(free) == 0 {
		m.rt.Skip("too many are open")
	}
	op := Op{Kind: Open, FD: free[0], Path: m.file(), Mode: pick[uint32](m, "mode", 0o644, 0o600, 0o755, 0o4755)}
	op.Flags = pick(m, "access", unix.O_RDWR, unix.O_WRONLY, unix.O_RDONLY)
	for _, f := range []struct{ bit, p int }{{unix.O_CREAT, 60}, {unix.O_EXCL, 15}, {unix.O_TRUNC, 25}, {unix.O_APPEND, 20}} {
		if m.odds(f.p, "flag") {
			op.Flags |= f.bit
		}
	}
	if op.Flags&unix.O_CREAT == 0 || m.full() {
		op.Flags &^= unix.O_CREAT | unix.O_EXCL
	}
	if n, errno := m.ref.must(op.Path); errno == 0 && n.isDir() && op.Flags&(unix.O_ACCMODE|unix.O_CREAT|unix.O_TRUNC) == 0 {
		m.rt.Skip("a directory can be opened for reading")
	}
	m.do(op)
}

// offset is a place in or a little behind a file: often at a page's border or at
// the end.
func (m *machine) offset(size int64) int64 {
	switch rapid.IntRange(0, 4).Draw(m.rt, "kind of offset") {
	case 0:
		return rapid.Int64Range(0, 100).Draw(m.rt, "offset")
	case 1:
		return rapid.Int64Range(0, size+1).Draw(m.rt, "offset")
	case 2:
		return 4096*rapid.Int64Range(0, 20).Draw(m.rt, "page") + rapid.Int64Range(0, 1).Draw(m.rt, "byte")
	case 3:
		return size
	}
	return rapid.Int64Range(0, 100_000).Draw(m.rt, "offset")
}

func (m *machine) length() int64 {
	switch rapid.IntRange(0, 2).Draw(m.rt, "kind of length") {
	case 0:
		return rapid.Int64Range(1, 100).Draw(m.rt, "length")
	case 1:
		return 4096 * rapid.Int64Range(1, 4).Draw(m.rt, "pages")
	}
	return rapid.Int64Range(1, 20_000).Draw(m.rt, "length")
}

// bytesOf are bytes that no other operation writes.
func (m *machine) bytesOf(n int64) []byte {
	stamp := binary.LittleEndian.AppendUint32(nil, uint32(m.made)*2654435761+1)
	return bytes.Repeat(stamp, int(n/4)+1)[:n]
}

func (m *machine) size(fd int) int64 { return int64(len(m.ref.fds[fd].n.content)) }

func (m *machine) drawPwrite() {
	fd := m.fd()
	m.do(Op{Kind: Pwrite, FD: fd, Off: m.offset(m.size(fd)), Data: m.bytesOf(m.length())})
}

func (m *machine) drawPread() {
	fd := m.fd()
	m.do(Op{Kind: Pread, FD: fd, Off: m.offset(m.size(fd)), N: m.length()})
}

func (m *machine) drawFtruncate() {
	fd := m.fd()
	m.do(Op{Kind: Ftruncate, FD: fd, Off: m.offset(m.size(fd))})
}

// drawTruncate makes a file so large now and then that it is fetched while it is
// read.
func (m *machine) drawTruncate() {
	op := Op{Kind: Truncate, Path: m.any(), Off: m.offset(1000)}
	if m.odds(1, "large") {
		op.Off += streamSize + 1<<20
	}
	m.do(op)
}

func (m *machine) drawFallocate() {
	fd := m.fd()
	modes := append([]int{0}, m.traits.Falloc...)
	m.do(Op{Kind: Fallocate, FD: fd, Flags: pick(m, "mode", modes...), Off: m.offset(m.size(fd)), N: m.length()})
}

func (m *machine) drawCopy() {
	from, to := m.fd(), m.fd()
	m.do(Op{Kind: Copy, FD: from, To: to, Off: m.offset(m.size(from)), OffTo: m.offset(m.size(to)), N: m.length()})
}

func (m *machine) drawEvent() {
	events := m.system.Events()
	if len(events) == 0 || m.Rare && !m.odds(25, "event") {
		m.rt.Skip("nothing happens here")
	}
	e := pick(m, "event", events...)
	switch {
	case e == OutageBegin && m.ref.outage, e == OutageEnd && !m.ref.outage:
		m.rt.Skip("it is so already")
	}
	m.raise(e)
}

func (m *machine) drawUtimens() {
	draw := func() syscall.Timespec {
		switch rapid.IntRange(0, 3).Draw(m.rt, "kind of time") {
		case 0:
			return syscall.Timespec{Nsec: unix.UTIME_NOW}
		case 1:
			return syscall.Timespec{Nsec: unix.UTIME_OMIT}
		}
		return syscall.Timespec{
			Sec:  rapid.Int64Range(-2_000_000_000, 7_000_000_000).Draw(m.rt, "seconds"),
			Nsec: rapid.Int64Range(0, 999_999_999).Draw(m.rt, "nanoseconds"),
		}
	}
	m.do(Op{Kind: Utimens, Path: m.any(), Atime: draw(), Mtime: draw()})
}

func (m *machine) drawXattr() {
	op := Op{Path: m.any(), Name: pick(m, "name", xattrNames...)}
	op.Kind = pick(m, "kind", Setxattr, Setxattr, Getxattr, Removexattr, Listxattr)
	if op.Kind == Setxattr {
		op.Flags = pick(m, "flags", 0, unix.XATTR_CREATE, unix.XATTR_REPLACE)
		op.Data = slices.Clip(m.bytesOf(rapid.Int64Range(0, 300).Draw(m.rt, "length")))
	}
	m.do(op)
}
