package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

func (x *fsx) write() error {
	off, n := x.piece()
	x.note("write [%d,+%d)", off, n)
	b := x.fresh(n)
	if _, err := unix.Pwrite(x.fd[fsxMain], b, int64(off)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	x.put(off, b)
	return nil
}

func (x *fsx) append() error {
	n := 1 + x.rnd.IntN(2*fsxPage)
	if len(x.good)+n > fsxMost {
		return nil
	}
	x.note("append %d", n)
	b := x.fresh(n)
	if _, err := unix.Write(x.fd[fsxAppend], b); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	x.put(len(x.good), b)
	return nil
}

func (x *fsx) truncate() error {
	size, _ := x.piece()
	if x.rnd.IntN(8) == 0 {
		size = 0
	}
	byName := x.rnd.IntN(2) == 0
	x.note("truncate to %d, by name %v", size, byName)
	var err error
	if byName {
		err = unix.Truncate(x.path, int64(size))
	} else {
		err = unix.Ftruncate(x.fd[fsxMain], int64(size))
	}
	if err != nil {
		return fmt.Errorf("truncate: %w", err)
	}
	x.grow(size)
	x.good = slices.Clone(x.good[:size])
	return nil
}

// mapped calls use with a mapping of a part of the file, which it syncs after that if
// told to.
func (x *fsx) mapped(from, to, prot int, sync bool, use func(m []byte) error) error {
	start := from &^ (fsxPage - 1)
	m, err := unix.Mmap(x.fd[fsxMain], int64(start), to-start, prot, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	err = use(m[from-start:])
	if err == nil && sync {
		err = unix.Msync(m, unix.MS_SYNC)
	}
	return errors.Join(err, unix.Munmap(m))
}

func (x *fsx) mapRead() error {
	off, n := x.piece()
	end := min(off+n, len(x.good))
	if off >= end {
		return nil
	}
	x.note("read by mapping [%d,%d)", off, end)
	return x.mapped(off, end, unix.PROT_READ, false, func(m []byte) error {
		return x.same("mapping", off, bytes.Clone(m), end-off)
	})
}

// mapWrite stores inside of the file only.
func (x *fsx) mapWrite() error {
	off, n := x.piece()
	end := min(off+n, len(x.good))
	if off >= end {
		return nil
	}
	sync := x.rnd.IntN(3) == 0
	x.note("write by mapping [%d,%d), msync %v", off, end, sync)
	b := x.fresh(end - off)
	x.put(off, b)
	return x.mapped(off, end, unix.PROT_READ|unix.PROT_WRITE, sync, func(m []byte) error {
		copy(m, b)
		return nil
	})
}

func (x *fsx) copy() error {
	from, n := x.piece()
	to, _ := x.piece()
	n = min(n, len(x.good)-from, fsxMost-to)
	if n <= 0 || from < to+n && to < from+n {
		return nil // they must not overlap
	}
	x.note("copy [%d,+%d) to %d", from, n, to)
	for copied := 0; copied < n; {
		src, dst := int64(from+copied), int64(to+copied)
		k, err := unix.CopyFileRange(x.fd[fsxOther], &src, x.fd[fsxMain], &dst, n-copied, 0)
		if err != nil {
			return fmt.Errorf("copy_file_range: %w", err)
		}
		if k == 0 {
			return fmt.Errorf("copy_file_range: %d of %d bytes", copied, n)
		}
		copied += k
	}
	x.put(to, bytes.Clone(x.good[from:from+n]))
	return nil
}

func (x *fsx) allocate() error {
	off, n := x.piece()
	keep := x.rnd.IntN(2) * unix.FALLOC_FL_KEEP_SIZE
	x.note("fallocate [%d,+%d) mode %#x", off, n, keep)
	if err := unix.Fallocate(x.fd[fsxMain], uint32(keep), int64(off), int64(n)); err != nil {
		return x.unsupported("fallocate", err)
	}
	if keep == 0 {
		x.grow(off + n)
	}
	return nil
}

func (x *fsx) punch() error {
	off, n := x.piece()
	x.note("punch [%d,+%d)", off, n)
	const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	if err := unix.Fallocate(x.fd[fsxMain], mode, int64(off), int64(n)); err != nil {
		return x.unsupported("punch hole", err)
	}
	x.clear(off, n)
	return nil
}

func (x *fsx) zero() error {
	off, n := x.piece()
	keep := x.rnd.IntN(2) * unix.FALLOC_FL_KEEP_SIZE
	x.note("zero [%d,+%d) keep %v", off, n, keep != 0)
	if err := unix.Fallocate(x.fd[fsxMain], uint32(unix.FALLOC_FL_ZERO_RANGE|keep), int64(off), int64(n)); err != nil {
		return x.unsupported("zero range", err)
	}
	if keep == 0 {
		x.grow(off + n)
	}
	x.clear(off, n)
	return nil
}

func (x *fsx) clear(off, n int) {
	clear(x.good[min(off, len(x.good)):min(off+n, len(x.good))])
}

// pages is a range of whole pages inside of the file, which must not reach its end.
func (x *fsx) pages() (off, n int, ok bool) {
	off, n = x.piece()
	off &^= fsxPage - 1
	n = max(fsxPage, n&^(fsxPage-1))
	return off, n, off+n < len(x.good)
}

func (x *fsx) collapse() error {
	off, n, ok := x.pages()
	if !ok {
		return nil
	}
	x.note("collapse [%d,+%d)", off, n)
	if err := unix.Fallocate(x.fd[fsxMain], unix.FALLOC_FL_COLLAPSE_RANGE, int64(off), int64(n)); err != nil {
		return x.unsupported("collapse range", err)
	}
	x.good = slices.Delete(x.good, off, off+n)
	return nil
}

func (x *fsx) insert() error {
	off, n, ok := x.pages()
	if !ok || len(x.good)+n > fsxMost {
		return nil
	}
	x.note("insert [%d,+%d)", off, n)
	if err := unix.Fallocate(x.fd[fsxMain], unix.FALLOC_FL_INSERT_RANGE, int64(off), int64(n)); err != nil {
		return x.unsupported("insert range", err)
	}
	x.good = slices.Insert(x.good, off, make([]byte, n)...)
	return nil
}

// aligned calls use with a buffer that direct access takes.
func aligned(n int, use func(b []byte) error) error {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	return errors.Join(use(b), unix.Munmap(b))
}

func (x *fsx) directWrite() error {
	off, n := x.piece()
	off &^= fsxPage - 1
	n = max(fsxPage, n&^(fsxPage-1))
	x.note("write directly [%d,+%d)", off, n)
	b := x.fresh(n)
	x.put(off, b)
	return aligned(n, func(buf []byte) error {
		copy(buf, b)
		if _, err := unix.Pwrite(x.fd[fsxDirect], buf, int64(off)); err != nil {
			return fmt.Errorf("direct write: %w", err)
		}
		return nil
	})
}

func (x *fsx) directRead() error {
	off, n := x.piece()
	off &^= fsxPage - 1
	n = max(fsxPage, n&^(fsxPage-1))
	x.note("read directly [%d,+%d)", off, n)
	return aligned(n, func(buf []byte) error {
		k, err := unix.Pread(x.fd[fsxDirect], buf, int64(off))
		if err != nil {
			return fmt.Errorf("direct read: %w", err)
		}
		if off >= len(x.good) {
			return nil
		}
		return x.same("direct read", off, buf[:k], min(n, len(x.good)-off))
	})
}

func (x *fsx) sync() error {
	x.note("fsync")
	return unix.Fsync(x.fd[x.rnd.IntN(len(x.fd))])
}

// seek goes through data and holes: a hole holds zeros, and the end is one.
func (x *fsx) seek() error {
	x.note("seek")
	for at, size := int64(0), int64(len(x.good)); at < size; {
		data, err := unix.Seek(x.fd[fsxOther], at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			data = size
		} else if err != nil {
			return fmt.Errorf("seek data from %d: %w", at, err)
		}
		if data < at || data > size {
			return fmt.Errorf("seek data from %d of %d: %d", at, size, data)
		}
		if i := bytes.IndexFunc(x.good[at:data], func(r rune) bool { return r != 0 }); i >= 0 {
			return fmt.Errorf("a hole at [%d,%d), with data at %d", at, data, at+int64(i))
		}
		if data == size {
			return nil
		}
		if at, err = unix.Seek(x.fd[fsxOther], data, unix.SEEK_HOLE); err != nil {
			return fmt.Errorf("seek hole from %d: %w", data, err)
		}
		if at <= data || at > size {
			return fmt.Errorf("seek hole from %d of %d: %d", data, size, at)
		}
	}
	return nil
}
