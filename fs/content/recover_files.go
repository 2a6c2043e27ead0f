package content

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// draft settles content that was being written at the crash and never committed.
func (r *recovery) draft(row *meta.LocalFile, there bool) error {
	d, err := r.look(row, there)
	if errors.Is(err, unix.EIO) || errors.Is(err, fs.ErrPermission) {
		r.Log.Error("a local file cannot be looked at; it is left as it is", "file", row.File, "node", row.Ino, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	if d.untouched {
		return r.Meta.DropDraft(row.File, d.whole, now())
	}
	a := meta.Abandoned{File: row.File, Ino: row.Ino, KeepNames: d.later}
	if d.empty {
		r.Dropped++
	} else {
		r.Quarantined++
		a.Path, _ = r.Meta.Path(row.Ino)
		a.Reason = "was open for writing at a crash and never committed"
		r.Log.Warn("content that was never closed is kept in the quarantine", "path", string(a.Path), "file", row.File)
	}
	err = r.Meta.Abandon(a, now())
	crash.Here(crash.RecoverAbandoned)
	return err
}

// draftState is what a draft's file tells.
type draftState struct {
	untouched bool // it still looks like the version it began from
	whole     bool // it has the version's bytes, and they are on disk
	empty     bool
	later     bool // its node was there before it: made by mknod, and not by this open
}

func (r *recovery) look(row *meta.LocalFile, there bool) (draftState, error) {
	if !there {
		return draftState{empty: true}, nil
	}
	f, err := r.Local.Open(local.ID(row.File))
	if errors.Is(err, local.ErrNotRegular) {
		r.Log.Warn("something else stands in the place of content that was never closed", "file", row.File, "node", row.Ino)
		return draftState{empty: true}, nil
	}
	if err != nil {
		return draftState{}, err
	}
	defer f.Close()
	st, err := f.Stamp()
	if err != nil {
		return draftState{}, err
	}
	d := draftState{empty: st.Size == 0}
	if row.Version == 0 {
		// A file that is made together with its node does not know the node's number.
		who, err := f.Identity()
		d.later = err == nil && who.Kind == local.Draft && who.Ino != 0
		return d, nil
	}
	v, err := r.Meta.Version(row.Version)
	if gone(err) {
		return d, nil
	}
	if err != nil || st.Size != v.Size || st.Mtime != v.Mtime {
		return d, err
	}
	d.untouched = true
	if v.File != "" || v.SHA256 == nil {
		return d, nil // nobody needs it, or nobody can tell whether it is good
	}
	d.whole, err = r.whole(f, &v)
	// Where it is not, there were writes of which only the bytes got to disk.
	d.untouched = d.whole
	return d, err
}

// whole reports whether a file has a version's bytes, and puts them on stable
// storage if so. Size and time do not tell: a power cut may leave them and not the
// bytes that were written or fetched.
func (r *recovery) whole(f *local.File, v *meta.Version) (bool, error) {
	sum, _, err := digest(context.Background(), f, v.Size)
	if err != nil || !bytes.Equal(sum[:], v.SHA256) {
		return false, nil // unreadable: the quarantine has room for that as well
	}
	if r.Durability == Relaxed {
		return true, nil
	}
	return true, r.Local.SyncNew(f)
}

// unknown settles a file that is not on record.
func (r *recovery) unknown(id local.ID) error {
	f, err := r.Local.Open(id)
	if errors.Is(err, local.ErrNotRegular) {
		r.Log.Warn("something that is not a file lies in the local store; it is left alone", "name", id)
		return nil
	}
	if errors.Is(err, unix.EIO) || errors.Is(err, fs.ErrPermission) {
		r.Log.Error("a local file that is not on record cannot be looked at; it is left as it is", "file", id, "err", err)
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
		err := r.discard(id)
		crash.Here(crash.RecoverRemoved)
		return err
	}
	r.Quarantined++
	r.Log.Warn("a local file that is not on record is kept in the quarantine", "file", id, "path", string(who.Path), "bytes", st.Size)
	err = r.Meta.Quarantine(meta.FileID(id), meta.Ino(who.Ino), who.Path, "not on record", now())
	crash.Here(crash.RecoverUnknown)
	return err
}

// copied reports whether a file only repeats content that is on record elsewhere.
func (r *recovery) copied(who local.Identity) bool {
	if who.Kind != local.Copy {
		return false
	}
	v, err := r.Meta.Version(meta.VersionID(who.Version))
	return err == nil && (v.Local() || safe(&v))
}
