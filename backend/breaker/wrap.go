package breaker

import (
	"context"
	"errors"
	"io"
	"time"

	"contentfs/backend"
)

// Wrap returns inner behind the breaker. What inner can do besides the contract
// (backend.Linker, backend.MultipartAborter, backend.UploadLister, backend.Copier,
// backend.Signer), the
// result can do too.
func (b *Breaker) Wrap(inner backend.Backend) backend.Backend {
	return &guarded{b: b, inner: inner}
}

type guarded struct {
	b     *Breaker
	inner backend.Backend
}

var (
	_ backend.Backend          = (*guarded)(nil)
	_ backend.Linker           = (*guarded)(nil)
	_ backend.MultipartAborter = (*guarded)(nil)
	_ backend.UploadLister     = (*guarded)(nil)
	_ backend.Copier           = (*guarded)(nil)
	_ backend.Signer           = (*guarded)(nil)
)

func (g *guarded) do(ctx context.Context, op, key string, call func() error) error {
	if err := g.b.allow(op, key); err != nil {
		return err
	}
	err := call()
	g.b.record(ctx, err)
	return err
}

func (g *guarded) Put(ctx context.Context, key string, body io.ReaderAt, size int64, opts backend.PutOptions) (o backend.Object, err error) {
	err = g.do(ctx, "put", key, func() (err error) {
		o, err = g.inner.Put(ctx, key, body, size, opts)
		return err
	})
	return o, err
}

// Get has succeeded when its body was read to the end: headers alone would make a
// store that breaks off every body look well.
func (g *guarded) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := g.b.allow("get", key); err != nil {
		return nil, err
	}
	r, err := g.inner.Get(ctx, key, off, n)
	if err != nil {
		g.b.record(ctx, err)
		return nil, err
	}
	return &guardedBody{ReadCloser: r, ctx: ctx, b: g.b}, nil
}

func (g *guarded) Stat(ctx context.Context, key string) (o backend.Object, err error) {
	err = g.do(ctx, "stat", key, func() (err error) {
		o, err = g.inner.Stat(ctx, key)
		return err
	})
	return o, err
}

func (g *guarded) Delete(ctx context.Context, key string) error {
	return g.do(ctx, "delete", key, func() error { return g.inner.Delete(ctx, key) })
}

func (g *guarded) List(ctx context.Context, prefix, after string, fn func(backend.Object) error) error {
	return listing(ctx, g.b, prefix, fn, func(fn func(backend.Object) error) error {
		return g.inner.List(ctx, prefix, after, fn)
	})
}

// ListUploads lists none where the inner backend has no uploads in parts.
func (g *guarded) ListUploads(ctx context.Context, prefix string, fn func(backend.Upload) error) error {
	l, ok := g.inner.(backend.UploadLister)
	if !ok {
		return nil
	}
	return listing(ctx, g.b, prefix, fn, func(fn func(backend.Upload) error) error {
		return l.ListUploads(ctx, prefix, fn)
	})
}

// listing calls list behind the breaker, which does not learn from fn's own errors.
func listing[T any](ctx context.Context, b *Breaker, prefix string, fn func(T) error, list func(func(T) error) error) error {
	if err := b.allow("list", prefix); err != nil {
		return err
	}
	var own error
	err := list(func(item T) error {
		own = fn(item)
		return own
	})
	if own != nil {
		b.record(ctx, nil)
		return err
	}
	b.record(ctx, err)
	return err
}

// URL returns "" where the inner backend has no addresses.
func (g *guarded) URL(key string) string {
	if l, ok := g.inner.(backend.Linker); ok {
		return l.URL(key)
	}
	return ""
}

// AbortMultipart does nothing where the inner backend has no multipart uploads.
func (g *guarded) AbortMultipart(ctx context.Context, key, uploadID string) error {
	a, ok := g.inner.(backend.MultipartAborter)
	if !ok {
		return nil
	}
	return g.do(ctx, "abort multipart", key, func() error { return a.AbortMultipart(ctx, key, uploadID) })
}

// Copy is Invalid where the inner backend cannot copy.
func (g *guarded) Copy(ctx context.Context, src backend.Source, key string, opts backend.PutOptions) (o backend.Object, err error) {
	c, ok := g.inner.(backend.Copier)
	if !ok {
		return o, unable("copy", key)
	}
	err = g.do(ctx, "copy", key, func() (err error) {
		o, err = c.Copy(ctx, src, key, opts)
		return err
	})
	return o, err
}

// SignedURL is Invalid where the inner backend cannot sign. It asks no store, so
// it works while the breaker is open and teaches it nothing.
func (g *guarded) SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error) {
	if s, ok := g.inner.(backend.Signer); ok {
		return s.SignedURL(ctx, key, ttl)
	}
	return "", unable("sign", key)
}

func unable(op, key string) error {
	return &backend.Error{Op: op, Key: key, Class: backend.Invalid, Err: errors.ErrUnsupported}
}

// guardedBody lets the breaker learn, once, how a body ended. Like every body it
// has one reader.
type guardedBody struct {
	io.ReadCloser
	ctx  context.Context
	b    *Breaker
	over bool
}

func (r *guardedBody) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err == nil || r.over {
		return n, err
	}
	r.over = true
	if errors.Is(err, io.EOF) {
		r.b.record(r.ctx, nil)
	} else {
		r.b.record(r.ctx, err)
	}
	return n, err
}
