package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// Reasons to leave every orphan alone.
var (
	ErrBehind     = errors.New("the database is older than the bucket: an old copy of it was put back")
	ErrNoTime     = errors.New("the store does not say what time it is there")
	ErrTooMany    = errors.New("more objects that no row knows than are likely")
	ErrTooManyNew = errors.New("too many objects that no row knows")
)

const (
	orphanAge   = 48 * time.Hour // of an object that may go, by the store's clock alone
	orphanTwice = 24 * time.Hour // between its first sighting and its end

	orphanShare = 100  // of so many objects one may go without Force
	orphanMost  = 1000 // so many may

	// orphanWatch bounds what is kept in memory and on record.
	orphanWatch = 100_000
	lookAtOnce  = 512

	probe = ".contentfs-probe" // below a prefix, and no content
)

// Orphans finds and removes objects that lie where this volume's do, say of themselves
// that they are its, and are on record nowhere: what an upload left whose record was
// removed before it ended.
//
// Nobody deletes by absence here: an object has to be seen twice, a day apart, by a
// listing that was whole, and to be two days old, all by the store's own clock; and
// nothing goes at all when the database may not be the one that wrote the bucket. Every
// step is on record before it is taken.
type Orphans struct {
	Meta    *meta.Store
	Objects func(bucket string) (backend.Backend, error)
	Spaces  []meta.KeySpace // besides those on record
	Log     *slog.Logger    // of what is about to be deleted
	Force   bool            // also when more go than are likely
}

// Found is what a survey of the bucket found.
type Found struct {
	Objects int64 // with keys of a volume, in all
	Orphans int64 // of these nobody knows, and they are this volume's
	Bytes   int64 // of Ripe
	Young   int64 // of Orphans: too young, or not seen long enough ago
	Foreign int64 // are not this volume's, or do not say so; left alone

	Ripe []meta.Orphan // of Orphans: may go

}

// Survey lists what there is and puts on record what it saw. It removes nothing. An
// error is of the listing or the metadata, or says why nothing may go; what was seen
// is on record only if there was none.
func (o *Orphans) Survey(ctx context.Context) (Found, error) {
	var f Found
	spaces, err := keySpaces(o.Meta, o.Spaces)
	if err != nil {
		return f, err
	}
	var seen []sighting
	for _, space := range spaces {
		some, err := o.list(ctx, space, &f)
		if err != nil {
			return f, err
		}
		if seen = append(seen, some...); len(seen) > orphanWatch {
			return f, fmt.Errorf("%w: more than %d", ErrTooManyNew, orphanWatch)
		}
	}
	if seen, err = o.judge(ctx, seen, &f); err != nil {
		return f, err
	}
	if err := o.record(spaces, seen, &f); err != nil {
		return f, err
	}
	crash.Here(crash.OrphansSeen)
	if n := int64(len(f.Ripe)); !o.Force && (n > orphanMost || n*orphanShare > f.Objects) {
		return f, fmt.Errorf("%w: %d of %d", ErrTooMany, n, f.Objects)
	}
	return f, nil
}

// Remove deletes what a survey found ripe. What is known by now is left alone.
func (o *Orphans) Remove(ctx context.Context, f *Found) (Collected, error) {
	r := Collected{Failed: make(map[string]error)}
	c := &Collection{Meta: o.Meta, Objects: o.Objects}
	for list := f.Ripe; len(list) > 0 && ctx.Err() == nil; {
		n := min(len(list), deleteAtOnce)
		for i := 1; i < n; i++ {
			if list[i].Bucket != list[0].Bucket {
				n = i
			}
		}
		if err := o.remove(ctx, c, list[:n], &r); err != nil {
			return r, err
		}
		list = list[n:]
	}
	return r, ctx.Err()
}

func (o *Orphans) remove(ctx context.Context, c *Collection, list []meta.Orphan, r *Collected) error {
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
	for _, x := range list {
		o.Log.Info("deleting an object that no row knows", "bucket", x.Bucket, "key", x.Key)
	}
	condemned, err := o.Meta.CondemnOrphans(list)
	if err != nil {
		return err
	}
	crash.Here(crash.OrphansDoomed)
	return c.deleteCondemned(ctx, b, condemned, r)
}
