package model

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func (r *Reference) open(op Op) Result {
	before := r.made
	n, errno := r.opened(op)
	if errno != 0 {
		return fail(errno)
	}
	h := &handle{n, op.Flags, r.made > before}
	if op.Flags&unix.O_TRUNC != 0 {
		r.setContent(n, nil)
	} else {
		r.fetch(n)
	}
	r.fds[op.FD] = h
	n.opens++
	if h.commits() {
		n.writers++
	}
	return Result{}
}

// opened finds what is to be opened, or makes it.
func (r *Reference) opened(op Op) (*node, syscall.Errno) {
	p, errno := r.find(op.Path)
	if errno != 0 {
		return nil, errno
	}
	create, exclusive := op.Flags&unix.O_CREAT != 0, op.Flags&unix.O_EXCL != 0
	switch {
	case p.n == nil && !create:
		return nil, unix.ENOENT
	case p.n == nil:
		n := r.newNode(p.dir, unix.S_IFREG|op.Mode)
		r.bind(p, n)
		return n, 0
	case create && exclusive:
		return nil, unix.EEXIST
	case p.n.isSymlink():
		return nil, unix.ELOOP
	case p.n.isDir():
		return nil, unix.EISDIR
	}
	return p.n, 0
}

func (r *Reference) close(op Op) Result {
	h := r.fds[op.FD]
	delete(r.fds, op.FD)
	r.flushed(h)
	h.n.opens--
	if h.commits() {
		h.n.writers--
	}
	if h.n.writers == 0 {
		h.n.saved.open = false
	}
	if h.n.opens == 0 {
		h.n.remote.streams = false
	}
	return Result{}
}

func (r *Reference) dupClose(op Op) Result {
	r.flushed(r.fds[op.FD])
	return Result{}
}

func (r *Reference) flushed(h *handle) {
	if h.commits() {
		h.n.saved.commit(h.n)
		r.delivered(h.n)
	}
}

// fsync makes safe what anybody wrote, through whatever descriptor it comes.
func (r *Reference) fsync(op Op) Result {
	h := r.fds[op.FD]
	h.n.saved.commit(h.n)
	r.delivered(h.n)
	return Result{}
}

func (r *Reference) fstat(op Op) Result { return Result{Info: r.fds[op.FD].n.info()} }

func (r *Reference) pread(op Op) Result {
	h := r.fds[op.FD]
	if !h.reads() {
		return fail(unix.EBADF)
	}
	size := int64(len(h.n.content))
	from, to := min(op.Off, size), min(op.Off+op.N, size)
	r.read(h.n) // even at the end
	return Result{Data: h.n.content[from:to]}
}

// read notes that the access time may move.
func (r *Reference) read(n *node) { n.atime = r.at.since(n.atime) }

func (r *Reference) pwrite(op Op) Result {
	h := r.fds[op.FD]
	if !h.writes() {
		return fail(unix.EBADF)
	}
	off := op.Off
	if h.flags&unix.O_APPEND != 0 {
		off = int64(len(h.n.content)) // Linux does so even for pwrite
	}
	c := resized(h.n.content, max(off+int64(len(op.Data)), int64(len(h.n.content))))
	copy(c[off:], op.Data)
	r.setContent(h.n, c)
	return Result{N: int64(len(op.Data))}
}

func (r *Reference) ftruncate(op Op) Result {
	h := r.fds[op.FD]
	if !h.writes() {
		return fail(unix.EINVAL)
	}
	r.setContent(h.n, resized(h.n.content, op.Off))
	return Result{}
}

// copyRange copies what lies in front of the source's end.
func (r *Reference) copyRange(op Op) Result {
	from, to := r.fds[op.FD], r.fds[op.To]
	size := int64(len(from.n.content))
	piece := from.n.content[min(op.Off, size):min(op.Off+op.N, size)]
	n := int64(len(piece))
	switch {
	case !from.reads() || !to.writes() || to.flags&unix.O_APPEND != 0:
		return fail(unix.EBADF)
	case from.n == to.n && op.Off < op.OffTo+n && op.OffTo < op.Off+n:
		return fail(unix.EINVAL) // the ranges overlap
	}
	if len(piece) == 0 {
		return Result{}
	}
	r.read(from.n)
	c := resized(to.n.content, max(op.OffTo+int64(len(piece)), int64(len(to.n.content))))
	copy(c[op.OffTo:], piece)
	r.setContent(to.n, c)
	return Result{N: int64(len(piece))}
}

// truncate by name is a commit of its own unless somebody has the file open for
// writing, whose commit it then waits for.
func (r *Reference) truncate(op Op) Result {
	n, errno := r.must(op.Path)
	switch {
	case errno != 0:
		return fail(errno)
	case n.isSymlink():
		return fail(unix.ENOENT) // followed, and it points nowhere
	case n.isDir():
		return fail(unix.EISDIR)
	case !n.isRegular():
		return fail(unix.EINVAL)
	}
	mtime := n.mtime
	if op.Off == int64(len(n.content)) {
		mtime = r.at.since(n.mtime) // some take it for a change
	} else {
		mtime = r.at
	}
	r.setContent(n, resized(n.content, op.Off))
	n.mtime = mtime
	if n.writers == 0 {
		n.saved.commit(n)
		n.saved.open = false
	}
	return Result{}
}

func (r *Reference) fallocate(op Op) Result {
	h := r.fds[op.FD]
	if op.Flags != 0 && !r.takesFalloc(op.Flags) {
		return fail(unix.EOPNOTSUPP)
	}
	if !h.writes() {
		return fail(unix.EBADF)
	}
	c, end := h.n.content, op.Off+op.N
	if op.Flags&unix.FALLOC_FL_KEEP_SIZE == 0 {
		c = resized(c, max(end, int64(len(c))))
	} else {
		c = resized(c, int64(len(c)))
	}
	if op.Flags&(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_ZERO_RANGE) != 0 {
		clear(c[min(op.Off, int64(len(c))):min(end, int64(len(c)))])
	}
	mtime := r.at.since(h.n.mtime) // filesystems differ about what is a change
	r.setContent(h.n, c)
	h.n.mtime = mtime
	return Result{}
}

func (r *Reference) takesFalloc(mode int) bool {
	for _, m := range r.Falloc {
		if m == mode {
			return true
		}
	}
	return false
}

func (r *Reference) cat(op Op) Result {
	n, errno := r.opened(Op{Path: op.Path, Flags: unix.O_RDONLY})
	if errno != 0 {
		return fail(errno)
	}
	r.fetch(n)
	r.read(n)
	return Result{Data: n.content}
}

func (r *Reference) setContent(n *node, c []byte) {
	n.content = c
	n.mtime, n.ctime = r.at, r.at
	n.remote.changed()
}

// resized returns a copy of b with another length.
func resized(b []byte, size int64) []byte {
	c := make([]byte, size)
	copy(c, b)
	return c
}
