package content

import (
	"context"
	"errors"

	"contentfs/fs/local"
	"contentfs/meta"
)

// recommit makes what was written to v's file since its commit a version.
func (e *Engine) recommit(v *meta.Version, st local.Stamp) error {
	e.Log.Info("content was written to after its close; committing it as it is", "version", v.ID, "node", v.Ino)
	if _, err := e.Meta.Recommit(v.ID, meta.CommitRequest{Size: st.Size, Mtime: st.Mtime, Blocks: st.Blocks, Now: now()}); err != nil {
		return err
	}
	e.Changed(v.Ino)
	e.queue.Wake()
	// What was sent of the old version meanwhile would be nobody's.
	err := e.Meta.CancelSending(v.ID)
	if errors.Is(err, meta.ErrSuperseded) || gone(err) {
		return nil // nothing was
	}
	return err
}

// Linger notes that a version is sent while unseen writers can still change it: what
// they write until Recheck returns true is content, and no damage.
func (e *Engine) Linger(id meta.VersionID) { e.trust.linger(id, true) }

// Recheck looks again at a version that was sent while somebody unseen could still
// write to it. It returns true once nobody can; what was written until then is a
// version of its own by then.
func (e *Engine) Recheck(id meta.VersionID) (settled bool, err error) {
	defer func() {
		if settled && err == nil {
			e.trust.linger(id, false)
		}
	}()
	v, err := e.Meta.Version(id)
	if gone(err) || err == nil && (v.Retired != 0 || !v.Local()) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if e.live.writing(v.Ino) != nil {
		return false, nil // its commit will replace the version
	}
	f, err := e.openVersion(&v)
	if err != nil || f == nil {
		return err == nil, err
	}
	defer f.Close()
	free, err := f.Unwritten()
	if err != nil || !free {
		return false, err
	}
	return true, e.recheck(&v, f)
}

// recheck commits what v's file holds if that is not what is on record.
func (e *Engine) recheck(v *meta.Version, f *local.File) error {
	if err := e.Local.Sync(f); err != nil {
		return err
	}
	st, err := f.Stamp()
	if err != nil || st.Size == v.Size && st.Mtime == v.Mtime {
		return err
	}
	d := foreign(v, f, st)
	if d.why == "" {
		if d, err = e.altered(context.Background(), v, f, st); err != nil {
			return err
		}
	}
	if d.why != "" {
		return e.giveUpDamaged(v, d)
	}
	if st, err = f.Stamp(); err != nil || st.Size == v.Size && st.Mtime == v.Mtime {
		return err // only its time was another
	}
	return e.recommit(v, st)
}

// asRecorded reports whether v's file may go as far as its content is concerned. A
// file that was written to since its commit is committed instead.
func (e *Engine) asRecorded(v *meta.Version) bool {
	st, err := e.Local.Stat(local.ID(v.File))
	if err != nil {
		return gone(err) || errors.Is(err, local.ErrNotRegular)
	}
	if st.Size == v.Size && st.Mtime == v.Mtime {
		return true
	}
	if _, err := e.Recheck(v.ID); err != nil {
		e.Log.Error("cannot commit what was written to a file after its close", "version", v.ID, "err", err)
	}
	return false
}
