package content

import (
	"errors"
	"fmt"

	"contentfs/fs/local"
	"contentfs/meta"
)

// openVersion opens the version's local file. It returns nil when the bytes are
// not here, or not any more and safe elsewhere.
func (e *Engine) openVersion(v *meta.Version) (*local.File, error) {
	if !v.Local() {
		return nil, nil
	}
	f, err := e.Local.Open(local.ID(v.File))
	var st local.Stamp
	if err == nil {
		if st, err = f.Stamp(); err != nil {
			f.Close()
		}
	}
	switch {
	case err == nil && plausible(v, st):
		return f, nil
	case err == nil:
		f.Close()
		err = fmt.Errorf("%w: %d bytes instead of %d", ErrLost, st.Size, v.Size)
	case !gone(err) && !errors.Is(err, local.ErrNotRegular):
		return nil, err // cannot tell: an error is not an absence
	}
	if !safe(v) {
		e.Log.Error("content is lost on this server", "version", v.ID, "node", v.Ino, "file", v.File, "err", err)
		return nil, errors.Join(ErrLost, err)
	}
	e.Log.Warn("local file is damaged; it will be fetched again", "version", v.ID, "file", v.File, "err", err)
	if err := e.giveUpFile(v); err != nil {
		return nil, err
	}
	signal(e.sweep)
	v.File = ""
	return nil, nil
}

// plausible reports whether a local file can be v's content: as it was recorded, or
// with what a writer added that we know nothing of. A settled file that became
// shorter is damaged.
func plausible(v *meta.Version, st local.Stamp) bool {
	return v.Open || st.Size == v.Size || st.Size > v.Size && st.Mtime != v.Mtime
}

// giveUpFile takes from v a local file that is gone or damaged. It does so whoever
// may still have it open: what they write is not v's content any more.
func (e *Engine) giveUpFile(v *meta.Version) error {
	if v.Open {
		if err := e.Meta.Settled(v.ID); err != nil {
			return err
		}
	}
	return e.Meta.Evict(v.ID, v.File)
}

// safe reports whether the version's bytes exist elsewhere too.
func safe(v *meta.Version) bool { return v.Remote == meta.Stored || v.Fallback != nil }

// used notes that a version was opened, for the order of eviction. An hour's
// precision is enough for that.
func (e *Engine) used(v *meta.Version) {
	if t := now(); t-v.Used > int64(usedPrecision) {
		_ = e.Meta.Used(v.ID, t) // lazy; a lost note costs at most a fetch
	}
}

// undo throws away a new local file because of err, which it returns. If it is not
// known whether the change that gives the file to somebody was made, the file stays: the
// next start finds out.
func (e *Engine) undo(err error, id local.ID) error {
	if meta.InDoubt(err) {
		e.Log.Error("a local file is kept: the metadata may refer to it", "file", id, "err", err)
		return err
	}
	return errors.Join(err, e.discard(id))
}

// discard throws away a file that nothing refers to.
func (e *Engine) discard(id local.ID) error { return e.Local.Remove([]local.ID{id}) }
