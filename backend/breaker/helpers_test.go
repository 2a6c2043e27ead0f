package breaker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
)

// lines is a slog.Handler that keeps the lines of one breaker.
type lines struct {
	mu   sync.Mutex // guards list
	list []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, r.Level.String())
	return nil
}

// levels returns the level of every line: away is WARN, back is INFO.
func (l *lines) levels() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// env is a breaker in front of a store that fails when told to.
type env struct {
	*testing.T
	b      *Breaker
	log    *lines
	faults *fault.Backend
	store  backend.Backend
}

const key = "key"

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{T: t, log: &lines{}, faults: fault.New(mem.New())}
	e.b = New(slog.New(e.log))
	if err := put(t.Context(), e.faults, "content"); err != nil {
		t.Fatal(err)
	}
	e.store = e.b.Wrap(e.faults)
	return e
}

func put(ctx context.Context, b backend.Backend, content string) error {
	body := []byte(content)
	_, err := b.Put(ctx, key, bytes.NewReader(body), int64(len(body)), backend.PutOptions{SHA256: sha256.Sum256(body)})
	return err
}

func read(ctx context.Context, b backend.Backend) error {
	r, err := b.Get(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

// calls are all methods of the contract, as a caller uses them.
var calls = map[fault.Op]func(context.Context, backend.Backend) error{
	fault.Put: func(ctx context.Context, b backend.Backend) error { return put(ctx, b, "content") },
	fault.Get: read,
	fault.Stat: func(ctx context.Context, b backend.Backend) error {
		_, err := b.Stat(ctx, key)
		return err
	},
	fault.Delete: func(ctx context.Context, b backend.Backend) error { return b.Delete(ctx, "other") },
	fault.List: func(ctx context.Context, b backend.Backend) error {
		return b.List(ctx, "", "", func(backend.Object) error { return nil })
	},
}

// fail lets all calls of one kind fail n times with a class, through the breaker.
func (e *env) fail(op fault.Op, n int, class backend.Class) {
	e.Helper()
	remove := e.faults.Add(fault.Rule{Fail: true, Class: class})
	defer remove()
	for range n {
		if err := calls[op](e.Context(), e.store); err == nil {
			e.Fatalf("%s did not fail", op)
		}
	}
}

// want compares what is known of the store, and that Ready tells the same.
func (e *env) want(when string, known, reachable bool) {
	e.Helper()
	s := e.b.State()
	if s.Known != known || s.Reachable != reachable {
		e.Errorf("%s: known %v, reachable %v; wanted %v, %v (%v)", when, s.Known, s.Reachable, known, reachable, s.Err)
	}
	if s.Known && s.Since.IsZero() || (s.Err != nil) != (s.Known && !s.Reachable) {
		e.Errorf("%s: since %v, error %v", when, s.Since, s.Err)
	}
	ready := false
	select {
	case <-e.b.Ready():
		ready = true
	default:
	}
	if ready != reachable {
		e.Errorf("%s: ready is %v", when, ready)
	}
}

func (e *env) wantLines(when string, levels ...string) {
	e.Helper()
	if got := e.log.levels(); !slices.Equal(got, levels) {
		e.Errorf("%s: lines %v, wanted %v", when, got, levels)
	}
}

// dialError is what the SDK returns when no connection can be made.
func dialError() error {
	cause := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	return &backend.Error{Op: "put", Class: backend.Transient, Err: cause}
}
