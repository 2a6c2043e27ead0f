package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"contentfs/backend"
	"contentfs/backend/internal/driver"
)

var (
	_ backend.Backend      = (*Store)(nil)
	_ backend.UploadLister = (*Store)(nil)
)

// Store is a backend in memory. Its methods may be called from many goroutines.
type Store struct {
	mu      sync.RWMutex      // guards objects and serial
	objects map[string]object // by key
	serial  int64             // counts stored objects, so that no ETag repeats
	clock   func() time.Time
}

// object is immutable once it is in the map.
type object struct {
	info backend.Object
	body []byte
}

// New returns an empty store.
func New() *Store { return &Store{objects: map[string]object{}, clock: time.Now} }

// SetClock gives the store a time of its own.
func (s *Store) SetClock(clock func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = clock
}

// Put implements backend.Backend.
func (s *Store) Put(ctx context.Context, key string, body io.ReaderAt, size int64, opts backend.PutOptions) (backend.Object, error) {
	if err := driver.CheckPut(ctx, key, size, opts); err != nil {
		return backend.Object{}, err
	}
	var buf bytes.Buffer
	if err := driver.CopyBody(ctx, &buf, key, body, size, opts.SHA256); err != nil {
		return backend.Object{}, err
	}
	o := object{
		body: buf.Bytes(),
		info: backend.Object{
			Key:                key,
			Size:               size,
			SHA256:             opts.SHA256[:],
			ContentType:        opts.ContentType,
			CacheControl:       opts.CacheControl,
			ContentDisposition: opts.ContentDisposition,
			Metadata:           maps.Clone(opts.Metadata),
		},
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.objects[key]; there && opts.IfAbsent {
		return backend.Object{}, driver.Fail("put", key, backend.Exists, nil)
	}
	s.serial++
	o.info.Modified = s.clock()
	o.info.ETag = fmt.Sprintf("%x", s.serial)
	s.objects[key] = o
	return o.describe(), nil
}

// Get implements backend.Backend.
func (s *Store) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	o, err := s.find(ctx, "get", key)
	if err != nil {
		return nil, err
	}
	want, err := driver.FitRange(key, off, n, o.info.Size)
	if err != nil {
		return nil, err
	}
	return driver.NewReader(ctx, key, io.NopCloser(bytes.NewReader(o.body[off:])), want, nil), nil
}

// Stat implements backend.Backend.
func (s *Store) Stat(ctx context.Context, key string) (backend.Object, error) {
	o, err := s.find(ctx, "stat", key)
	if err != nil {
		return backend.Object{}, err
	}
	info := o.describe()
	info.Told = s.time()
	return info, nil
}

// Delete implements backend.Backend.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := driver.CheckKey(ctx, "delete", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

// List implements backend.Backend. It lists the store as it was when the call
// began; fn may call the store.
func (s *Store) List(ctx context.Context, prefix, after string, fn func(backend.Object) error) error {
	if err := driver.Interrupted(ctx, "list", prefix); err != nil {
		return err
	}
	s.mu.RLock()
	var found []backend.Object
	now := s.clock()
	for key, o := range s.objects {
		if strings.HasPrefix(key, prefix) && key > after {
			found = append(found, backend.Object{Key: key, Size: o.info.Size, ETag: o.info.ETag, Modified: o.info.Modified, Told: now})
		}
	}
	s.mu.RUnlock()

	slices.SortFunc(found, func(a, b backend.Object) int { return strings.Compare(a.Key, b.Key) })
	for _, o := range found {
		if err := driver.Interrupted(ctx, "list", prefix); err != nil {
			return err
		}
		if err := fn(o); err != nil {
			return err
		}
	}
	return nil
}

// ListUploads implements backend.UploadLister: nothing goes in parts here.
func (s *Store) ListUploads(ctx context.Context, prefix string, _ func(backend.Upload) error) error {
	return driver.Interrupted(ctx, "list uploads", prefix)
}

func (s *Store) time() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.clock()
}

func (s *Store) find(ctx context.Context, op, key string) (object, error) {
	if err := driver.CheckKey(ctx, op, key); err != nil {
		return object{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, there := s.objects[key]
	if !there {
		return object{}, driver.Fail(op, key, backend.Absent, nil)
	}
	return o, nil
}

// describe returns a copy that the caller may change.
func (o object) describe() backend.Object {
	info := o.info
	info.SHA256 = slices.Clone(info.SHA256)
	info.Metadata = maps.Clone(info.Metadata)
	return info
}
