package content

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// Flush commits what the handle's node has been written since the last commit.
// The kernel calls it at every close of a descriptor. It returns when the
// content is as safe as the volume's durability asks.
func (e *Engine) Flush(ctx context.Context, h *Handle) error {
	if !h.write {
		return nil
	}
	return e.sync(ctx, h, true)
}

// Fsync is Flush for a file that stays open. Handles that only read may sync a
// file that others write.
func (e *Engine) Fsync(ctx context.Context, h *Handle) error { return e.sync(ctx, h, false) }

func (e *Engine) sync(ctx context.Context, h *Handle, flush bool) error {
	l := h.l
	// Past the point of no return: an interrupt must not turn a healthy close
	// into an error (Go's own preemption signals cause them).
	if err := l.acquire(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	err := e.commit(l)
	if err == nil || !errors.Is(err, ErrPoisoned) {
		l.cramped = noRoom(err)
	}
	id := l.version
	if err == nil && flush {
		h.flushedLocked()
	}
	l.release()
	if err != nil {
		return fmt.Errorf("commit node %d: %w", l.ino, err)
	}
	if e.Durability == Remote && id != 0 {
		if err := e.queue.Deliver(ctx, id); err != nil {
			return fmt.Errorf("%w: %w", ErrUndelivered, err)
		}
	}
	return nil
}

// flushedLocked notes that h has closed a descriptor, or that it is at its end.
func (h *Handle) flushedLocked() {
	if h.write && !h.flushed {
		h.flushed = true
		h.l.unflushed--
	}
}

// commit makes the file's present content the node's, if it has writers and
// changed. The caller holds l's lock.
func (e *Engine) commit(l *live) error {
	if l.writers == 0 && !l.draft || l.file == nil {
		return nil
	}
	return e.commitChanged(l)
}

// commitChanged is commit for a file whose stamp is known: it has writers, or had
// them a moment ago.
func (e *Engine) commitChanged(l *live) error {
	if l.poisoned {
		return ErrPoisoned
	}
	if e.orphans.has(l.ino) && (l.draft || l.writers > 0) {
		// Without a name there is nothing to keep it for. What was committed before
		// is a retired version, which must agree with its file in the end.
		return nil
	}
	st, err := l.file.Stamp()
	if err != nil {
		return err
	}
	if !e.changed(l, st) {
		return nil
	}
	who := e.identity(l, local.Committed, l.version, st.Size)
	if st, err = e.harden(l, who); err != nil {
		return err
	}
	crash.Here(crash.CommitSynced)
	v, err := e.Meta.Commit(meta.CommitRequest{
		Ino: l.ino, File: meta.FileID(l.file.ID),
		Size: st.Size, Mtime: st.Mtime, Blocks: st.Blocks, Now: now(),
		Class: EvictionClass(who.Path), Open: l.writers > 0,
		Due:     now() + int64(e.Debounce),
		Relaxed: e.Durability == Relaxed,
	})
	if err != nil {
		return err
	}
	crash.Here(crash.CommitRecorded)
	l.version, l.stamp = v.ID, st
	l.draft, l.fresh = false, false
	l.publish()
	e.Changed(l.ino)
	return nil
}

// changed reports whether the file may differ from what is on record.
func (e *Engine) changed(l *live, st local.Stamp) bool {
	if l.fresh || l.written.Load() || !st.SameContent(l.stamp) {
		return true
	}
	// Where the clock of file times is coarse, a write within the tick of the
	// last look leaves no trace.
	return !e.Local.FineTimes() && l.stamp.Ctime-l.stamp.Mtime < int64(coarseTick)
}

// coarseTick is longer than any kernel's timer tick (10 ms at HZ=100).
const coarseTick = 20 * time.Millisecond

// harden puts the file on stable storage and returns the stamp of what is there.
func (e *Engine) harden(l *live, who local.Identity) (local.Stamp, error) {
	l.written.Store(false) // a write from here on counts as new
	err := l.file.SetIdentity(who)
	if err != nil {
		l.written.Store(true)
		return local.Stamp{}, err
	}
	crash.Here(crash.CommitIdentity)
	st, err := l.file.Stamp()
	if err != nil || e.Durability == Relaxed {
		return st, err
	}
	if err := e.Local.SyncNew(l.file); err != nil {
		l.poisoned, l.cramped = true, noRoom(err)
		return st, err
	}
	return st, nil
}

// commitNode commits the node's content if it is open and changed. A rename
// calls it first, so that a name never comes to stand for less than was written.
func (e *Engine) commitNode(ino meta.Ino) error {
	l := e.live.peek(ino)
	if l == nil {
		return nil
	}
	defer e.live.drop(l)
	if err := l.acquire(context.Background()); err != nil {
		return err
	}
	defer l.release()
	return e.commit(l)
}

// Release ends a handle. Errors have nobody to go to any more: they are logged,
// and the bytes kept.
func (e *Engine) Release(h *Handle) {
	l := h.l
	_ = l.acquire(context.Background()) // cannot fail: never cancelled
	l.opens--
	h.flushedLocked()
	if h.write {
		if l.writers--; l.writers == 0 {
			e.settle(l)
		}
	}
	e.noteRead(l)
	e.closeIdle(l)
	l.release()
	e.live.drop(l)
	e.forgetUnused(h.l.ino)
}

// settle follows the last writer: what changed after the last flush is committed,
// and what is committed may go to S3.
func (e *Engine) settle(l *live) {
	if l.rw != nil {
		l.rw.Close()
		l.rw = nil
	}
	if st, err := l.file.Stamp(); err == nil && l.draft && !e.changed(l, st) && e.mapped(l) {
		// A mapping outlives its descriptor, and nothing was written yet. What will be
		// must not go to a file that we threw away.
		l.fresh = true
	}
	if l.cramped && l.draft {
		// Its writer was told that it does not fit: what is on record stays.
	} else if err := e.commitChanged(l); err != nil && !errors.Is(err, ErrPoisoned) {
		level := slog.LevelError
		if l.cramped = noRoom(err); l.cramped {
			level = slog.LevelDebug // its writer was told, and so was the administrator
		}
		e.Log.Log(context.Background(), level, "cannot commit after the last close", "node", l.ino, "err", err)
	}
	l.publish()
	if l.draft || l.version == 0 {
		return
	}
	if err := e.settleVersion(l.version); err != nil {
		e.Log.Error("cannot settle a version; the next start will", "version", l.version, "err", err)
	}
	crash.Here(crash.ReleaseSettled)
	e.queue.Wake()
}

// settleVersion puts on record that nobody writes to a version any more. On a full disk
// what is put down at leisure may find no room, and nobody would hear of that.
func (e *Engine) settleVersion(id meta.VersionID) error {
	if !e.Hurried() {
		return e.Meta.SettleSoon(id)
	}
	settled := func() error { return e.Meta.Settled(id) }
	err := settled()
	if gone(err) || noRoom(err) && e.chores.add(settled) {
		return nil
	}
	return err
}

// lateRelease is longer than the kernel takes to let go of a passthrough handle's
// file after it told us of the handle's end.
const lateRelease = 64 * time.Millisecond

// mapped reports whether somebody can still write to the file although all
// descriptors that we know of are closed. When in doubt it says so.
func (e *Engine) mapped(l *live) bool {
	for pause := time.Millisecond; ; pause *= 2 {
		free, err := l.file.Unwritten()
		if err != nil || free || pause > lateRelease/2 {
			return err != nil || !free
		}
		<-time.After(pause)
	}
}
