package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

const (
	// wholeFetch is the size up to which content is fetched before its open
	// returns: one request, and all that follows is local.
	wholeFetch = 8 << 20

	// usedPrecision is how exactly the last use of a version is kept.
	usedPrecision = time.Hour
)

// ErrAway: the content is not on this server and where it is cannot be reached.
var ErrAway = errors.New("content is not on this server and cannot be fetched now")

// fetchForReading gives the node a file with v's content that is only read.
func (e *Engine) fetchForReading(ctx context.Context, l *live, v *meta.Version) error {
	if v.Size > wholeFetch && (v.Remote == meta.Stored || v.Fallback != nil && e.Fallback != nil) {
		s, err := e.startStream(ctx, v)
		if err != nil {
			return err
		}
		if s != nil {
			l.file, l.version, l.stream = s.file, v.ID, s
			return nil
		}
	}
	f, sum, err := e.fetch(ctx, v, local.Copy)
	if err != nil {
		return err
	}
	defer f.Close()
	crash.Here(crash.FetchFilled)
	if err := e.attach(v, f, sum); err != nil {
		return errors.Join(err, e.discard(f.ID))
	}
	if l.file, err = e.Local.Open(f.ID); err != nil {
		return err
	}
	l.version = v.ID
	return nil
}

// startStream returns a stream of v, or nil when its first bytes cannot be had and
// there is a fallback to turn to.
func (e *Engine) startStream(ctx context.Context, v *meta.Version) (*stream, error) {
	s, err := e.newStream(v)
	if err != nil || e.Fallback == nil {
		return s, err
	}
	err = s.need(ctx, 0, 1)
	if err == nil {
		return s, nil
	}
	s.stop()
	s.file.Close()
	return nil, ctx.Err()
}

// attach puts on record that f holds v's bytes. They are on disk before that: a
// record of what a power cut may take away would be a wrong one.
func (e *Engine) attach(v *meta.Version, f *local.File, sum []byte) error {
	if err := f.SetTimes(v.Mtime, v.Mtime); err != nil {
		return err
	}
	if err := e.Local.SyncNew(f); err != nil {
		return err
	}
	crash.Here(crash.FetchSynced)
	if err := e.Meta.Attach(v.ID, meta.FileID(f.ID), sum); err != nil {
		return err
	}
	crash.Here(crash.FetchAttached)
	e.grew(v.Size)
	return nil
}

// fetch brings v's whole content into a new local file, open for writing, and
// returns its checksum. The file is not synced.
func (e *Engine) fetch(ctx context.Context, v *meta.Version, k local.Kind) (*local.File, []byte, error) {
	if err := e.admit(); err != nil {
		return nil, nil, err
	}
	if v.Size == 0 && (v.Fallback == nil || v.Remote == meta.Stored || e.Fallback == nil) {
		return e.fill(v, k, func(io.Writer) error { return nil }) // nothing is known well enough
	}
	var away error
	if v.Remote == meta.Stored {
		f, sum, err := e.fill(v, k, func(w io.Writer) error { return e.download(ctx, v, w) })
		if err == nil || ctx.Err() != nil {
			return f, sum, err
		}
		away = err
	}
	if e.Fallback != nil {
		f, sum, err := e.fill(v, k, func(w io.Writer) error { return e.fromFallback(v, w) })
		if err == nil {
			return f, sum, nil
		}
		away = errors.Join(away, err)
	}
	return nil, nil, fmt.Errorf("%w: %w", ErrAway, away)
}

// fill makes a local file of what read delivers, and checks it.
func (e *Engine) fill(v *meta.Version, k local.Kind, read func(io.Writer) error) (*local.File, []byte, error) {
	f, err := e.Local.Create(local.Identity{Kind: k, Ino: uint64(v.Ino), Version: int64(v.ID), Size: v.Size})
	if err != nil {
		return nil, nil, err
	}
	h := sha256.New()
	n := &counter{}
	err = read(io.MultiWriter(f, h, n))
	sum := h.Sum(nil)
	switch {
	case err != nil:
	case n.n != v.Size:
		err = fmt.Errorf("%d bytes came instead of %d", n.n, v.Size)
	case v.SHA256 != nil && !bytes.Equal(sum, v.SHA256):
		err = fmt.Errorf("checksum is %x instead of %x", sum, v.SHA256)
	}
	if err != nil {
		f.Close()
		return nil, nil, errors.Join(err, e.discard(f.ID))
	}
	return f, sum, nil
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// download copies v's object to w.
func (e *Engine) download(ctx context.Context, v *meta.Version, w io.Writer) error {
	return e.downloadRange(ctx, v, 0, -1, w)
}

// fetchRange copies a part of v's content to w from where it is.
func (e *Engine) fetchRange(ctx context.Context, v *meta.Version, off, n int64, w io.Writer) error {
	if v.Remote != meta.Stored && v.Fallback != nil && e.Fallback != nil {
		return e.fromFallbackRange(v, off, n, w)
	}
	return e.downloadRange(ctx, v, off, n, w)
}

func (e *Engine) downloadRange(ctx context.Context, v *meta.Version, off, n int64, w io.Writer) error {
	b, err := e.Objects(v.Bucket)
	if err != nil {
		return err
	}
	// The deadline is one of progress: it moves with every piece that arrives.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(e.Timeout, func() {
		cancel(fmt.Errorf("no byte for %v: %w", e.Timeout, context.DeadlineExceeded))
	})
	defer stalled.Stop()
	r, err := b.Get(ctx, v.Key, off, n)
	if err == nil {
		_, err = io.Copy(w, progressReader{r, func() { stalled.Reset(e.Timeout) }})
		r.Close()
	}
	if err != nil && backend.IsAbsent(err) {
		e.Log.Error("an object that should be in S3 is not there", "bucket", v.Bucket, "key", v.Key, "version", v.ID)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = errors.Join(err, cause)
	}
	return err
}

type progressReader struct {
	io.Reader
	progress func()
}

func (r progressReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.progress()
	}
	return n, err
}
