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

// strangers tells of objects that say they are of another volume. They are taken all the
// same: a volume that was begun anew, or taken over, has such.
func (w *work) strangers(list []*takeover.Version) {
	named := whose(list)
	for _, id := range slices.Sorted(maps.Keys(named)) {
		if id != w.meta.VolumeID() {
			w.report.find("volume "+id, "%d objects say that they are of this volume; they are taken all the same. "+
				"Do not go on if a volume with this id is in use", named[id])
		}
	}
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
