package local

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Stamp tells whether a file was changed: what stat says about its content.
type Stamp struct {
	Size   int64
	Atime  int64 // nanoseconds since 1970, as the others
	Mtime  int64
	Ctime  int64
	Blocks int64 // of 512 bytes, without the attributes'
}

// Stamp reads the file's stamp.
func (f *File) Stamp() (Stamp, error) {
	var st unix.Stat_t
	err := f.Control(func(fd int) error {
		err := unix.Fstat(fd, &st)
		if err == nil {
			st.Blocks = f.contentBlocks(fd, st.Blocks)
		}
		return err
	})
	if err != nil {
		return Stamp{}, fmt.Errorf("stat local file %s: %w", f.ID, err)
	}
	return stampOf(&st), nil
}

// Stat reads the stamp of a file without opening it; Blocks counts the attributes
// too. It fails as Open does.
func (s *Store) Stat(id ID) (Stamp, error) {
	var st unix.Stat_t
	err := unix.Fstatat(int(s.dir.Fd()), string(id), &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = ErrNotRegular
	}
	if err != nil {
		return Stamp{}, fmt.Errorf("stat local file %s: %w", id, err)
	}
	return stampOf(&st), nil
}

func stampOf(st *unix.Stat_t) Stamp {
	return Stamp{Size: st.Size, Atime: st.Atim.Nano(), Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano(), Blocks: st.Blocks}
}

// SameContent reports whether size and modification time are those of o. The
// change time is left out: our own attribute changes it.
func (s Stamp) SameContent(o Stamp) bool { return s.Size == o.Size && s.Mtime == o.Mtime }

// Control runs fn with the descriptor while it cannot be closed.
func (f *File) Control(fn func(fd int) error) error {
	rc, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := rc.Control(func(fd uintptr) { inner = fn(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// SetTimes sets access and modification time, in nanoseconds since 1970.
func (f *File) SetTimes(atime, mtime int64) error {
	return f.setTimes(unix.NsecToTimespec(atime), unix.NsecToTimespec(mtime))
}

// touch sets both times to what a write would set them to now.
func (f *File) touch() error {
	now := unix.Timespec{Nsec: unix.UTIME_NOW}
	return f.setTimes(now, now)
}

// ForgetRead sets the access time to 0, which the next read moves.
func (f *File) ForgetRead() error {
	return f.setTimes(unix.Timespec{}, unix.Timespec{Nsec: unix.UTIME_OMIT})
}

// Quietly opens the file again, with an offset of its own, for reads that leave no
// access time. The caller closes it.
func (f *File) Quietly() (*os.File, error) {
	return os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_RDONLY|unix.O_NOATIME, 0)
}

// ReadQuietly is ReadAt that leaves no access time.
func (f *File) ReadQuietly(p []byte, off int64) (int, error) {
	r, err := f.Quietly()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return r.ReadAt(p, off)
}

// Quiet makes reads by this file leave no access time.
func (f *File) Quiet() error {
	err := f.Control(func(fd int) error {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err == nil {
			_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_NOATIME)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read local file %s without a trace: %w", f.ID, err)
	}
	return nil
}

func (f *File) setTimes(atime, mtime unix.Timespec) error {
	ts := []unix.Timespec{atime, mtime}
	err := f.Control(func(fd int) error {
		return unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), ts, 0)
	})
	if err != nil {
		return fmt.Errorf("set times of local file %s: %w", f.ID, err)
	}
	return nil
}

// Unwritten reports whether nobody, here or left over from a killed daemon, holds
// the file open for writing or mapped writable at this moment. The caller must
// not hold it open for writing itself, nor have it registered with the kernel
// for passthrough to a writer.
func (f *File) Unwritten() (bool, error) {
	free, err := f.lease(unix.F_RDLCK)
	if err != nil {
		return false, fmt.Errorf("probe writers of local file %s: %w", f.ID, err)
	}
	return free, nil
}

// Unused reports whether nobody else has the file open at this moment, for whatever.
// The caller has it open once, for reading.
func (f *File) Unused() (bool, error) {
	free, err := f.lease(unix.F_WRLCK)
	if err != nil {
		return false, fmt.Errorf("probe users of local file %s: %w", f.ID, err)
	}
	return free, nil
}

// lease reports whether the kernel grants a lease of the kind.
func (f *File) lease(kind int) (granted bool, err error) {
	err = f.Control(func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, kind)
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		if err != nil {
			return err
		}
		granted = true
		// Dropped at once: a lease that is held makes the next writer wait for
		// fs.lease-break-time.
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
		return err
	})
	return granted && err == nil, err
}

// Clone makes a new file with the content of src: sharing its blocks where the
// file system can, else as a copy. The clone is not synced. When src changes
// meanwhile the clone may hold a mixture; the caller excludes that or compares
// stamps.
func (s *Store) Clone(src *File, who Identity) (*File, error) {
	dst, err := s.Create(who)
	if err != nil {
		return nil, err
	}
	if err := clone(dst, src); err != nil {
		dst.Close()
		return nil, errors.Join(fmt.Errorf("clone local file %s: %w", src.ID, err), s.unlink(dst.ID))
	}
	return dst, nil
}

// clone shares the bytes where the disk can, and copies them where not. Holes stay
// holes: a file may have more of them than the disk has room.
func clone(dst, src *File) error {
	if err := unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())); err == nil {
		return nil
	}
	st, err := src.Stamp()
	if err != nil {
		return err
	}
	r, err := src.Quietly()
	if err != nil {
		return err
	}
	defer r.Close()
	for at := int64(0); at < st.Size; {
		begin, err := r.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			return err
		}
		if at, err = r.Seek(begin, unix.SEEK_HOLE); err != nil {
			return err
		}
		if err := copyRange(dst, r, begin, min(at, st.Size)); err != nil {
			return err
		}
	}
	return dst.Truncate(st.Size)
}

// copyRange copies the bytes from begin to end to the same place. io.Copy uses
// copy_file_range, and falls back by itself.
func copyRange(dst *File, src *os.File, begin, end int64) error {
	for _, f := range []*os.File{dst.File, src} {
		if _, err := f.Seek(begin, io.SeekStart); err != nil {
			return err
		}
	}
	_, err := io.Copy(dst.File, io.LimitReader(src, end-begin))
	return err
}

// Space tells how much room the store's file system has.
type Space struct {
	Size      int64  // bytes in all
	Free      int64  // bytes that can still be written
	Files     uint64 // 0 where the file system makes inodes as it needs them, as btrfs does
	FilesFree uint64 // 0, too, where it does
	BlockSize int64
}

// Space asks the file system.
func (s *Store) Space() (Space, error) { return spaceOf(s.dir) }

// Device tells on which file system the store is.
func (s *Store) Device() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(s.dir.Fd()), &st); err != nil {
		return 0, fmt.Errorf("stat local store: %w", err)
	}
	return st.Dev, nil
}

// SpaceAt asks the file system of a path.
func SpaceAt(path string) (Space, error) {
	d, err := os.Open(path)
	if err != nil {
		return Space{}, err
	}
	defer d.Close()
	return spaceOf(d)
}

func spaceOf(d *os.File) (Space, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(d.Fd()), &st); err != nil {
		return Space{}, fmt.Errorf("statfs %s: %w", d.Name(), err)
	}
	return Space{
		Size:      int64(st.Blocks) * st.Bsize,
		Free:      int64(st.Bavail) * st.Bsize,
		Files:     st.Files,
		FilesFree: st.Ffree,
		BlockSize: st.Bsize,
	}, nil
}
