package fault

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"contentfs/backend"
	"contentfs/backend/internal/driver"
)

var (
	_ backend.Backend          = (*Backend)(nil)
	_ backend.Copier           = (*Backend)(nil)
	_ backend.UploadLister     = (*Backend)(nil)
	_ backend.MultipartAborter = (*Backend)(nil)
)

var errInjected = errors.New("injected fault")

// Backend is a backend with faults. Of the optional abilities it has Copy, which is
// Invalid where the backend below cannot, and those about uploads in parts, of which
// there are none then; the others are reached with Unwrap.
type Backend struct {
	next backend.Backend

	mu    sync.Mutex // guards what follows
	rules []*state
	calls map[Op]int
}

// state is a rule with the calls it has seen; guarded by Backend.mu.
type state struct {
	Rule
	seen int
}

// New returns a backend that behaves like next until rules are added.
func New(next backend.Backend) *Backend {
	return &Backend{next: next, calls: map[Op]int{}}
}

// Unwrap returns the backend below.
func (b *Backend) Unwrap() backend.Backend { return b.next }

// Add adds a rule for the calls to come and returns what removes it.
func (b *Backend) Add(r Rule) (remove func()) {
	st := &state{Rule: r}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = append(b.rules, st)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		kept := make([]*state, 0, len(b.rules))
		for _, other := range b.rules {
			if other != st {
				kept = append(kept, other)
			}
		}
		b.rules = kept
	}
}

// Clear removes all rules. Calls that hang go on hanging until their context ends.
func (b *Backend) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = nil
}

// Calls returns how many calls of a method began, those that failed included; ""
// asks for all methods together.
func (b *Backend) Calls(op Op) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if op != "" {
		return b.calls[op]
	}
	n := 0
	for _, c := range b.calls {
		n += c
	}
	return n
}

// Put implements backend.Backend.
func (b *Backend) Put(ctx context.Context, key string, body io.ReaderAt, size int64, opts backend.PutOptions) (backend.Object, error) {
	r, err := b.enter(ctx, Put, key)
	if err != nil {
		return backend.Object{}, err
	}
	obj, err := b.next.Put(ctx, key, body, size, opts)
	if err == nil && r.Lose {
		return backend.Object{}, r.fail(Put, key)
	}
	return obj, err
}

// Copy implements backend.Copier.
func (b *Backend) Copy(ctx context.Context, src backend.Source, key string, opts backend.PutOptions) (backend.Object, error) {
	r, err := b.enter(ctx, Copy, key)
	if err != nil {
		return backend.Object{}, err
	}
	c, ok := b.next.(backend.Copier)
	if !ok {
		return backend.Object{}, driver.Fail(string(Copy), key, backend.Invalid, errors.ErrUnsupported)
	}
	obj, err := c.Copy(ctx, src, key, opts)
	if err == nil && r.Lose {
		return backend.Object{}, r.fail(Copy, key)
	}
	return obj, err
}

// Get implements backend.Backend.
func (b *Backend) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	r, err := b.enter(ctx, Get, key)
	if err != nil {
		return nil, err
	}
	body, err := b.next.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	if r.Lose {
		body.Close()
		return nil, r.fail(Get, key)
	}
	if r.FlipByte {
		body = &flipped{ReadCloser: body}
	}
	if r.Short > 0 {
		body = &shortened{ReadCloser: body, key: key, keep: r.Short}
	}
	return body, nil
}

// Stat implements backend.Backend.
func (b *Backend) Stat(ctx context.Context, key string) (backend.Object, error) {
	r, err := b.enter(ctx, Stat, key)
	if err != nil {
		return backend.Object{}, err
	}
	obj, err := b.next.Stat(ctx, key)
	if err == nil && r.Lose {
		return backend.Object{}, r.fail(Stat, key)
	}
	return obj, err
}

// Delete implements backend.Backend.
func (b *Backend) Delete(ctx context.Context, key string) error {
	r, err := b.enter(ctx, Delete, key)
	if err != nil {
		return err
	}
	err = b.next.Delete(ctx, key)
	if err == nil && r.Lose {
		return r.fail(Delete, key)
	}
	return err
}

// List implements backend.Backend.
func (b *Backend) List(ctx context.Context, prefix, after string, fn func(backend.Object) error) error {
	r, err := b.enter(ctx, List, prefix)
	if err != nil {
		return err
	}
	n := 0
	err = b.next.List(ctx, prefix, after, func(o backend.Object) error {
		if n++; r.CutListAt > 0 && n > r.CutListAt {
			return r.fail(List, prefix)
		}
		return fn(o)
	})
	if err == nil && r.Lose {
		return r.fail(List, prefix)
	}
	return err
}

// ListUploads implements backend.UploadLister.
func (b *Backend) ListUploads(ctx context.Context, prefix string, fn func(backend.Upload) error) error {
	r, err := b.enter(ctx, ListUploads, prefix)
	if err != nil {
		return err
	}
	l, ok := b.next.(backend.UploadLister)
	if !ok {
		return nil
	}
	n := 0
	err = l.ListUploads(ctx, prefix, func(u backend.Upload) error {
		if n++; r.CutListAt > 0 && n > r.CutListAt {
			return r.fail(ListUploads, prefix)
		}
		return fn(u)
	})
	if err == nil && r.Lose {
		return r.fail(ListUploads, prefix)
	}
	return err
}

// AbortMultipart implements backend.MultipartAborter.
func (b *Backend) AbortMultipart(ctx context.Context, key, uploadID string) error {
	r, err := b.enter(ctx, Abort, key)
	if err != nil {
		return err
	}
	a, ok := b.next.(backend.MultipartAborter)
	if !ok {
		return nil
	}
	err = a.AbortMultipart(ctx, key, uploadID)
	if err == nil && r.Lose {
		return r.fail(Abort, key)
	}
	return err
}

// enter counts a call, finds its rule and applies what comes before the call.
func (b *Backend) enter(ctx context.Context, op Op, key string) (Rule, error) {
	r := b.match(op, key)
	if r.Before != nil {
		r.Before()
	}
	if r.Hang {
		<-ctx.Done()
		return r, driver.Interrupted(ctx, string(op), key)
	}
	if r.Delay > 0 {
		timer := time.NewTimer(r.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return r, driver.Interrupted(ctx, string(op), key)
		}
	}
	if r.Fail {
		return r, r.fail(op, key)
	}
	return r, nil
}

// match returns the rule of this call, the zero Rule when there is none.
func (b *Backend) match(op Op, key string) Rule {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[op]++
	var found *state
	for _, st := range b.rules {
		if st.Op != "" && st.Op != op || st.Key != nil && !st.Key(key) {
			continue
		}
		st.seen++ // also when another rule wins: "the nth call" is the nth call
		inTime := st.seen > st.Skip && (st.Times == 0 || st.seen <= st.Skip+st.Times)
		if inTime && found == nil {
			found = st
		}
	}
	if found == nil {
		return Rule{}
	}
	return found.Rule
}

func (r Rule) fail(op Op, key string) error {
	return driver.Fail(string(op), key, r.Class, errInjected)
}
