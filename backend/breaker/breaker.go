package breaker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"contentfs/backend"
)

const (
	// tolerance is how many calls may fail in a row, after the driver's own
	// retries, before the store counts as away.
	tolerance = 3
	// A trial follows the first failure after minPause, later ones after up to
	// maxPause, with full jitter.
	minPause = 200 * time.Millisecond
	maxPause = 15 * time.Second
)

// ErrOpen: the store is known to be away; it was not asked.
var ErrOpen = errors.New("the store is away")

// State tells what is known about the store.
type State struct {
	Known     bool      // false until it was asked for the first time
	Reachable bool      // it answered last time
	Since     time.Time // when Reachable last changed
	Err       error     // why it is not reachable
}

// Breaker watches one endpoint.
type Breaker struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	state   State
	failed  int           // failures since the last answer
	ready   chan struct{} // closed while the store is known to be reachable
	tripped chan struct{} // capacity 1: Run has work
}

// New returns a breaker that lets calls pass and knows nothing yet. Changes are
// logged once each.
func New(log *slog.Logger) *Breaker {
	return &Breaker{log: log, ready: make(chan struct{}), tripped: make(chan struct{}, 1)}
}

// State returns what is known now.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// Ready returns a channel that is closed while the store is known to be reachable.
func (b *Breaker) Ready() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ready
}

// Run asks the store with trial, at once and then whenever it is away, until ctx
// ends. Only a successful trial closes an open breaker.
func (b *Breaker) Run(ctx context.Context, trial func(context.Context) error) error {
	pause := minPause
	for {
		if err := trial(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			b.trip(err)
		} else {
			b.answered()
			pause = minPause
			select {
			case <-ctx.Done():
				return nil
			case <-b.tripped:
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(minPause/2 + rand.N(pause)):
		}
		pause = min(2*pause, maxPause)
	}
}

// allow returns an error while the breaker is open.
func (b *Breaker) allow(op, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.state.Known || b.state.Reachable {
		return nil
	}
	// The reason as text only: its class is not this call's.
	return &backend.Error{Op: op, Key: key, Class: backend.Transient,
		Err: fmt.Errorf("%w since %s: %v", ErrOpen, b.state.Since.Format(time.RFC3339), b.state.Err)}
}

// record learns from the outcome of a call.
func (b *Breaker) record(ctx context.Context, err error) {
	if err == nil {
		b.succeeded()
		return
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return // the caller gave up; nothing is known
	}
	switch backend.ClassOf(err) {
	case backend.Absent, backend.Exists, backend.TooLong, backend.Invalid, backend.Corrupt:
		b.succeeded()
		return
	}
	b.mu.Lock()
	b.failed++
	trip := b.failed >= tolerance || unconnected(err)
	b.mu.Unlock()
	if trip {
		b.trip(err)
	}
}

// unconnected reports whether not even a connection could be made.
func unconnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// succeeded forgets failures. It does not close an open breaker: a late answer to
// an old request says little.
func (b *Breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = 0
	if !b.state.Known {
		b.answeredLocked()
	}
}

func (b *Breaker) trip(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.state
	b.state.Err = err
	select {
	case b.tripped <- struct{}{}:
	default:
	}
	if was.Known && !was.Reachable {
		return
	}
	b.state = State{Known: true, Since: time.Now(), Err: err}
	if was.Known {
		b.ready = make(chan struct{})
	}
	b.log.Warn("the store is away; what is written is kept here and sent when it is back", "class", backend.ClassOf(err).String(), "err", err)
}

func (b *Breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answeredLocked()
}

func (b *Breaker) answeredLocked() {
	was := b.state
	b.failed = 0
	if was.Known && was.Reachable {
		return
	}
	b.state = State{Known: true, Reachable: true, Since: time.Now()}
	close(b.ready)
	if was.Known {
		b.log.Info("the store is back", "away", time.Since(was.Since).Round(time.Millisecond).String())
	}
}
