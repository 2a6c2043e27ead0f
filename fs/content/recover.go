package content

import (
	"context"
	"fmt"
	"slices"

	"contentfs/fs/crash"
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
	// First: on a full disk this makes the room that the rest needs.
	if err := r.emptyTrash(); err != nil && !noRoom(err) {
		return err
	}
	ids, foreign, err := r.Local.List()
	if err != nil {
		return err
	}
	if foreign > 0 {
		r.Log.Warn("the local store holds files that contentfs did not make; they are left alone", "count", foreign)
	}
	// What a crash left visible is durable before anything is done because of it.
	if err := r.certain(); err != nil {
		return err
	}
	last, err := r.Meta.LastVersion()
	if err != nil {
		return err
	}
	r.trust.begin(last, now())
	// Before the files: what a node without a name had open is nobody's any more.
	if err := r.forgetOrphans(); err != nil {
		return err
	}
	crash.Here(crash.RecoverOrphans)
	slices.Sort(ids)
	if err := r.merge(ctx, ids); err != nil {
		return err
	}
	crash.Here(crash.RecoverMerged)
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
		return r.version(row)
	case meta.FileDraft:
		return r.draft(row, there)
	case meta.FileQuarantined, meta.FileTrash:
		return nil
	}
	return fmt.Errorf("kind %d is not known", row.Kind)
}

// version settles the file of a committed version. What is only of another time, of
// content that is elsewhere too, is left to its first open: it takes reading.
func (r *recovery) version(row *meta.LocalFile) error {
	st, err := r.Local.Stat(local.ID(row.File)) // also where it was not listed: that is no proof
	if err == nil && !row.Open && st.Size == row.Size && st.Mtime == row.Mtime {
		return nil // nearly all, and there may be a million
	}
	v, verr := r.Meta.Version(row.Version)
	if verr != nil {
		return verr
	}
	var f *local.File
	if err == nil {
		f, err = r.Local.Open(local.ID(row.File))
	}
	if err == nil {
		defer f.Close()
		return r.compared(&v, f, st)
	}
	absent := gone(err)
	d, err := unopened(&v, err)
	if err != nil {
		r.Log.Error("a local file cannot be looked at; it is left as it is", "file", row.File, "version", row.Version, "err", err)
		return nil
	}
	if !absent {
		r.Log.Warn("a local file cannot be used", "file", row.File, "version", row.Version, "why", d.why)
	}
	return r.damaged(&v, d)
}

// compared settles a version whose file is there and differs from its record, or was
// open for writing.
func (r *recovery) compared(v *meta.Version, f *local.File, st local.Stamp) error {
	d := foreign(v, f, st)
	same := st.Size == v.Size && st.Mtime == v.Mtime
	switch {
	case d.why != "":
		return r.damaged(v, d)
	case v.Retired != 0 && !same:
		// It had no name any more and was written to until the crash: of what was
		// committed nothing is left, and what was written since nobody can reach.
		r.Dropped++
		return r.giveUpFile(v)
	case !same && r.settled(v):
		if free, err := f.Unwritten(); err != nil || free {
			return err
		}
		return r.asFound(v, f, st)
	case !same:
		// A settled version differs when a mapping or a descriptor outlived the last
		// life.
		return r.asFound(v, f, st)
	case v.Open:
		return r.Meta.Settled(v.ID)
	}
	return nil
}

// asFound commits what a writer left that was interrupted by the crash: at least
// what it last synced, and what it wrote after that as far as it got.
func (r *recovery) asFound(v *meta.Version, f *local.File, st local.Stamp) error {
	if err := r.Local.Sync(f); err != nil {
		return err
	}
	crash.Here(crash.RecoverTaken)
	r.Taken++
	_, err := r.Meta.Recommit(v.ID, meta.CommitRequest{Size: st.Size, Mtime: st.Mtime, Blocks: st.Blocks, Now: now()})
	crash.Here(crash.RecoverCommitted)
	return err
}

// damaged settles a version whose local file is gone or not its own.
func (r *recovery) damaged(v *meta.Version, d damage) error {
	if safe(v) || v.Retired != 0 {
		r.Missing++
		if !d.keep {
			err := r.giveUpFile(v)
			crash.Here(crash.RecoverGivenUp)
			return err
		}
	} else {
		r.Lost++
	}
	path, _ := r.Meta.Path(v.Ino)
	if !safe(v) && v.Retired == 0 {
		r.Log.Error("content is lost on this server", "path", string(path), "version", v.ID, "file", v.File, "why", d.why)
	}
	if !d.there {
		return r.Meta.LoseFile(v.ID, v.File, d.why, now())
	}
	return r.Meta.SetAside(v.ID, v.File, path, d.why, now())
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
