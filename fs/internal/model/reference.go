package model

import (
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// Do carries out an operation that took place between two times, and returns what
// its result must be.
func (r *Reference) Do(op Op, begin, end int64) Result {
	r.at = moment{begin, end}
	if do := operations[op.Kind]; do != nil {
		return do(r, op)
	}
	return fail(unix.ENOSYS)
}

var operations = map[Kind]func(*Reference, Op) Result{
	Open: (*Reference).open, Close: (*Reference).close, DupClose: (*Reference).dupClose,
	Pwrite: (*Reference).pwrite, Pread: (*Reference).pread, Fsync: (*Reference).fsync,
	Ftruncate: (*Reference).ftruncate, Fallocate: (*Reference).fallocate, Fstat: (*Reference).fstat,
	Copy:     (*Reference).copyRange,
	Truncate: (*Reference).truncate, Mkdir: (*Reference).mkdir, Mknod: (*Reference).mknod,
	Symlink: (*Reference).symlink, Link: (*Reference).link, Rename: (*Reference).rename,
	Unlink: (*Reference).unlink, Rmdir: (*Reference).rmdir, Chmod: (*Reference).chmod,
	Chown: (*Reference).chown, Utimens: (*Reference).utimens, Setxattr: (*Reference).setxattr,
	Getxattr: (*Reference).getxattr, Removexattr: (*Reference).removexattr,
	Listxattr: (*Reference).listxattr, Readlink: (*Reference).readlink,
	Readdir: (*Reference).readdir, Stat: (*Reference).stat, Statfs: (*Reference).statfs,
	Cat: (*Reference).cat,
}

func (r *Reference) stat(op Op) Result {
	n, errno := r.must(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	return Result{Info: n.info()}
}

func (r *Reference) statfs(op Op) Result {
	_, errno := r.must(op.Path)
	return fail(errno)
}

func (r *Reference) readlink(op Op) Result {
	n, errno := r.must(op.Path)
	switch {
	case errno != 0:
		return fail(errno)
	case !n.isSymlink():
		return fail(unix.EINVAL)
	}
	r.read(n)
	return Result{Data: n.target}
}

func (r *Reference) readdir(op Op) Result {
	n, errno := r.must(op.Path)
	switch {
	case errno != 0:
		return fail(errno)
	case !n.isDir():
		return fail(unix.ENOTDIR)
	}
	r.read(n)
	names := make([]string, 0, len(n.entries))
	for name, e := range n.entries {
		names = append(names, Listed(name, e.mode))
	}
	sort.Strings(names)
	return Result{Names: names}
}

// Listed is how Result.Names has an entry: with a mark of its type.
func Listed(name string, mode uint32) string {
	marks := map[uint32]string{
		unix.S_IFDIR: "/d", unix.S_IFREG: "/f", unix.S_IFLNK: "/l", unix.S_IFIFO: "/p",
		unix.S_IFSOCK: "/s", unix.S_IFCHR: "/c", unix.S_IFBLK: "/b",
	}
	return name + marks[mode&unix.S_IFMT]
}

// mkdirMode is what mkdir(2) takes of a mode.
const mkdirMode = 0o1777

func (r *Reference) mkdir(op Op) Result {
	p, errno := r.free(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	n := r.newNode(p.dir, unix.S_IFDIR|op.Mode&mkdirMode)
	n.nlink, n.entries = 2, make(map[string]*node)
	r.bind(p, n)
	return Result{}
}

func (r *Reference) mknod(op Op) Result {
	p, errno := r.free(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	n := r.newNode(p.dir, op.Mode)
	n.rdev = uint64(op.N)
	if n.isRegular() {
		n.saved.commit(n) // an empty file that was answered
	}
	r.bind(p, n)
	return Result{}
}

func (r *Reference) symlink(op Op) Result {
	if len(op.Data) > linkMax {
		return fail(unix.ENAMETOOLONG)
	}
	p, errno := r.free(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	n := r.newNode(p.dir, unix.S_IFLNK|0o777)
	n.target = op.Data
	r.bind(p, n)
	return Result{}
}

// newNode makes a node that is to be bound in dir.
func (r *Reference) newNode(dir *node, mode uint32) *node {
	n := &node{mode: mode, xattrs: make(map[string][]byte), atime: r.at, mtime: r.at, ctime: r.at}
	if dir.mode&unix.S_ISGID != 0 {
		n.gid = dir.gid
		if n.isDir() {
			n.mode |= unix.S_ISGID
		}
	}
	r.made++
	return n
}

func (r *Reference) link(op Op) Result {
	n, errno := r.must(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	p, errno := r.free(op.Other)
	if errno != 0 {
		return fail(errno)
	}
	if n.isDir() {
		return fail(unix.EPERM)
	}
	r.bind(p, n)
	n.ctime = r.at
	n.saved.commit(n)
	return Result{}
}

func (r *Reference) unlink(op Op) Result {
	p, errno := r.find(op.Path)
	switch {
	case errno != 0:
		return fail(errno)
	case p.n == nil:
		return fail(unix.ENOENT)
	case p.n.isDir():
		return fail(unix.EISDIR)
	}
	r.unbind(p)
	return Result{}
}

func (r *Reference) rmdir(op Op) Result {
	p, errno := r.find(op.Path)
	switch {
	case errno != 0:
		return fail(errno)
	case p.n == nil:
		return fail(unix.ENOENT)
	case !p.n.isDir():
		return fail(unix.ENOTDIR)
	case len(p.n.entries) > 0:
		return fail(unix.ENOTEMPTY)
	}
	r.unbind(p)
	return Result{}
}

// attribute names by what a local disk takes: those of the user are for files and
// directories.
func (n *node) takes(name string) bool {
	return n.isDir() || n.isRegular() || !strings.HasPrefix(name, "user.")
}

func (r *Reference) setxattr(op Op) Result {
	n, errno := r.must(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	old, there := n.xattrs[op.Name]
	switch {
	case !n.takes(op.Name):
		return fail(unix.EPERM)
	case op.Flags == unix.XATTR_CREATE && there:
		return fail(unix.EEXIST)
	case op.Flags == unix.XATTR_REPLACE && !there:
		return fail(unix.ENODATA)
	}
	n.xattrs[op.Name] = op.Data
	// Where the value is the same, some leave the time as it is.
	if n.ctime = r.at.since(n.ctime); !there || string(old) != string(op.Data) {
		n.ctime = r.at
	}
	return Result{}
}

func (r *Reference) getxattr(op Op) Result {
	n, errno := r.must(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	v, there := n.xattrs[op.Name]
	if !there {
		return fail(unix.ENODATA)
	}
	return Result{Data: v}
}

func (r *Reference) removexattr(op Op) Result {
	n, errno := r.must(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	if !n.takes(op.Name) {
		return fail(unix.EPERM)
	}
	if _, there := n.xattrs[op.Name]; !there {
		return fail(unix.ENODATA)
	}
	delete(n.xattrs, op.Name)
	n.ctime = r.at
	return Result{}
}

func (r *Reference) listxattr(op Op) Result {
	n, errno := r.must(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	names := make([]string, 0, len(n.xattrs))
	for name := range n.xattrs {
		names = append(names, name)
	}
	sort.Strings(names)
	return Result{Names: names}
}
