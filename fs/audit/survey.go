package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/meta"
)

// keySpaces are those on record and others, each once.
func keySpaces(m *meta.Store, others []meta.KeySpace) ([]meta.KeySpace, error) {
	list, err := m.KeySpaces()
	if err != nil {
		return nil, err
	}
	have := make(map[meta.KeySpace]bool)
	var spaces []meta.KeySpace
	for _, s := range append(list, others...) {
		s.Prefix = strings.Trim(s.Prefix, "/")
		if !have[s] {
			have[s] = true
			spaces = append(spaces, s)
		}
	}
	return spaces, nil
}

// begin is what the keys of a space begin with.
func begin(s meta.KeySpace) string {
	if s.Prefix == "" {
		return ""
	}
	return s.Prefix + "/"
}

// sighting is an object that no row knows.
type sighting struct {
	space meta.KeySpace
	obj   backend.Object
	id    meta.VersionID // in its key
	ours  bool
}

// list reads one space to its end and gives what no row knows of it.
func (o *Orphans) list(ctx context.Context, space meta.KeySpace, f *Found) ([]sighting, error) {
	b, err := o.Objects(space.Bucket)
	if err != nil {
		return nil, err
	}
	var unknown, batch []sighting
	flush := func() error {
		keys := make([]string, len(batch))
		for i := range batch {
			keys[i] = batch[i].obj.Key
		}
		// The keys were listed before: that of an upload is on record before it begins.
		left, err := o.Meta.Unknown(space.Bucket, keys)
		if err != nil {
			return err
		}
		for _, s := range batch {
			if len(left) > 0 && left[0] == s.obj.Key {
				unknown, left = append(unknown, s), left[1:]
			}
		}
		batch = batch[:0]
		return nil
	}
	head := begin(space)
	err = b.List(ctx, head, "", func(obj backend.Object) error {
		if name := obj.Key[len(head):]; name == probe || strings.HasPrefix(name, content.Reserved) {
			return nil
		}
		if obj.Told.IsZero() || obj.Modified.IsZero() {
			return ErrNoTime
		}
		key, err := content.ParseKey(space.Prefix, obj.Key)
		if err != nil {
			f.Foreign++
			return nil
		}
		f.Objects++
		if batch = append(batch, sighting{space: space, obj: obj, id: key.ID}); len(batch) < lookAtOnce {
			return nil
		}
		if err := flush(); err != nil {
			return err
		}
		if len(unknown) > orphanWatch {
			return fmt.Errorf("%w: more than %d", ErrTooManyNew, orphanWatch)
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return nil, fmt.Errorf("list bucket %s: %w", space.Bucket, err)
	}
	return unknown, nil
}

// judge asks the objects themselves whose they are, and gives this volume's.
func (o *Orphans) judge(ctx context.Context, seen []sighting, f *Found) ([]sighting, error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(deleting)
	for i := range seen {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error { return o.ask(gctx, &seen[i]) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	ours := seen[:0]
	for _, s := range seen {
		if s.ours {
			ours = append(ours, s)
		}
	}
	f.Foreign += int64(len(seen) - len(ours))
	f.Objects -= int64(len(seen) - len(ours))
	f.Orphans = int64(len(ours))
	if len(ours) == 0 {
		return nil, nil
	}
	return ours, o.trusted(ours[0].obj.Told)
}

// ask finds out whether an object is this volume's, and whether this database can have
// written it. What went away or changed since it was listed counts as not ours.
func (o *Orphans) ask(ctx context.Context, s *sighting) error {
	b, err := o.Objects(s.space.Bucket)
	if err != nil {
		return err
	}
	obj, err := b.Stat(ctx, s.obj.Key)
	if backend.IsAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := content.ParseObjectMetadata(obj.Metadata)
	if err != nil || info.Volume != o.Meta.VolumeID() || obj.ETag != s.obj.ETag {
		return nil
	}
	s.ours = true
	issued, err := o.Meta.Issued(s.id, info.Life)
	if err == nil && !issued {
		err = fmt.Errorf("%w: it did not write %s", ErrBehind, s.obj.Key)
	}
	return err
}

// trusted refuses for a while after the database was made from what the bucket showed.
// It may have been this server's clock or the store's that was wrong, so both must
// agree that the time is over.
func (o *Orphans) trusted(told time.Time) error {
	ns, err := o.Meta.Rebuilt()
	if err != nil || ns == 0 {
		return err
	}
	at := time.Unix(0, ns)
	if told.Sub(at) < AfterRebuild || time.Since(at) < AfterRebuild {
		return fmt.Errorf("%w, %s", ErrRebuilt, at.UTC().Format(time.DateTime))
	}
	return nil
}

// record puts on record what was seen, and finds what was seen long enough.
func (o *Orphans) record(spaces []meta.KeySpace, seen []sighting, f *Found) error {
	lists := make(map[string][]meta.Orphan)
	for _, space := range spaces {
		lists[space.Bucket] = nil // where nothing was seen, nothing stays on record
	}
	type place struct{ bucket, key string }
	objects := make(map[place]backend.Object)
	for _, s := range seen {
		bucket := s.space.Bucket
		objects[place{bucket, s.obj.Key}] = s.obj
		lists[bucket] = append(lists[bucket], meta.Orphan{Key: s.obj.Key, ETag: s.obj.ETag, Listed: s.obj.Told.UnixNano()})
	}
	for _, bucket := range slices.Sorted(maps.Keys(lists)) {
		list, err := o.Meta.SeeOrphans(bucket, lists[bucket])
		if err != nil {
			return err
		}
		for _, r := range list {
			obj := objects[place{bucket, r.Key}]
			if obj.Told.Sub(obj.Modified) <= orphanAge || time.Duration(r.Listed-r.Seen) < orphanTwice {
				f.Young++
				continue
			}
			f.Ripe = append(f.Ripe, r)
			f.Bytes += obj.Size
		}
	}
	return nil
}
