package model

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// rename checks in the order of renameat2(2): flags, both parents, both names, loops,
// and only then whether one may replace the other.
func (r *Reference) rename(op Op) Result {
	exchange := op.Flags&unix.RENAME_EXCHANGE != 0
	if exchange && op.Flags&unix.RENAME_NOREPLACE != 0 {
		return fail(unix.EINVAL)
	}
	from, to, errno := r.bothEnds(op)
	if errno == 0 {
		errno = mayRename(from, to, op.Flags)
	}
	if errno != 0 {
		if from.n != nil {
			from.n.saved.perhaps(from.n) // the commit comes first
		}
		return fail(errno)
	}
	from.n.saved.commit(from.n)
	switch {
	case from.n == to.n:
		// Two names of one file, or the same name: nothing to do.
	case exchange:
		to.n.saved.commit(to.n)
		r.swap(from, to)
	default:
		r.move(from, to)
	}
	return Result{}
}

// bothEnds finds the two names. The second may be free. Even if it fails the first
// is what there is.
func (r *Reference) bothEnds(op Op) (from, to place, errno syscall.Errno) {
	if _, _, errno := r.parentOf(op.Path); errno != 0 {
		return from, to, errno
	}
	if _, _, errno := r.parentOf(op.Other); errno != 0 {
		return from, to, errno
	}
	if from, errno = r.find(op.Path); errno != 0 {
		return from, to, errno
	}
	if from.n == nil {
		return from, to, unix.ENOENT
	}
	to, errno = r.find(op.Other)
	return from, to, errno
}

func mayRename(from, to place, flags int) syscall.Errno {
	exchange := flags&unix.RENAME_EXCHANGE != 0
	switch {
	case flags&unix.RENAME_NOREPLACE != 0 && to.n != nil:
		return unix.EEXIST
	case exchange && to.n == nil:
		return unix.ENOENT
	case from.n.isDir() && below(to.dir, from.n):
		return unix.EINVAL
	case to.n != nil && to.n.isDir() && below(from.dir, to.n):
		if exchange {
			return unix.EINVAL
		}
		return unix.ENOTEMPTY
	case to.n == nil || to.n == from.n || exchange:
		return 0
	case from.n.isDir() && !to.n.isDir():
		return unix.ENOTDIR
	case !from.n.isDir() && to.n.isDir():
		return unix.EISDIR
	case to.n.isDir() && len(to.n.entries) > 0:
		return unix.ENOTEMPTY
	}
	return 0
}

func (r *Reference) move(from, to place) {
	if to.n != nil {
		r.unbind(to)
	}
	moved := from.n
	r.unbind(from)
	r.bind(to, moved)
}

func (r *Reference) swap(from, to place) {
	r.unbind(from)
	r.unbind(to)
	r.bind(place{from.dir, from.name, nil}, to.n)
	r.bind(place{to.dir, to.name, nil}, from.n)
}
