package content

import (
	"context"
	"errors"

	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// loadForWriting gives the node a file with v's content that may be written to.
// Nobody else has the node open. f is v's local file, nil when it has none.
func (e *Engine) loadForWriting(ctx context.Context, l *live, v *meta.Version, f *local.File) error {
	switch {
	case f == nil:
		return e.draftFromAway(ctx, l, v)
	case safe(v):
		l.file, l.version = f, v.ID
		if err := e.detach(l, v); err != nil {
			f.Close()
			l.file = nil
			return err
		}
		return l.mark()
	default:
		defer f.Close()
		c, err := e.Local.Clone(f, e.identity(l, local.Draft, v.ID, 0))
		if err != nil {
			return err
		}
		return e.draftFrom(l, v, c)
	}
}

// draftFromAway fetches v's content into a draft.
func (e *Engine) draftFromAway(ctx context.Context, l *live, v *meta.Version) error {
	f, _, err := e.fetch(ctx, v, local.Draft)
	if err != nil {
		return err
	}
	return e.draftFrom(l, v, f)
}

// draftFrom makes f, a copy of v's content open for writing, the node's file.
func (e *Engine) draftFrom(l *live, v *meta.Version, f *local.File) error {
	crash.Here(crash.DraftCopied)
	// As v's own file has it: else it would look written to when it becomes that.
	err := f.SetTimes(v.Mtime, v.Mtime)
	if err == nil {
		err = e.Meta.OpenDraft(meta.DraftRequest{Ino: l.ino, File: meta.FileID(f.ID), Base: v.ID, Now: now()})
	}
	if err != nil {
		f.Close()
		return e.undo(err, f.ID)
	}
	crash.Here(crash.DraftBegun)
	if err := e.adopt(l, f, v.ID); err != nil {
		return err
	}
	l.fresh = false // equal to v until somebody writes
	return l.mark()
}

// begin gives the node an empty file of its own.
func (e *Engine) begin(l *live, base meta.VersionID) error {
	f, err := e.newDraft(l, base)
	if err != nil {
		return err
	}
	return e.adopt(l, f, base)
}

func (e *Engine) newDraft(l *live, base meta.VersionID) (*local.File, error) {
	f, err := e.Local.Create(e.identity(l, local.Draft, base, 0))
	if err != nil {
		return nil, err
	}
	crash.Here(crash.DraftFile)
	err = e.Meta.OpenDraft(meta.DraftRequest{Ino: l.ino, File: meta.FileID(f.ID), Base: base, Now: now()})
	if err != nil {
		f.Close()
		return nil, e.undo(err, f.ID)
	}
	crash.Here(crash.DraftRecorded)
	return f, nil
}

// share lets writers use the file that others hold open, which is v's: the kernel
// allows no second file for a node in use. v's content stays elsewhere. The others
// are readers, and writers that have closed and may have written since.
func (e *Engine) share(ctx context.Context, l *live) error {
	if l.stream != nil {
		if err := l.stream.wait(ctx); err != nil {
			return err
		}
	}
	v, err := e.Meta.Version(l.version)
	if err != nil {
		return err
	}
	if safe(&v) {
		if err := e.detach(l, &v); err != nil {
			return err
		}
		return l.mark()
	}
	c, err := e.Local.Clone(l.file, e.identity(l, local.Committed, v.ID, v.Size))
	if err != nil {
		return err
	}
	defer c.Close()
	crash.Here(crash.ShareCloned)
	if err := errors.Join(c.SetTimes(v.Mtime, v.Mtime), e.Local.SyncNew(c)); err != nil {
		return e.undo(err, c.ID)
	}
	if l.writers > 0 {
		// Who duplicated a descriptor writes on after a close: that is not v any more.
		if st, err := l.file.Stamp(); err != nil || e.changed(l, st) {
			return errors.Join(err, e.discard(c.ID))
		}
	}
	crash.Here(crash.ShareSynced)
	err = e.Meta.OpenDraft(meta.DraftRequest{
		Ino: l.ino, File: meta.FileID(l.file.ID), Base: v.ID, Preserve: meta.FileID(c.ID), Now: now(),
	})
	if err != nil {
		return e.undo(err, c.ID)
	}
	crash.Here(crash.ShareRecorded)
	l.draft = true
	e.tellDraft(l, v.ID)
	return l.mark()
}

// detach puts on record that l's file is not v's content any more.
func (e *Engine) detach(l *live, v *meta.Version) error {
	err := e.Meta.OpenDraft(meta.DraftRequest{
		Ino: l.ino, File: meta.FileID(l.file.ID), Base: v.ID, Detach: true, Now: now(),
	})
	if err == nil {
		crash.Here(crash.DetachRecorded)
		l.draft = true
		e.tellDraft(l, v.ID)
	}
	return err
}

// mark remembers what the file looks like before the first write.
func (l *live) mark() (err error) {
	l.stamp, err = l.file.Stamp()
	return err
}

// identity describes a file of the node. What cannot be found out is left out:
// it is a help for the day the metadata is lost, not a promise.
func (e *Engine) identity(l *live, k local.Kind, v meta.VersionID, size int64) local.Identity {
	known := l.who.Load()
	if known == nil {
		known = &local.Identity{Ino: uint64(l.ino)}
		if n, err := e.Meta.Node(l.ino); err == nil {
			known.Mode, known.UID, known.GID = n.Mode, n.UID, n.GID
		}
		if p, err := e.Meta.Path(l.ino); err == nil {
			known.Path = p
		}
		l.who.Store(known)
	}
	who := *known
	who.Kind, who.Version, who.Size = k, int64(v), size
	return who
}

// abandon takes the node back to its committed content: the draft goes where a
// draft goes that will not be committed. Nobody writes to it any more.
func (e *Engine) abandon(l *live) {
	id := meta.FileID(l.file.ID)
	l.draft = false
	st, err := l.file.Stamp()
	untouched := err == nil && !l.fresh && !l.written.Load() && st.SameContent(l.stamp)
	settle := func() error { return e.Meta.DropDraft(id, false, now()) }
	switch {
	case untouched:
		err = e.giveBack(l)
	case err == nil && (st.Size == 0 || l.cramped || e.unnamed(l.ino)):
		// What did not fit is torn, and its writer knows. Kept, it would take the room
		// that there is none of.
		err = settle()
	default:
		ino := l.ino
		path, _ := e.Meta.Path(ino)
		settle = func() error {
			return e.Meta.Quarantine(id, ino, path, "closed without having been committed", now())
		}
		err = errors.Join(err, settle())
		e.Log.Warn("content that could not be committed is kept in the quarantine", "node", l.ino, "path", string(path), "file", id)
	}
	if noRoom(err) && e.chores.add(settle) {
		err = nil
	}
	if err != nil {
		e.Log.Error("cannot settle a draft; the next start will", "node", l.ino, "file", id, "err", err)
	}
	signal(e.sweep)
	e.Changed(l.ino)
}

// giveBack makes a draft that nobody wrote to the file of the version it began from,
// if that has none: bytes that were fetched for it are on disk before that.
func (e *Engine) giveBack(l *live) error {
	var unsafe error
	if e.Durability != Relaxed {
		unsafe = e.Local.SyncNew(l.file)
	}
	crash.Here(crash.GiveBackSynced)
	return errors.Join(unsafe, e.Meta.DropDraft(meta.FileID(l.file.ID), unsafe == nil, now()))
}

// unnamed reports whether the node has lost its last name.
func (e *Engine) unnamed(ino meta.Ino) bool {
	n, err := e.Meta.Node(ino)
	return gone(err) || err == nil && n.Nlink == 0
}
