package model

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// mismatch is how a system differs from the reference: in what, which is the same
// every time, and how exactly.
type mismatch struct{ what, how string }

func differ(what, format string, args ...any) *mismatch {
	return &mismatch{what, fmt.Sprintf(format, args...)}
}

// match compares what a system answered with what Do returned. Times and inode
// numbers that are seen for the first time are taken over, but for the access time,
// whose record may lag behind.
func (r *Reference) match(op Op, got, want Result) *mismatch {
	switch {
	case got.Errno != want.Errno:
		return differ("errno", "%s, not %s", errnoName(got), errnoName(want))
	case got.Errno != 0 || op.Kind == Statfs:
		return nil
	case got.N != want.N:
		return differ("count", "%d, not %d", got.N, want.N)
	case !bytes.Equal(got.Data, want.Data):
		return differ("bytes", "%s, not %s; %s", brief(got.Data), brief(want.Data), firstDifference(got.Data, want.Data))
	case !slices.Equal(got.Names, want.Names):
		return differ("names", "%q, not %q", got.Names, want.Names)
	case want.Info != nil:
		return r.matchInfo(got.Info, want.Info)
	}
	return nil
}

func errnoName(r Result) string {
	if r.Errno == 0 {
		return "success"
	}
	return unix.ErrnoName(r.Errno)
}

func firstDifference(a, b []byte) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("at %d the first other byte, %#x and not %#x", i, a[i], b[i])
		}
	}
	return "the same up to the end of the shorter"
}

func (r *Reference) matchInfo(got, want *Info) *mismatch {
	n := want.of
	if n.ino == 0 {
		n.ino = got.Ino
	}
	switch {
	case got.Ino != n.ino:
		return differ("inode number", "%d, not %d", got.Ino, n.ino)
	case got.Mode != want.Mode:
		return differ("mode", "%#o, not %#o", got.Mode, want.Mode)
	case got.Nlink != want.Nlink:
		return differ("links", "%d, not %d", got.Nlink, want.Nlink)
	case got.UID != want.UID || got.GID != want.GID:
		return differ("owner", "%d:%d, not %d:%d", got.UID, got.GID, want.UID, want.GID)
	case got.Rdev != want.Rdev:
		return differ("device", "%d, not %d", got.Rdev, want.Rdev)
	case got.Size != want.Size:
		return differ("size", "%d, not %d", got.Size, want.Size)
	case !n.mtime.holds(got.Mtime):
		return differ("mtime", "%d is not in %+v", got.Mtime, n.mtime)
	case !n.isSymlink() && !n.atime.holds(got.Atime): // whoever walks by it may move it
		return differ("atime", "%d is not in %+v", got.Atime, n.atime)
	case got.Ctime < n.ctime.lo || got.Ctime > r.at.hi:
		return differ("ctime", "%d is not in %+v, or in the future", got.Ctime, n.ctime)
	}
	n.mtime = exactly(got.Mtime)
	n.ctime.lo = got.Ctime // a later commit may move it, and nothing moves it back
	return nil
}

// inspection returns operations that look at everything there is.
func (r *Reference) inspection() []Op {
	ops := []Op{{Kind: Readdir, N: 3}}
	r.walk(r.root, "", func(path string, n *node) {
		ops = append(ops, Op{Kind: Stat, Path: path}, Op{Kind: Listxattr, Path: path})
		for _, name := range xattrNames {
			if _, there := n.xattrs[name]; there {
				ops = append(ops, Op{Kind: Getxattr, Path: path, Name: name})
			}
		}
		switch {
		case n.isDir():
			ops = append(ops, Op{Kind: Readdir, Path: path, N: 100})
		case n.isSymlink():
			ops = append(ops, Op{Kind: Readlink, Path: path})
		case n.isRegular():
			ops = append(ops, Op{Kind: Cat, Path: path}, Op{Kind: Stat, Path: path})
		}
	})
	for fd := range maxFD {
		if h := r.fds[fd]; h != nil {
			ops = append(ops, Op{Kind: Fstat, FD: fd}, Op{Kind: Pread, FD: fd, N: int64(len(h.n.content)) + 1})
		}
	}
	return ops
}
