package content

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// Fallback is the directory that holds what S3 does not. Nothing outside of it is
// ever reached through it: neither by links nor by mount points.
type Fallback struct{ dir *os.File }

// OpenFallback opens the directory.
func OpenFallback(path string) (*Fallback, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open fallback: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	return &Fallback{os.NewFile(uintptr(fd), path)}, nil
}

// Close closes the directory.
func (f *Fallback) Close() error { return f.dir.Close() }

// beneath keeps a path from leaving the directory.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// open opens the regular file at a path relative to the directory.
func (f *Fallback) open(rel []byte, flags, mode uint64) (*os.File, error) {
	fd, err := unix.Openat2(int(f.dir.Fd()), string(rel), &unix.OpenHow{
		Flags: flags | unix.O_CLOEXEC | unix.O_NONBLOCK, Mode: mode, Resolve: beneath,
	})
	if err != nil {
		return nil, fmt.Errorf("open in fallback: %w", &os.PathError{Op: "openat2", Path: string(rel), Err: err})
	}
	file := os.NewFile(uintptr(fd), string(rel))
	st, err := file.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%q in fallback is not a regular file", rel)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// fromFallback copies v's content from the fallback to w: from the copy on
// record, else from the file at the node's own path. The caller checks the bytes;
// without a recorded copy or a checksum to check by, a file that only has the
// right name is not taken for the content.
func (e *Engine) fromFallback(v *meta.Version, w io.Writer) error {
	rel := v.Fallback
	if rel == nil {
		if v.SHA256 == nil {
			return errors.New("no copy in the fallback is on record")
		}
		p, err := e.Meta.Path(v.Ino)
		if err != nil {
			return err
		}
		rel = p[1:]
	}
	f, err := e.Fallback.open(rel, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	// One byte more than expected shows that the file is longer.
	_, err = io.Copy(w, io.LimitReader(f, v.Size+1))
	return err
}
