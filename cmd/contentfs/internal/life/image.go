package life

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// image is the memory of a disk: a file without a name, which goes with its
// process whatever happens.
type image struct {
	file   *os.File
	size   int64
	frozen bool
}

func newImage(size int64) (*image, error) {
	// mkfs.btrfs takes disks for one that have images of the same name.
	name := "contentfs-disk-" + rand.Text()
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memory for a disk: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil, fmt.Errorf("memory for a disk: %w", err)
	}
	return &image{file: f, size: size}, nil
}

// path is what other processes open.
func (i *image) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), i.file.Fd()) }

func (i *image) close() { i.file.Close() }

// freeze makes every write fail from now on. It is for ever.
func (i *image) freeze() error {
	if _, err := unix.FcntlInt(i.file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); err != nil {
		return fmt.Errorf("stop the disk: %w", err)
	}
	i.frozen = true
	return nil
}

// copied returns an image with the same bytes that can be written to.
func (i *image) copied() (*image, error) {
	n, err := newImage(i.size)
	if err != nil {
		return nil, err
	}
	fd := int(i.file.Fd())
	for end := int64(0); ; {
		begin, err := unix.Seek(fd, end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return n, nil
		}
		if err == nil {
			end, err = unix.Seek(fd, begin, unix.SEEK_HOLE)
		}
		if err == nil {
			_, err = io.Copy(io.NewOffsetWriter(n.file, begin), io.NewSectionReader(i.file, begin, end-begin))
		}
		if err != nil {
			n.close()
			return nil, fmt.Errorf("copy a disk: %w", err)
		}
	}
}
