package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// Reasons to collect nothing.
var (
	ErrClock    = errors.New("this server's clock is before the newest content")
	ErrTooMuch  = errors.New("more than half of all objects on record would go")
	ErrRebuilt  = errors.New("the database was rebuilt a short time ago, and may know less than there was")
	errNoAccess = errors.New("the volume has content in a fallback directory that was not given")
)

// Collection removes what was garbage before a time: retired versions with all that
// they have, and objects that no version points to. Only what is on record is
// removed; the bucket is not listed.
//
// Every step is on record before it is taken, so that a crash leaves work for the
// next collection, and nothing else.
type Collection struct {
	Meta     *meta.Store
	Objects  func(bucket string) (backend.Backend, error)
	Fallback *content.Fallback // nil: what is there is left alone
	Before   int64             // what is garbage since then stays
	Limit    int               // of versions, and of objects; 0: none
	Force    bool              // also if more than half of all objects go, or soon after a rebuild
}

// Collected is what a collection removed.
type Collected struct {
	Versions int64
	Bytes    int64            // of the versions
	Objects  int64            // deleted in S3
	Failed   map[string]error // by bucket: what ended the deletions there
	Left     int64            // objects that failed, or that come after one that did
	Kept     int64            // versions that could not be given up
	Why      error            // of Kept, the last
}

// AfterRebuild is how long after a rebuild nothing is removed: what it did not bring
// back may still be missed, and found.
const AfterRebuild = 7 * 24 * time.Hour

const (
	discardAtOnce = 256
	deleteAtOnce  = 128
	deleting      = 8 // requests under way
)

// Plan counts what would go. The error says why nothing may.
func (c *Collection) Plan(now time.Time) (meta.Garbage, error) {
	g, err := c.Meta.Garbage(c.Before)
	if err != nil {
		return g, err
	}
	if int64(g.Newest) > now.UnixMicro() {
		return g, fmt.Errorf("%w: it is %s here, and there is content of %s", ErrClock,
			now.UTC().Format(time.DateTime), time.UnixMicro(int64(g.Newest)).UTC().Format(time.DateTime))
	}
	at, err := c.Meta.Rebuilt()
	if err != nil {
		return g, err
	}
	if quiet := time.Unix(0, at).Add(AfterRebuild); at != 0 && !c.Force && now.Before(quiet) {
		return g, fmt.Errorf("%w; nothing goes before %s", ErrRebuilt, quiet.UTC().Format(time.DateTime))
	}
	if going := g.Objects.Number + g.Lost; !c.Force && going*2 > g.OnRecord {
		return g, fmt.Errorf("%w: %d of %d", ErrTooMuch, going, g.OnRecord)
	}
	return g, nil
}

// Run removes what Plan counts, if it may. The error is of the metadata or of Plan;
// what a bucket refused is in the result.
func (c *Collection) Run(ctx context.Context, now time.Time) (Collected, error) {
	r := Collected{Failed: make(map[string]error)}
	if _, err := c.Plan(now); err != nil {
		return r, err
	}
	if err := c.versions(ctx, &r, now); err != nil {
		return r, err
	}
	return r, c.objects(ctx, &r)
}

// room returns how many more may go of what is limited.
func (c *Collection) room(done int64, atOnce int) int {
	if c.Limit == 0 {
		return atOnce
	}
	return max(0, min(atOnce, c.Limit-int(done)))
}

// versions gives up retired versions.
func (c *Collection) versions(ctx context.Context, r *Collected, now time.Time) error {
	var after meta.VersionID
	for ctx.Err() == nil {
		some := c.room(r.Versions, discardAtOnce)
		list, err := c.Meta.GarbageVersions(c.Before, after, some)
		if err != nil || len(list) == 0 {
			return err
		}
		after = list[len(list)-1].ID
		sizes := make(map[meta.VersionID]int64, len(list))
		var batch []meta.Discarded
		for i := range list {
			d, err := c.discarded(&list[i])
			if err != nil {
				r.Kept, r.Why = r.Kept+1, err
				continue
			}
			batch, sizes[d.ID] = append(batch, d), list[i].Size
		}
		gone, err := c.Meta.Discard(batch, c.Before, now.UnixNano())
		crash.Here(crash.DiscardDone)
		if err != nil {
			return err
		}
		for _, id := range gone {
			r.Versions++
			r.Bytes += sizes[id]
		}
	}
	return ctx.Err()
}

func (c *Collection) discarded(v *meta.Version) (meta.Discarded, error) {
	d := meta.Discarded{ID: v.ID}
	if v.Fallback == nil {
		return d, nil
	}
	if c.Fallback == nil {
		return d, errNoAccess
	}
	var err error
	d.Inode, err = c.Fallback.InodeToDiscard(v)
	return d, err
}

// objects deletes lost objects.
func (c *Collection) objects(ctx context.Context, r *Collected) error {
	var after meta.LostObject
	tried := int64(0)
	for ctx.Err() == nil {
		list, err := c.Meta.GarbageObjects(c.Before, after, c.room(tried, deleteAtOnce))
		if err != nil || len(list) == 0 {
			return err
		}
		after = list[len(list)-1]
		tried += int64(len(list))
		// One bucket at a time: they are listed in that order.
		for len(list) > 0 {
			n := 1
			for n < len(list) && list[n].Bucket == list[0].Bucket {
				n++
			}
			if err := c.inBucket(ctx, list[:n], r); err != nil {
				return err
			}
			list = list[n:]
		}
	}
	return ctx.Err()
}

// inBucket deletes objects of one bucket, unless something failed there before.
func (c *Collection) inBucket(ctx context.Context, list []meta.LostObject, r *Collected) error {
	bucket := list[0].Bucket
	if r.Failed[bucket] != nil {
		r.Left += int64(len(list))
		return nil
	}
	b, err := c.Objects(bucket)
	if err != nil {
		r.Failed[bucket] = err
		r.Left += int64(len(list))
		return nil
	}
	condemned, err := c.Meta.Condemn(list)
	if err != nil {
		return err
	}
	crash.Here(crash.CondemnDone)
	return c.deleteCondemned(ctx, b, condemned, r)
}

// deleteCondemned deletes objects of one bucket that are on record as condemned. It is
// the only place that deletes any.
func (c *Collection) deleteCondemned(ctx context.Context, b backend.Backend, condemned []meta.LostObject, r *Collected) error {
	if len(condemned) == 0 {
		return nil
	}
	bucket := condemned[0].Bucket
	deleted := make([]bool, len(condemned))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(deleting)
	for i, o := range condemned {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if gctx.Err() != nil {
				return nil // the first was refused while this one waited for its turn
			}
			if err := b.Delete(gctx, o.Key); err != nil && !backend.IsAbsent(err) {
				return err
			}
			crash.Here(crash.DeleteDone)
			deleted[i] = true
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		r.Failed[bucket] = err
	}
	var gone []meta.LostObject
	for i, o := range condemned {
		if deleted[i] {
			gone = append(gone, o)
		}
	}
	r.Objects += int64(len(gone))
	r.Left += int64(len(condemned) - len(gone))
	err := c.Meta.ForgetLostObjects(gone)
	crash.Here(crash.ForgetDone)
	return err
}
