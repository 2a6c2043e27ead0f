package model

import (
	"fmt"
	"hash/fnv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Kind is what an Op does.
type Kind string

// The operations. Those on a descriptor use Op.FD, the others Op.Path.
const (
	Open      Kind = "open" // Flags, Mode; FD is the number that the descriptor gets
	Close     Kind = "close"
	DupClose  Kind = "dup and close" // of a duplicate; FD stays open
	Pwrite    Kind = "pwrite"        // Data at Off; at the end with O_APPEND
	Pread     Kind = "pread"         // N bytes at Off
	Fsync     Kind = "fsync"
	Ftruncate Kind = "ftruncate" // to Off
	Fallocate Kind = "fallocate" // Flags, Off, N
	Fstat     Kind = "fstat"
	Copy      Kind = "copy range" // N bytes at Off to those of To at OffTo

	Truncate    Kind = "truncate" // to Off
	Mkdir       Kind = "mkdir"
	Mknod       Kind = "mknod" // Mode with a type, N is the device
	Symlink     Kind = "symlink"
	Link        Kind = "link"   // Path becomes Other too
	Rename      Kind = "rename" // to Other, with Flags
	Unlink      Kind = "unlink"
	Rmdir       Kind = "rmdir"
	Chmod       Kind = "chmod"
	Chown       Kind = "chown"   // -1 leaves an id as it is
	Utimens     Kind = "utimens" // Atime, Mtime
	Setxattr    Kind = "setxattr"
	Getxattr    Kind = "getxattr"
	Removexattr Kind = "removexattr"
	Listxattr   Kind = "listxattr"
	Readlink    Kind = "readlink"
	Readdir     Kind = "readdir" // N entries or so at a time
	Stat        Kind = "stat"
	Statfs      Kind = "statfs"
	Cat         Kind = "cat" // the whole content, by a descriptor of its own
)

// Op is one operation. Paths are relative to the root, which is ""; no symlink is
// followed in the last component, and all that there are point nowhere.
type Op struct {
	Kind  Kind
	FD    int
	To    int // another descriptor
	Path  string
	Other string
	Flags int
	Mode  uint32
	Off   int64
	OffTo int64
	N     int64
	UID   int
	GID   int
	Atime syscall.Timespec // Nsec may be unix.UTIME_NOW or unix.UTIME_OMIT
	Mtime syscall.Timespec
	Name  string // of an attribute
	Data  []byte // to be written; an attribute's value; a symlink's target
}

// String returns the operation in one line.
func (o Op) String() string {
	switch o.Kind {
	case Open:
		return fmt.Sprintf("%s %q %s %#o as %d", o.Kind, o.Path, openFlags(o.Flags), o.Mode, o.FD)
	case Close, DupClose, Fsync, Fstat:
		return fmt.Sprintf("%s %d", o.Kind, o.FD)
	case Pwrite:
		return fmt.Sprintf("%s %d [%d,+%d) %s", o.Kind, o.FD, o.Off, len(o.Data), brief(o.Data))
	case Pread:
		return fmt.Sprintf("%s %d [%d,+%d)", o.Kind, o.FD, o.Off, o.N)
	case Copy:
		return fmt.Sprintf("%s %d [%d,+%d) to %d at %d", o.Kind, o.FD, o.Off, o.N, o.To, o.OffTo)
	case Ftruncate:
		return fmt.Sprintf("%s %d to %d", o.Kind, o.FD, o.Off)
	case Fallocate:
		return fmt.Sprintf("%s %d mode %#x [%d,+%d)", o.Kind, o.FD, o.Flags, o.Off, o.N)
	case Truncate:
		return fmt.Sprintf("%s %q to %d", o.Kind, o.Path, o.Off)
	case Mkdir, Chmod:
		return fmt.Sprintf("%s %q %#o", o.Kind, o.Path, o.Mode)
	case Mknod:
		return fmt.Sprintf("%s %q %#o device %d", o.Kind, o.Path, o.Mode, o.N)
	case Symlink:
		return fmt.Sprintf("%s %q to %s", o.Kind, o.Path, brief(o.Data))
	case Link:
		return fmt.Sprintf("%s %q %q", o.Kind, o.Path, o.Other)
	case Rename:
		return fmt.Sprintf("%s %q %q %s", o.Kind, o.Path, o.Other, renameFlags(o.Flags))
	case Chown:
		return fmt.Sprintf("%s %q %d:%d", o.Kind, o.Path, o.UID, o.GID)
	case Utimens:
		return fmt.Sprintf("%s %q %v %v", o.Kind, o.Path, o.Atime, o.Mtime)
	case Setxattr:
		return fmt.Sprintf("%s %q %s %s flags %d", o.Kind, o.Path, o.Name, brief(o.Data), o.Flags)
	case Getxattr, Removexattr:
		return fmt.Sprintf("%s %q %s", o.Kind, o.Path, o.Name)
	case Readdir:
		return fmt.Sprintf("%s %q %d at a time", o.Kind, o.Path, o.N)
	}
	return fmt.Sprintf("%s %q", o.Kind, o.Path)
}

func openFlags(flags int) string {
	words := []string{[]string{"RDONLY", "WRONLY", "RDWR", "?"}[flags&unix.O_ACCMODE]}
	for _, f := range []struct {
		bit  int
		name string
	}{{unix.O_CREAT, "CREAT"}, {unix.O_EXCL, "EXCL"}, {unix.O_TRUNC, "TRUNC"}, {unix.O_APPEND, "APPEND"}} {
		if flags&f.bit != 0 {
			words = append(words, f.name)
		}
	}
	return strings.Join(words, "|")
}

func renameFlags(flags int) string {
	switch flags {
	case 0:
		return ""
	case unix.RENAME_NOREPLACE:
		return "NOREPLACE"
	case unix.RENAME_EXCHANGE:
		return "EXCHANGE"
	}
	return fmt.Sprintf("flags %#x", flags)
}

// brief names bytes shortly: the length, both ends and a hash of the whole.
func brief(b []byte) string {
	if len(b) <= 16 {
		return fmt.Sprintf("%q", b)
	}
	h := fnv.New32a()
	h.Write(b)
	return fmt.Sprintf("%d bytes %x..%x #%x", len(b), b[:4], b[len(b)-4:], h.Sum32())
}

// Info is what stat tells. Times are nanoseconds since 1970.
type Info struct {
	Ino   uint64
	Mode  uint32
	Nlink uint32
	UID   uint32
	GID   uint32
	Rdev  uint64
	Size  int64 // 0 for directories, whose size means nothing
	Atime int64
	Mtime int64
	Ctime int64

	of *node // whose it is, of the Reference's own
}

// Result is what an application sees of an operation.
type Result struct {
	Errno syscall.Errno
	N     int64    // bytes written
	Data  []byte   // that were read
	Info  *Info    // of Stat and Fstat
	Names []string // of Readdir, with a mark of the type, and Listxattr; sorted
}

// String returns the result in one line.
func (r Result) String() string {
	switch {
	case r.Errno != 0:
		return unix.ErrnoName(r.Errno)
	case r.Info != nil:
		i := r.Info
		return fmt.Sprintf("ino %d mode %#o nlink %d ids %d:%d rdev %d size %d atime %d mtime %d ctime %d",
			i.Ino, i.Mode, i.Nlink, i.UID, i.GID, i.Rdev, i.Size, i.Atime, i.Mtime, i.Ctime)
	case r.Names != nil:
		return fmt.Sprintf("%q", r.Names)
	case r.Data != nil:
		return brief(r.Data)
	}
	return fmt.Sprintf("ok %d", r.N)
}

// fail is the result of a failure.
func fail(e syscall.Errno) Result { return Result{Errno: e} }
