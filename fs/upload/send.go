package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// errStays: rules or the switch keep the version on this server, which is on record.
var errStays = errors.New("kept on this server")

// send takes one version to where it belongs. Answers that are no failures:
// content.ErrBusy, content.ErrSettled, errStays.
func (u *Uploader) send(ctx context.Context, id meta.VersionID, insist content.Insist) error {
	to, err := u.engine.Destination(id)
	switch {
	case errors.Is(err, content.ErrSettled):
		return errors.Join(err, u.cancel(ctx, id))
	case err != nil:
		return err
	case to == content.Stay:
		return errStays
	case to == content.ToFallback:
		return u.engine.Settle(ctx, id, insist)
	case to == content.ToKey:
		return u.engine.Rekey(ctx, id, u.keyLimit(id))
	}
	return u.sendToS3(ctx, id, insist)
}

func (u *Uploader) sendToS3(ctx context.Context, id meta.VersionID, insist content.Insist) error {
	o, err := u.engine.Outgoing(ctx, id, insist, u.keyLimit(id))
	if errors.Is(err, content.ErrSettled) {
		return errors.Join(err, u.cancel(ctx, id))
	}
	if err != nil {
		return err
	}
	defer o.Close()
	v := &o.Version
	b, err := u.engine.Objects(v.Bucket)
	if err != nil {
		return err
	}
	if o.Resumed {
		etag, there, err := u.resume(ctx, b, o)
		// A HEAD has no body: why the store refuses it is told by the PUT.
		if err != nil && backend.ClassOf(err) != backend.Invalid {
			return err
		}
		if there {
			crash.Here(crash.UploadFound)
			return u.engine.Delivered(o, etag, insist)
		}
	}
	obj, err := u.copyOrPut(ctx, b, o)
	if err == nil {
		return u.engine.Delivered(o, obj.ETag, insist)
	}
	return u.refused(ctx, b, o, insist, err)
}

// resume finds out what became of an earlier attempt. It returns the object's
// ETag if it is there and ours.
func (u *Uploader) resume(ctx context.Context, b backend.Backend, o *content.Outgoing) (etag string, there bool, err error) {
	etag, there, err = u.look(ctx, b, o)
	if err != nil || there {
		return etag, there, err
	}
	return "", false, u.abort(ctx, o)
}

// abort discards the parts of an attempt that was broken off.
func (u *Uploader) abort(ctx context.Context, o *content.Outgoing) error {
	v := &o.Version
	if v.UploadID == "" {
		return nil
	}
	if err := u.discardParts(ctx, v); err != nil {
		return err
	}
	crash.Here(crash.UploadAborted)
	return u.engine.Meta.SetUploadID(v.ID, "")
}

// errForeign: the object under our key is not the one we sent.
var errForeign = errors.New("an object that is not ours lies under the key; the version gets another key")

// errGarbled: the object under our key says that we sent it, and has other bytes by what
// the store says of it.
var errGarbled = errors.New("the object is not what was sent; the version gets another key")

// look reports whether our object is there, whole. One that says that it is ours and is
// not whole is lost from then on: a garbage collection removes it.
func (u *Uploader) look(ctx context.Context, b backend.Backend, o *content.Outgoing) (etag string, there bool, err error) {
	v := &o.Version
	obj, err := b.Stat(ctx, v.Key)
	if err != nil {
		if backend.IsAbsent(err) {
			return "", false, nil
		}
		return "", false, err
	}
	if obj.Size == v.Size && bytes.Equal(obj.SHA256, v.SHA256) {
		return obj.ETag, true, nil
	}
	ours, err := u.engine.Wrote(v, obj.Metadata)
	if err != nil {
		return "", false, err
	}
	why := errForeign
	if ours {
		why = errGarbled
		u.log.Error("our object is not what was sent; the content gets another key", "bucket", v.Bucket, "key", v.Key)
	} else {
		u.log.Error("an object that is not ours lies under our key; it is left alone", "bucket", v.Bucket, "key", v.Key)
	}
	if err := u.abort(ctx, o); err != nil {
		return "", false, err
	}
	if err := u.engine.AnotherKey(o, u.keyLimit(v.ID), ours); err != nil {
		return "", false, err
	}
	return "", false, why
}

// refused settles a Put that failed.
func (u *Uploader) refused(ctx context.Context, b backend.Backend, o *content.Outgoing, insist content.Insist, err error) error {
	if same, serr := u.engine.Unchanged(o, insist); serr == nil && !same {
		return content.ErrBusy // no wonder: the content changed on its way
	}
	switch backend.ClassOf(err) {
	case backend.Exists:
		etag, there, lerr := u.look(ctx, b, o)
		if lerr != nil {
			return lerr
		}
		if there {
			return u.engine.Delivered(o, etag, insist)
		}
	case backend.TooLong:
		limit := content.SegmentLimit(o.Version.Prefix)
		if u.keyLimit(o.Version.ID) == limit {
			break
		}
		u.learnLimit(o.Version.ID, limit)
		return u.sendToS3(ctx, o.Version.ID, insist)
	}
	return fmt.Errorf("upload %s: %w", o.Path, err)
}

func (u *Uploader) keyLimit(id meta.VersionID) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if it := u.items[id]; it != nil && it.keyLimit > 0 {
		return it.keyLimit
	}
	return content.MaxKey
}

func (u *Uploader) learnLimit(id meta.VersionID, limit int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if it := u.items[id]; it != nil {
		it.keyLimit = limit
	}
}

// backoff returns the pause before the next attempt, with full jitter: between
// 0.2 s and a bound that doubles from 0.4 s to 60 s.
func backoff(attempts int) time.Duration {
	const first, most = 400 * time.Millisecond, time.Minute
	bound := most
	if attempts < 8 {
		bound = min(most, first<<attempts)
	}
	return first/2 + rand.N(bound-first/2)
}

// Deliver sends a version now, although its writer still has it open: the
// application's close waits for it. It returns when the version, or one that
// replaced it, is in S3.
func (u *Uploader) Deliver(ctx context.Context, id meta.VersionID) error {
	start := time.Now()
	v, err := u.engine.Meta.Version(id)
	for attempt := 0; err == nil; attempt++ {
		err = u.deliverOnce(ctx, id)
		if err == nil {
			return nil
		}
		if errors.Is(err, errStays) {
			return nil // as safe as it is meant to be
		}
		if errors.Is(err, content.ErrSettled) {
			next, serr := u.successor(v.Ino)
			if serr == nil && next == 0 {
				return nil
			}
			if serr != nil || next != id {
				id, err = next, serr
				continue
			}
		}
		if errors.Is(err, meta.ErrClosed) {
			return fmt.Errorf("deliver version %d: %w", id, err) // it can never be put on record
		}
		if time.Since(start) > u.patience() {
			// Not to the end of the loop: what does not exist there was replaced, and
			// here it may be lost.
			return fmt.Errorf("deliver version %d: %w", id, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(backoff(min(attempt, 2))):
			err = nil
		}
	}
	if errors.Is(err, meta.ErrNotExist) {
		return nil // replaced or removed
	}
	return fmt.Errorf("deliver version %d: %w", id, err)
}

// successor returns the version that a node's content waits in for its upload, 0
// if there is none.
func (u *Uploader) successor(ino meta.Ino) (meta.VersionID, error) {
	v, err := u.engine.Meta.Current(ino)
	if errors.Is(err, meta.ErrNotExist) {
		return 0, nil
	}
	if err != nil || v.Remote == meta.Stored || v.Retired != 0 {
		return 0, err
	}
	if !v.Local() && v.Fallback == nil {
		return 0, fmt.Errorf("version %d: %w", v.ID, content.ErrLost)
	}
	return v.ID, nil
}

// How long a close tries again with durability "s3": an application that waits for
// ever is no better off than one that is told, and the content stays here and in
// the queue either way. An attempt that makes progress is never broken off, so that
// large content on a slow line gets there.
const (
	deliverTimeout = 60 * time.Second
	// awayTimeout is the same while the store is known to be away: long enough for
	// a restart, short enough for a worker that saves one file after the other.
	awayTimeout = 10 * time.Second
)

func (u *Uploader) patience() time.Duration {
	select {
	case <-u.gate.Ready():
		return deliverTimeout
	default:
		return awayTimeout
	}
}

func (u *Uploader) deliverOnce(ctx context.Context, id meta.VersionID) error {
	if !u.claimNow(id) {
		return content.ErrBusy // a worker is at it
	}
	u.inflight.Add(1)
	defer u.inflight.Add(-1)
	err := u.sendWatched(ctx, id, content.Now)
	u.letGo(id)
	if err == nil {
		u.done.Add(1)
	}
	return err
}

// Progress tells how far a drain is.
type Progress struct {
	Pending      int64 // versions in the queue
	PendingBytes int64
	// Done is how many versions were delivered since the drain began. It is counted
	// when their workers have put down all they know, a moment after they left the
	// queue: Pending and Done together are never more than what there was.
	Done int64
}

// Drain sends everything in the queue, without waiting for debounces, and returns
// when it is empty, ctx ends or the metadata failed. report is called every now and then.
func (u *Uploader) Drain(ctx context.Context, report func(Progress)) error {
	const interval = 200 * time.Millisecond
	u.draining.Add(1)
	defer u.draining.Add(-1)
	start := u.done.Load()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		done := u.done.Load() - start // before the queue is looked at: see Progress
		s, err := u.engine.Meta.Stats()
		if err == nil {
			err = u.engine.Meta.Failed() // nothing that is sent can be put on record
		}
		if err != nil {
			return fmt.Errorf("drain: %w", err)
		}
		report(Progress{Pending: s.Queue.Number, PendingBytes: s.Queue.Bytes, Done: done})
		if s.Queue.Number == 0 {
			return nil
		}
		u.Wake()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
