package content

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// ErrUnread: a directory of the fallback could not be read, so that what is in it is
// not known.
var ErrUnread = errors.New("directory cannot be taken in from the fallback")

// adoption says which directories are still to be taken in. Nearly always the answer
// is none, or not this one.
type adoption struct {
	some atomic.Bool // there may be any

	mu    sync.Mutex             // guards what follows; never held during I/O
	whole map[meta.Ino]struct{}  // nothing is to be taken into these
	under map[meta.Ino]*takingIn // under way
}

// takingIn is one directory that is being taken in, for all who wait for it.
type takingIn struct {
	done chan struct{} // closed at the end
	err  error         // valid then
}

// wholeLimit bounds what is remembered. When it is reached all is forgotten.
const wholeLimit = 1 << 16

// UseFallback records the directory as the volume's fallback. The first time, all
// that lies in it is to be taken into the tree. It runs before the first request.
func (e *Engine) UseFallback() error {
	if e.Fallback != nil {
		if err := e.recordFallback(); err != nil {
			return fmt.Errorf("use fallback: %w", err)
		}
	}
	some, err := e.Meta.Unadopted()
	e.adoption.some.Store(some)
	return err
}

func (e *Engine) recordFallback() error {
	id, err := e.Fallback.ID()
	if err != nil {
		return err
	}
	known, err := e.Meta.AdoptedFallback()
	if err != nil || known == id {
		return err
	}
	top, err := e.Fallback.top()
	if err != nil {
		return err
	}
	err = e.Meta.AdoptFallback(id, top)
	crash.Here(crash.AdoptRecorded)
	return err
}

// takeIn returns when all names of a directory are on record. Whoever looks into a
// directory, or changes what is in it, does this first.
func (e *Engine) takeIn(dir meta.Ino) error {
	if !e.adoption.some.Load() {
		return nil
	}
	t, first := e.adoption.join(dir)
	if t == nil {
		return nil
	}
	if !first {
		<-t.done
		return t.err
	}
	// A panic must not leave the others waiting.
	t.err = ErrUnread
	defer e.adoption.leave(dir, t)
	t.err = e.takeInNow(dir)
	return t.err
}

// TakeIn is for who walks the tree past the engine: all names of a directory are on
// record when it returns. Another process may take in the same directory meanwhile.
func (e *Engine) TakeIn(dir meta.Ino) error {
	err := e.takeIn(dir)
	if gone(err) {
		if origin, oerr := e.Meta.Origin(dir); oerr == nil && origin == nil {
			return nil
		}
	}
	return err
}

// join gives the taking in of a directory, and whether the caller has to do it; nil
// if there is nothing to do.
func (a *adoption) join(dir meta.Ino) (t *takingIn, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.whole[dir]; ok {
		return nil, false
	}
	if t := a.under[dir]; t != nil {
		return t, false
	}
	if a.under == nil {
		a.under = make(map[meta.Ino]*takingIn)
	}
	t = &takingIn{done: make(chan struct{})}
	a.under[dir] = t
	return t, true
}

func (a *adoption) leave(dir meta.Ino, t *takingIn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.under, dir)
	if t.err == nil {
		if a.whole == nil || len(a.whole) >= wholeLimit {
			a.whole = make(map[meta.Ino]struct{})
		}
		a.whole[dir] = struct{}{}
	}
	close(t.done)
}

func (e *Engine) takeInNow(dir meta.Ino) error {
	origin, err := e.Meta.Origin(dir)
	if err != nil || origin == nil {
		return err
	}
	if e.Fallback == nil {
		return fmt.Errorf("%w: %q: the volume has no fallback now", ErrUnread, origin)
	}
	more := false
	err = e.Fallback.read(origin, e.Log, func(found []meta.Found, last bool) error {
		below, err := e.Meta.Adopt(dir, found, last, now())
		crash.Here(crash.AdoptSome)
		more = more || below
		return err
	})
	if err != nil {
		return fmt.Errorf("take in %q: %w", origin, err)
	}
	e.Changed(dir) // the number of its subdirectories
	if more {
		return nil
	}
	// Only what is taken in brings more of it: none is none for good.
	some, err := e.Meta.Unadopted()
	if err == nil && !some {
		e.adoption.some.Store(false)
	}
	return err
}

// takeInTarget is takeIn for a directory that is to be removed or replaced: whether
// it is empty must be known. What has another name, or none, does not matter.
func (e *Engine) takeInTarget(parent meta.Ino, name []byte) error {
	if err := e.takeIn(parent); err != nil || !e.adoption.some.Load() {
		return err
	}
	n, err := e.Meta.Lookup(parent, name)
	if err != nil || !n.IsDir() {
		return nil // whoever asked finds out
	}
	return e.takeIn(n.Ino)
}
