package upload

import (
	"context"
	"maps"
	"slices"
	"time"

	"contentfs/fs/content"
	"contentfs/meta"
)

// recheckInterval is how often versions are looked at again that unseen writers
// can still change.
const recheckInterval = 5 * time.Second

// recheck sees to it that what is written to a version after it was sent is sent
// too.
func (u *Uploader) recheck(ctx context.Context) {
	tick := time.NewTicker(recheckInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		u.mu.Lock()
		list := slices.Collect(maps.Keys(u.watch))
		u.mu.Unlock()
		for _, id := range list {
			settled, err := u.engine.Recheck(id)
			if err != nil {
				u.log.Error("cannot look at content that may have changed; will try again", "version", id, "err", err)
			}
			if settled && err == nil {
				u.mu.Lock()
				delete(u.watch, id)
				u.mu.Unlock()
			}
		}
	}
}

// sendWatched is send, and remembers what must be looked at again.
func (u *Uploader) sendWatched(ctx context.Context, id meta.VersionID, insist content.Insist) error {
	if insist != content.Quiet {
		u.engine.Linger(id)
	}
	err := u.send(ctx, id, insist)
	if err == nil && insist != content.Quiet {
		u.watchOver(id)
	}
	return err
}

// watchOver has a version looked at again until nobody can write to it.
func (u *Uploader) watchOver(id meta.VersionID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.watch[id] = true
}
