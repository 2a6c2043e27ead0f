package content

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// followInFallback gives a version's copy in the fallback the path that its file has
// now, so that the directory can be used without us.
//
//	linked     the copy has the new path besides; directory synced
//	moved      the version has the new path, the old one is stray (durable)
//	unlinked   the old path is gone
//
// A crash after the first step leaves a second name of the same file, which is set
// aside when a version needs the path. A file that has the old path as another name is
// left alone, and so is what cannot lie where it should: it is safe where it is.
func (e *Engine) followInFallback(id meta.VersionID) error {
	e.placing.Lock()
	defer e.placing.Unlock()
	v, err := e.Meta.Version(id) // again: only who has the lock changes its place
	if gone(err) || err == nil && (v.Retired != 0 || v.Fallback == nil) {
		return nil
	}
	if err != nil {
		return err
	}
	path, err := e.Meta.Path(v.Ino)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	rel := path[1:]
	if bytes.Equal(v.Fallback, rel) {
		return nil
	}
	other, err := e.Meta.Resolve(append([]byte{'/'}, v.Fallback...))
	if err == nil && other.Ino == v.Ino && !isOurs(v.Fallback) {
		return nil
	}
	if err != nil && !gone(err) && !errors.Is(err, meta.ErrNotDir) && !errors.Is(err, meta.ErrUnseen) {
		return err
	}
	if err := e.moveCopy(&v, rel); err != nil && !blocked(err) {
		return fmt.Errorf("move the copy of %s in the fallback: %w", path, err)
	} else if err != nil {
		e.Log.Debug("a copy in the fallback cannot follow its file's name", "path", string(rel), "at", string(v.Fallback), "err", err)
	}
	return nil
}

// moveCopy moves a copy to a path of the fallback. e.placing is held.
func (e *Engine) moveCopy(v *meta.Version, rel []byte) error {
	if err := e.free(rel); err != nil {
		return err
	}
	inode, err := e.Fallback.linkTo(v.Fallback, rel)
	if err != nil {
		return err
	}
	crash.Here(crash.FollowLinked)
	if err := e.Meta.MoveFallback(v.ID, v.Fallback, rel, inode, now()); err != nil {
		return err
	}
	crash.Here(crash.FollowMoved)
	return e.removeStray(&meta.Stray{Path: v.Fallback, Inode: inode})
}

// openCopy opens the copy of a version in the fallback and returns its path. One that
// is moved meanwhile, because its file got another name, is found where it is then.
func (e *Engine) openCopy(v *meta.Version) (*os.File, []byte, error) {
	for rel := v.Fallback; ; {
		f, err := e.Fallback.open(rel)
		if !gone(err) {
			return f, rel, err
		}
		w, merr := e.Meta.Version(v.ID)
		if merr != nil || w.Fallback == nil || bytes.Equal(w.Fallback, rel) {
			return nil, nil, err
		}
		rel = w.Fallback
	}
}
