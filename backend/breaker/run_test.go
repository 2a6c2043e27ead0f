package breaker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// trials is a store that is asked by Run, in virtual time.
type trials struct {
	mu  sync.Mutex // guards what follows
	at  []time.Time
	err error
}

func (s *trials) trial(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Now())
	return s.err
}

// answer makes the trials to come return err.
func (s *trials) answer(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *trials) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at)
}

// runs runs the breaker inside a bubble until stop is called.
func (e *env) runs(trial func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(e.Context())
	done := make(chan error, 1)
	go func() { done <- e.b.Run(ctx, trial) }()
	synctest.Wait()
	return func() {
		e.Helper()
		start := time.Now()
		cancel()
		if err := <-done; err != nil {
			e.Errorf("Run: %v", err)
		}
		if d := time.Since(start); d != 0 {
			e.Errorf("Run ended after %v", d)
		}
	}
}

func TestRunAsksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, s := newEnv(t), &trials{}
		start := time.Now()
		stop := e.runs(s.trial)
		e.want("asked", true, true)
		if at := s.times(); len(at) != 1 || !at[0].Equal(start) {
			t.Errorf("asked at %v, started at %v", at, start)
		}
		time.Sleep(24 * time.Hour) // virtual
		if n := len(s.times()); n != 1 {
			t.Errorf("a store that is there was asked %d times", n)
		}
		stop()
		e.wantLines("nothing changed")
	})
}

// TestBackOff: pauses are jittered and grow to a bound; a call that trips the
// breaker starts them anew; the one line per change is all that is logged.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, s := newEnv(t), &trials{err: errors.New("away")}
		stop := e.runs(s.trial)
		e.want("away from the start", true, false)
		time.Sleep(time.Hour)
		var longest time.Duration
		bound := minPause
		at := s.times()
		for i := 1; i < len(at); i++ {
			pause := at[i].Sub(at[i-1])
			if pause < minPause/2 || pause >= minPause/2+bound {
				t.Errorf("pause %d is %v; the bound is %v", i, pause, bound)
			}
			longest, bound = max(longest, pause), min(2*bound, maxPause)
		}
		if n := time.Hour / maxPause; len(at) < int(n) || longest < maxPause/2 {
			t.Errorf("%d trials in an hour, the longest pause %v", len(at), longest)
		}
		e.wantLines("an hour away", "WARN")

		s.answer(nil)
		time.Sleep(minPause + maxPause)
		synctest.Wait()
		e.want("back", true, true)
		e.wantLines("back", "WARN", "INFO")
		time.Sleep(time.Minute)
		n := len(s.times())

		s.answer(errors.New("away again"))
		e.b.record(t.Context(), dialError())
		tripped := time.Now()
		time.Sleep(2 * minPause)
		synctest.Wait()
		if at := s.times(); len(at) == n || at[n].Sub(tripped) >= minPause*3/2 {
			t.Errorf("trials after the second outage: %v, which began at %v", at[n:], tripped)
		}
		stop()
		e.wantLines("away again", "WARN", "INFO", "WARN")
	})
}

// TestReadyTellsOfTheChange to those who wait on it.
func TestReadyTellsOfTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, s := newEnv(t), &trials{err: errors.New("away")}
		stop := e.runs(s.trial)
		start := time.Now()
		time.AfterFunc(time.Minute, func() { s.answer(nil) })
		<-e.b.Ready()
		if d := time.Since(start); d < time.Minute || d > time.Minute+maxPause+minPause {
			t.Errorf("ready after %v", d)
		}
		if err := read(t.Context(), e.store); err != nil {
			t.Error(err)
		}
		stop()
	})
}

// TestTrialBrokenOff: the end of Run is not an outage.
func TestTrialBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		stop := e.runs(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		stop()
		e.want("stopped while asking", false, false)
		e.wantLines("stopped while asking")
	})
}
