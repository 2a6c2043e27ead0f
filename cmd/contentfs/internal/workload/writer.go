package workload

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Writer works in directories whose names begin with its prefix.
type Writer struct {
	team   *Team
	prefix string
	rng    *rand.Rand
	phase  atomic.Int32
	made   int // names given so far

	state  State   // after the last answered operation
	older  []State // a power cut may bring these back
	doubt  []State // so may a restart: operations that were answered with an error
	flight []State // the operation under way may leave one of these
	doing  string  // it, for messages
	err    error   // why it stopped before a fault

	answered, commits int
	refused           atomic.Int64 // operations that were answered with an error
	recent            []answer     // the last ones, for messages
}

// answer is an operation that was answered.
type answer struct {
	doing string
	at    time.Time
}

// lasting says what an answer promises.
type lasting bool

const (
	durable lasting = true  // on stable storage; a close of what did not change is not
	visible lasting = false // seen by all; on stable storage with the next durable one
)

// work does operations until one fails. A team that is told of errors goes on from
// what it then finds.
func (w *Writer) work() {
	w.phase.Store(int32(Between))
	for !w.team.stop.Load() {
		op := w.pick()
		err := op(w)
		if err == nil {
			continue
		}
		over := w.team.over.Load()
		if w.team.told && !over && !isWrong(err) {
			w.refused.Add(1)
			err = w.lookAgain(err)
			if err == nil {
				continue
			}
			over = !isWrong(err) // the mount does not answer any more
		}
		if !over || isWrong(err) {
			w.err = fmt.Errorf("writer %s %s: %w", strings.TrimSuffix(w.prefix, "-"), w.doing, err)
		}
		return
	}
}

// lookAgain finds out what an operation left that was answered with an error.
func (w *Writer) lookAgain(why error) error {
	trees, err := w.team.trees(w.abs("."), w)
	if err != nil {
		return fmt.Errorf("%w; then: %w", why, err)
	}
	if err := w.settle(trees[0], Alive); err != nil {
		return fmt.Errorf("%w: after the error %q: %w", errWrong, why, err)
	}
	w.phase.Store(int32(Between))
	return nil
}

// in makes one system call, or some, in a phase.
func (w *Writer) in(p Phase, call func() error) error {
	w.phase.Store(int32(p))
	if w.team.hunted.Load() == int32(p) && p != Between {
		select {
		case w.team.caught <- struct{}{}:
		default:
		}
	}
	err := call()
	if err == nil {
		w.phase.Store(int32(Between))
	}
	return err
}

// attempt makes a call that leads to the state next, or to none of its own.
func (w *Writer) attempt(p Phase, next State, l lasting, call func() error) error {
	w.may(next)
	dead := w.team.dead.Load()
	if err := w.in(p, call); err != nil {
		return err
	}
	if dead && l == durable {
		return fmt.Errorf("%w: %s was answered as durable, and the disk was dead before it began", errWrong, p)
	}
	w.reach(next, l)
	return nil
}

// may puts on record what the operation under way may leave.
func (w *Writer) may(next ...State) {
	for _, s := range next {
		w.team.History.Add(s)
	}
	w.flight = next
}

// reach puts on record that an operation was answered.
func (w *Writer) reach(next State, l lasting) {
	// What is answered while the power goes was answered to nobody: who could have
	// heard it had no power either.
	if l == durable && !(w.team.cuts && w.team.over.Load()) {
		w.older, w.doubt = nil, nil
		w.commits++
	} else {
		w.older = append(w.older, w.state)
	}
	w.state, w.flight = next, nil
	w.answered++
	const some = 10
	w.recent = append(w.recent[max(0, len(w.recent)-some+1):], answer{w.doing, time.Now()})
}

// After is what a tree is looked at after.
type After int

// A tree is looked at after these.
const (
	Alive After = iota // nothing: its daemon is the one that answered
	Kill               // the daemon was killed, or ended, and mounted again
	Cut                // so did the disk
)

// settle finds the state that a fault left, which must be one of the ledger's.
func (w *Writer) settle(tree map[string]found, after After) error {
	legal := append([]State{w.state}, w.flight...)
	before := slices.Clone(legal)
	if after != Alive {
		legal = append(legal, w.doubt...)
	}
	if after == Cut {
		legal = append(legal, w.older...)
	}
	for i, s := range legal {
		if s.differences(tree) != nil {
			continue
		}
		others := slices.Delete(slices.Clone(legal), i, i+1)
		switch after {
		case Cut:
			w.older, w.doubt = nil, nil
		case Kill:
			// What was not synced is not so by having been seen.
			w.older, w.doubt = append(w.older, others...), nil
		case Alive:
			w.doubt = append(w.doubt, others...)
		}
		w.state, w.flight = s.seen(tree), nil
		if one, ok := unsure(before); after == Alive {
			// What is seen now is not yet what stays: a file that could not be committed
			// goes back to what it was with its last descriptor, or with the daemon.
			if w.state = s; ok {
				w.state = one
			}
		}
		w.team.History.Add(w.state)
		return nil
	}
	text := fmt.Sprintf("writer %s, when the fault came: %s; answered operations so far: %d", w.prefix, w.doing, w.answered)
	for i, s := range legal {
		text += fmt.Sprintf("\n\tnot legal state %d of %d: %s", i+1, len(legal), strings.Join(s.differences(tree), "; "))
	}
	for _, a := range w.recent {
		text += fmt.Sprintf("\n\tanswered %v before the fault: %s", w.team.fault.Sub(a.at), a.doing)
	}
	return errors.New(text)
}

// abs returns the absolute path of one inside the mount.
func (w *Writer) abs(path string) string { return filepath.Join(w.team.base, path) }

// name returns a file name that was never used.
func (w *Writer) name(ext string) string {
	w.made++
	return fmt.Sprintf("%06d%s", w.made, ext)
}

// any returns one of a list.
func (w *Writer) any(list []string) string { return list[w.rng.IntN(len(list))] }

// content returns 0 to 200 KB of noise; every size has the same chance on a
// logarithmic scale.
func (w *Writer) content() []byte {
	if w.rng.IntN(30) == 0 {
		return []byte{}
	}
	n := 1 << w.rng.IntN(8) << 10
	b := make([]byte, min(n+w.rng.IntN(n), 200<<10))
	for i := 0; i+8 <= len(b); i += 8 {
		x := w.rng.Uint64()
		for k := range 8 {
			b[i+k] = byte(x >> (8 * k))
		}
	}
	return b
}
