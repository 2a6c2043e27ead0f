package workload

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
	base    string   // the same, while writers work
	dir     *os.File // base's
	cuts    bool     // faults are power cuts
	told    bool     // errors are faults that were told, and the writers go on
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

// Told makes errors legal answers: of the operation either nothing or all may have
// happened, a write that failed may have happened in part, and a new file may be
// left empty. All the rest must be as ever.
func (t *Team) Told() { t.told = true }

// Start lets the writers work until a fault.
func (t *Team) Start() error {
	var err error
	if t.dir, err = os.Open(t.root); err != nil {
		return err
	}
	// The daemon may end, and what lies below the mount is not for the writers.
	t.base = fmt.Sprintf("/proc/self/fd/%d", t.dir.Fd())
	t.over.Store(false)
	t.dead.Store(false)
	t.stop.Store(false)
	t.hunted.Store(int32(Between))
	t.caught = make(chan struct{}, 1)
	for _, w := range t.writers {
		t.wg.Go(w.work)
	}
	return nil
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
	t.Stop()
	errs := []error{t.dir.Close()}
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

// Refused returns how many operations were answered with an error. It may be called
// while writers work.
func (t *Team) Refused() int {
	n := 0
	for _, w := range t.writers {
		n += int(w.refused.Load())
	}
	return n
}

// Stop lets the writers finish what they do.
func (t *Team) Stop() {
	t.stop.Store(true)
	t.wg.Wait()
}

// Look compares the mount with the ledgers after Stop, while its daemon lives. It
// tells apart that the tree could not be read and that it is wrong.
func (t *Team) Look() (unread, wrong error) {
	return t.compare(t.base, Alive)
}

// VerifyAfter compares the mount with the ledgers after a fault. What it finds is
// the state that the writers go on from. It is called while they do not work.
func (t *Team) VerifyAfter(after After) error {
	unread, wrong := t.compare(t.root, after)
	if unread != nil {
		return fmt.Errorf("read the tree: %w", unread)
	}
	return wrong
}

func (t *Team) compare(root string, after After) (unread, wrong error) {
	trees, err := t.trees(root, t.writers...)
	if err != nil {
		return err, nil
	}
	var errs []error
	for i, w := range t.writers {
		errs = append(errs, w.settle(trees[i], after))
	}
	return nil, errors.Join(errs...)
}

// trees reads what lies below root, for each of some writers.
func (t *Team) trees(root string, of ...*Writer) ([]map[string]found, error) {
	trees := make([]map[string]found, len(of))
	for i := range trees {
		trees[i] = make(map[string]found)
	}
	list, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		mine := slices.IndexFunc(of, func(w *Writer) bool { return strings.HasPrefix(e.Name(), w.prefix) })
		if mine >= 0 {
			err = read(root, e.Name(), trees[mine])
		} else if !slices.ContainsFunc(t.writers, func(w *Writer) bool { return strings.HasPrefix(e.Name(), w.prefix) }) {
			err = fmt.Errorf("%s: nobody made it", e.Name())
		}
		if err != nil {
			return nil, err
		}
	}
	return trees, nil
}

// read reads everything from name down.
func read(root, name string, tree map[string]found) error {
	return filepath.WalkDir(filepath.Join(root, name), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f := found{dir: d.IsDir()}
		if !f.dir {
			if f.content, err = os.ReadFile(p); err != nil {
				return err
			}
		}
		tree[rel] = f
		return nil
	})
}

// Files returns how many files the tree has, as of the last look.
func (t *Team) Files() int {
	n := 0
	for _, w := range t.writers {
		n += len(w.state.paths(false))
	}
	return n
}
