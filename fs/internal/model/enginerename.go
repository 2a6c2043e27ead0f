package model

import (
	"syscall"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// link follows the kernel's do_linkat.
func (e *Engine) link(op Op) Result {
	old, errno := e.find(op.Path)
	if errno == 0 && old.n == nil {
		errno = unix.ENOENT
	}
	if errno != 0 {
		return fail(errno)
	}
	s, errno := e.find(op.Other)
	switch {
	case errno != 0:
		return fail(errno)
	case s.n != nil:
		return fail(unix.EEXIST)
	case old.n.IsDir():
		return fail(unix.EPERM)
	}
	return fail(errnoOf(e.believed(e.engine.Link(old.n.Ino, s.dir, s.name))))
}

// rename follows the kernel's do_renameat2 in what it finds out by itself. Whether
// one may replace the other the engine must know too.
func (e *Engine) rename(op Op) Result {
	if op.Flags == unix.RENAME_EXCHANGE|unix.RENAME_NOREPLACE {
		return fail(unix.EINVAL)
	}
	for _, p := range []string{op.Path, op.Other} {
		if _, _, errno := e.parentOf(p); errno != 0 {
			return fail(errno)
		}
	}
	from, errno := e.find(op.Path)
	if errno == 0 && from.n == nil {
		errno = unix.ENOENT
	}
	if errno != 0 {
		return fail(errno)
	}
	to, errno := e.find(op.Other)
	if errno != 0 {
		return fail(errno)
	}
	if errno := e.notAncestor(from, to, op.Flags); errno != 0 {
		return fail(errno)
	}
	return fail(errnoOf(e.engine.Rename(meta.RenameRequest{
		OldParent: from.dir, OldName: from.name, NewParent: to.dir, NewName: to.name,
		NoReplace: op.Flags&unix.RENAME_NOREPLACE != 0, Exchange: op.Flags&unix.RENAME_EXCHANGE != 0,
	})))
}

// notAncestor refuses to put something in the place of a directory that it lies in.
func (e *Engine) notAncestor(from, to spot, flags int) syscall.Errno {
	if to.n == nil || !to.n.IsDir() || flags != 0 {
		return 0
	}
	for dir := from.dir; dir != meta.Root; {
		if dir == to.n.Ino {
			return unix.ENOTEMPTY
		}
		n, err := e.engine.GetAttr(dir)
		if err != nil {
			return errnoOf(err)
		}
		dir = n.Parent
	}
	return 0
}
