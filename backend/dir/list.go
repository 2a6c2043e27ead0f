package dir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/backend/internal/driver"
)

// List implements backend.Backend. It holds the names of one directory in memory
// at a time, which is every name unless keys are long. Objects that come or go
// meanwhile may or may not be listed.
func (s *Store) List(ctx context.Context, prefix, after string, fn func(backend.Object) error) error {
	if err := driver.Interrupted(ctx, "list", prefix); err != nil {
		return err
	}
	if _, err := os.Lstat(s.tmp); err != nil {
		return s.fail(ctx, "list", prefix, err)
	}
	w := walk{ctx: ctx, store: s, prefix: prefix, after: after, fn: fn}
	return w.dir("", "")
}

// ListUploads implements backend.UploadLister: nothing goes in parts here.
func (s *Store) ListUploads(ctx context.Context, prefix string, _ func(backend.Upload) error) error {
	return driver.Interrupted(ctx, "list uploads", prefix)
}

type walk struct {
	ctx           context.Context
	store         *Store
	prefix, after string
	fn            func(backend.Object) error
}

// item is one name of a directory: an object's, or that of the directory in which
// keys that begin with key go on.
type item struct {
	name string
	key  string
	dir  bool
}

// dir visits the directory at path (relative to the root), whose keys all begin
// with head.
func (w *walk) dir(path, head string) error {
	items, err := w.items(path, head)
	if errors.Is(err, fs.ErrNotExist) && path != "" {
		return nil // removed by hand since its parent was read
	}
	if err != nil {
		return w.fail(err)
	}
	for _, it := range items {
		if err := driver.Interrupted(w.ctx, "list", w.prefix); err != nil {
			return err
		}
		below := filepath.Join(path, it.name)
		if it.dir {
			err = w.dir(below, it.key)
		} else {
			err = w.object(below, it.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) object(path, key string) error {
	fi, err := os.Lstat(filepath.Join(w.store.root, path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // deleted since the directory was read
	case err != nil:
		return w.fail(err)
	case !fi.Mode().IsRegular():
		return nil
	}
	o := listed(key, fi)
	o.Told = time.Now() // the clock that the directory's times come from
	return w.fn(o)
}

// items returns the names at path that may lead to a listed key, in the order of
// their keys. What is not named by this store is passed over.
func (w *walk) items(path, head string) ([]item, error) {
	d, err := os.Open(filepath.Join(w.store.root, path))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var items []item
	for _, name := range names {
		if name[0] == '.' {
			continue
		}
		part, isDir := strings.CutSuffix(name, "%")
		tail, err := decodeName(part)
		if err != nil {
			continue
		}
		it := item{name: name, key: head + tail, dir: isDir}
		if isDir && w.mayHold(it.key) {
			items = append(items, it)
		}
		if !isDir && strings.HasPrefix(it.key, w.prefix) && it.key > w.after {
			if _, err := keyOf(filepath.Join(path, name)); err == nil {
				items = append(items, it)
			}
		}
	}
	slices.SortFunc(items, func(a, b item) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		if a.dir == b.dir {
			return 0
		}
		if b.dir {
			return -1 // the key itself comes before the keys it begins
		}
		return 1
	})
	return items, nil
}

// mayHold reports whether a key that begins with head can be among those asked for.
func (w *walk) mayHold(head string) bool {
	n := min(len(head), len(w.prefix))
	return head[:n] == w.prefix[:n] && (head > w.after || strings.HasPrefix(w.after, head))
}

// fail reports an error of a walk, in which a missing name is never an absence.
func (w *walk) fail(err error) error {
	err = w.store.fail(w.ctx, "list", w.prefix, err)
	var e *backend.Error
	if errors.As(err, &e) && e.Class == backend.Absent {
		e.Class = backend.Transient
	}
	return err
}
