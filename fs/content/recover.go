package content

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"contentfs/fs/local"
	"contentfs/meta"
)

// Recovered counts what Recover found.
type Recovered struct {
	Files       int // local files compared
	Taken       int // open at the crash and taken as found
	Quarantined int // kept aside: never committed, or unknown
	Dropped     int // not needed any more
	Missing     int // safe elsewhere; will be fetched again
	Lost        int // nowhere: must never happen
}

// Recover compares what is on record with what is on this server's disk, after a
// crash or not, and settles what was under way. It talks to nobody else. It runs
// alone, before the first request.
func (e *Engine) Recover(ctx context.Context) (Recovered, error) {
	r := &recovery{Engine: e}
	if err := r.run(ctx); err != nil {
		return r.Recovered, fmt.Errorf("recover: %w", err)
	}
	return r.Recovered, nil
}

type recovery struct {
	*Engine
	Recovered
}

func (r *recovery) run(ctx context.Context) error {
	ids, foreign, err := r.Local.List()
	if err != nil {
		return err
	}
	if foreign > 0 {
		r.Log.Warn("the local store holds files that contentfs did not make; they are left alone", "count", foreign)
	}
	// Before the files: what a node without a name had open is nobody's any more.
	if err := r.forgetOrphans(); err != nil {
		return err
	}
	slices.Sort(ids)
	if err := r.merge(ctx, ids); err != nil {
		return err
	}
	if err := r.forgetOrphans(); err != nil {
		return err
	}
	return r.emptyTrash()
}

// merge walks files on disk and files on record side by side, in order.
func (r *recovery) merge(ctx context.Context, ids []local.ID) error {
	const some = 1024
	var after meta.FileID
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, err := r.Meta.Files(after, some)
		if err != nil {
			return err
		}
		for i := range rows {
			row := &rows[i]
			for len(ids) > 0 && ids[0] < local.ID(row.File) {
				if err := r.unknown(ids[0]); err != nil {
					return err
				}
				ids = ids[1:]
			}
			there := len(ids) > 0 && ids[0] == local.ID(row.File)
			if there {
				ids = ids[1:]
			}
			r.Files++
			if err := r.known(row, there); err != nil {
				return fmt.Errorf("local file %s: %w", row.File, err)
			}
			after = row.File
		}
		if len(rows) < some {
			break
		}
	}
	for _, id := range ids {
		if err := r.unknown(id); err != nil {
			return err
		}
	}
	return nil
}

// known settles a file that is on record.
func (r *recovery) known(row *meta.LocalFile, there bool) error {
	switch row.Kind {
	case meta.FileVersion:
		return r.version(row, there)
	case meta.FileDraft:
		return r.draft(row, there)
	case meta.FileQuarantined, meta.FileTrash:
		return nil
	}
	return fmt.Errorf("kind %d is not known", row.Kind)
}

// version settles the file of a committed version.
func (r *recovery) version(row *meta.LocalFile, there bool) error {
	var st local.Stamp
	if there {
		var err error
		if st, err = r.Local.Stat(local.ID(row.File)); err != nil {
			there = false
			r.Log.Error("a local file cannot be used", "file", row.File, "version", row.Version, "err", err)
		}
	}
	if there && !row.Open && st.Size == row.Size && st.Mtime == row.Mtime {
		return nil // nearly all, and there may be a million
	}
	v, err := r.Meta.Version(row.Version)
	if err != nil {
		return err
	}
	switch {
	case !there || !plausible(&v, st):
		return r.damaged(&v, there)
	case v.Retired == 0 && (st.Size != v.Size || st.Mtime != v.Mtime):
		// A settled version differs when a mapping or a descriptor outlived the last
		// life.
		return r.asFound(&v, st)
	case v.Open:
		return r.Meta.Settled(v.ID)
	}
	return nil
}

// asFound commits what a writer left that was interrupted by the crash: at least
// what it last synced, and what it wrote after that as far as it got.
func (r *recovery) asFound(v *meta.Version, st local.Stamp) error {
	f, err := r.Local.Open(local.ID(v.File))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := r.Local.Sync(f); err != nil {
		return err
	}
	r.Taken++
	_, err = r.Meta.Recommit(v.ID, st.Size, st.Mtime, now())
	return err
}

// damaged settles a version whose local file is gone or has another size.
func (r *recovery) damaged(v *meta.Version, there bool) error {
	if safe(v) || v.Retired != 0 {
		r.Missing++
		return r.giveUpFile(v)
	}
	r.Lost++
	why := "its local file is gone"
	if there {
		why = "its local file has another size than was committed"
	}
	path, _ := r.Meta.Path(v.Ino)
	r.Log.Error("content is lost on this server", "path", string(path), "version", v.ID, "file", v.File, "why", why)
	if err := r.Meta.Lost(v.ID, why, now()); err != nil || !there {
		return err
	}
	return r.Meta.Quarantine(v.File, v.Ino, path, why, now())
}

// draft settles content that was being written at the crash and never committed.
func (r *recovery) draft(row *meta.LocalFile, there bool) error {
	untouched, empty, err := r.look(row, there)
	if err != nil {
		return err
	}
	switch {
	case untouched:
		err = r.Meta.DropDraft(row.File, true, now())
	case empty:
		r.Dropped++
		err = r.Meta.DropDraft(row.File, false, now())
	default:
		r.Quarantined++
		path, _ := r.Meta.Path(row.Ino)
		r.Log.Warn("content that was never closed is kept in the quarantine", "path", string(path), "file", row.File)
		err = r.Meta.Quarantine(row.File, row.Ino, path, "was open for writing at a crash and never committed", now())
	}
	if err != nil {
		return err
	}
	return r.neverCommitted(row.Ino)
}

// look tells whether a draft still equals the version it began from, or holds
// nothing.
func (r *recovery) look(row *meta.LocalFile, there bool) (untouched, empty bool, err error) {
	if !there {
		return false, true, nil
	}
	f, err := r.Local.Open(local.ID(row.File))
	if err != nil {
		return false, false, err
	}
	defer f.Close()
	st, err := f.Stamp()
	if err != nil || row.Version == 0 {
		return false, st.Size == 0, err
	}
	v, err := r.Meta.Version(row.Version)
	if gone(err) {
		return false, st.Size == 0, nil
	}
	return st.Size == v.Size && st.Mtime == v.Mtime, st.Size == 0, err
}

// neverCommitted removes the names of a node that never had content: a file that
// was never closed is not in the tree after a crash.
func (r *recovery) neverCommitted(ino meta.Ino) error {
	n, err := r.Meta.Node(ino)
	if gone(err) {
		return nil
	}
	if err != nil || n.Version != 0 {
		return err
	}
	for n.Nlink > 0 {
		path, err := r.Meta.Path(ino)
		if err != nil {
			return err
		}
		name := baseName(path)
		dir, err := r.Meta.Resolve(path[:max(1, len(path)-len(name)-1)])
		if err != nil {
			return err
		}
		done, err := r.Meta.Unlink(dir.Ino, []byte(name), now())
		if err != nil {
			return err
		}
		n = done.Node
	}
	return nil
}

// unknown settles a file that is not on record.
func (r *recovery) unknown(id local.ID) error {
	f, err := r.Local.Open(id)
	if errors.Is(err, local.ErrNotRegular) {
		r.Log.Warn("something that is not a file lies in the local store; it is left alone", "name", id)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stamp()
	if err != nil {
		return err
	}
	who, err := f.Identity()
	if err != nil {
		r.Log.Warn("a local file's identity cannot be read", "file", id, "err", err)
	}
	if st.Size == 0 || r.copied(who) {
		r.Dropped++
		return r.discard(id)
	}
	r.Quarantined++
	r.Log.Warn("a local file that is not on record is kept in the quarantine", "file", id, "path", string(who.Path), "bytes", st.Size)
	return r.Meta.Quarantine(meta.FileID(id), meta.Ino(who.Ino), who.Path, "not on record", now())
}

// copied reports whether a file only repeats content that is on record elsewhere.
func (r *recovery) copied(who local.Identity) bool {
	if who.Kind != local.Copy {
		return false
	}
	v, err := r.Meta.Version(meta.VersionID(who.Version))
	return err == nil && (v.Local() || safe(&v))
}

func (r *recovery) forgetOrphans() error {
	const some = 512
	var after meta.Ino
	for {
		list, err := r.Meta.Orphans(after, some)
		if err != nil {
			return err
		}
		for _, n := range list {
			if err := r.Meta.RemoveOrphan(n.Ino, now()); err != nil && !gone(err) {
				return err
			}
			after = n.Ino
		}
		if len(list) < some {
			return nil
		}
	}
}
