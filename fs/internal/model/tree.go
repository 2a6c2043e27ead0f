package model

import (
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// nameMax is the longest name in bytes, linkMax the longest target of a symlink.
const (
	nameMax = 255
	linkMax = 4095
)

// Reference is the tree as POSIX and Linux have it, in plain Go.
type Reference struct {
	Traits
	root *node
	fds  map[int]*handle
	made int // nodes

	outage bool
	at     moment // of the operation under way
}

// node is a file, directory, symlink or special file.
type node struct {
	mode     uint32
	uid, gid uint32
	nlink    uint32
	rdev     uint64
	target   []byte // of a symlink
	ino      uint64 // as it was seen; 0: not yet

	parent  *node            // of a directory
	entries map[string]*node // of a directory

	xattrs map[string][]byte

	atime, mtime, ctime moment

	// content of a regular file. The bytes are never changed in place, so that a
	// slice is good as the content of an earlier moment.
	content []byte

	opens   int
	writers int // of opens
	saved   saved
	remote  remote
}

// handle is an open file.
type handle struct {
	n     *node
	flags int
	made  bool // the file did not exist before
}

func (h *handle) reads() bool  { return h.flags&unix.O_ACCMODE != unix.O_WRONLY }
func (h *handle) writes() bool { return h.flags&unix.O_ACCMODE != unix.O_RDONLY }

// commits reports whether a close of the handle commits: it could change the file,
// if only by making it or by truncating.
func (h *handle) commits() bool { return h.made || h.writes() || h.flags&unix.O_TRUNC != 0 }

// moment is when something happened: at one time between lo and hi, in nanoseconds
// since 1970.
type moment struct{ lo, hi int64 }

func exactly(ns int64) moment { return moment{ns, ns} }

func (m moment) holds(ns int64) bool { return m.lo <= ns && ns <= m.hi }

// since is a moment between two others.
func (m moment) since(earlier moment) moment {
	return moment{min(earlier.lo, m.lo), max(earlier.hi, m.hi)}
}

// NewReference returns a tree that has nothing but a root of the attributes given.
func NewReference(root Info, t Traits) *Reference {
	r := &Reference{Traits: t, fds: make(map[int]*handle)}
	r.root = &node{
		mode: root.Mode, uid: root.UID, gid: root.GID, nlink: root.Nlink, ino: root.Ino,
		entries: make(map[string]*node), xattrs: make(map[string][]byte),
		atime: exactly(root.Atime), mtime: exactly(root.Mtime), ctime: exactly(root.Ctime),
	}
	r.root.parent = r.root
	r.made++
	return r
}

func (n *node) kind() uint32    { return n.mode & unix.S_IFMT }
func (n *node) isDir() bool     { return n.kind() == unix.S_IFDIR }
func (n *node) isRegular() bool { return n.kind() == unix.S_IFREG }
func (n *node) isSymlink() bool { return n.kind() == unix.S_IFLNK }

// place is where a path leads: the directory, the name in it, and what is there.
type place struct {
	dir  *node
	name string
	n    *node // nil: nothing
}

// parentOf resolves all of a path but its last component.
func (r *Reference) parentOf(path string) (dir *node, name string, errno syscall.Errno) {
	dir = r.root
	for {
		first, rest, more := strings.Cut(path, "/")
		if !more {
			return dir, first, 0
		}
		if len(first) > nameMax {
			return nil, "", unix.ENAMETOOLONG
		}
		next := dir.entries[first]
		switch {
		case next == nil || next.isSymlink(): // they point nowhere
			return nil, "", unix.ENOENT
		case !next.isDir():
			return nil, "", unix.ENOTDIR
		}
		dir, path = next, rest
	}
}

// find resolves a path up to what may or may not be there.
func (r *Reference) find(path string) (place, syscall.Errno) {
	if path == "" {
		return place{r.root, "", r.root}, 0
	}
	dir, name, errno := r.parentOf(path)
	if errno != 0 {
		return place{}, errno
	}
	if len(name) > nameMax {
		return place{}, unix.ENAMETOOLONG
	}
	return place{dir, name, dir.entries[name]}, 0
}

// must is find for what has to be there.
func (r *Reference) must(path string) (*node, syscall.Errno) {
	p, errno := r.find(path)
	if errno == 0 && p.n == nil {
		errno = unix.ENOENT
	}
	return p.n, errno
}

// free is find for a name that is to be made.
func (r *Reference) free(path string) (place, syscall.Errno) {
	p, errno := r.find(path)
	if errno == 0 && p.n != nil {
		errno = unix.EEXIST
	}
	return p, errno
}

// bind gives a node a name, which is free.
func (r *Reference) bind(p place, n *node) {
	p.dir.entries[p.name] = n
	r.changedDir(p.dir)
	if n.isDir() {
		n.parent = p.dir
		p.dir.nlink++
	} else {
		n.nlink++
	}
}

// unbind takes a name away.
func (r *Reference) unbind(p place) {
	delete(p.dir.entries, p.name)
	r.changedDir(p.dir)
	if p.n.isDir() {
		p.dir.nlink--
	} else {
		p.n.nlink--
	}
	p.n.ctime = r.at
}

func (r *Reference) changedDir(dir *node) { dir.mtime, dir.ctime = r.at, r.at }

// below reports whether n is top or lies in it.
func below(n, top *node) bool {
	for ; n != top; n = n.parent {
		if n == n.parent {
			return false
		}
	}
	return true
}

// Paths returns the path of every name, in order, a directory before what is in it.
func (r *Reference) Paths() []string {
	var list []string
	r.walk(r.root, "", func(path string, _ *node) { list = append(list, path) })
	return list
}

func (r *Reference) walk(dir *node, path string, visit func(path string, n *node)) {
	names := make([]string, 0, len(dir.entries))
	for name := range dir.entries {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		p := name
		if path != "" {
			p = path + "/" + name
		}
		n := dir.entries[name]
		visit(p, n)
		if n.isDir() {
			r.walk(n, p, visit)
		}
	}
}

// info describes a node as far as it is known.
func (n *node) info() *Info {
	i := &Info{Mode: n.mode, Nlink: n.nlink, UID: n.uid, GID: n.gid, Rdev: n.rdev, of: n}
	switch {
	case n.isRegular():
		i.Size = int64(len(n.content))
	case n.isSymlink():
		i.Size = int64(len(n.target))
	}
	return i
}
