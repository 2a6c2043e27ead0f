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
			if s.passing {
				l.passing = v.Size
			}
			return nil
		}
	}
	f, err := e.fetchAndKeep(ctx, v)
	if noRoom(err) {
		return e.loadPassing(ctx, l, v)
	}
	if err != nil {
		return err
	}
	l.file, l.version = f, v.ID
	return nil
}

// loadPassing gives the node v's content in memory, to be read only.
func (e *Engine) loadPassing(ctx context.Context, l *live, v *meta.Version) error {
	f, err := e.fetchPassing(ctx, v)
	if err != nil {
		return err
	}
	l.file, l.version, l.passing = f, v.ID, v.Size
	return nil
}

// fetchAndKeep brings v's content here, makes that v's file, and opens it for reading.
func (e *Engine) fetchAndKeep(ctx context.Context, v *meta.Version) (*local.File, error) {
	f, sum, err := e.fetch(ctx, v, local.Copy)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	crash.Here(crash.FetchFilled)
	if err := e.attach(v, f, sum); err != nil {
		return nil, e.undo(err, f.ID)
	}
	v.File = meta.FileID(f.ID)
	return e.Local.Open(f.ID)
}

// fetchPassing brings v's content into memory, for reading while the disk has no room
// for it. Who closes it takes its size from e.space.passing.
func (e *Engine) fetchPassing(ctx context.Context, v *meta.Version) (*local.File, error) {
	if err := e.takePassing(v.Size); err != nil {
		return nil, err
	}
	f, _, err := e.fetchInto(ctx, v, func() (*local.File, error) { return local.Volatile() })
	if err == nil {
		if err = f.SetTimes(v.Mtime, v.Mtime); err != nil {
			f.Close()
		}
	}
	if err == nil {
		f, err = f.Sealed()
	}
	if err != nil {
		e.space.passing.Add(-v.Size)
		return nil, err
	}
	return f, nil
}

// takePassing counts n bytes that are to be held in memory, and refuses what would be
// too much. Who has them gives them back.
func (e *Engine) takePassing(n int64) error {
	if e.space.passing.Add(n) <= passingMost {
		return nil
	}
	e.space.passing.Add(-n)
	return fmt.Errorf("%w, and no room in memory to read it without", ErrFull)
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
	if s.passing {
		e.space.passing.Add(-v.Size)
	}
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
	e.trust.fetched(v.ID)
	e.grew(v.Size)
	return nil
}

// fetch brings v's whole content into a new local file, open for writing, and
// returns its checksum. The file is not synced.
func (e *Engine) fetch(ctx context.Context, v *meta.Version, k local.Kind) (*local.File, []byte, error) {
	if err := e.admit(v.Size); err != nil {
		return nil, nil, err
	}
	return e.fetchInto(ctx, v, func() (*local.File, error) {
		return e.Local.Create(local.Identity{Kind: k, Ino: uint64(v.Ino), Version: int64(v.ID), Size: v.Size})
	})
}

// fetchInto is fetch into a file that create makes.
func (e *Engine) fetchInto(ctx context.Context, v *meta.Version, create func() (*local.File, error)) (*local.File, []byte, error) {
	if v.Size == 0 && (v.Fallback == nil || v.Remote == meta.Stored || e.Fallback == nil) {
		return e.fill(v, create, func(io.Writer) error { return nil }) // nothing is known well enough
	}
	var away error
	if v.Remote == meta.Stored {
		f, sum, err := e.fill(v, create, func(w io.Writer) error { return e.download(ctx, v, w) })
		if err == nil || ctx.Err() != nil {
			return f, sum, err
		}
		away = err
	}
	if e.Fallback != nil {
		f, sum, err := e.fill(v, create, func(w io.Writer) error { return e.fromFallback(v, w) })
		if err == nil {
			return f, sum, nil
		}
		away = errors.Join(away, err)
		if gone(err) && v.Remote != meta.Stored {
			// As in fetchRange.
			if now, verr := e.Meta.Version(v.ID); verr == nil && now.Remote == meta.Stored {
				return e.fetchInto(ctx, &now, create)
			}
		}
	}
	if noRoom(away) {
		return nil, nil, fmt.Errorf("%w: %w", ErrFull, away)
	}
	return nil, nil, fmt.Errorf("%w: %w", ErrAway, away)
}

// fill makes a file of what read delivers, and checks it.
func (e *Engine) fill(v *meta.Version, create func() (*local.File, error), read func(io.Writer) error) (*local.File, []byte, error) {
	f, err := create()
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
		if f.ID != "" {
			err = errors.Join(err, e.discard(f.ID))
		}
		return nil, nil, err
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
		err := e.fromFallbackRange(v, off, n, w)
		if !gone(err) {
			return err
		}
		// It may have reached S3 since v was read, and its copy be gone for that.
		now, verr := e.Meta.Version(v.ID)
		if verr != nil || now.Remote != meta.Stored {
			return err
		}
		v = &now
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
