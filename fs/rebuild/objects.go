package rebuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"contentfs/fs/content"
	"contentfs/fs/takeover"
	"contentfs/meta"
)

const (
	// batch is how many objects are put on record at a time.
	batch = 1000
	// ahead is how far the ids of objects may be before this server's clock.
	ahead = 24 * time.Hour
	// maxSize is more than any store takes.
	maxSize = 1 << 50
)

// takeObjects compares the listing with what is on record, and puts the rest there.
func (w *work) takeObjects(ctx context.Context) error {
	if err := w.compareStored(ctx); err != nil {
		return err
	}
	list, err := w.unknown(ctx)
	if err != nil {
		return err
	}
	if err := w.ask(ctx, list); err != nil {
		return err
	}
	restored := w.restorable(w.ours(list))
	// The newest of a path is the last.
	slices.SortFunc(restored, func(a, b meta.RestoredObject) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Key, b.Key))
	})
	request := meta.RestoreRequest{Known: w.known,
		ImportRequest: meta.ImportRequest{DirMode: w.DirMode, DirUID: w.UID, DirGID: w.GID, Now: w.Now().UnixNano()}}
	for some := range slices.Chunk(restored, batch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		outcomes, err := w.meta.RestoreObjects(some, request)
		if err != nil {
			return err
		}
		for i, outcome := range outcomes {
			w.count(&some[i], outcome)
		}
	}
	return nil
}

// ask gets the metadata of objects, but of those that were asked before.
func (w *work) ask(ctx context.Context, list []*takeover.Version) error {
	asked := make(map[string]*takeover.Version, len(w.described))
	for _, v := range w.described {
		asked[v.Key] = v
	}
	w.described = nil
	var rest []*takeover.Version
	for i, v := range list {
		if was := asked[v.Key]; was != nil {
			list[i] = was
		} else {
			rest = append(rest, v)
		}
	}
	return w.describe(ctx, rest)
}

// compareStored marks the objects that versions have, and finds the versions whose
// object is not in the bucket.
func (w *work) compareStored(ctx context.Context) error {
	var missing []meta.VersionID
	var after meta.VersionID
	for ctx.Err() == nil {
		list, err := w.meta.StoredVersions(after, batch)
		if err != nil {
			return err
		}
		for i := range list {
			v := &list[i]
			after = v.ID
			if v.Bucket != w.Bucket || !w.listed(v.Key) {
				continue
			}
			if at, ok := w.byKey[v.Key]; ok {
				w.objects[at].known = true
				continue
			}
			missing = append(missing, v.ID)
			w.missing(v)
		}
		if len(list) < batch {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for some := range slices.Chunk(missing, batch) {
		if err := w.meta.Unstore(some, "its object was not in the bucket when the metadata were rebuilt", w.Now().UnixNano()); err != nil {
			return err
		}
	}
	return nil
}

// listed reports whether a key would have been listed if there was such an object.
func (w *work) listed(key string) bool {
	return w.Prefixes[0] == "" || strings.HasPrefix(key, w.Prefixes[0]+"/")
}

func (w *work) missing(v *meta.Version) {
	w.report.Missing.add(v.Size)
	if v.Retired != 0 {
		return // was collected as garbage
	}
	what := v.Key
	if path, err := w.meta.Path(v.Ino); err == nil {
		what = string(path)
	}
	switch {
	case v.Local():
		w.report.find(what, "its object %s is not in the bucket; it is uploaded again if its local file is there", v.Key)
	case v.Fallback == nil:
		w.report.Lost.add(v.Size)
		w.report.find(what, "its object %s is not in the bucket, and its content is nowhere else; it may have been deleted", v.Key)
	}
}

// unknown returns the objects that must be asked for their metadata.
func (w *work) unknown(ctx context.Context) (list []*takeover.Version, err error) {
	limit := w.latest()
	for i := range w.objects {
		o := &w.objects[i]
		switch {
		case o.known:
			continue
		case o.foreign:
			w.report.find(o.key, "not a key of a volume with this prefix")
			continue
		case o.parsed.ID > limit:
			w.report.find(o.key, "it is of the future by this server's clock")
			continue
		case o.parsed.ID <= w.known:
			// What the copy knew of is on record or was given up.
			v, err := w.meta.Version(o.parsed.ID)
			if err != nil && !errors.Is(err, meta.ErrNotExist) {
				return nil, err
			}
			if _, kerr := w.meta.ByKey(w.Bucket, o.key); kerr != nil && (err != nil || v.Remote == meta.Stored) {
				if !errors.Is(kerr, meta.ErrNotExist) {
					return nil, kerr
				}
				w.report.Old.add(o.size)
				continue
			}
		}
		list = append(list, o.version())
	}
	return list, ctx.Err()
}

// restorable leaves out what cannot be.
func (w *work) restorable(list []*takeover.Version) []meta.RestoredObject {
	restored := make([]meta.RestoredObject, 0, len(list))
	for _, v := range list {
		why := v.Why
		switch {
		case why != "":
		case v.Size < 0 || v.Size > maxSize:
			why = fmt.Sprintf("%d bytes cannot be", v.Size)
		case v.Info.UID == math.MaxUint32 || v.Info.GID == math.MaxUint32:
			why = "nobody can be its owner"
		}
		if why != "" {
			w.report.find(v.Key, "%s", why)
			continue
		}
		restored = append(restored, meta.RestoredObject{ID: v.Parsed.ID, Of: v.Info.Version, ImportedObject: meta.ImportedObject{
			Path: v.Info.Path, Mode: v.Info.Mode & 0o777, UID: v.Info.UID, GID: v.Info.GID, Size: v.Size, Mtime: v.Info.Mtime,
			Class: content.EvictionClass(v.Info.Path), SHA256: v.SHA256,
			Bucket: w.Bucket, Prefix: w.objects[w.byKey[v.Key]].prefix, Key: v.Key, ETag: v.ETag}})
	}
	return restored
}

func (w *work) count(o *meta.RestoredObject, outcome meta.RestoreOutcome) {
	switch r := &w.report; outcome {
	case meta.RestoreFile:
		r.Objects.add(o.Size)
	case meta.RestoreFinished:
		r.Finished.add(o.Size)
	case meta.RestoreMoved:
		r.Moved.add(o.Size)
	case meta.RestoreOld, meta.RestoreKnown:
		r.Old.add(o.Size)
	case meta.RestoreInTheWay:
		r.find(o.Key, "there is something else than a file at %s, or on the way to it", o.Path)
	case meta.RestoreDiffers:
		r.find(o.Key, "the version on record has other bytes")
	}
}
