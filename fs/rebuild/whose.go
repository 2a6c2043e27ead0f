package rebuild

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"contentfs/fs/takeover"
	"contentfs/meta"
)

// chooseByObjects takes the id of the volume that most objects say they are of: where
// there is no copy of the metadata, all of them are asked in any case. Where none says
// anything, since they are older than that, the volume gets a new one.
func (w *work) chooseByObjects(ctx context.Context) error {
	limit := w.latest()
	var list []*takeover.Version
	for i := range w.objects {
		if o := &w.objects[i]; !o.foreign && o.parsed.ID <= limit {
			list = append(list, o.version())
		}
	}
	if err := w.describe(ctx, list); err != nil {
		return err
	}
	w.described = list
	named := whose(list)
	if w.Volume != "" {
		if named[w.Volume] == 0 {
			return fmt.Errorf("%w: neither a copy of the metadata nor an object is of volume %s", ErrVolumes, w.Volume)
		}
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(named)) {
		if named[id] > named[w.Volume] {
			w.Volume = id
		}
	}
	return nil
}

// whose counts objects by the volume that they name.
func whose(list []*takeover.Version) map[string]int {
	named := make(map[string]int)
	for _, v := range list {
		if v.Info.Volume != "" {
			named[v.Info.Volume]++
		}
	}
	return named
}

// ours leaves out objects that say they are of another volume, and tells of them: what
// this volume had on record it would delete one day, and the other may be in use. A
// volume that was begun anew has such objects, too: AllVolumes takes them.
func (w *work) ours(list []*takeover.Version) []*takeover.Version {
	id := w.meta.VolumeID()
	named := whose(list)
	for _, other := range slices.Sorted(maps.Keys(named)) {
		switch {
		case other == id:
		case w.AllVolumes:
			w.report.find("volume "+other, "%d objects say that they are of this volume; they are taken, as was asked for", named[other])
		default:
			w.report.find("volume "+other, "%d objects say that they are of this volume; they are left alone. "+
				"--all-volumes takes them as well: only if nobody uses that volume any more", named[other])
		}
	}
	if w.AllVolumes {
		return list
	}
	return slices.DeleteFunc(list, func(v *takeover.Version) bool { return v.Info.Volume != "" && v.Info.Volume != id })
}

func (w *work) describe(ctx context.Context, list []*takeover.Version) error {
	if err := takeover.Describe(ctx, w.Objects, list); err != nil {
		return fmt.Errorf("metadata of objects in %s: %w", w.Bucket, err)
	}
	return nil
}

// latest is the last id that an object may have by this server's clock.
func (w *work) latest() meta.VersionID {
	return meta.VersionID(w.Now().Add(ahead).UnixMicro())
}

// version is what is to be asked for about an object.
func (o *object) version() *takeover.Version {
	return &takeover.Version{Key: o.key, Size: o.size, Parsed: o.parsed}
}
