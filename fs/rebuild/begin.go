package rebuild

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"
	"strings"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/snapshot"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// object is one of the listing.
type object struct {
	key     string
	prefix  string
	size    int64
	parsed  content.ParsedKey
	foreign bool // no volume made the key
	known   bool // a version has it
}

// list reads the bucket, below the volume's prefix.
func (w *work) list(ctx context.Context) error {
	w.byKey = make(map[string]int)
	below := w.Prefixes[0]
	if below != "" {
		below += "/"
	}
	// The longest first: a key belongs to the prefix that fits best.
	prefixes := slices.Clone(w.Prefixes)
	slices.SortFunc(prefixes, func(a, b string) int { return len(b) - len(a) })
	err := w.Objects.List(ctx, below, "", func(o backend.Object) error {
		name, ok := strings.CutPrefix(o.Key, below)
		if !ok || name == "" || name == ".contentfs-probe" || strings.HasPrefix(name, content.Reserved) {
			return nil
		}
		x := object{key: o.Key, size: o.Size, foreign: true}
		for _, prefix := range prefixes {
			k, err := content.ParseKey(prefix, o.Key)
			if err == nil {
				x.prefix, x.parsed, x.foreign = prefix, k, false
				break
			}
			if !errors.Is(err, content.ErrForeignKey) {
				return err
			}
		}
		w.byKey[o.Key] = len(w.objects)
		w.objects = append(w.objects, x)
		return nil
	})
	if err != nil {
		return fmt.Errorf("list bucket %s: %w", w.Bucket, err)
	}
	w.report.Listed = int64(len(w.objects))
	return nil
}

// begin opens the database that is to be filled: a copy, or an empty one.
func (w *work) begin(ctx context.Context) error {
	list, err := snapshot.List(ctx, w.Objects, w.Prefixes[0])
	if err != nil {
		return err
	}
	if err := w.chooseVolume(ctx, list); err != nil {
		return err
	}
	if w.From == FromSnapshot {
		for i := range list {
			if list[i].Volume != w.Volume {
				continue
			}
			done, err := w.use(ctx, &list[i])
			if err != nil || done {
				return err
			}
		}
	}
	w.meta, err = sqlite.Open(w.fresh(), sqlite.Options{Volume: w.Volume})
	return err
}

// chooseVolume settles which volume it is: that whose copies there are, or else that
// which the objects name. It keeps its id, so that it goes on knowing its objects.
func (w *work) chooseVolume(ctx context.Context, list []snapshot.Snapshot) error {
	var ids []string
	newest := make(map[string]string)
	for i := range list {
		if id := list[i].Volume; newest[id] == "" {
			ids, newest[id] = append(ids, id), list[i].Time().Format("2006-01-02 15:04:05")
		}
	}
	switch {
	case w.Volume != "" && slices.Contains(ids, w.Volume):
	case w.Volume != "" && w.From == FromSnapshot && len(ids) > 0:
		return fmt.Errorf("%w: there is no copy of the metadata of volume %s", ErrVolumes, w.Volume)
	case len(ids) == 0, w.Volume != "":
		return w.chooseByObjects(ctx)
	case w.Volume == "" && len(ids) == 1:
		w.Volume = ids[0]
	case w.Volume == "" && len(ids) > 1:
		var names []string
		for _, id := range ids {
			names = append(names, fmt.Sprintf("%s, the newest of %s UTC", id, newest[id]))
		}
		return fmt.Errorf("%w: %s", ErrVolumes, strings.Join(names, "; "))
	}
	return nil
}

// use begins with a copy, and reports whether it is good. The error is of what may be
// otherwise the next time.
func (w *work) use(ctx context.Context, s *snapshot.Snapshot) (bool, error) {
	limit, err := w.room()
	if err != nil {
		return false, err
	}
	err = snapshot.Fetch(ctx, w.Objects, s, w.fresh(), limit)
	if err == nil {
		err = w.open(ctx, s)
	}
	if err == nil {
		st, err := w.meta.Stats()
		w.report.Snapshot = &Used{Key: s.Key, Taken: s.Time(), Files: st.Nodes.Files}
		return true, err
	}
	if !errors.Is(err, snapshot.ErrDamaged) {
		return false, err
	}
	w.report.find(s.Key, "%v; the copy before it is looked at", err)
	return false, w.Discard()
}

// open makes sure that a copy is a database of this volume that keeps its promises. Who
// may write to the bucket may have made it.
func (w *work) open(ctx context.Context, s *snapshot.Snapshot) error {
	m, err := sqlite.Open(w.fresh(), sqlite.Options{MustExist: true, Migrate: true, Untrusted: true})
	if err != nil {
		return unusable(ctx, err)
	}
	found, err := m.Check(ctx)
	switch {
	case err != nil:
		err = unusable(ctx, err)
	case len(found) > 0:
		err = fmt.Errorf("%w: %s", snapshot.ErrDamaged, found[0])
	case m.VolumeID() != s.Volume:
		err = fmt.Errorf("%w: it is of volume %.40q", snapshot.ErrDamaged, m.VolumeID())
	}
	if err != nil {
		return errors.Join(err, m.Close())
	}
	w.meta = m
	return nil
}

// unusable tells what is wrong with a database from what is wrong with this machine.
func unusable(ctx context.Context, err error) error {
	var path *iofs.PathError
	if ctx.Err() != nil || errors.Is(err, meta.ErrTooNew) || errors.Is(err, meta.ErrNoSpace) || errors.As(err, &path) {
		return err
	}
	return fmt.Errorf("%w: %w", snapshot.ErrDamaged, err)
}
