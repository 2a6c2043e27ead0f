package dir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"contentfs/backend"
	"contentfs/backend/internal/driver"
)

// Put implements backend.Backend.
func (s *Store) Put(ctx context.Context, key string, body io.ReaderAt, size int64, opts backend.PutOptions) (backend.Object, error) {
	if err := driver.CheckPut(ctx, key, size, opts); err != nil {
		return backend.Object{}, err
	}
	path := s.path(key)
	if opts.IfAbsent {
		// Only to save the writing; the link below decides.
		if _, err := os.Lstat(path); err == nil {
			return backend.Object{}, driver.Fail("put", key, backend.Exists, nil)
		}
	}
	f, err := s.create()
	if err != nil {
		return backend.Object{}, s.failPut(ctx, key, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()

	if err := driver.CopyBody(ctx, f, key, body, size, opts.SHA256); err != nil {
		return backend.Object{}, err
	}
	obj, err := s.publish(f, key, path, opts)
	if err != nil {
		return backend.Object{}, s.failPut(ctx, key, err)
	}
	return obj, nil
}

// publish makes a written temporary file the object: attributes, sync, name,
// sync of the name.
func (s *Store) publish(f *os.File, key, path string, opts backend.PutOptions) (backend.Object, error) {
	if err := setAttrs(f, opts); err != nil {
		return backend.Object{}, err
	}
	if err := f.Sync(); err != nil {
		return backend.Object{}, err
	}
	if err := s.makeParents(filepath.Dir(path)); err != nil {
		return backend.Object{}, err
	}
	move := os.Rename
	if opts.IfAbsent {
		move = os.Link // unlike rename it fails when the name is taken
	}
	if err := move(f.Name(), path); err != nil {
		return backend.Object{}, err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return backend.Object{}, err
	}
	return describe(f, key)
}

// makeParents makes the directories of a long key, and their names durable. A
// directory that is there may be one whose maker has not synced it yet, so every
// name on the way is synced.
func (s *Store) makeParents(dir string) error {
	if dir == s.root {
		return nil
	}
	if err := s.makeParents(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// failPut is fail for writing, where a name that is not there says nothing about
// the object.
func (s *Store) failPut(ctx context.Context, key string, err error) error {
	err = s.fail(ctx, "put", key, err)
	var e *backend.Error
	if errors.As(err, &e) && e.Class == backend.Absent {
		e.Class = backend.Transient
	}
	return err
}
