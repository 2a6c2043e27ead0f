package volume

import (
	"context"
	"fmt"
	"sync"

	"contentfs/backend"
	"contentfs/backend/breaker"
	"contentfs/backend/s3"
	"contentfs/fs/crash"
)

// stores are the buckets of one endpoint. Versions keep the bucket they were sent
// to, so that a volume that changed its bucket still reads from the old one.
type stores struct {
	ctx context.Context // of opening; no request runs on it
	o   Options
	b   *breaker.Breaker
	own *s3.Store // the bucket that new versions go to

	mu     sync.Mutex // guards what follows
	opened map[string]backend.Backend
	can    backend.Capabilities // of own, once it was asked
}

func openStores(ctx context.Context, o Options, b *breaker.Breaker) (*stores, error) {
	s := &stores{ctx: context.WithoutCancel(ctx), o: o, b: b, opened: make(map[string]backend.Backend)}
	var err error
	if s.own, err = s.open(o.Bucket); err != nil {
		return nil, err
	}
	s.opened[o.Bucket] = b.Wrap(s.own)
	return s, nil
}

func (s *stores) open(bucket string) (*s3.Store, error) {
	st, err := s3.Open(s.ctx, s3.Config{
		Bucket: bucket, Region: s.o.Region, Endpoint: s.o.Endpoint, PathStyle: s.o.PathStyle,
		PartSize: s.o.PartSize,
		Pass:     crash.Pass("multipart"),
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	return st, nil
}

// bucket returns the backend of a bucket, behind the breaker.
func (s *stores) bucket(name string) (backend.Backend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.opened[name]; b != nil {
		return b, nil
	}
	st, err := s.open(name)
	if err != nil {
		return nil, err
	}
	s.opened[name] = s.b.Wrap(st)
	return s.opened[name], nil
}

// trial asks S3 what it can do, which also tells whether it is there.
func (s *stores) trial(ctx context.Context) error {
	can, err := s.own.Probe(ctx, s.o.Prefix)
	if err != nil {
		return err
	}
	s.mu.Lock()
	before := s.can
	s.can = can
	s.mu.Unlock()
	if can == before {
		return nil
	}
	if !can.ConditionalPut {
		s.o.Log.Warn("the store does not refuse to replace objects when asked to; contentfs looks before each upload instead")
	}
	if !can.Checksums {
		s.o.Log.Warn("the store does not verify SHA-256 checksums; contentfs sends MD5 instead")
	}
	return nil
}

func (s *stores) capabilities() backend.Capabilities {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.can
}
