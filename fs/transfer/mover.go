package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"contentfs/fs/content"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// Kind is a direction.
type Kind int

const (
	// Migrate: to S3.
	Migrate Kind = iota
	// Restore: to the fallback.
	Restore
	// Move: to another bucket or prefix.
	Move
)

// Engine is what a Mover asks of the engine; content.Engine does it.
type Engine interface {
	TakeIn(dir meta.Ino) error
	DropCopy(ctx context.Context, id meta.VersionID) error
	DropObject(ctx context.Context, id meta.VersionID) error
}

// Mover is one transfer. Tree, Engine and Wake are required.
type Mover struct {
	Tree
	Engine Engine
	Wake   func() // has the volume look at the queue

	Kind       Kind
	Selection  Selection
	ToBucket   string // of Move
	ToPrefix   string
	DropSource bool // give up the copy at the place that content came from

	Concurrency int   // versions under way at a time; 0: 16
	Rate        int64 // bytes a second that are begun; 0: no bound
}

// Progress tells how far a transfer is.
type Progress struct {
	Moved, Bytes    int64
	Skipped, Failed int64
	UnderWay        int
}

// Failure is a version that could not be moved.
type Failure struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Result is how it ended.
type Result struct {
	Progress
	By       *Survey   // of what was moved
	Failures []Failure // the first of them
	Took     time.Duration
}

// ErrStalled: nothing got anywhere for a while.
var ErrStalled = errors.New("nothing moves any more")

const (
	pollPause = 20 * time.Millisecond
	// stalledAfter is longer than the longest pause between two attempts.
	stalledAfter = 3 * time.Minute
	// slowest is how many bytes a second get somewhere at the least: nobody tells how far
	// a large file is.
	slowest = 128 << 10
	// tries is how many failures of a version count as its failure.
	tries        = 3
	someFailures = 1000
)

// Needs reports whether a file is not yet where the transfer brings it.
func (m *Mover) Needs(i *Item) bool { return m.needs(&i.Version, i.Path) }

func (m *Mover) needs(v *meta.Version, path []byte) bool {
	switch m.Kind {
	case Migrate:
		return v.Remote != meta.Stored || m.DropSource && v.Fallback != nil
	case Restore:
		return v.Fallback == nil || m.DropSource && v.Remote == meta.Stored
	case Move:
		return v.Remote == meta.Stored && !content.Fits(v, m.ToBucket, m.ToPrefix, path)
	}
	return false
}

// Run moves what is selected. report is called every now and then. When ctx ends, what
// is under way is withdrawn, and the result tells what was done until then.
func (m *Mover) Run(ctx context.Context, report func(Progress)) (Result, error) {
	r := &run{Mover: m, report: report, begun: time.Now(), moving: make(map[meta.VersionID]*Item)}
	r.By = NewSurvey()
	found := make(chan *Item)
	walk, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer close(found)
		ended <- m.find(walk, found)
	}()
	err := r.loop(ctx, found)
	stop()
	for range found { // let the walk end
	}
	if werr := <-ended; err == nil && werr != nil {
		err = werr
	}
	if ids := r.ids(); len(ids) > 0 {
		err = errors.Join(err, m.Meta.Withdraw(ids))
	}
	m.Wake() // also to sweep up what was given up
	r.Took = time.Since(r.begun)
	return r.Result, err
}

// find sends what is to be moved.
func (m *Mover) find(ctx context.Context, found chan<- *Item) error {
	now, n := time.Now(), 0
	var once linked
	return m.Walk(ctx, &m.Selection, func(i *Item) error {
		if !m.Selection.Fits(i, now) || !m.Needs(i) || once.met(i) {
			return nil
		}
		select {
		case found <- i:
		case <-ctx.Done():
			return ctx.Err()
		}
		if n++; n == m.Selection.Limit {
			return errEnough
		}
		return nil
	})
}

// run is a transfer under way. It belongs to one goroutine.
type run struct {
	*Mover
	Result
	report func(Progress)
	begun  time.Time
	last   time.Time // when something got anywhere
	free   time.Time // when the rate allows the next to begin
	moving map[meta.VersionID]*Item
}

func (r *run) ids() []meta.VersionID {
	ids := make([]meta.VersionID, 0, len(r.moving))
	for id := range r.moving {
		ids = append(ids, id)
	}
	return ids
}

func (r *run) loop(ctx context.Context, found <-chan *Item) error {
	r.last = time.Now()
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for found != nil || len(r.moving) > 0 {
		var batch []*Item
		if batch, found = r.take(found); len(batch) > 0 {
			if err := r.begin(ctx, batch); err != nil {
				return err
			}
		}
		if err := r.look(ctx); err != nil {
			return err
		}
		r.UnderWay = len(r.moving)
		r.report(r.Progress)
		if wait := r.patience(); len(r.moving) > 0 && time.Since(r.last) > wait {
			return fmt.Errorf("%w for %v, with %d files under way", ErrStalled, wait, len(r.moving))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// patience is how long nothing may arrive of what is under way.
func (r *run) patience() time.Duration {
	var bytes int64
	for _, i := range r.moving {
		bytes += i.Version.Size
	}
	return stalledAfter + time.Duration(bytes/slowest)*time.Second
}

// take returns what may begin now; a nil channel when there is nothing more.
func (r *run) take(found <-chan *Item) ([]*Item, <-chan *Item) {
	window := r.Concurrency
	if window <= 0 {
		window = 16
	}
	var batch []*Item
	for found != nil && len(r.moving)+len(batch) < window && time.Now().After(r.free) {
		select {
		case i, ok := <-found:
			if !ok {
				return batch, nil
			}
			batch = append(batch, i)
			if r.Rate > 0 {
				wait := time.Duration(float64(i.Version.Size) / float64(r.Rate) * float64(time.Second))
				r.free = time.Now().Add(wait)
			}
		case <-time.After(pollPause / 4):
			return batch, found
		}
	}
	return batch, found
}

// begin gives versions their errand. Those that are there already are settled.
func (r *run) begin(ctx context.Context, batch []*Item) error {
	errand := meta.Errand{Due: time.Now().UnixNano()}
	switch r.Kind {
	case Migrate:
		errand.Goal = meta.GoalS3
	case Restore:
		errand.Goal = meta.GoalFallback
	case Move:
		errand.Goal, errand.ToBucket, errand.ToPrefix = meta.GoalKey, r.ToBucket, r.ToPrefix
	}
	var ids []meta.VersionID
	for _, i := range batch {
		ids = append(ids, i.Version.ID)
		r.moving[i.Version.ID] = i
	}
	queued, err := r.Meta.Enqueue(ids, errand)
	crash.Here(crash.TransferQueued)
	if len(queued) > 0 {
		r.Wake()
	}
	return err
}

// look settles what ended.
func (r *run) look(ctx context.Context) error {
	for id, i := range r.moving {
		v, err := r.Meta.Version(id)
		if errors.Is(err, meta.ErrNotExist) || err == nil && v.Retired != 0 {
			r.Skipped++ // replaced or removed meanwhile: the new content goes its own way
			r.over(id)
			continue
		}
		if err != nil {
			return err
		}
		if r.there(&v, i) {
			r.settle(ctx, &v, i)
			continue
		}
		if err := r.failed(id, i); err != nil {
			return err
		}
	}
	return nil
}

// there reports whether a version is where it was to go.
func (r *run) there(v *meta.Version, i *Item) bool {
	switch r.Kind {
	case Migrate:
		return v.Remote == meta.Stored
	case Restore:
		return v.Fallback != nil
	}
	return v.Bucket == r.ToBucket && v.Prefix == r.ToPrefix && v.Key != i.Version.Key
}

// settle counts what arrived, and gives up where it came from if that is asked.
func (r *run) settle(ctx context.Context, v *meta.Version, i *Item) {
	defer r.over(v.ID)
	var err error
	switch {
	case r.DropSource && r.Kind == Migrate && v.Fallback != nil:
		err = r.Engine.DropCopy(ctx, v.ID)
	case r.DropSource && r.Kind == Restore && v.Remote == meta.Stored:
		err = r.Engine.DropObject(ctx, v.ID)
	}
	if err != nil {
		r.fail(i, fmt.Sprintf("it is there, and the copy that it came from stays: %v", err))
		return
	}
	r.Moved++
	r.Bytes += v.Size
	i.Version = *v
	r.By.Count(i)
}

// failed counts a version that failed often enough. It stays in the queue.
func (r *run) failed(id meta.VersionID, i *Item) error {
	u, err := r.Meta.QueueEntry(id)
	switch {
	case errors.Is(err, meta.ErrNotExist):
		// Settled between the two looks, or not eligible: the next look tells, unless
		// the version is as it was.
		if i.gone++; i.gone > 3 {
			r.fail(i, "it left the queue and is not where it should be")
			r.over(id)
		}
		return nil
	case err != nil:
		return err
	case u.Attempts >= tries:
		r.fail(i, u.Error)
		r.over(id)
	}
	return nil
}

func (r *run) fail(i *Item, why string) {
	r.Failed++
	if len(r.Failures) < someFailures {
		r.Failures = append(r.Failures, Failure{string(i.Path), why})
	}
}

func (r *run) over(id meta.VersionID) {
	delete(r.moving, id)
	r.last = time.Now()
}
