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

// ID tells this directory from others on this machine: "device:inode".
func (f *Fallback) ID() (string, error) {
	st, err := f.stat()
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino), err
}

// top describes the directory itself.
func (f *Fallback) top() (meta.Node, error) {
	st, err := f.stat()
	return nodeOf(&st), err
}

func (f *Fallback) stat() (unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.dir.Fd()), &st); err != nil {
		return st, fmt.Errorf("stat fallback: %w", err)
	}
	return st, nil
}

// Holds reports whether there is something of this name in the directory.
func (f *Fallback) Holds(name string) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(int(f.dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("stat in fallback: %w", err)
	}
	return true, nil
}

// Close closes the directory.
func (f *Fallback) Close() error { return f.dir.Close() }

// beneath keeps a path from leaving the directory.
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

var errNotAFile = errors.New("it is not a regular file")

// open opens the regular file at a path relative to the directory, for reading.
func (f *Fallback) open(rel []byte) (*os.File, error) {
	fd, err := unix.Openat2(int(f.dir.Fd()), string(rel), &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK, Resolve: beneath,
	})
	if err != nil {
		return nil, fmt.Errorf("open in fallback: %w", &os.PathError{Op: "openat2", Path: string(rel), Err: err})
	}
	file := os.NewFile(uintptr(fd), string(rel))
	st, err := file.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%q in fallback: %w", rel, errNotAFile)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// ErrAltered: a file in the fallback is not any more what was taken in.
var ErrAltered = errors.New("file was changed in the fallback after it was taken in")

// fromFallback copies v's content from the fallback to w.
func (e *Engine) fromFallback(v *meta.Version, w io.Writer) error {
	// One byte more than expected shows that the file is longer.
	return e.fromFallbackRange(v, 0, v.Size+1, w)
}

// fromFallbackRange copies a part of v's content from the fallback to w: from the
// copy on record, else from the file at the node's own path. The caller checks the
// bytes; without a recorded copy or a checksum to check by, a file that only has the
// right name is not taken for the content.
func (e *Engine) fromFallbackRange(v *meta.Version, off, n int64, w io.Writer) error {
	f, rel, err := e.openAny(v)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(w, io.NewSectionReader(f, off, n)); err != nil {
		return err
	}
	// After the bytes: what changed before or meanwhile shows now.
	return e.unaltered(v, rel, f)
}

// openAny is openCopy, for a version without a copy on record as well.
func (e *Engine) openAny(v *meta.Version) (*os.File, []byte, error) {
	if v.Fallback != nil {
		return e.openCopy(v)
	}
	if v.SHA256 == nil {
		return nil, nil, errors.New("no copy in the fallback is on record")
	}
	p, err := e.Meta.Path(v.Ino)
	if err != nil {
		return nil, nil, err
	}
	f, err := e.Fallback.open(p[1:])
	return f, p[1:], err
}

// unaltered is ErrAltered for a file that was taken in, has no checksum yet, and has
// another size or time by now. rel is where it lies.
func (e *Engine) unaltered(v *meta.Version, rel []byte, f *os.File) error {
	if v.SHA256 != nil || v.Fallback == nil || isOurs(rel) {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fmt.Errorf("stat in fallback: %w", err)
	}
	if st.Size == v.Size && nanoseconds(st.Mtim) == v.Mtime {
		return nil
	}
	e.Log.Error("a file was changed in the fallback after it was taken in; it is not delivered",
		"path", string(rel), "version", v.ID, "size", st.Size, "expected_size", v.Size)
	return fmt.Errorf("%w: %q", ErrAltered, rel)
}
