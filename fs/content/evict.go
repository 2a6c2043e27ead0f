package content

import (
	"context"
	"errors"
	"math"
	"time"

	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// grew notes that more bytes may be evicted.
func (e *Engine) grew(n int64) {
	if e.space.evictable.Add(n) > e.CacheSize {
		signal(e.pressure)
	} else if e.Hurried() {
		e.press()
	}
}

const (
	// evictIdle and evictFull are how long the evictor waits when nobody wakes it: to
	// count what there is takes its time, to look at the disk does not.
	evictIdle = time.Minute
	evictFull = time.Second
	// evictPause is the least time between two rounds.
	evictPause = 100 * time.Millisecond
)

// Evict keeps the local bytes that exist elsewhere too within the cache size, makes
// room when the disk runs full, and keeps the reserve. It runs until ctx ends.
func (e *Engine) Evict(ctx context.Context) error {
	var made time.Time
	for woken := true; ; {
		waited := time.Since(made)
		if woken || waited >= evictIdle || e.Hurried() && (waited > 5*evictFull || e.space.evictable.Load() > 0) {
			e.space.mu.Lock()
			e.makeRoomToldLocked(ctx, 0)
			e.space.mu.Unlock()
			made = time.Now()
		}
		e.lookForRoom()
		e.settleForgotten()
		idle := evictIdle
		if e.Hurried() || e.Reserve != nil && e.Reserve.Missing() > 0 {
			idle = evictFull
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(evictPause):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(idle):
			woken = false
		case <-e.pressure:
			woken = true
		}
	}
}

// settleForgotten closes versions that were closed on a full disk and are still open on
// record: else they would be here until the next start.
func (e *Engine) settleForgotten() {
	const some = 256
	if e.Hurried() || !e.space.unsettled.Swap(false) {
		return
	}
	var after meta.VersionID
	for {
		list, err := e.Meta.OpenVersions(after, some)
		for i := range list {
			after = list[i].ID
			if e.live.writing(list[i].Ino) != nil {
				continue
			}
			free, rerr := e.Recheck(after)
			if rerr == nil && free {
				rerr = e.Meta.Settled(after)
			}
			if rerr != nil && !gone(rerr) {
				err = errors.Join(err, rerr)
			}
		}
		if err != nil {
			e.space.unsettled.Store(true)
			e.Log.Debug("cannot settle all that was closed while the disk was full; will try again", "err", err)
			return
		}
		if len(list) < some {
			return
		}
	}
}

// excess returns how many bytes should go so that n more fit, and how many files.
func (e *Engine) excess(n int64) (bytes, files int64, err error) {
	r, err := e.room()
	if err != nil {
		return 0, 0, err
	}
	known := e.space.evictable.Load()
	evictable, _, err := e.Meta.LocalBytes()
	if err != nil {
		return 0, 0, err
	}
	// What grew meanwhile may be counted twice by that, never not at all: then nobody
	// would look again for a minute.
	e.space.evictable.Add(evictable - known)
	low := r.soft + n - r.spare
	if r.hardFiles > 0 {
		files = int64(2*r.hardFiles) - int64(min(r.FilesFree, math.MaxInt64))
	}
	return max(evictable-e.CacheSize, low), files, nil
}

// makeRoomToldLocked is makeRoomLocked for who goes on without: a failure is told
// once, until it went well again. e.space.mu is held.
func (e *Engine) makeRoomToldLocked(ctx context.Context, n int64) {
	err := e.makeRoomLocked(ctx, n)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		e.space.failing = false
	case errors.Is(err, meta.ErrNoSpace):
		e.becameFull("space") // which tells it
		e.Log.Debug("cannot put on record what makes room", "err", err)
	case e.space.failing:
		e.Log.Debug("still cannot make room", "err", err)
	default:
		e.space.failing = true
		e.Log.Error("cannot make room on the disk; will try again", "err", err)
	}
}

// makeRoomLocked throws away what may go until n more bytes fit, and moves to the
// fallback what is nowhere else. e.space.mu is held.
func (e *Engine) makeRoomLocked(ctx context.Context, n int64) error {
	bytes, files, err := e.excess(n)
	if err != nil || bytes <= 0 && files <= 0 {
		return err
	}
	// What was removed makes room first; who removes files on a full disk does not
	// wait for the usual grace.
	errs := []error{e.sweepOnce(time.Now().Add(-hurriedGrace))}
	freed, err := e.evict(ctx, bytes, files)
	if freed > 0 {
		e.Log.Debug("evicted local files", "bytes", freed)
		e.space.evictable.Add(-freed)
	}
	// A step that fails, for want of room or because the fallback is away, does not keep
	// the others from making some.
	errs = append(errs, err, e.emptyTrash())
	if e.Fallback == nil || e.sameDisk() {
		return errors.Join(errs...)
	}
	r, err := e.room()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	bytes, files = r.soft+n-r.spare, 0
	if r.hardFiles > 0 && r.FilesFree < 2*r.hardFiles {
		files = int64(2*r.hardFiles - r.FilesFree)
	}
	return errors.Join(append(errs, e.spillLocked(ctx, bytes, files))...)
}

// evict throws away local files until so many bytes and files are gone or none may go.
func (e *Engine) evict(ctx context.Context, bytes, files int64) (int64, error) {
	const some = 128
	var freed int64
	var after *meta.Version
	for ctx.Err() == nil {
		list, err := e.Meta.EvictionCandidates(some, after)
		if err != nil || len(list) == 0 {
			return freed, err
		}
		for i := range list {
			if freed >= bytes && files <= 0 {
				return freed, nil
			}
			ok, err := e.evictOne(&list[i])
			if err != nil {
				return freed, err
			}
			if ok {
				freed += list[i].Size
				files--
			}
		}
		after = &list[len(list)-1]
	}
	return freed, nil
}

// blindly is the size from which a file is removed before that is on record, where
// there is no room to record it: enough for the record. Bytes.
const blindly = 64 << 10

// evictOne gives up v's local file unless somebody uses the node.
func (e *Engine) evictOne(v *meta.Version) (bool, error) {
	l := e.live.hold(v.Ino)
	defer e.live.drop(l)
	select {
	case l.lock <- struct{}{}:
		defer l.release()
	default:
		return false, nil
	}
	if l.opens > 0 {
		return false, nil
	}
	if v.Retired == 0 && !e.asRecorded(v) {
		return false, nil
	}
	err := e.Meta.Evict(v.ID, v.File)
	crash.Here(crash.EvictGivenUp)
	if errors.Is(err, meta.ErrNoSpace) && v.Size >= blindly {
		err = e.evictBlindly(v)
	}
	if errors.Is(err, meta.ErrSuperseded) || gone(err) {
		return false, nil
	}
	return err == nil, err
}

// evictBlindly gives up a local file of which not even that can be put on record. The
// bytes are in S3 all the same: who finds the file gone fetches them. What it took is
// room for the record. The caller holds the node's lock.
func (e *Engine) evictBlindly(v *meta.Version) error {
	// The list that v is of may be old, and nothing else would look.
	now, err := e.Meta.Version(v.ID)
	if err != nil {
		return err
	}
	if now.Remote != meta.Stored || now.File != v.File || now.Open {
		return meta.ErrSuperseded
	}
	if err := e.Local.Remove([]local.ID{local.ID(v.File)}); err != nil {
		return err
	}
	id, file := v.ID, v.File
	evict := func() error { return e.Meta.Evict(id, file) }
	err = evict()
	if noRoom(err) {
		e.chores.add(evict)
	}
	return err
}
