package main_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// bout is how long a loop of faults goes on.
//
// The environment sets it: CONTENTFS_CRASH_LIVES faults, or as many as there are in
// CONTENTFS_CRASH_TIME; and CONTENTFS_CRASH_SEED.
type bout struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	ctx   context.Context // ends when the loop is to end early
	lives int
	until time.Time // instead of lives, when it is set

	done  int
	began time.Time
}

// newBout reads the environment. usual is the number of faults without it; the loop
// is one of as many as share the time of a long run.
func newBout(t *testing.T, usual, share int) *bout {
	t.Helper()
	b := &bout{t: t, seed: rand.Uint64(), lives: usual, began: time.Now()}
	read := func(name string, parse func(string) error) {
		if s := os.Getenv(name); s != "" {
			if err := parse(s); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	read("CONTENTFS_CRASH_LIVES", func(s string) (err error) { b.lives, err = strconv.Atoi(s); return err })
	read("CONTENTFS_CRASH_SEED", func(s string) (err error) { b.seed, err = strconv.ParseUint(s, 10, 64); return err })
	read("CONTENTFS_CRASH_TIME", func(s string) error {
		d, err := time.ParseDuration(s)
		b.until = time.Now().Add(d / time.Duration(share))
		return err
	})
	if testing.Short() {
		b.lives = min(b.lives, 20)
	}
	t.Logf("seed %d: CONTENTFS_CRASH_SEED=%[1]d writes the same (when the faults strike is the scheduler's doing)", b.seed)
	b.rng = rand.New(rand.NewPCG(b.seed, 1<<32))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	t.Cleanup(stop)
	b.ctx = ctx
	return b
}

// more reports whether there is another fault to come.
func (b *bout) more() bool {
	switch {
	case b.ctx.Err() != nil || b.t.Failed():
		return false
	case !b.until.IsZero():
		return time.Now().Before(b.until)
	}
	return b.done < b.lives
}

// long reports whether the loop runs for longer than usual.
func (b *bout) long() bool { return !b.until.IsZero() || os.Getenv("CONTENTFS_CRASH_LIVES") != "" }
