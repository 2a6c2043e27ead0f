package main

import (
	"context"

	"contentfs/fs/snapshot"
)

// thinCopies removes copies of the metadata that newer ones stand for.
func (p *program) thinCopies(ctx context.Context, s *session) (int, error) {
	if s.config.store.bucket == "" {
		return 0, nil
	}
	b, err := s.objects(s.config.store.bucket)
	if err != nil {
		return 0, err
	}
	list, err := snapshot.List(ctx, b, s.config.store.prefix)
	if err != nil {
		return 0, err
	}
	return snapshot.Remove(ctx, b, snapshot.Surplus(list, s.store.VolumeID(), p.now()))
}
