package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/content"
	"contentfs/meta"
)

// opened is a descriptor of the application.
type opened struct {
	h     *content.Handle
	flags int
	past  *os.File // the local file as the kernel has it, where it goes past us
}

func (o *opened) reads() bool  { return o.flags&unix.O_ACCMODE != unix.O_WRONLY }
func (o *opened) writes() bool { return o.flags&unix.O_ACCMODE != unix.O_RDONLY }

// open follows the kernel's open_last_lookups and do_open.
func (e *Engine) open(s spot, op Op) Result {
	create, exclusive := op.Flags&unix.O_CREAT != 0, op.Flags&unix.O_EXCL != 0
	switch {
	case s.n == nil && !create:
		return fail(unix.ENOENT)
	case s.n == nil:
		n, h, err := e.engine.Create(meta.CreateRequest{Parent: s.dir, Name: s.name, Mode: meta.TypeRegular | op.Mode})
		return e.opened(h, op, e.believed(n, err))
	case create && exclusive:
		return fail(unix.EEXIST)
	case s.n.Mode&meta.TypeMask == meta.TypeSymlink:
		return fail(unix.ELOOP)
	case s.n.IsDir():
		return fail(unix.EISDIR)
	}
	h, err := e.engine.Open(context.Background(), s.n.Ino, op.Flags&^(unix.O_CREAT|unix.O_EXCL))
	if op.Kind == Open || err != nil {
		return e.opened(h, op, err)
	}
	const own = -1 // of Cat
	op.FD = own
	if r := e.opened(h, op, nil); r.Errno != 0 {
		return r
	}
	n, err := e.engine.GetAttr(h.Ino())
	if err != nil {
		return fail(errnoOf(err))
	}
	r := e.pread(e.fds[own], 0, n.Size+1)
	if errno := e.life.close(own); errno != 0 {
		return fail(errno)
	}
	return r
}

func (e *Engine) opened(h *content.Handle, op Op, err error) Result {
	if err != nil {
		return fail(errnoOf(err))
	}
	o := &opened{h: h, flags: op.Flags}
	if f := h.File(); e.Passthrough && f != nil {
		// The kernel opens the file again for every descriptor.
		o.past, err = os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), op.Flags&unix.O_ACCMODE, 0)
		if err != nil {
			e.engine.Release(h)
			return done(err)
		}
	}
	e.fds[op.FD] = o
	return Result{}
}

// close is what the kernel does for close(2), if nobody has a duplicate.
func (l *life) close(fd int) syscall.Errno {
	o := l.fds[fd]
	delete(l.fds, fd)
	errno := l.flush(o)
	if o.past != nil {
		o.past.Close()
	}
	l.engine.Release(o.h)
	return errno
}

// flush is asked for by who could have changed the file.
func (l *life) flush(o *opened) syscall.Errno {
	if !o.h.Writes() {
		return 0
	}
	return errnoOf(l.engine.Flush(context.Background(), o.h))
}

// onFiles are the operations on descriptors.
var onFiles = map[Kind]func(*life, *Engine, Op) Result{
	Close:    func(l *life, _ *Engine, op Op) Result { return fail(l.close(op.FD)) },
	DupClose: func(l *life, _ *Engine, op Op) Result { return fail(l.flush(l.fds[op.FD])) },
	Fsync: func(l *life, e *Engine, op Op) Result {
		return fail(errnoOf(e.engine.Fsync(context.Background(), l.fds[op.FD].h)))
	},
	Fstat: func(l *life, e *Engine, op Op) Result {
		n, err := e.engine.GetAttr(l.fds[op.FD].h.Ino())
		if err != nil {
			return fail(errnoOf(err))
		}
		return infoOf(&n)
	},
	Pread: func(l *life, e *Engine, op Op) Result { return e.pread(l.fds[op.FD], op.Off, op.N) },
	Pwrite: func(l *life, e *Engine, op Op) Result {
		o := l.fds[op.FD]
		if !o.writes() {
			return fail(unix.EBADF)
		}
		n, err := e.pwrite(o, op)
		return Result{N: int64(n), Errno: errnoOf(err)}
	},
	Ftruncate: func(l *life, e *Engine, op Op) Result {
		o := l.fds[op.FD]
		if !o.writes() {
			return fail(unix.EINVAL)
		}
		c := meta.AttrChange{Valid: meta.AttrSize, Size: op.Off, Ctime: time.Now().UnixNano()}
		return fail(errnoOf(e.believed(e.engine.SetAttr(context.Background(), o.h.Ino(), o.h, c))))
	},
	Fallocate: func(l *life, e *Engine, op Op) Result {
		o := l.fds[op.FD]
		if !o.writes() {
			return fail(unix.EBADF)
		}
		return fail(errnoOf(e.engine.Fallocate(o.h, uint32(op.Flags), op.Off, op.N)))
	},
	Copy: func(l *life, e *Engine, op Op) Result { return e.copyRange(l.fds[op.FD], l.fds[op.To], op) },
}

func (e *Engine) pread(o *opened, off, n int64) Result {
	if !o.reads() {
		return fail(unix.EBADF)
	}
	buf := make([]byte, n)
	var k int
	var err error
	if o.past != nil {
		if k, err = o.past.ReadAt(buf, off); errors.Is(err, io.EOF) {
			err = nil
		}
	} else {
		k, err = e.engine.Read(context.Background(), o.h, buf, off)
	}
	if err != nil {
		return fail(errnoOf(err))
	}
	return Result{Data: buf[:k]}
}

func (e *Engine) pwrite(o *opened, op Op) (int, error) {
	off := op.Off
	if o.flags&unix.O_APPEND != 0 {
		n, err := e.engine.GetAttr(o.h.Ino())
		if err != nil {
			return 0, err
		}
		off = n.Size
	}
	if o.past != nil {
		return o.past.WriteAt(op.Data, off)
	}
	return e.engine.Write(o.h, op.Data, off)
}

// copyRange copies as long as it goes, and by reading and writing where the engine
// refuses, as the kernel does after its own checks.
func (e *Engine) copyRange(from, to *opened, op Op) Result {
	if !from.reads() || !to.writes() || to.flags&unix.O_APPEND != 0 {
		return fail(unix.EBADF)
	}
	st, err := e.engine.GetAttr(from.h.Ino())
	if err != nil {
		return fail(errnoOf(err))
	}
	op.N = max(0, min(op.N, st.Size-op.Off))
	if from.h.Ino() == to.h.Ino() && op.Off < op.OffTo+op.N && op.OffTo < op.Off+op.N {
		return fail(unix.EINVAL)
	}
	var total int64
	for total < op.N {
		n, err := e.engine.CopyRange(context.Background(), from.h, to.h, op.Off+total, op.OffTo+total, op.N-total)
		if errors.Is(err, content.ErrUncopied) {
			return e.copyBytes(from, to, op)
		}
		if err != nil {
			return fail(errnoOf(err))
		}
		if n == 0 {
			break
		}
		total += int64(n)
	}
	return Result{N: total}
}

func (e *Engine) copyBytes(from, to *opened, op Op) Result {
	r := e.pread(from, op.Off, op.N)
	if r.Errno != 0 {
		return r
	}
	n, err := e.pwrite(to, Op{Off: op.OffTo, Data: r.Data})
	return Result{N: int64(n), Errno: errnoOf(err)}
}
