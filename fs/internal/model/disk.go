package model

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Disk is a directory of this machine, used by system calls relative to it. It
// knows no events: who mounts something there embeds it.
type Disk struct {
	root int // descriptor of the directory
	fds  map[int]int
}

// OpenDisk opens a directory, which is the root from then on.
func OpenDisk(path string) (*Disk, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &Disk{root: fd, fds: make(map[int]int)}, nil
}

// Shut closes all descriptors and the root.
func (d *Disk) Shut() error {
	var errs []error
	for _, fd := range d.fds {
		errs = append(errs, unix.Close(fd))
	}
	d.fds = make(map[int]int)
	return errors.Join(append(errs, unix.Close(d.root))...)
}

// Events returns none.
func (d *Disk) Events() []Event { return nil }

// Raise knows no event.
func (d *Disk) Raise(e Event) error { return fmt.Errorf("%s: %w", e, errors.ErrUnsupported) }

// Verify has nothing to look at.
func (d *Disk) Verify() error { return nil }

// Do makes the system calls of an operation.
func (d *Disk) Do(op Op) Result {
	switch op.Kind {
	case Open:
		fd, err := unix.Openat(d.root, path(op.Path), op.Flags|noFollow, op.Mode)
		if err == nil {
			d.fds[op.FD] = fd
		}
		return done(err)
	case Stat:
		return d.stat(d.root, path(op.Path))
	case Fstat:
		return d.stat(d.fds[op.FD], "")
	case Pread:
		return read(d.fds[op.FD], op.Off, op.N)
	case Cat:
		return d.cat(op)
	case Readdir:
		return d.readdir(op)
	case Readlink:
		buf := make([]byte, linkMax+1)
		n, err := unix.Readlinkat(d.root, path(op.Path), buf)
		if err != nil {
			return done(err)
		}
		return Result{Data: buf[:n]}
	case Copy:
		return d.copyRange(op)
	case Getxattr, Listxattr:
		return d.xattr(op)
	case Pwrite:
		n, err := unix.Pwrite(d.fds[op.FD], op.Data, op.Off)
		if err != nil {
			return done(err)
		}
		return Result{N: int64(n)}
	}
	if change := changes[op.Kind]; change != nil {
		return done(change(d, op))
	}
	return fail(unix.ENOSYS)
}

// noFollow: symlinks are not followed, and a terminal or a pipe holds nobody up.
const noFollow = unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK

func path(p string) string {
	if p == "" {
		return "."
	}
	return p
}

func done(err error) Result {
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = unix.EPROTO // no system call says so
	}
	return fail(errno)
}

// changes are the operations that answer with an error or none.
var changes = map[Kind]func(*Disk, Op) error{
	Close: func(d *Disk, op Op) error {
		fd := d.fds[op.FD]
		delete(d.fds, op.FD)
		return unix.Close(fd)
	},
	DupClose: func(d *Disk, op Op) error {
		fd, err := unix.FcntlInt(uintptr(d.fds[op.FD]), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	},
	Fsync:     func(d *Disk, op Op) error { return unix.Fsync(d.fds[op.FD]) },
	Ftruncate: func(d *Disk, op Op) error { return unix.Ftruncate(d.fds[op.FD], op.Off) },
	Fallocate: func(d *Disk, op Op) error { return unix.Fallocate(d.fds[op.FD], uint32(op.Flags), op.Off, op.N) },
	Truncate:  func(d *Disk, op Op) error { return unix.Truncate(d.proc(op.Path), op.Off) },
	Mkdir:     func(d *Disk, op Op) error { return unix.Mkdirat(d.root, path(op.Path), op.Mode) },
	Mknod:     func(d *Disk, op Op) error { return unix.Mknodat(d.root, path(op.Path), op.Mode, int(op.N)) },
	Symlink:   func(d *Disk, op Op) error { return unix.Symlinkat(string(op.Data), d.root, path(op.Path)) },
	Link:      func(d *Disk, op Op) error { return unix.Linkat(d.root, path(op.Path), d.root, path(op.Other), 0) },
	Rename: func(d *Disk, op Op) error {
		return unix.Renameat2(d.root, path(op.Path), d.root, path(op.Other), uint(op.Flags))
	},
	Unlink: func(d *Disk, op Op) error { return unix.Unlinkat(d.root, path(op.Path), 0) },
	Rmdir:  func(d *Disk, op Op) error { return unix.Unlinkat(d.root, path(op.Path), unix.AT_REMOVEDIR) },
	Chmod:  func(d *Disk, op Op) error { return unix.Fchmodat(d.root, path(op.Path), op.Mode, 0) },
	Chown: func(d *Disk, op Op) error {
		return unix.Fchownat(d.root, path(op.Path), op.UID, op.GID, unix.AT_SYMLINK_NOFOLLOW)
	},
	Utimens: func(d *Disk, op Op) error {
		ts := []unix.Timespec{unix.Timespec(op.Atime), unix.Timespec(op.Mtime)}
		return unix.UtimesNanoAt(d.root, path(op.Path), ts, unix.AT_SYMLINK_NOFOLLOW)
	},
	Setxattr:    func(d *Disk, op Op) error { return unix.Lsetxattr(d.proc(op.Path), op.Name, op.Data, op.Flags) },
	Removexattr: func(d *Disk, op Op) error { return unix.Lremovexattr(d.proc(op.Path), op.Name) },
	Statfs:      (*Disk).statfs,
}

// proc is a path for the system calls that know no directory to begin from.
func (d *Disk) proc(p string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", d.root, path(p)) }

func (d *Disk) statfs(op Op) error {
	var st unix.Statfs_t
	fd, err := unix.Openat(d.root, path(op.Path), unix.O_PATH|noFollow, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fstatfs(fd, &st); err != nil {
		return err
	}
	if st.Bsize <= 0 || st.Namelen != nameMax || st.Bfree > st.Blocks || st.Bavail > st.Bfree || st.Ffree > st.Files {
		return fmt.Errorf("statfs says %+v", st)
	}
	return nil
}

func (d *Disk) stat(dir int, name string) Result {
	var st unix.Stat_t
	flags := unix.AT_SYMLINK_NOFOLLOW
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if err := unix.Fstatat(dir, name, &st, flags); err != nil {
		return done(err)
	}
	i := &Info{
		Ino: st.Ino, Mode: st.Mode, Nlink: uint32(st.Nlink), UID: st.Uid, GID: st.Gid, Rdev: st.Rdev, Size: st.Size,
		Atime: st.Atim.Nano(), Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano(),
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		i.Size = 0
	}
	return Result{Info: i}
}

func read(fd int, off, n int64) Result {
	buf := make([]byte, n)
	var have int
	for have < len(buf) {
		k, err := unix.Pread(fd, buf[have:], off+int64(have))
		if err != nil {
			return done(err)
		}
		if k == 0 {
			break
		}
		have += k
	}
	return Result{Data: buf[:have]}
}

func (d *Disk) copyRange(op Op) Result {
	var st unix.Stat_t
	if err := unix.Fstat(d.fds[op.FD], &st); err != nil {
		return done(err)
	}
	from, to := op.Off, op.OffTo
	rest := max(1, min(op.N, st.Size-op.Off)) // within one file, its end would move away
	var total int64
	for total < rest {
		n, err := unix.CopyFileRange(d.fds[op.FD], &from, d.fds[op.To], &to, int(rest-total), 0)
		if err != nil {
			return done(err)
		}
		if n == 0 {
			break
		}
		total += int64(n)
	}
	return Result{N: total}
}

func (d *Disk) cat(op Op) Result {
	fd, err := unix.Openat(d.root, path(op.Path), unix.O_RDONLY|noFollow, 0)
	if err != nil {
		return done(err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return done(err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return fail(unix.EISDIR)
	}
	return read(fd, 0, st.Size+1)
}

func (d *Disk) readdir(op Op) Result {
	fd, err := unix.Openat(d.root, path(op.Path), unix.O_RDONLY|unix.O_DIRECTORY|noFollow, 0)
	if err != nil {
		return done(err)
	}
	defer unix.Close(fd)
	const longest = 24 + nameMax + 1 // of an entry
	buf := make([]byte, 2*longest+24*op.N)
	names := []string{}
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil {
			return done(err)
		}
		if n == 0 {
			break
		}
		for rest := buf[:n]; len(rest) > 0; {
			length := int(rest[16]) | int(rest[17])<<8
			name, _, _ := strings.Cut(string(rest[19:length]), "\x00")
			if name != "." && name != ".." {
				names = append(names, Listed(name, uint32(rest[18])<<12))
			}
			rest = rest[length:]
		}
	}
	sort.Strings(names)
	return Result{Names: names}
}

func (d *Disk) xattr(op Op) Result {
	buf := make([]byte, 4096)
	if op.Kind == Getxattr {
		n, err := unix.Lgetxattr(d.proc(op.Path), op.Name, buf)
		if err != nil {
			return done(err)
		}
		return Result{Data: buf[:n]}
	}
	n, err := unix.Llistxattr(d.proc(op.Path), buf)
	if err != nil {
		return done(err)
	}
	return Result{Names: ownNames(strings.Split(string(buf[:n]), "\x00"))}
}

// ownNames leaves out the attributes that nobody set.
func ownNames(all []string) []string {
	names := []string{}
	for _, name := range all {
		if name != "" && !strings.HasPrefix(name, "user.contentfs.") && !strings.HasPrefix(name, "security.") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}
