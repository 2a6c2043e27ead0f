package driver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"contentfs/backend"
)

// reader delivers exactly want bytes of src or an error of the contract.
type reader struct {
	ctx  context.Context // of the Get; a body outlives the call that opened it
	key  string
	src  io.ReadCloser
	want int64 // bytes of the whole body
	left int64 // bytes still to come
	sum  []byte
	hash hash.Hash // nil when there is no checksum to compare with
	err  error     // sticky
}

// NewReader returns the body of a Get: want bytes from src, which it closes. A
// sum that is not nil is the SHA-256 of exactly these bytes.
func NewReader(ctx context.Context, key string, src io.ReadCloser, want int64, sum []byte) io.ReadCloser {
	r := &reader{ctx: ctx, key: key, src: src, want: want, left: want, sum: sum}
	if len(sum) == sha256.Size {
		r.hash = sha256.New()
	}
	return r
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.left == 0 {
		r.err = r.finish()
		return 0, r.err
	}
	if r.err = Interrupted(r.ctx, "get", r.key); r.err != nil {
		return 0, r.err
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.src.Read(p)
	r.left -= int64(n)
	if r.hash != nil {
		r.hash.Write(p[:n])
	}
	switch {
	case err == nil || r.left == 0:
		return n, nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("body ended after %d of %d bytes: %w", r.want-r.left, r.want, io.ErrUnexpectedEOF)
	}
	r.err = Fail("get", r.key, ContextClass(r.ctx), err)
	return n, r.err
}

// finish says io.EOF, or why the bytes delivered are not the ones asked for.
func (r *reader) finish() error {
	if r.hash == nil {
		return io.EOF
	}
	if got := r.hash.Sum(nil); !bytes.Equal(got, r.sum) {
		return Fail("get", r.key, backend.Corrupt, fmt.Errorf("body has SHA-256 %x, want %x", got, r.sum))
	}
	return io.EOF
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.src.Close() }
