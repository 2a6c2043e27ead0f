package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// spillLocked moves so many bytes and files of content that is nowhere else to the
// fallback: the disk is full, and S3 does not take it fast enough or not at all.
// e.space.mu is held.
func (e *Engine) spillLocked(ctx context.Context, n, files int64) error {
	const some = 64
	if e.space.spilled == nil {
		e.space.spilled = make(map[meta.VersionID]bool)
	}
	busy := make(map[meta.VersionID]bool)
	more := func() bool { return (n > 0 || files > 0) && ctx.Err() == nil }
	for more() {
		list, err := e.Meta.DueUploads(math.MaxInt64, func(id meta.VersionID) bool { return e.space.spilled[id] || busy[id] }, some)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			clear(e.space.spilled) // also of what left the queue since
			return nil
		}
		for i := 0; i < len(list) && more(); i++ {
			id := list[i].Version
			freed, moved, err := e.spillOne(id)
			if errors.Is(err, ErrLost) {
				err = nil // told already; those behind it may go
			}
			if err != nil {
				return fmt.Errorf("overflow into the fallback: %w", err)
			}
			if !moved {
				busy[id] = true
				continue
			}
			e.space.spilled[id] = true
			n -= freed
			files--
		}
		if err := e.emptyTrash(); err != nil {
			return err
		}
	}
	return nil
}

// spillOne moves a version's bytes to the fallback unless somebody uses them, and
// returns how many left this disk.
func (e *Engine) spillOne(id meta.VersionID) (freed int64, moved bool, err error) {
	if err := e.Meta.Failed(); err != nil {
		return 0, false, err // the copy that is to be written anew may be on record after all
	}
	v, err := e.Meta.Version(id)
	if gone(err) || err == nil && (v.Fallback != nil || !v.Local() || e.live.writing(v.Ino) != nil) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if v.Open {
		// Closed a moment ago, most likely: that goes on record a little later.
		if free, err := e.Recheck(id); err != nil || !free {
			return 0, false, err
		}
		if err := e.Meta.Settled(id); err != nil {
			return 0, false, nil // it was written to since, and is another version by now
		}
	}
	if err := e.overflow(&v); err != nil {
		return 0, false, err
	}
	crash.Here(crash.OverflowSet)
	ok, err := e.evictOne(&v)
	if err != nil || !ok {
		return 0, false, err
	}
	e.Log.Debug("disk is full: content moved to the fallback", "version", v.ID, "bytes", v.Size)
	return v.Size, true, nil
}

// overflowDir holds what had to leave the local store while S3 was away.
const overflowDir = ours + "overflow"

// overflowName is where a version lies there. A local file may come to be the next
// version's, whose copy must not take the place of this one: a version's id is never
// used again.
func overflowName(id meta.VersionID) []byte {
	return []byte(overflowDir + "/" + strconv.FormatInt(int64(id), 10))
}

// overflow copies v's local content into the fallback and puts that on record, so
// that the local file may go. Nothing else writes to overflowDir while e.space.mu is
// held. What a crash leaves there is sweepOverflow's.
func (e *Engine) overflow(v *meta.Version) error {
	rel := overflowName(v.ID)
	err := e.Fallback.mkdir(overflowDir)
	if err == nil {
		err = e.copyToOverflow(v, rel)
	}
	if err == nil {
		err = e.Meta.SetFallback(v.ID, rel)
	}
	if meta.InDoubt(err) {
		return err // the next start may find it on record
	}
	if err != nil {
		_, known := e.Meta.InFallback(rel)
		if gone(known) {
			err = errors.Join(err, e.Fallback.remove(rel, 0))
		}
		return err
	}
	// S3 may have got it meanwhile, from the local file: nobody else would look.
	now, err := e.Meta.Version(v.ID)
	if err != nil || now.Remote != meta.Stored {
		return err
	}
	return e.dropOverflow(&now)
}

// copyToOverflow makes a copy of v's local content at a path of the fallback, durable
// when it returns.
func (e *Engine) copyToOverflow(v *meta.Version, rel []byte) error {
	src, err := e.openVersion(v)
	if err != nil {
		return err
	}
	if src == nil {
		return fmt.Errorf("version %d: %w", v.ID, ErrLost)
	}
	defer src.Close()
	dst, err := e.Fallback.create(rel)
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := io.Copy(dst, src); err != nil {
		return fmt.Errorf("copy to fallback: %w", err)
	}
	crash.Here(crash.OverflowMade)
	if err := dst.Sync(); err != nil {
		return fmt.Errorf("sync in fallback: %w", err)
	}
	if err := e.Fallback.syncDir(overflowDir); err != nil {
		return err
	}
	crash.Here(crash.OverflowKept)
	after, err := src.Stamp()
	if err != nil {
		return err
	}
	if after.Size != v.Size || after.Mtime != v.Mtime {
		return fmt.Errorf("local file %s changed while it was copied to the fallback", v.File)
	}
	return nil
}

func (f *Fallback) syncDir(rel string) error {
	d, err := f.openDir([]byte(rel))
	if err != nil {
		return fmt.Errorf("open in fallback: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync in fallback: %w", err)
	}
	return nil
}

// sameDisk reports whether the fallback lies on the disk of the local store, so that
// nothing is won by moving content there. In doubt it does not.
func (e *Engine) sameDisk() bool {
	st, err := e.Fallback.stat()
	if err != nil {
		return false
	}
	dev, err := e.Local.Device()
	return err == nil && dev == st.Dev
}

// inOverflow reports whether a path of the fallback is one of the overflow's.
func inOverflow(rel []byte) bool { return bytes.HasPrefix(rel, []byte(overflowDir+"/")) }

// dropOverflow removes v's copy from the overflow after v reached S3. v is what is on
// record now.
func (e *Engine) dropOverflow(v *meta.Version) error {
	if e.Fallback == nil || !inOverflow(v.Fallback) {
		return nil
	}
	err := e.Meta.DropFallback(v.ID, v.Fallback, 0, now())
	if errors.Is(err, meta.ErrSuperseded) {
		return nil // somebody else did
	}
	if err != nil {
		return err
	}
	crash.Here(crash.OverflowLeft)
	e.placing.Lock()
	defer e.placing.Unlock()
	return e.removeStray(&meta.Stray{Path: v.Fallback})
}

// deliveredOverflow is dropOverflow for a version that was handed out before: whether
// it overflowed while it was sent, its record tells.
func (e *Engine) deliveredOverflow(id meta.VersionID) error {
	if e.Fallback == nil {
		return nil
	}
	v, err := e.Meta.Version(id)
	if gone(err) {
		return nil
	}
	if err == nil {
		err = e.dropOverflow(&v)
	}
	if err != nil {
		e.overflowDue.Store(true)
	}
	return err
}
