package content

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// reserve is what writers leave free on a disk of the given size, for the
// metadata and for recovery: 5 %, at most 256 MiB.
func reserve(size int64) int64 { return min(size/20, 256<<20) }

// spaceMeter follows how much of the local store could be thrown away.
type spaceMeter struct {
	evictable atomic.Int64 // bytes; grows between two counts, set by each

	mu      sync.Mutex              // guards what follows; held while room is made
	tried   time.Time               // when a writer last made room in vain
	spilled map[meta.VersionID]bool // in the queue, and in the fallback already
}

// admitWriter refuses new content where there may be none.
func (e *Engine) admitWriter() error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	return e.admit()
}

// admit refuses more bytes, written or fetched, while the disk has no room for
// them and none can be made.
func (e *Engine) admit() error {
	err := e.room()
	if !errors.Is(err, ErrFull) {
		return err
	}
	signal(e.pressure)
	e.space.mu.Lock()
	defer e.space.mu.Unlock()
	if err = e.room(); !errors.Is(err, ErrFull) || time.Since(e.space.tried) < roomPause {
		return err
	}
	if merr := e.makeRoomLocked(context.Background()); merr != nil {
		e.Log.Error("cannot make room for a writer", "err", merr)
	}
	if err = e.room(); errors.Is(err, ErrFull) {
		e.space.tried = time.Now()
	}
	return err
}

// roomPause is how long writers are refused at once after room was made in vain.
const roomPause = time.Second

// room fails with ErrFull while only the reserve is left.
func (e *Engine) room() error {
	s, err := e.Local.Space()
	if err != nil {
		return err
	}
	if s.Free > reserve(s.Size) && s.FilesFree != 0 {
		return nil
	}
	return fmt.Errorf("%w: %d bytes free, %d are kept for the metadata", ErrFull, s.Free, reserve(s.Size))
}

// grew notes that more bytes may be evicted.
func (e *Engine) grew(n int64) {
	if e.space.evictable.Add(n) > e.CacheSize {
		signal(e.pressure)
	}
}

// Evict keeps the local bytes that exist elsewhere too within the cache size, and
// makes room when the disk runs full. It runs until ctx ends.
func (e *Engine) Evict(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		e.space.mu.Lock()
		err := e.makeRoomLocked(ctx)
		e.space.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			e.Log.Error("cannot make room in the cache; will try again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-e.pressure:
		}
	}
}

// excess returns how many bytes should go.
func (e *Engine) excess() (int64, error) {
	evictable, _, err := e.Meta.LocalBytes()
	if err != nil {
		return 0, err
	}
	e.space.evictable.Store(evictable)
	s, err := e.Local.Space()
	if err != nil {
		return 0, err
	}
	// Twice the reserve: room must be made before writers are refused.
	low := 2*reserve(s.Size) - s.Free
	return max(evictable-e.CacheSize, min(low, math.MaxInt64)), nil
}

func (e *Engine) makeRoomLocked(ctx context.Context) error {
	excess, err := e.excess()
	if err != nil || excess <= 0 {
		return err
	}
	// What was removed makes room first; who removes files on a full disk does not
	// wait for the usual grace.
	if err := e.sweepOnce(time.Now().Add(-hurriedGrace)); err != nil {
		return err
	}
	freed, err := e.evict(ctx, excess)
	if err != nil {
		return err
	}
	if freed > 0 {
		e.Log.Debug("evicted local files", "bytes", freed)
		e.space.evictable.Add(-freed)
	}
	if err := e.emptyTrash(); err != nil {
		return err
	}
	if e.Fallback == nil {
		return nil
	}
	s, err := e.Local.Space()
	if err != nil {
		return err
	}
	return e.spillLocked(ctx, 2*reserve(s.Size)-s.Free)
}

// evict throws away local files until n bytes are free or none may go.
func (e *Engine) evict(ctx context.Context, n int64) (int64, error) {
	const some = 128
	var freed int64
	var after *meta.Version
	for ctx.Err() == nil {
		list, err := e.Meta.EvictionCandidates(some, after)
		if err != nil || len(list) == 0 {
			return freed, err
		}
		for i := range list {
			if freed >= n {
				return freed, nil
			}
			ok, err := e.evictOne(&list[i])
			if err != nil {
				return freed, err
			}
			if ok {
				freed += list[i].Size
			}
		}
		after = &list[len(list)-1]
	}
	return freed, nil
}

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
	if errors.Is(err, meta.ErrSuperseded) || gone(err) {
		return false, nil
	}
	return err == nil, err
}
