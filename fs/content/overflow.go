package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/sys/unix"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// spillLocked moves n bytes of content that is nowhere else to the fallback: the
// disk is full, and S3 does not take it fast enough or not at all. e.space.mu is
// held.
func (e *Engine) spillLocked(ctx context.Context, n int64) error {
	const some = 64
	if e.space.spilled == nil {
		e.space.spilled = make(map[meta.VersionID]bool)
	}
	busy := make(map[meta.VersionID]bool)
	for n > 0 && ctx.Err() == nil {
		list, err := e.Meta.DueUploads(math.MaxInt64, func(id meta.VersionID) bool { return e.space.spilled[id] || busy[id] }, some)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			clear(e.space.spilled) // also of what left the queue since
			return nil
		}
		for i := 0; i < len(list) && n > 0 && ctx.Err() == nil; i++ {
			id := list[i].Version
			freed, err := e.spillOne(id)
			if err != nil {
				return fmt.Errorf("overflow into the fallback: %w", err)
			}
			if freed > 0 {
				e.space.spilled[id] = true
			} else {
				busy[id] = true
			}
			n -= freed
		}
		if err := e.emptyTrash(); err != nil {
			return err
		}
	}
	return nil
}

// spillOne moves a version's bytes to the fallback unless somebody uses them, and
// returns how many left this disk.
func (e *Engine) spillOne(id meta.VersionID) (int64, error) {
	v, err := e.Meta.Version(id)
	if gone(err) || err == nil && (v.Fallback != nil || !v.Local() || e.live.writing(v.Ino) != nil) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if v.Open {
		// Closed a moment ago, most likely: that goes on record a little later.
		if free, err := e.Recheck(id); err != nil || !free {
			return 0, err
		}
		if err := e.Meta.Settled(id); err != nil {
			return 0, nil // it was written to since, and is another version by now
		}
	}
	if err := e.overflow(&v); err != nil {
		return 0, err
	}
	crash.Here(crash.OverflowSet)
	ok, err := e.evictOne(&v)
	if err != nil || !ok {
		return 0, err
	}
	e.Log.Debug("disk is full: content moved to the fallback", "version", v.ID, "bytes", v.Size)
	return v.Size, nil
}

// overflowDir holds what had to leave the local store while S3 was away.
const overflowDir = ours + "overflow"

// overflow copies v's local content into the fallback and puts that on record, so
// that the local file may go.
func (e *Engine) overflow(v *meta.Version) error {
	src, err := e.openVersion(v)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := unix.Mkdirat(int(e.Fallback.dir.Fd()), overflowDir, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("make %s in fallback: %w", overflowDir, err)
	}
	rel := []byte(overflowDir + "/" + string(v.File))
	dst, err := e.Fallback.open(rel, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, 0o600)
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
	for _, dir := range []string{overflowDir, "."} {
		if err := e.Fallback.syncDir(dir); err != nil {
			return err
		}
	}
	crash.Here(crash.OverflowKept)
	after, err := src.Stamp()
	if err != nil {
		return err
	}
	if after.Size != v.Size || after.Mtime != v.Mtime {
		return fmt.Errorf("local file %s changed while it was copied to the fallback", v.File)
	}
	return e.Meta.SetFallback(v.ID, rel)
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

// dropOverflow removes v's copy from the overflow after v reached S3.
func (e *Engine) dropOverflow(v *meta.Version) error {
	if e.Fallback == nil || !bytes.HasPrefix(v.Fallback, []byte(overflowDir+"/")) {
		return nil
	}
	if err := e.Meta.DropFallback(v.ID, v.Fallback, 0, now()); err != nil {
		return err
	}
	crash.Here(crash.OverflowLeft)
	e.placing.Lock()
	defer e.placing.Unlock()
	return e.removeStray(&meta.Stray{Path: v.Fallback})
}
