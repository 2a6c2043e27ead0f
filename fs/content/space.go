package content

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/local"
	"contentfs/meta"
)

// spaceMeter follows what room there is.
type spaceMeter struct {
	evictable atomic.Int64 // bytes; grows between two counts, set by each
	passing   atomic.Int64 // bytes in memory of content that the disk has no room for
	refused   atomic.Int64 // how often something was refused since the disk became full
	pressed   atomic.Int64 // when who came in had the evictor look, Unix nanoseconds
	crowded   atomic.Int64 // when it was last told that too many files are open, the same
	full      atomic.Pointer[Fullness]
	unsettled atomic.Bool  // what was put down at leisure may have found no room
	last      atomic.Int64 // when something was refused or relieved last, the same

	// Only the evictor uses these two.
	calm  time.Duration // without a refusal, after which the disk counts as not full
	ended time.Time     // when it last did

	mu      sync.Mutex              // guards what follows; held while room is made
	tried   time.Time               // when a writer last made room in vain
	spilled map[meta.VersionID]bool // in the queue, and in the fallback already
	failing bool                    // room could not be made, which was told
}

// Fullness tells of a disk that is full.
type Fullness struct {
	Since time.Time
	Why   string // what there is none of: "space" or "inodes"
}

const (
	// roomPause is how long writers are refused at once after room was made in vain.
	roomPause = time.Second
	// passingMost bounds what is read through memory while the disk is full, bytes.
	passingMost = 64 << 20

	// calmLeast and calmMost bound how long there must be room before the disk counts
	// as not full any more: where writers take it as it comes, that is not told
	// again and again.
	calmLeast = time.Second
	calmMost  = time.Minute
	// recurring is how soon after its end a full disk is the same one.
	recurring = 10 * time.Minute
)

// room is what a disk has for content. Two marks lie above the reserve: at the soft
// one the evictor begins, at the hard one writers are refused. Between them and the
// end of the disk is what open files are still written to, and the metadata.
type room struct {
	local.Space
	spare      int64 // bytes free that the reserve does not still need
	hard, soft int64 // of spare
	hardFiles  uint64
}

// roomOf puts a disk's marks; missing is what its reserve lacks, and none says that
// it has no reserve.
func roomOf(s local.Space, missing int64, none bool) room {
	r := room{Space: s, spare: s.Free - missing, hard: min(s.Size/40, 64<<20)}
	if none {
		r.hard = min(s.Size/20, 256<<20)
	}
	r.soft = r.hard + min(s.Size/20, 256<<20)
	if s.Files > 0 { // 0: nodes are made as they are needed
		r.hardFiles = max(1, min(s.Files/100, 1000))
	}
	return r
}

// lacks fails with ErrFull unless n more bytes leave the hard mark free.
func (r *room) lacks(n int64) error {
	switch {
	case r.noFiles():
		return fmt.Errorf("%w: %d inodes of %d are free", ErrFull, r.FilesFree, r.Files)
	case r.spare-n <= r.hard:
		return fmt.Errorf("%w: %d bytes of %d are free, and some are kept for the metadata", ErrFull, r.Free, r.Size)
	}
	return nil
}

func (r *room) noFiles() bool { return r.hardFiles > 0 && r.FilesFree <= r.hardFiles }

// low reports whether room should be made before writers are refused.
func (r *room) low() bool {
	return r.spare < r.soft || r.hardFiles > 0 && r.FilesFree < 2*r.hardFiles
}

func (r *room) why() string {
	if r.noFiles() {
		return "inodes"
	}
	return "space"
}

// room looks at the disk.
func (e *Engine) room() (room, error) {
	s, err := e.Local.Space()
	if err != nil {
		return room{}, err
	}
	if e.Reserve == nil {
		return roomOf(s, 0, true), nil
	}
	return roomOf(s, e.Reserve.Missing(), e.Reserve.Held()+e.Reserve.Missing() == 0), nil
}

// noRoom reports whether err is about a disk without room for something.
func noRoom(err error) bool {
	return errors.Is(err, ErrFull) || errors.Is(err, meta.ErrNoSpace) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// admitWriter refuses new content and new names where there may be none.
func (e *Engine) admitWriter() error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	return e.admit(0)
}

// admit refuses n more bytes, written or fetched, while the disk has no room for
// them and none can be made. Who is refused has tried to make it.
func (e *Engine) admit(n int64) error {
	r, err := e.room()
	if err != nil {
		return err
	}
	if r.lacks(n) == nil {
		if r.low() {
			e.press()
		}
		return nil
	}
	e.space.mu.Lock()
	defer e.space.mu.Unlock()
	if r, err = e.room(); err != nil || r.lacks(n) == nil {
		return err
	}
	if time.Since(e.space.tried) >= roomPause {
		e.makeRoomToldLocked(context.Background(), n)
		if r, err = e.room(); err != nil || r.lacks(n) == nil {
			return err
		}
		e.space.tried = time.Now()
	}
	if r.lacks(0) != nil {
		e.space.refused.Add(1)
		e.becameFull(r.why())
	}
	return r.lacks(n)
}

// press has the evictor look, now and then: that counts what there is.
func (e *Engine) press() {
	last, t := e.space.pressed.Load(), now()
	if t-last > int64(roomPause) && e.space.pressed.CompareAndSwap(last, t) {
		signal(e.pressure)
	}
}

// relieve gives the metadata a piece of the reserve, where a change found the disk
// full. It reports whether it may fit now.
func (e *Engine) relieve(again bool) bool {
	if e.Reserve == nil || !e.Reserve.Release(again) {
		return false
	}
	e.becameFull("space")
	return true
}

// becameFull notes that the disk is full, and says so once.
func (e *Engine) becameFull(why string) {
	e.space.last.Store(now())
	e.space.unsettled.Store(true)
	if !e.space.full.CompareAndSwap(nil, &Fullness{Since: time.Now(), Why: why}) {
		return
	}
	s, _ := e.Local.Space() // of a message only
	e.Log.Warn("the disk is full: new content is refused until there is room; nothing that was taken is lost",
		"no", why, "free", s.Free, "inodes_free", s.FilesFree,
		"try", "make room on the disk of the volume's state; uploads and, where there is a fallback, overflow make it too")
	signal(e.pressure)
	e.queue.Wake()
}

// lookForRoom fills the reserve when there is room for it, and ends the state of a
// full disk.
func (e *Engine) lookForRoom() {
	r, err := e.room()
	if err != nil {
		return
	}
	if e.Reserve != nil && e.Reserve.Missing() > 0 {
		if err := e.Reserve.Fill(r.hard); err != nil {
			e.Log.Debug("cannot fill the reserve; will try again", "err", err)
		}
		if r, err = e.room(); err != nil {
			return
		}
	}
	was := e.space.full.Load()
	if was == nil || r.lacks(r.hard/4) != nil || e.Reserve != nil && e.Reserve.Missing() > e.Reserve.Size()/2 {
		return
	}
	if e.space.calm == 0 || time.Since(e.space.ended) > recurring {
		e.space.calm = calmLeast
	}
	if now()-e.space.last.Load() < int64(e.space.calm) || !e.space.full.CompareAndSwap(was, nil) {
		return
	}
	e.space.calm, e.space.ended = min(2*e.space.calm, calmMost), time.Now()
	e.Log.Info("the disk has room again: new content is taken", "free", r.Free,
		"full_for", time.Since(was.Since).Round(time.Second), "refused", e.space.refused.Swap(0))
	e.queue.Wake()
	signal(e.sweep) // what could not be put on record
}

// Hurried reports whether the disk is full, so that no upload should wait for
// anything but its turn.
func (e *Engine) Hurried() bool { return e.space.full.Load() != nil }

// Room describes the disk for the administrator.
type Room struct {
	local.Space
	Reserve int64     // bytes that are held back for the metadata
	Refused int64     // how often something was refused since it is full
	Full    *Fullness // nil: there is room
}

// Room looks at the disk.
func (e *Engine) Room() (Room, error) {
	s, err := e.Local.Space()
	r := Room{Space: s, Refused: e.space.refused.Load(), Full: e.space.full.Load()}
	if e.Reserve != nil {
		r.Reserve = e.Reserve.Held()
	}
	return r, err
}

// uncrowded refuses another open file while the process has few descriptors left.
func (e *Engine) uncrowded() error {
	err := e.Local.Crowded()
	if err == nil {
		return nil
	}
	last, t := e.space.crowded.Load(), now()
	if t-last > int64(time.Minute) && e.space.crowded.CompareAndSwap(last, t) {
		e.Log.Warn("too many files are open at the same time: more are refused until some are closed",
			"try", "a higher limit of open files for contentfs (LimitNOFILE=, ulimit -n)")
	}
	return err
}
