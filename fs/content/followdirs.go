package content

import (
	"context"
	"time"

	"contentfs/fs/crash"
	"contentfs/meta"
)

const (
	// followSome is how many versions follow the new name of a directory at a time. The
	// next come when half of them are where they belong, so that new content does not
	// wait behind a large tree, nor the store gets all at once.
	followSome = 128
	// followPause is how often that is looked at.
	followPause = time.Second
	// followAnew is when to try again after a failure.
	followAnew = time.Minute
)

// Follow has objects, and copies in the fallback, follow the new names of directories
// until ctx ends. Which directories is on record, so that the next mount goes on with
// what was not followed to its end.
func (e *Engine) Follow(ctx context.Context) error {
	if e.ReadOnly {
		return nil
	}
	tick := time.NewTicker(followAnew)
	defer tick.Stop()
	for {
		if err := e.followDirs(ctx); err != nil && ctx.Err() == nil {
			e.Log.Error("cannot have objects follow the new name of a directory; will try again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.renamedDirs:
		case <-tick.C:
		}
	}
}

func (e *Engine) followDirs(ctx context.Context) error {
	const some = 64
	for {
		list, err := e.Meta.Renamings(some)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			f := &follower{Engine: e, ctx: ctx}
			err := f.dir(r.Dir)
			if err == nil {
				err = f.send()
			}
			if err == nil {
				crash.Here(crash.FollowSent)
				err = e.Meta.Followed(r)
				crash.Here(crash.FollowDone)
			}
			if err != nil {
				return err
			}
		}
	}
}

// follower follows one directory.
type follower struct {
	*Engine
	ctx  context.Context
	next []meta.VersionID // to be queued
	sent []meta.VersionID // that were, the last time
}

// dir goes through what is below a directory. One that is gone has nothing to follow,
// and what is in one that is still to be taken in has no versions.
func (f *follower) dir(ino meta.Ino) error {
	for after := meta.Place(0); ; {
		list := make([]meta.Entry, 0, followSome)
		err := f.Meta.List(ino, after, func(m *meta.Entry) bool {
			list = append(list, *m)
			return len(list) < followSome
		})
		if gone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range list {
			after = list[i].Place
			if err := f.entry(&list[i].Node); err != nil {
				return err
			}
		}
		if len(list) < followSome {
			return nil
		}
	}
}

func (f *follower) entry(n *meta.Node) error {
	switch {
	case n.IsDir():
		return f.dir(n.Ino)
	case !n.IsRegular() || n.Version == 0:
		return f.ctx.Err()
	}
	v, err := f.Meta.Current(n.Ino)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	path, err := f.Meta.Path(n.Ino)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if v.Remote == meta.Stored && Fits(&v, v.Bucket, v.Prefix, path) ||
		v.Remote != meta.Stored && (v.Fallback == nil || string(v.Fallback) == string(path[1:])) {
		return f.ctx.Err()
	}
	if f.next = append(f.next, v.ID); len(f.next) < followSome {
		return f.ctx.Err()
	}
	return f.send()
}

// send queues what was found, once the most of what was before is done.
func (f *follower) send() error {
	tick := time.NewTicker(followPause)
	defer tick.Stop()
	for {
		left := f.sent[:0]
		for _, id := range f.sent {
			_, err := f.Meta.QueueEntry(id)
			if err == nil {
				left = append(left, id)
			} else if !gone(err) {
				return err
			}
		}
		if f.sent = left; len(left) <= followSome/2 {
			break
		}
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
	if err := f.Meta.Follow(f.next, now()); err != nil {
		return err
	}
	f.sent, f.next = append(f.sent, f.next...), nil
	f.queue.Wake()
	return nil
}
