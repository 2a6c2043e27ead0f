package content

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// orphanGrace is how long a node without a name stays on record after it was last
// used. A request that the kernel sent before it knew of the unlink must still
// find the node, and a FORGET does not prove that none is under way: it may have
// been queued before a lookup that made the kernel know the node again.
const orphanGrace = time.Minute

// hurriedGrace is the grace while room is short: requests under way take less.
const hurriedGrace = 2 * time.Second

// orphans are the nodes that lost their last name since the start.
type orphans struct {
	mu   sync.Mutex // guards seen
	seen map[meta.Ino]time.Time
}

func (o *orphans) add(ino meta.Ino) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen[ino] = time.Now()
}

func (o *orphans) remove(ino meta.Ino) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.seen, ino)
}

func (o *orphans) has(ino meta.Ino) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.seen[ino]
	return ok
}

// due takes out the nodes that were last used before the time given.
func (o *orphans) due(before time.Time) []meta.Ino {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []meta.Ino
	for ino, t := range o.seen {
		if t.Before(before) {
			list = append(list, ino)
			delete(o.seen, ino)
		}
	}
	return list
}

// FindOrphans has the nodes swept up that a command took the last name from. Who has
// them open goes on.
func (e *Engine) FindOrphans() error {
	const some = 256
	for after := meta.Ino(0); ; {
		list, err := e.Meta.Orphans(after, some)
		if err != nil {
			return err
		}
		for i := range list {
			after = list[i].Ino
			if !e.orphans.has(after) {
				e.orphans.add(after)
			}
		}
		if len(list) < some {
			return nil
		}
	}
}

// forgetUnused restarts the grace of an orphan at its last close.
func (e *Engine) forgetUnused(ino meta.Ino) {
	if e.orphans.has(ino) {
		e.orphans.add(ino)
	}
}

// SweepSoon has the sweeper look for what nobody needs any more.
func (e *Engine) SweepSoon() { signal(e.sweep) }

// Sweep unlinks local files that nothing refers to any more and forgets nodes
// that lost their last name. It runs until ctx ends.
func (e *Engine) Sweep(ctx context.Context) error {
	tick := time.NewTicker(orphanGrace / 4)
	defer tick.Stop()
	failing := false
	for {
		err := e.sweepOnce(time.Now().Add(-orphanGrace))
		if e.overflowDue.Swap(false) {
			if oerr := e.sweepOverflow(); oerr != nil {
				e.overflowDue.Store(true)
				err = errors.Join(err, oerr)
			}
		}
		switch {
		case err == nil:
			failing = false
		case failing:
			e.Log.Debug("still cannot remove files that are not needed any more", "err", err)
		default:
			failing = true
			e.Log.Error("cannot remove files that are not needed any more; will try again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-e.sweep:
		}
	}
}

func (e *Engine) sweepOnce(before time.Time) error {
	var errs []error
	for _, ino := range e.orphans.due(before) {
		if l := e.live.peek(ino); l != nil {
			e.live.drop(l)
			e.orphans.add(ino)
			continue
		}
		if err := e.Meta.RemoveOrphan(ino, now()); err != nil && !gone(err) {
			e.orphans.add(ino)
			errs = append(errs, fmt.Errorf("forget node %d: %w", ino, err))
		}
	}
	return errors.Join(append(errs, e.chores.run(), e.SweepStrays(), e.emptyTrash())...)
}

// emptyTrash unlinks what the metadata threw away. Before that it is durable that it
// was thrown away: else a power cut could bring back a version whose file is gone. The
// rows go after the unlinks are durable: a file that came back after a power cut would
// look like content that nobody knows.
func (e *Engine) emptyTrash() error {
	const some = 512
	for {
		files, err := e.Meta.Trash(some)
		if err != nil || len(files) == 0 {
			return err
		}
		if err := e.settleTrash(); err != nil {
			return err
		}
		ids := make([]local.ID, len(files))
		for i, f := range files {
			ids[i] = local.ID(f)
		}
		if err := e.Local.Remove(ids); err != nil {
			return err
		}
		crash.Here(crash.TrashUnlinked)
		if err := e.Meta.EmptyTrash(files); err != nil {
			return err
		}
		if len(files) < some {
			return nil
		}
	}
}

// settleTrash makes durable why files were thrown away. Where closes do not wait for
// the disk, what came in their place is made so before.
func (e *Engine) settleTrash() error {
	if e.Durability == Relaxed {
		if err := e.Local.SyncAll(); err != nil {
			return err
		}
	}
	return e.certain()
}

// certain returns when all that the metadata shows is durable, so that what it does not
// need any more may go. It fails once the outcome of a change is in doubt.
func (e *Engine) certain() error {
	err := e.Meta.Sync(context.Background())
	if errors.Is(err, meta.ErrNoSpace) {
		// There is no room for the row that makes the store sync its log. The log is
		// on the local store's file system, and whole up to there.
		err = e.Local.SyncAll()
	}
	if err != nil {
		return fmt.Errorf("nothing is removed before the metadata is durable: %w", err)
	}
	return nil
}

func timeoutContext(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
