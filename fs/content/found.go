package content

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

const (
	// adoptSome is how many names are read, and taken in, at once.
	adoptSome = 500
)

// read gives use what is in a directory of the fallback, some at a time, and says
// which is the last. Nothing is opened but the directory.
func (f *Fallback) read(rel []byte, log *slog.Logger, use func(found []meta.Found, last bool) error) error {
	dir, err := f.openDir(rel)
	if errors.Is(err, unix.EXDEV) {
		log.Warn("a mount point in the fallback is not looked into", "path", string(rel))
		return use(nil, true)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnread, err)
	}
	defer dir.Close()
	r := dirReader{dir: dir, rel: rel, log: log}
	if err := unix.Fstat(int(dir.Fd()), &r.st); err != nil {
		return fmt.Errorf("%w: stat: %w", ErrUnread, err)
	}
	for {
		names, err := dir.Readdirnames(adoptSome)
		if err != nil && err != io.EOF {
			return fmt.Errorf("%w: %w", ErrUnread, err)
		}
		if err := use(r.describe(names), err == io.EOF); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
	}
}

// openDir opens a directory beneath the fallback, without a trace where that is
// allowed.
func (f *Fallback) openDir(rel []byte) (*os.File, error) {
	path := string(rel)
	if path == "" {
		path = "."
	}
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC | unix.O_NOATIME, Resolve: beneath}
	fd, err := unix.Openat2(int(f.dir.Fd()), path, &how)
	if err == unix.EPERM {
		how.Flags &^= unix.O_NOATIME
		fd, err = unix.Openat2(int(f.dir.Fd()), path, &how)
	}
	if err != nil {
		return nil, &os.PathError{Op: "openat2", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// dirReader describes names in a directory of the fallback.
type dirReader struct {
	dir *os.File
	rel []byte
	st  unix.Stat_t // of the directory
	log *slog.Logger
}

// describe leaves out what is ours, what is gone again, and, with a word, what cannot
// be looked at.
func (r *dirReader) describe(names []string) []meta.Found {
	found := make([]meta.Found, 0, len(names))
	for _, name := range names {
		if isOurs([]byte(name)) {
			continue
		}
		x, err := r.one(name)
		switch {
		case err == nil:
			found = append(found, x)
		case !errors.Is(err, unix.ENOENT):
			r.log.Warn("left out: it cannot be read in the fallback", "path", string(r.path(name)), "err", err)
		}
	}
	return found
}

func (r *dirReader) path(name string) []byte {
	if len(r.rel) == 0 {
		return []byte(name)
	}
	return bytes.Join([][]byte{r.rel, []byte(name)}, []byte("/"))
}

func (r *dirReader) one(name string) (meta.Found, error) {
	fd := int(r.dir.Fd())
	var st unix.Stat_t
	if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return meta.Found{}, fmt.Errorf("stat: %w", err)
	}
	x := meta.Found{Name: []byte(name), Path: r.path(name), Node: nodeOf(&st)}
	var err error
	if x.Xattrs, err = r.attrs(name); err != nil {
		return meta.Found{}, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		x.Class = EvictionClass(append([]byte("/"), x.Path...))
	case unix.S_IFDIR:
		if x.Closed = st.Dev != r.st.Dev; x.Closed {
			r.log.Warn("a mount point in the fallback is not looked into", "path", string(x.Path))
		}
	case unix.S_IFLNK:
		buf := make([]byte, unix.PathMax+1)
		n, err := unix.Readlinkat(fd, name, buf)
		if err != nil {
			return meta.Found{}, fmt.Errorf("read link: %w", err)
		}
		x.Target = buf[:n:n]
	}
	return x, nil
}

func nodeOf(st *unix.Stat_t) meta.Node {
	return meta.Node{
		Mode: st.Mode, UID: st.Uid, GID: st.Gid, Rdev: uint32(st.Rdev), Size: st.Size, Blocks: st.Blocks,
		Atime: nanoseconds(st.Atim), Mtime: nanoseconds(st.Mtim), Ctime: nanoseconds(st.Ctim),
	}
}

// nanoseconds gives a time as we keep it; what lies further away than that reaches is
// the furthest.
func nanoseconds(t unix.Timespec) int64 {
	const reach = math.MaxInt64/int64(time.Second) - 1
	switch {
	case int64(t.Sec) > reach:
		return math.MaxInt64
	case int64(t.Sec) < -reach:
		return math.MinInt64
	}
	return t.Nano()
}
