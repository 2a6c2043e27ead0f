package content

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Read reads into p from offset off. It returns fewer bytes only at the end of
// the file. Waiting for content that is still being fetched can be interrupted.
func (e *Engine) Read(ctx context.Context, h *Handle, p []byte, off int64) (int, error) {
	if s := h.l.stream; s != nil {
		if err := s.need(ctx, off, int64(len(p))); err != nil {
			return 0, fmt.Errorf("read node %d: %w", h.l.ino, err)
		}
	}
	n, err := h.l.file.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read node %d: %w", h.l.ino, err)
	}
	return n, nil
}

// ReadQuietly is Read for who asked with O_NOATIME that it leave no trace.
func (e *Engine) ReadQuietly(ctx context.Context, h *Handle, p []byte, off int64) (int, error) {
	if h.l.stream != nil {
		return e.Read(ctx, h, p, off)
	}
	n, err := h.l.file.ReadQuietly(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read node %d: %w", h.l.ino, err)
	}
	return n, nil
}

// Write writes p at offset off.
func (e *Engine) Write(h *Handle, p []byte, off int64) (int, error) {
	if !h.write {
		return 0, ErrBadHandle
	}
	n, err := h.l.rw.WriteAt(p, off)
	// After the write: a commit that clears the mark before has seen the bytes.
	h.l.written.Store(true)
	if err != nil {
		return n, fmt.Errorf("write node %d: %w", h.l.ino, err)
	}
	return n, nil
}

// Fallocate does what fallocate(2) does with the same mode.
func (e *Engine) Fallocate(h *Handle, mode uint32, off, n int64) error {
	if !h.write {
		return ErrBadHandle
	}
	err := h.l.rw.Control(func(fd int) error { return unix.Fallocate(fd, mode, off, n) })
	h.l.written.Store(true)
	if err != nil {
		return fmt.Errorf("fallocate node %d: %w", h.l.ino, err)
	}
	return nil
}

// ErrUncopied: the range cannot be copied at once; it can be read and written.
var ErrUncopied = errors.New("range cannot be copied at once")

// CopyRange copies up to n bytes from one file to another, or within one, without
// taking them through memory, and sharing them where the disk can. It may copy less,
// 0 at the end of the source.
func (e *Engine) CopyRange(ctx context.Context, from, to *Handle, offFrom, offTo, n int64) (int, error) {
	if !to.write {
		return 0, ErrBadHandle
	}
	if to.guarded {
		return 0, ErrUncopied // each write takes privileges away or not
	}
	n = min(n, 1<<30)
	if s := from.l.stream; s != nil {
		n = min(n, streamAhead*streamBlock) // all of it is asked for at once
		if err := s.need(ctx, offFrom, n); err != nil {
			return 0, fmt.Errorf("copy from node %d: %w", from.l.ino, err)
		}
	}
	var copied int
	err := from.l.file.Control(func(src int) error {
		return to.l.rw.Control(func(dst int) (err error) {
			copied, err = unix.CopyFileRange(src, &offFrom, dst, &offTo, int(n), 0)
			return err
		})
	})
	to.l.written.Store(true)
	if err != nil {
		return copied, fmt.Errorf("copy from node %d to node %d: %w", from.l.ino, to.l.ino, err)
	}
	return copied, nil
}

// Seek finds data or a hole (whence is SEEK_DATA or SEEK_HOLE) at or behind off.
func (e *Engine) Seek(ctx context.Context, h *Handle, off int64, whence int) (int64, error) {
	if s := h.l.stream; s != nil {
		// What is not fetched yet looks like a hole.
		if err := s.wait(ctx); err != nil {
			return 0, fmt.Errorf("seek node %d: %w", h.l.ino, err)
		}
	}
	var pos int64
	err := h.l.file.Control(func(fd int) (err error) { pos, err = unix.Seek(fd, off, whence); return err })
	if err != nil {
		return 0, fmt.Errorf("seek node %d: %w", h.l.ino, err)
	}
	return pos, nil
}

// truncate sets the size of an open file. What was changed by name is to be committed
// now, because no close will follow.
func (e *Engine) truncate(ctx context.Context, h *Handle, size int64, byName bool) error {
	l := h.l
	if err := l.acquire(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	defer l.release()
	if err := l.rw.Truncate(size); err != nil {
		return err
	}
	l.written.Store(true)
	if !byName || l.writers > 1 {
		return nil // a flush commits; an empty file is not published in between
	}
	return e.commit(l)
}
