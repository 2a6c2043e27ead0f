package driver

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"contentfs/backend"
)

// CopyBody writes the size bytes of a Put's body to w and compares them with
// their checksum: Corrupt when it differs, Transient when the body is short or
// cannot be read or written.
func CopyBody(ctx context.Context, w io.Writer, key string, body io.ReaderAt, size int64, sum [32]byte) error {
	h := sha256.New()
	src := &interruptible{ctx: ctx, src: io.NewSectionReader(body, 0, size)}
	n, err := io.Copy(io.MultiWriter(w, h), src)
	if err == nil && n != size {
		err = fmt.Errorf("body ended after %d of %d bytes: %w", n, size, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return Fail("put", key, ContextClass(ctx), err)
	}
	if [32]byte(h.Sum(nil)) != sum {
		return Fail("put", key, backend.Corrupt, fmt.Errorf("body has SHA-256 %x, want %x", h.Sum(nil), sum))
	}
	return nil
}

// interruptible ends a copy when its context does.
type interruptible struct {
	ctx context.Context
	src io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.src.Read(p)
}
