package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
)

// Store is the metadata of one volume. Its methods may be called by any number
// of goroutines; those that change something wait until Run is running, and
// return ErrClosed once it has returned.
type Store struct {
	dialect Dialect
	keeper  Keeper
	writes  *sql.DB // nil: opened for reading
	read    *reader
	volume  string

	// turn holds a token while somebody uses writer: Run, or a change that found
	// nobody at work and does its own (and what came in meanwhile). It is held until Run has opened writer, and
	// for good from its end on.
	turn   chan struct{}
	writer *writer
	wake   chan struct{} // holds one token when Run has something to look at

	elsewhere chan struct{} // holds one token when another process changed something

	relief func(again bool) bool // nil, or makes room on the disk; see Relieve

	mu      sync.Mutex // guards queue, running, closed and cause; taken with turn, never before it
	queue   []*request
	running bool
	closed  bool
	cause   error // why the store stopped by itself, nil when it was told to

	lazy     lazy
	activity activity
}

// request is a change on its way through the writer.
type request struct {
	apply   func(*tx) error
	durable bool
	minor   bool // times of use, attempts, and what else a copy can do without
	err     error
	done    chan error // takes the answer, never blocks
}

// Activity counts what the writer did since the store was opened.
type Activity struct {
	Requests    int64 // changes that were asked for
	Changes     int64 // changes that were made, but for those of times and attempts
	Batches     int64 // transactions that were committed
	Syncs       int64 // those of them that waited for the disk
	Checkpoints int64 // times the log was copied to the database
	LogPages    int64 // pages in the log when last looked at
}

type activity struct {
	requests, changes, batches, syncs, checkpoints, logPages atomic.Int64
}

// New makes a Store of an opened database whose schema is there. writes must
// allow three connections and is nil for a store that only reads. The packages
// that open databases call it; the Store closes both, and then k, unless it fails.
func New(d Dialect, writes, reads *sql.DB, k Keeper) (*Store, error) {
	s := &Store{
		dialect: d,
		keeper:  k,
		writes:  writes,
		read:    &reader{db: reads, rebind: d.Rebind, prepared: make(map[string]*sql.Stmt)},
		turn:    make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),

		elsewhere: make(chan struct{}, 1),
	}
	s.turn <- struct{}{}
	s.lazy.touched = make(map[Ino]int64)
	s.lazy.used = make(map[VersionID]int64)
	var err error
	if s.volume, err = s.Setting("volume"); err != nil {
		return nil, fmt.Errorf("volume id: %w", err)
	}
	s.read.placer = placer(s.volume)
	return s, nil
}

// Close closes the connections. It is called after Run returned, or instead of
// it: changes that still wait get ErrClosed.
func (s *Store) Close() error {
	s.stop(nil)
	var errs []error
	if s.Failed() != nil {
		errs = append(errs, s.keeper.Freeze())
	}
	errs = append(errs, s.read.close(), s.read.db.Close())
	if s.writes != nil {
		errs = append(errs, s.writes.Close())
	}
	return opErr("close", errors.Join(append(errs, s.keeper.Close())...))
}

func (r *reader) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for query, stmt := range r.prepared {
		errs = append(errs, stmt.Close())
		delete(r.prepared, query)
	}
	return errors.Join(errs...)
}

// Activity tells what the writer did so far.
func (s *Store) Activity() Activity {
	return Activity{
		Requests:    s.activity.requests.Load(),
		Changes:     s.activity.changes.Load(),
		Batches:     s.activity.batches.Load(),
		Syncs:       s.activity.syncs.Load(),
		Checkpoints: s.activity.checkpoints.Load(),
		LogPages:    s.activity.logPages.Load(),
	}
}

// Sync returns when every change that was answered before it is durable, or
// with ctx.
func (s *Store) Sync(ctx context.Context) error {
	return opErr("sync", s.relieved(func() error { return s.syncOnce(ctx) }))
}

func (s *Store) syncOnce(ctx context.Context) error {
	r, err := s.enqueue(request{apply: func(*tx) error { return nil }, durable: true, minor: true})
	if err != nil {
		return err
	}
	s.signal()
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Relieve has a change that finds the disk full tried again when more says that
// there may be room now that there was not: that of a reserve. again: for the same
// change it said so before, and that was not enough; it must come to an end. more may
// be called from many goroutines and must not use the store. It is set once, before Run.
func (s *Store) Relieve(more func(again bool) bool) { s.relief = more }

// change has the writer run apply and returns when the change is visible, or
// durable if asked for. apply may run more than once, of which the last time counts.
func (s *Store) change(durable bool, apply func(*tx) error) error {
	return s.request(request{apply: apply, durable: durable})
}

// minor is a visible change that a copy of the database can do without.
func (s *Store) minor(apply func(*tx) error) error {
	return s.request(request{apply: apply, minor: true})
}

func (s *Store) request(r request) error {
	return s.relieved(func() error { return s.requestOnce(r) })
}

// relieved does something again that found the disk full, while there is relief.
func (s *Store) relieved(do func() error) error {
	err := do()
	for again := false; s.relief != nil && errors.Is(err, ErrNoSpace) && s.relief(again); again = true {
		err = do()
	}
	return err
}

// requestOnce does so itself where nobody is at work: to wake another goroutine and be
// woken by it takes longer than the change.
func (s *Store) requestOnce(asked request) error {
	r, err := s.enqueue(asked)
	if err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		s.work()
	default: // whoever is at work looks at the queue afterwards
	}
	return <-r.done
}

func (s *Store) visible(apply func(*tx) error) error { return s.change(false, apply) }
func (s *Store) durable(apply func(*tx) error) error { return s.change(true, apply) }

func (s *Store) enqueue(asked request) (*request, error) {
	if s.writes == nil {
		return nil, fmt.Errorf("opened for reading only: %w", fs.ErrPermission)
	}
	r := &asked
	r.done = make(chan error, 1)
	s.mu.Lock()
	if s.closed {
		err := s.closedErrLocked()
		s.mu.Unlock()
		return nil, err
	}
	s.queue = append(s.queue, r)
	s.mu.Unlock()
	return r, nil
}

func (s *Store) closedErrLocked() error {
	if s.cause != nil {
		return fmt.Errorf("%w: %w", ErrClosed, s.cause)
	}
	return ErrClosed
}

// Failed is why the store stopped by itself, nil while it did not. What was asked of it
// last may be in doubt then.
func (s *Store) Failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil {
		return nil
	}
	return s.closedErrLocked()
}

// signal has Run look at the queue.
func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take removes up to limit requests from the queue, in order.
func (s *Store) take(limit int) []*request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) <= limit {
		batch := s.queue
		s.queue = nil
		return batch
	}
	batch := s.queue[:limit:limit]
	s.queue = s.queue[limit:]
	return batch
}

// waiting reports whether the queue is not empty.
func (s *Store) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0
}

// refuse lets no more requests into the queue; those in it stay.
func (s *Store) refuse(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed, s.cause = true, cause
	}
}

// fail is refuse for a reason that counts also when the store was told to stop before.
func (s *Store) fail(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.cause == nil {
		s.cause = why
	}
}

// stop is refuse, and answers what still waits.
func (s *Store) stop(cause error) {
	s.refuse(cause)
	s.mu.Lock()
	batch, err := s.queue, s.closedErrLocked()
	s.queue = nil
	s.mu.Unlock()
	for _, r := range batch {
		r.done <- err
	}
}
