package dir

import (
	"context"

	"contentfs/backend"
	"contentfs/backend/internal/driver"
)

var _ backend.Copier = (*Store)(nil)

// Copy implements backend.Copier. The bytes are read once, to verify them.
func (s *Store) Copy(ctx context.Context, src backend.Source, key string, opts backend.PutOptions) (backend.Object, error) {
	if err := driver.CheckCopy(ctx, src, key, opts); err != nil {
		return backend.Object{}, err
	}
	f, from, err := s.open(ctx, "copy", src.Key)
	if err != nil {
		return backend.Object{}, err
	}
	defer f.Close()
	if err := driver.CheckSource(key, src, from); err != nil {
		return backend.Object{}, err
	}
	obj, err := s.Put(ctx, key, f, src.Size, opts)
	return obj, driver.Reword("copy", err)
}
