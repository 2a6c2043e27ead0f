package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
)

// gate is a store's reachability, open at first.
type gate struct {
	mu    sync.Mutex // guards ready
	ready chan struct{}
}

func newGate() *gate {
	g := &gate{ready: make(chan struct{})}
	close(g.ready)
	return g
}

func (g *gate) Ready() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ready
}

// shut closes the gate until open is called.
func (g *gate) shut() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := make(chan struct{})
	g.ready = c
	return func() { close(c) }
}

// store is a store with faults and hooks. It cuts objects in parts when multipart
// is set.
type store struct {
	*fault.Backend
	multipart bool
	foreign   []string // keys of objects that are not ours; set before the start

	mu      sync.Mutex // guards what follows
	before  func(key string) error
	after   func(key string) error
	puts    []string // keys
	times   []time.Time
	aborted []string
	abort   error
}

func (s *store) mem() backend.Backend { return s.Unwrap() }

// hook has before called for every Put that is to come, and after when it was
// carried out; an error of either is the Put's.
func (s *store) hook(before, after func(key string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

// once returns a hook that calls do at the first Put only.
func once(do func(key string) error) func(string) error {
	var o sync.Once
	return func(key string) (err error) {
		o.Do(func() { err = do(key) })
		return err
	}
}

// Put implements backend.Backend.
func (s *store) Put(ctx context.Context, key string, body io.ReaderAt, size int64, opts backend.PutOptions) (backend.Object, error) {
	s.mu.Lock()
	s.puts, s.times = append(s.puts, key), append(s.times, time.Now())
	before, after, n := s.before, s.after, len(s.puts)
	s.mu.Unlock()
	if s.multipart && opts.Multipart != nil {
		if err := opts.Multipart(fmt.Sprint("upload-", n)); err != nil {
			return backend.Object{}, err
		}
	}
	if before != nil {
		if err := before(key); err != nil {
			return backend.Object{}, err
		}
	}
	o, err := s.Backend.Put(ctx, key, body, size, opts)
	if err == nil && after != nil {
		err = after(key)
	}
	return o, err
}

// AbortMultipart implements backend.MultipartAborter.
func (s *store) AbortMultipart(_ context.Context, key, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aborted = append(s.aborted, key+" "+id)
	return s.abort
}

// keys returns the keys of all Puts so far.
func (s *store) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.puts)
}

// lines keeps what is logged, and fails the test for errors it did not announce.
type lines struct {
	t *testing.T

	mu       sync.Mutex // guards what follows
	list     []string
	expected []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.String())
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, b.String())
	return nil
}

// expect announces lines by a part of them.
func (l *lines) expect(part string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expected = append(l.expected, part)
}

func (l *lines) seen(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, s := range l.list {
		if strings.Contains(s, part) {
			n++
		}
	}
	return n
}

func (l *lines) check() {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.list {
		bad := strings.HasPrefix(s, "ERROR") || strings.HasPrefix(s, "WARN")
		if bad && !slices.ContainsFunc(l.expected, func(p string) bool { return strings.Contains(s, p) }) {
			l.t.Errorf("unexpected line: %s", s)
		}
	}
}

// fails returns the error of a Put of some class.
func fails(class backend.Class) error {
	return &backend.Error{Op: "put", Class: class, Err: errors.New("told to fail")}
}
