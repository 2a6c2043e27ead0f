package content

import (
	"errors"
	"sync"

	"contentfs/meta"
)

// choresMost bounds what is remembered: of a disk that stays full the next start
// settles the rest.
const choresMost = 1 << 16

// chores are small changes of the metadata that nobody waits for and that failed for
// want of room. The next start would make them too, from what it finds; done earlier
// they give back the room of what they are about.
type chores struct {
	mu   sync.Mutex // guards list; never held during I/O
	list []func() error
}

// add remembers a chore and reports whether there was room for that.
func (c *chores) add(do func() error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) >= choresMost {
		return false
	}
	c.list = append(c.list, do)
	return true
}

// FinishChores does what had no room when it was to be done, for the end of a life. What
// has none still is settled by the next start.
func (e *Engine) FinishChores() {
	if err := e.chores.run(); err != nil {
		e.Log.Debug("not all could be put on record; the next start will", "err", err)
	}
}

// run does what there is, and keeps what still has no room.
func (c *chores) run() error {
	c.mu.Lock()
	list := c.list
	c.list = nil
	c.mu.Unlock()
	var errs []error
	for i, do := range list {
		err := do()
		if err == nil || gone(err) || errors.Is(err, meta.ErrSuperseded) {
			continue
		}
		errs = append(errs, err)
		if noRoom(err) {
			c.mu.Lock()
			c.list = append(list[i:], c.list...)
			c.mu.Unlock()
			break
		}
	}
	return errors.Join(errs...)
}
