package meta

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// batchLimit bounds a transaction, so that none waits long for the others.
	batchLimit = 1000
	// syncInterval is how long a visible change may stay out of stable storage.
	syncInterval = time.Second
)

// writer is the state of a running Run, for whoever has the Store's turn.
type writer struct {
	s    *Store
	conn *sql.Conn
	tx   tx
	log  logKeeper
	// noted is the goroutine that makes what the keeper noted durable.
	noted noter
	check checker

	// full is what the connection was last told: whether commits are durable.
	full bool
	// others tells changes of other processes; 0: not looked yet.
	others int64
	// unsynced: a visible change was committed since the last durable one.
	unsynced bool
	// issued: ids were given out by this process, and where they begin is on record.
	issued bool
	// token tells the ids of this process from those of any other.
	token string
	// broken is why the store must not go on.
	broken error
}

// Run applies the changes that the other methods ask for until ctx is done. It
// answers all that wait by then, syncs, empties the log and returns nil. When
// the disk fails it returns the reason at once, and every change gets ErrClosed
// from then on. It is called once.
func (s *Store) Run(ctx context.Context) error {
	if err := s.start(); err != nil {
		return opErr("run", err)
	}
	w := &writer{s: s, token: strings.ToLower(rand.Text()[:8])}
	err := w.open()
	if err == nil {
		s.writer = w
		s.rest()
		err = w.loop(ctx)
	}
	err = errors.Join(err, w.close())
	if err == nil && s.writes != nil {
		err = s.keeper.End(w.log.emptied)
	}
	s.stop(err)
	return opErr("run", err)
}

// work runs what waits, for a caller who has the turn, and gives it back.
func (s *Store) work() {
	defer s.rest()
	if w := s.writer; w.broken == nil {
		w.keep(w.run(s.take(batchLimit)))
	}
}

// rest gives the turn back. What came into the queue meanwhile is for Run, and so
// is a store that broke: its end.
func (s *Store) rest() {
	broken := s.writer.broken != nil
	<-s.turn
	if broken || s.waiting() {
		s.signal()
	}
}

func (s *Store) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return s.closedErrLocked()
	case s.running:
		return errors.New("already running")
	}
	s.running = true
	return nil
}

func (w *writer) open() error {
	if w.s.writes == nil {
		return nil
	}
	var err error
	if w.conn, err = w.s.writes.Conn(context.Background()); err != nil {
		return fmt.Errorf("writing connection: %w", err)
	}
	w.tx = tx{placer: w.s.read.placer, w: w, prepared: make(map[string]*sql.Stmt)}
	if err := w.setDurable(true); err != nil {
		return err
	}
	w.noted.start(w.s.keeper)
	w.check.start(w.s)
	return w.log.open(w.s)
}

func (w *writer) close() error {
	errs := []error{w.log.close()}
	w.noted.stop()
	w.check.stop()
	for _, stmt := range w.tx.prepared {
		errs = append(errs, stmt.Close())
	}
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	return errors.Join(errs...)
}

// loop does what no caller does for itself. It returns an error only when the store
// must not go on. It ends with the turn, so that nobody uses what is closed next.
func (w *writer) loop(ctx context.Context) error {
	if w.s.writes == nil {
		<-ctx.Done()
		return nil
	}
	clock := time.NewTicker(syncInterval)
	defer clock.Stop()
	for {
		var do func() error
		select {
		case <-ctx.Done():
			w.s.turn <- struct{}{}
			if w.broken != nil {
				return w.broken
			}
			return w.finish()
		case <-w.s.wake:
			do = func() error { return w.run(w.s.take(batchLimit)) }
		case <-clock.C:
			do = func() error { return errors.Join(w.settle(), w.listen()) }
		case err := <-w.check.found:
			do = func() error { return err }
		case err := <-w.log.copied:
			do = func() error { return w.log.finishCopy(w, err) }
		}
		w.s.turn <- struct{}{}
		if w.broken == nil {
			w.keep(do())
		}
		if w.broken != nil {
			return w.broken
		}
		w.s.rest()
	}
}

// keep follows a piece of work that ended with err: it looks after the log, and
// notes if the store must not go on.
func (w *writer) keep(err error) {
	if err == nil {
		err = w.log.look(w)
	}
	if w.broken == nil {
		w.broken = w.fatal(err)
	}
}

// finish answers what waits, makes everything durable and empties the log.
func (w *writer) finish() error {
	w.s.refuse(nil)
	for {
		batch := w.s.take(batchLimit)
		if len(batch) == 0 {
			break
		}
		if err := w.fatal(w.run(batch)); err != nil {
			return err
		}
	}
	if err := w.settle(); err != nil {
		return err
	}
	w.pass("ending")
	err := w.log.empty(w)
	w.pass("emptied")
	return err
}

// pass tells of a step that is done.
func (w *writer) pass(step string) {
	if w.s.dialect.Pass != nil {
		w.s.dialect.Pass(step)
	}
}

// settle writes down what was remembered lazily and makes all visible changes
// durable. What it finds no room for is remembered for the next time.
func (w *writer) settle() error {
	lazily := w.s.takeLazy()
	if lazily == nil && !w.unsynced {
		return nil
	}
	r := &request{apply: func(*tx) error { return nil }, durable: true, minor: true, done: make(chan error, 1)}
	if lazily != nil {
		r.apply = lazily.apply
	}
	err := w.run([]*request{r})
	if err == nil {
		err = <-r.done
	}
	if err != nil && lazily != nil {
		w.s.returnLazy(lazily)
	}
	return err
}

// fatal gives err if the store must stop for it. All other errors were answered
// to those who asked, or come again by themselves.
func (w *writer) fatal(err error) error {
	if err != nil && (w.s.dialect.Classify(err) == ClassBroken || errors.Is(err, ErrInDoubt) || errors.Is(err, ErrDamaged)) {
		return err
	}
	return nil
}

// run commits a batch and answers each request with what became of it. The error is
// that of the transaction, or of the last one where there were several.
func (w *writer) run(batch []*request) (err error) {
	if len(batch) == 0 {
		return nil
	}
	w.s.activity.requests.Add(int64(len(batch)))
	// A panic may be caught by whoever serves the caller, who then must not leave a
	// transaction half done to the next.
	w.broken = errPanicked
	defer func() {
		for _, r := range batch {
			if w.broken == errPanicked {
				r.err = errPanicked
			}
			r.done <- r.err
		}
	}()
	err = w.transact(batch)
	if w.separable(batch, err) {
		err = w.separate(batch)
	} else {
		w.blame(batch, err)
	}
	w.broken = nil
	if fatal := w.fatal(err); fatal != nil {
		w.s.fail(fatal) // before anybody is told: who asks Failed then must not hear otherwise
	}
	return err
}

// separable reports whether some of a batch that failed may be as good as ever: a disk
// that is full for one may have room for another, and SQLite then rolls back all.
func (w *writer) separable(batch []*request, err error) bool {
	return err != nil && len(batch) > 1 && w.fatal(err) == nil && w.s.dialect.Classify(err) != ClassBusy
}

// separate gives each request of a batch that was rolled back a transaction of its own.
func (w *writer) separate(batch []*request) (err error) {
	for i, r := range batch {
		if w.fatal(err) != nil {
			r.err = fmt.Errorf("%w: %w", ErrClosed, err)
			continue
		}
		r.err = nil
		err = w.transact(batch[i : i+1])
		w.blame(batch[i:i+1], err)
	}
	return err
}

// blame gives the requests of a transaction that failed as a whole their answer. What
// a request did wrong by itself is its own.
func (w *writer) blame(batch []*request, err error) {
	if err == nil {
		return
	}
	why := w.describe(err)
	if w.fatal(err) != nil && !errors.Is(err, ErrInDoubt) {
		why = fmt.Errorf("%w: %w", ErrClosed, err) // not made, and nobody will
	}
	for _, r := range batch {
		if r.err == nil {
			r.err = why
		} else {
			r.err = w.describe(r.err)
		}
	}
}

// errPanicked: a change ended in a panic.
var errPanicked = errors.New("a change ended in a panic")

// describe adds what an error of the driver means.
func (w *writer) describe(err error) error {
	if w.s.dialect.Classify(err) == ClassNoSpace && !errors.Is(err, ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// transact applies the batch in one transaction. Whatever fails as a whole is
// rolled back as a whole.
func (w *writer) transact(batch []*request) error {
	durable := false
	for _, r := range batch {
		durable = durable || r.durable
	}
	if err := w.begin(durable); err != nil {
		return err
	}
	changed, synced, err := w.apply(batch)
	if err != nil {
		return w.rollback(err)
	}
	w.pass("applied")
	if err := w.tx.exec("COMMIT"); err != nil {
		if w.s.dialect.InDoubt(err) {
			err = fmt.Errorf("%w: %w", ErrInDoubt, err)
		}
		return w.rollback(fmt.Errorf("commit: %w", err))
	}
	w.issued = w.issued || w.tx.first != 0
	w.pass("committed")
	w.s.activity.batches.Add(1)
	w.log.requests += len(batch)
	if synced {
		w.s.activity.syncs.Add(1)
		w.s.keeper.Note(w.tx.syncs)
	}
	if changed {
		w.unsynced = !synced
	}
	for _, r := range batch {
		if r.err == nil && !r.minor {
			w.s.activity.changes.Add(1)
		}
	}
	return nil
}

// apply runs the requests, each inside a savepoint of its own unless it is alone,
// and then writes down the counters. It reports whether a request succeeded, and
// whether one of those wants to be durable.
func (w *writer) apply(batch []*request) (changed, synced bool, err error) {
	t := &w.tx
	if err := t.loadCounters(); err != nil {
		return false, false, fmt.Errorf("counters: %w", err)
	}
	for _, r := range batch {
		if len(batch) == 1 {
			if r.err = r.apply(t); r.err != nil {
				return false, false, r.err
			}
		} else if err := w.applyInside(r); err != nil {
			return false, false, err
		}
		if r.err == nil {
			changed = true
			synced = synced || r.durable
		}
	}
	if !changed {
		return false, false, nil
	}
	return changed, synced, t.storeCounters(synced)
}

// applyInside runs one of many requests. If it fails it is undone alone; the
// error is not nil when that was not possible.
func (w *writer) applyInside(r *request) error {
	t := &w.tx
	if err := t.exec("SAVEPOINT request"); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	if r.err = r.apply(t); r.err != nil {
		r.err = w.describe(r.err)
		// A full disk may have rolled back the whole transaction already: then
		// there is no savepoint to return to, and nothing of the batch remains.
		if err := t.exec("ROLLBACK TO request"); err != nil {
			return r.err
		}
		if w.fatal(r.err) != nil {
			return r.err
		}
	}
	if err := t.exec("RELEASE request"); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	return nil
}
