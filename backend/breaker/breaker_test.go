package breaker

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
)

func TestUnknownAtFirst(t *testing.T) {
	e := newEnv(t)
	e.want("new", false, false)
	if err := read(t.Context(), e.store); err != nil {
		t.Error(err)
	}
	e.want("after an answer", true, true)
	e.wantLines("the first answer is no change")
}

// TestTolerance: every method counts, and it takes three failures in a row.
func TestTolerance(t *testing.T) {
	for op, call := range calls {
		t.Run(string(op), func(t *testing.T) {
			e := newEnv(t)
			e.b.answered()
			e.fail(op, tolerance-1, backend.Transient)
			e.want("tolerated", true, true)
			if err := call(t.Context(), e.store); err != nil {
				t.Fatal(err)
			}
			e.fail(op, tolerance-1, backend.Transient)
			e.want("tolerated again after an answer", true, true)
			e.fail(op, 1, backend.Transient)
			e.want("too many", true, false)
			e.wantLines("away", "WARN")

			before := e.faults.Calls("")
			for op, call := range calls {
				wantOpen(t, string(op), call(t.Context(), e.store))
			}
			if n := e.faults.Calls("") - before; n != 0 {
				t.Errorf("the store was asked %d times while it was away", n)
			}
			e.wantLines("refused calls", "WARN")
		})
	}
}

// wantOpen wants the error of a call that was not made.
func wantOpen(t *testing.T, op string, err error) {
	t.Helper()
	if !errors.Is(err, ErrOpen) || backend.ClassOf(err) != backend.Transient {
		t.Errorf("%s while away: %v", op, err)
	}
}

// TestClasses: what is an answer and what is a failure.
func TestClasses(t *testing.T) {
	for class, answer := range map[backend.Class]bool{
		backend.Absent: true, backend.Exists: true, backend.TooLong: true, backend.Invalid: true, backend.Corrupt: true,
		backend.Transient: false, backend.Denied: false, backend.Missing: false,
	} {
		t.Run(class.String(), func(t *testing.T) {
			e := newEnv(t)
			e.fail(fault.Stat, tolerance, class)
			e.want("asked", true, answer)
			if !answer {
				return
			}
			e.fail(fault.Put, tolerance-1, backend.Transient)
			e.fail(fault.Put, 1, class)
			e.fail(fault.Put, tolerance-1, backend.Transient)
			e.want("an answer in between", true, true)
		})
	}
}

// TestErrorTellsWhy: who reads the error of a refused call learns since when and
// for what reason, and takes it for nothing but transient.
func TestErrorTellsWhy(t *testing.T) {
	e := newEnv(t)
	e.b.trip(&backend.Error{Op: "put", Class: backend.Denied, Code: "InvalidAccessKeyId", Err: errors.New("who are you")})
	_, err := e.store.Stat(t.Context(), key)
	wantOpen(t, "stat", err)
	for _, part := range []string{"stat", key, "away since " + time.Now().Format("2006-01-02"), "InvalidAccessKeyId", "who are you"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not tell %q", err, part)
		}
	}
	// The newest reason counts, and since stays.
	since := e.b.State().Since
	e.b.trip(errors.New("no route"))
	if _, err = e.store.Stat(t.Context(), key); !strings.Contains(err.Error(), "no route") {
		t.Errorf("error %q", err)
	}
	if s := e.b.State(); !s.Since.Equal(since) {
		t.Errorf("away since %v and then since %v", since, s.Since)
	}
	e.wantLines("one change", "WARN")
}

func TestDialErrorTripsAtOnce(t *testing.T) {
	e := newEnv(t)
	e.b.answered()
	e.b.record(t.Context(), dialError())
	e.want("no connection", true, false)
}

// TestGivingUpSaysNothing about the store.
func TestGivingUpSaysNothing(t *testing.T) {
	e := newEnv(t)
	e.faults.Add(fault.Rule{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, call := range calls {
		for range tolerance {
			if err := call(ctx, e.store); backend.ClassOf(err) != backend.Canceled {
				t.Errorf("%s: %v", op, err)
			}
		}
	}
	e.want("cancelled callers", false, false)
	// Nor does it forget failures.
	e.faults.Clear()
	e.fail(fault.Stat, tolerance-1, backend.Transient)
	e.faults.Add(fault.Rule{Hang: true})
	_ = calls[fault.Stat](ctx, e.store)
	e.faults.Clear()
	e.fail(fault.Stat, 1, backend.Transient)
	e.want("a cancelled caller between failures", true, false)
}

// TestDeadlinesCount, of the context itself and as the cause of its end.
func TestDeadlinesCount(t *testing.T) {
	for name, expired := range map[string]func() (context.Context, context.CancelFunc){
		"deadline": func() (context.Context, context.CancelFunc) {
			return context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		},
		"no progress": func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errors.Join(errors.New("no byte for 10s"), context.DeadlineExceeded))
			return ctx, func() { cancel(nil) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.faults.Add(fault.Rule{Hang: true})
			ctx, cancel := expired()
			defer cancel()
			for range tolerance {
				if _, err := e.store.Stat(ctx, key); err == nil {
					t.Error("no error")
				}
			}
			e.want("a store that hangs", true, false)
		})
	}
}

// TestLateAnswers do not close an open breaker, and failures leave it as it is.
func TestLateAnswers(t *testing.T) {
	e := newEnv(t)
	e.b.answered()
	e.b.trip(dialError())
	e.b.record(t.Context(), nil)
	e.want("late answer", true, false)
	e.b.record(t.Context(), dialError())
	e.want("late failure", true, false)
	e.b.answered()
	e.want("a trial", true, true)
	e.fail(fault.Stat, tolerance-1, backend.Transient)
	e.want("failures before count no more", true, true)
	e.b.answered()
	e.wantLines("away and back", "WARN", "INFO")
}

// TestAnswerBesideTrip: whichever comes first, a breaker that was tripped and had
// no trial is open.
func TestAnswerBesideTrip(t *testing.T) {
	for range 20_000 {
		b := New(slog.New(slog.DiscardHandler))
		var wg sync.WaitGroup
		wg.Go(func() { b.record(context.Background(), nil) })
		b.trip(errors.New("away"))
		wg.Wait()
		if s := b.State(); s.Reachable {
			t.Fatalf("an answer closed an open breaker: %+v", s)
		}
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	e := newEnv(t)
	e.faults.Add(fault.Rule{Op: fault.Put, Fail: true})
	ctx, cancel := context.WithCancel(t.Context())
	var loop sync.WaitGroup
	loop.Go(func() {
		if err := e.b.Run(ctx, func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
	})
	var wg sync.WaitGroup
	for _, call := range calls {
		wg.Go(func() {
			for range 300 {
				_ = call(ctx, e.store)
				e.b.State()
				select {
				case <-e.b.Ready():
				default:
				}
			}
		})
	}
	wg.Wait()
	cancel()
	loop.Wait()
	if s := e.b.State(); !s.Known {
		t.Errorf("%+v", s)
	}
}
