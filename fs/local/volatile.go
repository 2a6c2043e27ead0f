package local

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Volatile makes a file in memory, open for reading and writing, that belongs to no
// store and is gone with its last descriptor: for content that is to be read while
// the disk has no room for it. It has no ID.
func Volatile() (*File, error) {
	fd, err := unix.MemfdCreate("contentfs", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	return &File{File: os.NewFile(uintptr(fd), "memory")}, nil
}

// Sealed returns a volatile file as one that nobody writes to any more, and closes f.
func (f *File) Sealed() (*File, error) {
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open a file in memory again: %w", err)
	}
	r := &File{File: os.NewFile(uintptr(fd), "memory")}
	return r, f.Close()
}
