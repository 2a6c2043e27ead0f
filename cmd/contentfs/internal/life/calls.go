package life

import "golang.org/x/sys/unix"

// shape says where a system call has what it is about.
type shape int

const (
	byFD   shape = iota // a descriptor comes first
	byAt                // a descriptor of a directory, then a path
	byPath              // a path comes first
)

// syscallOf is a call that a Trap can hold up.
type syscallOf struct {
	number uint32
	shape  shape
}

// calls are what changes a file system, and what makes sure of that.
var calls = map[string]syscallOf{
	"fsync":     {unix.SYS_FSYNC, byFD},
	"fdatasync": {unix.SYS_FDATASYNC, byFD},
	"syncfs":    {unix.SYS_SYNCFS, byFD},
	"pread64":   {unix.SYS_PREAD64, byFD},
	"pwrite64":  {unix.SYS_PWRITE64, byFD},
	"ftruncate": {unix.SYS_FTRUNCATE, byFD},
	"fallocate": {unix.SYS_FALLOCATE, byFD},
	"fsetxattr": {unix.SYS_FSETXATTR, byFD},
	"utimensat": {unix.SYS_UTIMENSAT, byAt},
	"openat":    {unix.SYS_OPENAT, byAt},
	"mkdirat":   {unix.SYS_MKDIRAT, byAt},
	"unlinkat":  {unix.SYS_UNLINKAT, byAt},
	"renameat":  {unix.SYS_RENAMEAT, byAt},
	"renameat2": {unix.SYS_RENAMEAT2, byAt},
	"linkat":    {unix.SYS_LINKAT, byAt},
}
