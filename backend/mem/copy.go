package mem

import (
	"bytes"
	"context"

	"contentfs/backend"
	"contentfs/backend/internal/driver"
)

var _ backend.Copier = (*Store)(nil)

// Copy implements backend.Copier.
func (s *Store) Copy(ctx context.Context, src backend.Source, key string, opts backend.PutOptions) (backend.Object, error) {
	if err := driver.CheckCopy(ctx, src, key, opts); err != nil {
		return backend.Object{}, err
	}
	from, err := s.find(ctx, "copy", src.Key)
	if err != nil {
		return backend.Object{}, err
	}
	if err := driver.CheckSource(key, src, from.info); err != nil {
		return backend.Object{}, err
	}
	obj, err := s.Put(ctx, key, bytes.NewReader(from.body), src.Size, opts)
	return obj, driver.Reword("copy", err)
}
