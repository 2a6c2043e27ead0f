package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"contentfs/fs/content"
	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// LookLocal opens the local files of a volume with this state directory for reading,
// beside a mount or without one.
func LookLocal(state string) (*local.Store, error) { return local.Look(filepath.Join(state, "local")) }

// Quarantine is the content that was set aside, as a command works on it. Meta must be
// open for changes to restore and to remove.
type Quarantine struct {
	Meta  *meta.Store
	Files *local.Store
}

// Held is a file of the quarantine.
type Held struct {
	meta.QuarantineEntry
	Size  int64
	Mtime int64  // when it was last written to
	Why   string // why it cannot be had, "" if it can
}

// List gives what is in the quarantine, in the order of the ids.
func (q *Quarantine) List() ([]Held, error) {
	const some = 256
	var list []Held
	for after := meta.FileID(""); ; {
		entries, err := q.Meta.Quarantined(some, after)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			after = e.File
			list = append(list, q.held(e))
		}
		if len(entries) < some {
			return list, nil
		}
	}
}

func (q *Quarantine) held(e meta.QuarantineEntry) Held {
	h := Held{QuarantineEntry: e}
	st, err := q.Files.Stat(local.ID(e.File))
	if err != nil {
		h.Why = err.Error()
	}
	h.Size, h.Mtime = st.Size, st.Mtime
	return h
}

// ErrAmbiguous: more than one file of the quarantine has an id that begins so.
var ErrAmbiguous = errors.New("more than one file of the quarantine has an id that begins so")

// Find gives the file with an id, or with the only one that begins so.
// meta.ErrNotExist, ErrAmbiguous.
func (q *Quarantine) Find(id string) (Held, error) {
	if id == "" {
		return Held{}, meta.ErrNotExist
	}
	// The first behind what is less than every id that begins so.
	list, err := q.Meta.Quarantined(3, meta.FileID(id[:len(id)-1]+string(rune(id[len(id)-1]-1))+"~"))
	if err != nil {
		return Held{}, err
	}
	var found []meta.QuarantineEntry
	for _, e := range list {
		if strings.HasPrefix(string(e.File), id) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		return Held{}, meta.ErrNotExist
	case 1:
		return q.held(found[0]), nil
	}
	return Held{}, ErrAmbiguous
}

// CopyTo writes the bytes of a file to w.
func (q *Quarantine) CopyTo(w io.Writer, h *Held) error {
	f, err := q.Files.Open(local.ID(h.File))
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.Copy(w, f)
	if err == nil && n != h.Size {
		err = fmt.Errorf("local file %s had %d bytes and has %d: it is being written to", h.File, h.Size, n)
	}
	return err
}

// ErrWritten: somebody writes to the file at this moment.
var ErrWritten = errors.New("somebody has the file open for writing")

// Restore makes a file of the quarantine one of the tree, under an absolute path; see
// meta.RestoreQuarantined. now is in nanoseconds since 1970.
func (q *Quarantine) Restore(h *Held, path []byte, now int64) (meta.Version, error) {
	f, err := q.Files.Open(local.ID(h.File))
	if err != nil {
		return meta.Version{}, err
	}
	defer f.Close()
	if free, err := f.Unwritten(); err != nil || !free {
		return meta.Version{}, errors.Join(ErrWritten, err)
	}
	if err := errors.Join(f.Sync(), q.Files.SyncDir()); err != nil {
		return meta.Version{}, err
	}
	st, err := f.Stamp()
	if err != nil {
		return meta.Version{}, err
	}
	v, err := q.Meta.RestoreQuarantined(meta.ReturnRequest{File: h.File, Path: path, Size: st.Size, Mtime: st.Mtime,
		Blocks: st.Blocks, Class: content.EvictionClass(path), Now: now})
	if err != nil {
		return v, err
	}
	crash.Here(crash.HeldReturned)
	n, err := q.Meta.Node(v.Ino)
	if err != nil {
		return v, err
	}
	// What the file is from now on, for the day on which the metadata is lost.
	return v, f.SetIdentity(local.Identity{Kind: local.Committed, Ino: uint64(v.Ino), Version: int64(v.ID), Size: v.Size,
		Mode: n.Mode, UID: n.UID, GID: n.GID, Path: path})
}

// Remove gives up files of the quarantine for good and returns how many. One that is
// not there any more is none. The volume unlinks them at its next look, or its next start.
func (q *Quarantine) Remove(list []Held, now int64) (n int, err error) {
	for i := range list {
		err := q.Meta.DropQuarantined(list[i].File, now)
		crash.Here(crash.HeldRemoved)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
