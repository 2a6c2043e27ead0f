package upload

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/meta"
)

// Workers is the number of uploads under way at the same time.
const Workers = 8

// aside is how long a version is left alone that somebody has open for writing.
const aside = 500 * time.Millisecond

// roomPause is how long a version is left alone about which nothing can be put on
// record, because the disk is full most likely.
const roomPause = time.Second

// Gate tells whether the store can be asked; breaker.Breaker is one.
type Gate interface {
	// Ready returns a channel that is closed while the store is reachable.
	Ready() <-chan struct{}
}

// Uploader empties the queue. Its methods may be called from many goroutines.
type Uploader struct {
	engine *content.Engine
	gate   Gate
	log    *slog.Logger

	wake     chan struct{} // capacity 1
	draining atomic.Int32  // calls of Drain under way
	inflight atomic.Int32  // versions being sent
	done     atomic.Int64  // versions delivered since the start

	mu    sync.Mutex // guards what follows
	items map[meta.VersionID]*item
	watch map[meta.VersionID]bool // sent while unseen writers could still change them
}

// item is what is known about a version only while this process runs.
type item struct {
	busy     bool      // a worker has it
	until    time.Time // not to be tried before
	paused   time.Time // not to be tried before while draining: it failed
	refused  time.Time // since when unseen writers hold it open
	attempts int       // failures on record; a list that knows fewer is out of date
	keyLimit int       // what the store's refusal taught us
	sendOnly bool      // a copy within the store failed
}

// New returns an uploader for the engine's versions. It starts nothing.
func New(e *content.Engine, g Gate, log *slog.Logger) *Uploader {
	return &Uploader{
		engine: e, gate: g, log: log,
		wake:  make(chan struct{}, 1),
		items: make(map[meta.VersionID]*item),
		watch: make(map[meta.VersionID]bool),
	}
}

// Wake makes the scheduler look at the queue.
func (u *Uploader) Wake() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// InFlight returns how many versions are being sent, and how many were delivered
// since the start.
func (u *Uploader) InFlight() (now int, done int64) {
	return int(u.inflight.Load()), u.done.Load()
}

// Run sends what is due until ctx ends. What is under way then is broken off and
// settled at the next start.
func (u *Uploader) Run(ctx context.Context) error {
	jobs := make(chan meta.Upload)
	var wg sync.WaitGroup
	for range Workers {
		wg.Go(func() {
			for j := range jobs {
				u.work(ctx, j)
			}
		})
	}
	wg.Go(func() { u.recheck(ctx) })
	defer wg.Wait()
	defer close(jobs)
	for first := true; ; first = false {
		if !u.awaitWork(ctx) {
			return nil
		}
		if first {
			u.cancelRetired(ctx)
		}
		pause := u.schedule(ctx, jobs)
		select {
		case <-ctx.Done():
			return nil
		case <-u.wake:
		case <-time.After(pause):
		}
	}
}

// awaitWork returns true when something can be done: the store is there, or nothing
// goes to it because offloading is switched off. It returns false when ctx ends.
func (u *Uploader) awaitWork(ctx context.Context) bool {
	for {
		select {
		case <-u.gate.Ready():
			return ctx.Err() == nil
		default:
		}
		if on, err := u.engine.Offloading(); err == nil && !on {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-u.gate.Ready():
		case <-u.wake:
		}
	}
}

// schedule hands out what is due and returns how long there is nothing more.
func (u *Uploader) schedule(ctx context.Context, jobs chan<- meta.Upload) time.Duration {
	const some = 4 * Workers
	due := u.engine.Meta.DueUploads
	if u.hurried() {
		due = u.engine.Meta.DrainUploads
	}
	list, err := due(time.Now().UnixNano(), u.held, some)
	if err != nil {
		u.log.Error("cannot read the upload queue; will try again", "err", err)
		return time.Second
	}
	for _, j := range list {
		if !u.claim(j) {
			continue
		}
		select {
		case jobs <- j:
		case <-ctx.Done():
			u.letGo(j.Version)
			return 0
		}
	}
	if len(list) == some {
		return 0
	}
	return u.nextDue(ctx)
}

func (u *Uploader) nextDue(ctx context.Context) time.Duration {
	due, ok, err := u.engine.Meta.NextDue()
	if err != nil || !ok {
		u.forget()
		u.cancelRetired(ctx)
		return time.Minute
	}
	// Never at once: what is due now is under way or set aside.
	return max(aside/4, min(time.Until(time.Unix(0, due)), time.Minute))
}

// held reports whether a version is under way or set aside.
func (u *Uploader) held(id meta.VersionID) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	it := u.items[id]
	if it == nil {
		return false
	}
	now := time.Now()
	return it.busy || now.Before(it.until) || u.hurried() && now.Before(it.paused)
}

// hurried reports whether nothing shall wait for its time alone: somebody drains, or
// the disk is full of what waits.
func (u *Uploader) hurried() bool { return u.draining.Load() > 0 || u.engine.Hurried() }

// claim marks a version as under way. A version that failed waits for its time
// even while draining.
func (u *Uploader) claim(j meta.Upload) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	it := u.items[j.Version]
	if it == nil {
		it = &item{}
		u.items[j.Version] = it
	}
	if j.Attempts > 0 && j.Due > time.Now().UnixNano() {
		it.paused = time.Unix(0, j.Due) // let those behind it come
		return false
	}
	if it.busy || j.Attempts < it.attempts {
		return false
	}
	it.busy = true
	return true
}

// claimNow is claim for a version whose writer waits for it: at any time.
func (u *Uploader) claimNow(id meta.VersionID) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	it := u.items[id]
	if it == nil {
		it = &item{}
		u.items[id] = it
	}
	if it.busy {
		return false
	}
	it.busy = true
	return true
}

// forget drops what was learned about versions that the queue does not hold any
// more. It is called when the queue is empty.
func (u *Uploader) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, it := range u.items {
		if !it.busy {
			delete(u.items, id)
		}
	}
}

func (u *Uploader) letGo(id meta.VersionID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if it := u.items[id]; it != nil {
		it.busy = false
	}
}

// work sends one version and puts down how it went.
func (u *Uploader) work(ctx context.Context, j meta.Upload) {
	u.inflight.Add(1)
	defer u.inflight.Add(-1)
	err := u.sendWatched(ctx, j.Version, u.insistence(j.Version))
	u.settle(ctx, j, err)
	u.Wake()
}

func (u *Uploader) settle(ctx context.Context, j meta.Upload, err error) {
	unrecorded := errors.Is(err, meta.ErrNoSpace) || errors.Is(err, meta.ErrClosed)
	if !unrecorded && (err == nil || errors.Is(err, content.ErrSettled) || errors.Is(err, errStays)) {
		u.mu.Lock()
		delete(u.items, j.Version)
		u.mu.Unlock()
		if err == nil {
			u.done.Add(1)
		}
		return
	}
	// Nobody else takes it up before its failure is on record, with its time.
	defer u.letGo(j.Version)
	if errors.Is(err, content.ErrBusy) {
		u.setAside(j.Version)
		return
	}
	if ctx.Err() == nil {
		u.failed(ctx, j, err)
	}
}

// setAside leaves a version alone for a moment: somebody writes to it.
func (u *Uploader) setAside(id meta.VersionID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	it := u.items[id]
	it.until = time.Now().Add(aside)
	if it.refused.IsZero() {
		it.refused = time.Now()
	}
}

// failed puts a failure down, and when to try again.
func (u *Uploader) failed(ctx context.Context, j meta.Upload, err error) {
	if errors.Is(err, meta.ErrNoSpace) || errors.Is(err, meta.ErrClosed) {
		// The disk is full, of which the engine told, or the metadata take nothing any
		// more. It says nothing of the store, and could not be put down.
		u.leave(j.Version, time.Now().Add(roomPause))
		return
	}
	due := time.Now().Add(backoff(j.Attempts))
	ferr := u.engine.Meta.FailUpload(j.Version, due.UnixNano(), err.Error(), time.Now().UnixNano())
	if errors.Is(ferr, meta.ErrNotExist) {
		// Replaced or removed while it was sent: nobody wants it any more.
		if ferr = u.cancel(ctx, j.Version); ferr == nil {
			return
		}
	}
	if ferr != nil {
		u.leave(j.Version, due) // what is on record says that it is due
		level := slog.LevelError
		if errors.Is(ferr, meta.ErrNoSpace) {
			level = slog.LevelDebug // which was told
		}
		u.log.Log(ctx, level, "cannot note a failed upload", "version", j.Version, "err", errors.Join(ferr, err))
		return
	}
	u.mu.Lock()
	u.items[j.Version].attempts = j.Attempts + 1
	u.mu.Unlock()
	// While the store is away there is one message for all, by the breaker.
	select {
	case <-u.gate.Ready():
		u.log.Warn("upload failed; will try again", "version", j.Version, "attempts", j.Attempts+1,
			"class", backend.ClassOf(err).String(), "err", err)
	default:
	}
}

// leave has a version not be tried before a time.
func (u *Uploader) leave(id meta.VersionID, until time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.items[id].until = until
}

// insistence returns how much the engine shall ask before it hands out a version.
func (u *Uploader) insistence(id meta.VersionID) content.Insist {
	const patience = time.Minute
	u.mu.Lock()
	defer u.mu.Unlock()
	if it := u.items[id]; it != nil && !it.refused.IsZero() && time.Since(it.refused) > patience {
		return content.Lingering
	}
	return content.Quiet
}
