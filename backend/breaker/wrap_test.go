package breaker

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/backendtest"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
)

// TestConformance: a closed breaker changes nothing about a store.
func TestConformance(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backend.Backend {
		b := newEnv(t).b
		return closed{b.Wrap(mem.New()), b}
	})
}

// closed is a store behind a breaker that every call finds closed, also after the
// suite's own deadlines, which say that the store is away.
type closed struct {
	backend.Backend
	b *Breaker
}

func (c closed) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	c.b.answered()
	return c.Backend.Get(ctx, key, off, n)
}

func (c closed) Stat(ctx context.Context, key string) (backend.Object, error) {
	c.b.answered()
	return c.Backend.Stat(ctx, key)
}

func (c closed) Delete(ctx context.Context, key string) error {
	c.b.answered()
	return c.Backend.Delete(ctx, key)
}

func (c closed) List(ctx context.Context, prefix, after string, fn func(backend.Object) error) error {
	c.b.answered()
	return c.Backend.List(ctx, prefix, after, fn)
}

func (c closed) Copy(ctx context.Context, src backend.Source, key string, opts backend.PutOptions) (backend.Object, error) {
	c.b.answered()
	return c.Backend.(backend.Copier).Copy(ctx, src, key, opts)
}

// TestBrokenBodies: a store that answers and then breaks off is as good as away.
func TestBrokenBodies(t *testing.T) {
	e := newEnv(t)
	remove := e.faults.Add(fault.Rule{Op: fault.Get, Short: 3})
	for range tolerance {
		e.want("tolerated", false, false)
		if err := read(t.Context(), e.store); err == nil {
			t.Fatal("the body did not break off")
		}
	}
	e.want("bodies that break off", true, false)
	remove()
}

// TestOneBodyCountsOnce, however often its reader asks again.
func TestOneBodyCountsOnce(t *testing.T) {
	e := newEnv(t)
	e.b.answered()
	e.faults.Add(fault.Rule{Op: fault.Get, Short: 3})
	r, err := e.store.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	failed := 0
	for p := make([]byte, 64); failed < 2*tolerance; {
		if _, err := r.Read(p); err != nil {
			failed++
		}
	}
	e.want("one broken body", true, true)
}

// TestBodyOfOneWhoGaveUp says nothing.
func TestBodyOfOneWhoGaveUp(t *testing.T) {
	e := newEnv(t)
	for range tolerance + 1 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := e.store.Get(ctx, key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(r); err == nil {
			t.Error("read on after giving up")
		}
		r.Close()
	}
	if s := e.b.State(); s.Known && !s.Reachable {
		t.Errorf("%+v", s)
	}
}

// TestWholeBodyIsAnAnswer, and it ends a row of failures.
func TestWholeBodyIsAnAnswer(t *testing.T) {
	e := newEnv(t)
	if err := read(t.Context(), e.store); err != nil {
		t.Fatal(err)
	}
	e.want("a whole body", true, true)
	e.fail(fault.Get, tolerance-1, backend.Transient)
	if err := read(t.Context(), e.store); err != nil {
		t.Fatal(err)
	}
	e.fail(fault.Get, tolerance-1, backend.Transient)
	e.want("a whole body in between", true, true)
}

// TestListOwnError: what the caller's function says is not the store's.
func TestListOwnError(t *testing.T) {
	e := newEnv(t)
	own := errors.New("enough")
	for range tolerance + 1 {
		if err := e.store.List(t.Context(), "", "", func(backend.Object) error { return own }); err != own {
			t.Errorf("%v, not its own error unwrapped", err)
		}
	}
	e.want("listings that the caller ended", true, true)
	e.faults.Add(fault.Rule{Op: fault.List, CutListAt: 0, Lose: true})
	for range tolerance {
		if err := calls[fault.List](t.Context(), e.store); err == nil {
			t.Error("no error")
		}
	}
	e.want("listings that broke off", true, false)
}

// plain has none of the optional abilities.
type plain struct{ backend.Backend }

// able has the optional abilities.
type able struct {
	backend.Backend
	aborts int
	err    error
}

func (a *able) URL(key string) string { return "https://cdn/" + key }
func (a *able) SignedURL(context.Context, string, time.Duration) (string, error) {
	return "signed", nil
}
func (a *able) AbortMultipart(context.Context, string, string) error {
	a.aborts++
	return a.err
}

func TestOptionalAbilities(t *testing.T) {
	e := newEnv(t)
	bare := e.store
	if url := bare.(backend.Linker).URL("k"); url != "" {
		t.Errorf("address %q of a store without addresses", url)
	}
	if err := bare.(backend.MultipartAborter).AbortMultipart(t.Context(), "k", "id"); err != nil {
		t.Error(err)
	}
	_, err := e.b.Wrap(plain{mem.New()}).(backend.Copier).Copy(t.Context(), backend.Source{Key: key}, "k", backend.PutOptions{})
	backendtest.WantClass(t, err, backend.Invalid)
	_, err = bare.(backend.Signer).SignedURL(t.Context(), "k", time.Minute)
	backendtest.WantClass(t, err, backend.Invalid)
	inner := &able{Backend: e.faults}
	full := e.b.Wrap(inner)
	if url := full.(backend.Linker).URL("k"); url != "https://cdn/k" {
		t.Errorf("address %q", url)
	}
	aborter := full.(backend.MultipartAborter)
	if err := aborter.AbortMultipart(t.Context(), "k", "id"); err != nil || inner.aborts != 1 {
		t.Errorf("%d aborts, %v", inner.aborts, err)
	}
	e.want("an abort is an answer", true, true)
	inner.err = dialError()
	if err := aborter.AbortMultipart(t.Context(), "k", "id"); err == nil {
		t.Error("no error")
	}
	e.want("an abort that could not connect", true, false)
	wantOpen(t, "abort", aborter.AbortMultipart(t.Context(), "k", "id"))
	if inner.aborts != 2 {
		t.Errorf("%d aborts reached the store", inner.aborts)
	}
	if url := full.(backend.Linker).URL("k"); url == "" {
		t.Error("an address needs no store")
	}
	if url, err := full.(backend.Signer).SignedURL(t.Context(), "k", time.Minute); url != "signed" || err != nil {
		t.Errorf("signed address %q, %v", url, err)
	}
	_, err = bare.(backend.Copier).Copy(t.Context(), backend.Source{Key: key}, "k", backend.PutOptions{})
	wantOpen(t, "copy", err)
	if n := e.faults.Calls(fault.Copy); n != 0 {
		t.Errorf("%d copies reached the store", n)
	}
}
