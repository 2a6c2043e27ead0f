package model

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func (r *Reference) chmod(op Op) Result {
	n, errno := r.must(op.Path)
	if errno == 0 && n.isSymlink() {
		errno = unix.ENOENT // chmod follows, and it points nowhere
	}
	if errno != 0 {
		return fail(errno)
	}
	n.mode = n.kind() | op.Mode
	n.ctime = r.at
	return Result{}
}

// chown takes privileges away from whatever could be run, whoever calls it.
func (r *Reference) chown(op Op) Result {
	n, errno := r.must(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	if op.UID >= 0 {
		n.uid = uint32(op.UID)
	}
	if op.GID >= 0 {
		n.gid = uint32(op.GID)
	}
	if !n.isDir() {
		n.mode &^= unix.S_ISUID
		if n.mode&unix.S_IXGRP != 0 {
			n.mode &^= unix.S_ISGID
		}
	}
	n.ctime = r.at
	return Result{}
}

func (r *Reference) utimens(op Op) Result {
	omit := func(t syscall.Timespec) bool { return t.Nsec == unix.UTIME_OMIT }
	if omit(op.Atime) && omit(op.Mtime) {
		return Result{} // the path is not even looked at
	}
	n, errno := r.must(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	r.setTime(&n.atime, op.Atime)
	r.setTime(&n.mtime, op.Mtime)
	n.ctime = r.at
	return Result{}
}

func (r *Reference) setTime(m *moment, t syscall.Timespec) {
	switch t.Nsec {
	case unix.UTIME_OMIT:
	case unix.UTIME_NOW:
		*m = r.at
	default:
		*m = exactly(t.Nano())
	}
}
