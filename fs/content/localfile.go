package content

import (
	"errors"

	"contentfs/fs/local"
	"contentfs/meta"
)

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
