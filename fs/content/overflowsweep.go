package content

import (
	"errors"
	"io"
	"path"
	"strconv"

	"contentfs/meta"
)

// sweepOverflow looks at what lies in the overflow, after a start: a crash may have
// come between an upload and the end of the copy that was made for the time until
// then, or in the middle of a copy.
//
//	on record, and in S3           the copy goes
//	on record, not in S3           it stays: it may be the only one
//	not on record, version known   removed where the version's bytes are on record
//	not on record, nobody knows    set aside: of a database that was made anew, for
//	                               example, it may be the only copy
func (e *Engine) sweepOverflow() error {
	if e.Fallback == nil {
		return nil
	}
	e.space.mu.Lock() // nobody copies
	defer e.space.mu.Unlock()
	names, err := e.Fallback.names(overflowDir)
	if gone(err) {
		return nil
	}
	if len(names) > 0 {
		// A copy whose record is in doubt looks like one that has none.
		if err := e.certain(); err != nil {
			return err
		}
	}
	errs := []error{err}
	for _, name := range names {
		if err := e.sweepCopy([]byte(overflowDir + "/" + name)); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// sweepCopy settles one copy of the overflow; e.space.mu is held.
func (e *Engine) sweepCopy(rel []byte) error {
	v, err := e.Meta.InFallback(rel)
	if err == nil {
		if v.Remote != meta.Stored {
			return nil
		}
		return e.dropOverflow(&v)
	}
	if !gone(err) {
		return err
	}
	e.placing.Lock()
	defer e.placing.Unlock()
	if s, err := e.Meta.StrayAt(rel); err == nil {
		return e.removeStray(&s)
	} else if !gone(err) {
		return err
	}
	needless, err := e.needlessCopy(rel)
	if err != nil {
		return err
	}
	if needless {
		return e.Fallback.remove(rel, 0)
	}
	to, err := e.Fallback.setAside(rel)
	if gone(err) || blocked(err) {
		return nil
	}
	if err == nil {
		e.Log.Warn("a copy in the overflow of the fallback belongs to nothing on record; it is kept",
			"path", string(rel), "now", to)
	}
	return err
}

// needlessCopy reports whether a copy that is not on record is one of a version whose
// bytes are.
func (e *Engine) needlessCopy(rel []byte) (bool, error) {
	id, err := strconv.ParseInt(path.Base(string(rel)), 10, 64)
	if err != nil {
		return false, nil // none of ours
	}
	v, err := e.Meta.Version(meta.VersionID(id))
	if gone(err) {
		return false, nil
	}
	return err == nil && (v.Local() || safe(&v)), err
}

// names lists what lies in a directory of the fallback.
func (f *Fallback) names(rel string) ([]string, error) {
	d, err := f.openDir([]byte(rel))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var all []string
	for {
		some, err := d.Readdirnames(1024)
		all = append(all, some...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}
