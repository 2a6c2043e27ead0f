package workload

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Phase is what a writer is doing, by system call.
type Phase int32

// The phases.
const (
	Between Phase = iota // of two operations
	Opening
	Writing
	Syncing
	Closing
	Renaming
	Unlinking
	MakingDir
	MovingDir
	RemovingDir
	Truncating
	Reading
	numPhases
)

// String names the phase for the report.
func (p Phase) String() string {
	return [numPhases]string{"between", "open", "write", "fsync", "close", "rename", "unlink", "mkdir",
		"rename dir", "rmdir", "truncate", "read"}[p]
}

// Team is some writers on one mount.
type Team struct {
	History History

	root    string
	cuts    bool // faults are power cuts
	writers []*Writer
	wg      sync.WaitGroup

	over   atomic.Bool // the fault is coming: errors are its doing
	dead   atomic.Bool // the power is gone: nothing may be promised
	stop   atomic.Bool // the fault has come
	hunted atomic.Int32
	caught chan struct{}
	fault  time.Time // the last one
}

// NewTeam returns a team of n writers on the mount at root. cuts says that faults
// are power cuts and not only killed processes.
func NewTeam(root string, n int, seed uint64, cuts bool) *Team {
	t := &Team{root: root, cuts: cuts}
	for i := range n {
		t.writers = append(t.writers, &Writer{
			team: t, prefix: fmt.Sprintf("w%d-", i), state: State{},
			rng: rand.New(rand.NewPCG(seed, uint64(i))),
		})
	}
	return t
}

// Start lets the writers work until a fault.
func (t *Team) Start() {
	t.over.Store(false)
	t.dead.Store(false)
	t.stop.Store(false)
	t.hunted.Store(int32(Between))
	t.caught = make(chan struct{}, 1)
	for _, w := range t.writers {
		t.wg.Go(w.work)
	}
}

// Hunt returns a channel that gets a value when a writer enters the phase. The
// fault may come with any writer's next step.
func (t *Team) Hunt(p Phase) <-chan struct{} {
	t.hunted.Store(int32(p))
	return t.caught
}

// Brace tells the writers that the fault comes now, and returns what each of them
// is doing.
func (t *Team) Brace() []Phase {
	t.over.Store(true)
	t.fault = time.Now()
	var list []Phase
	for _, w := range t.writers {
		list = append(list, Phase(w.phase.Load()))
	}
	return list
}

// Dead tells that the power is gone: a durable answer to what begins now is a lie.
func (t *Team) Dead() { t.dead.Store(true) }

// Wait waits for the writers after the fault. The error tells what failed before
// it, and what was read wrong.
func (t *Team) Wait() error {
	t.stop.Store(true)
	t.wg.Wait()
	var errs []error
	for _, w := range t.writers {
		errs = append(errs, w.err)
		w.err = nil
	}
	return errors.Join(errs...)
}

// Answered returns how many operations were answered, and how many of them were a
// close or fsync of changed content.
func (t *Team) Answered() (all, commits int) {
	for _, w := range t.writers {
		all += w.answered
		commits += w.commits
	}
	return all, commits
}

// Verify compares the mount with the ledgers. What it finds is the state that the
// writers go on from. It is called while they do not work.
func (t *Team) Verify() error {
	trees := make([]map[string]found, len(t.writers))
	for i := range trees {
		trees[i] = make(map[string]found)
	}
	err := filepath.WalkDir(t.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == t.root {
			return err
		}
		rel, err := filepath.Rel(t.root, p)
		if err != nil {
			return err
		}
		f := found{dir: d.IsDir()}
		if !f.dir {
			if f.content, err = os.ReadFile(p); err != nil {
				return err
			}
		}
		for i, w := range t.writers {
			if strings.HasPrefix(rel, w.prefix) {
				trees[i][rel] = f
				return nil
			}
		}
		return fmt.Errorf("%s: nobody made it", rel)
	})
	if err != nil {
		return fmt.Errorf("read the tree: %w", err)
	}
	var errs []error
	for i, w := range t.writers {
		errs = append(errs, w.settle(trees[i]))
	}
	return errors.Join(errs...)
}

// Files returns how many files the tree has, as of the last Verify.
func (t *Team) Files() int {
	n := 0
	for _, w := range t.writers {
		n += len(w.state.paths(false))
	}
	return n
}
