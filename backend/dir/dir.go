package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"golang.org/x/sys/unix"
)

var (
	_ backend.Backend      = (*Store)(nil)
	_ backend.UploadLister = (*Store)(nil)
)

const tmpName = ".tmp"

// Store is a backend in a directory. Several may use one directory, also from
// several processes.
type Store struct {
	root string
	tmp  string
}

// New opens the store in the existing directory path, which must support user
// extended attributes, and removes what crashed processes left unfinished.
func New(path string) (*Store, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, driver.Fail("open", path, backend.Invalid, err)
	}
	s := &Store{root: root, tmp: filepath.Join(root, tmpName)}
	switch err := os.Mkdir(s.tmp, 0o700); {
	case err == nil:
		if err := syncDir(root); err != nil {
			return nil, driver.Fail("open", root, backend.Transient, err)
		}
	case errors.Is(err, fs.ErrNotExist):
		return nil, driver.Fail("open", root, backend.Missing, err)
	case !errors.Is(err, fs.ErrExist):
		return nil, s.fail(context.Background(), "open", "", err)
	}
	if err := s.sweep(); err != nil {
		return nil, s.fail(context.Background(), "open", "", err)
	}
	if _, err := unix.Getxattr(s.tmp, attrName, nil); errors.Is(err, unix.ENOTSUP) {
		return nil, driver.Fail("open", root, backend.Invalid, errors.New("file system without user extended attributes"))
	}
	return s, nil
}

// Get implements backend.Backend.
func (s *Store) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	f, obj, err := s.open(ctx, "get", key)
	if err != nil {
		return nil, err
	}
	want, err := driver.FitRange(key, off, n, obj.Size)
	if err != nil {
		f.Close()
		return nil, err
	}
	var sum []byte
	if off == 0 && want == obj.Size {
		sum = obj.SHA256
	}
	body := struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, off, want), f}
	return driver.NewReader(ctx, key, body, want, sum), nil
}

// Stat implements backend.Backend.
func (s *Store) Stat(ctx context.Context, key string) (backend.Object, error) {
	f, obj, err := s.open(ctx, "stat", key)
	if err != nil {
		return backend.Object{}, err
	}
	f.Close()
	obj.Told = time.Now()
	return obj, nil
}

// Delete implements backend.Backend. The name is gone for good when it returns.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := driver.CheckKey(ctx, "delete", key); err != nil {
		return err
	}
	path := s.path(key)
	err := os.Remove(path)
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		if err = s.fail(ctx, "delete", key, err); backend.IsAbsent(err) {
			return nil
		}
	}
	return err
}

func (s *Store) path(key string) string { return filepath.Join(s.root, pathOf(key)) }

// open returns the object's file and description; the caller closes the file.
func (s *Store) open(ctx context.Context, op, key string) (*os.File, backend.Object, error) {
	if err := driver.CheckKey(ctx, op, key); err != nil {
		return nil, backend.Object{}, err
	}
	// O_NONBLOCK: a FIFO that somebody laid here must not hang the caller.
	f, err := os.OpenFile(s.path(key), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, backend.Object{}, s.fail(ctx, op, key, err)
	}
	obj, err := describe(f, key)
	if err != nil {
		f.Close()
		return nil, backend.Object{}, s.fail(ctx, op, key, err)
	}
	return f, obj, nil
}

// fail classifies err. A name that is not there is Absent only when the store is.
func (s *Store) fail(ctx context.Context, op, key string, err error) error {
	class := driver.ContextClass(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		class = backend.Absent
		if _, tmpErr := os.Lstat(s.tmp); errors.Is(tmpErr, fs.ErrNotExist) {
			class = backend.Missing
			err = fmt.Errorf("%s is gone; is its disk mounted? %w", s.tmp, err)
		} else if tmpErr != nil {
			class = backend.Transient
		}
	case errors.Is(err, fs.ErrExist):
		class = backend.Exists
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		class = backend.Denied
	case errors.Is(err, syscall.ENAMETOOLONG):
		class = backend.TooLong
	case errors.Is(err, syscall.ELOOP), errors.Is(err, errNotRegular):
		class = backend.Invalid
	}
	return driver.Fail(op, key, class, err)
}

// sweep removes the temporary files that no process holds.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.tmp)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(s.tmp, e.Name())
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			continue // finished meanwhile, or not ours
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			err = os.Remove(path)
		}
		f.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// create returns a new locked file in ".tmp".
func (s *Store) create() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.tmp, rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f, nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
