package meta

import (
	"bytes"
	"errors"
	"io/fs"
)

// RestoredObject is an object of this volume that the metadata may not know: it was
// made after the copy that they come from, or there was no copy.
type RestoredObject struct {
	ImportedObject
	ID VersionID // of its key: the order in which objects were made
	Of VersionID // the version that it is the content of
}

// RestoreRequest is what all objects of a restoration have in common.
type RestoreRequest struct {
	ImportRequest

	// Known is the last id that the metadata knew of when they were copied. What is
	// not after it and is not on record was given up before. 0: nothing was known.
	Known VersionID
}

// RestoreOutcome says what became of an object.
type RestoreOutcome int

// Outcomes of a restoration.
const (
	// RestoreFile: it is the content of a file now, of a new one or an older one's.
	RestoreFile RestoreOutcome = iota
	// RestoreFinished: a version on record was on its way to S3, and is there.
	RestoreFinished
	// RestoreMoved: a version on record got another key, and its file the name that
	// goes with it.
	RestoreMoved
	// RestoreKnown: a version has this key already.
	RestoreKnown
	// RestoreOld: the file has newer content, or the object was given up before.
	RestoreOld
	// RestoreInTheWay: there is something else than a file at the path, or on the way
	// to it.
	RestoreInTheWay
	// RestoreDiffers: the version on record has other bytes.
	RestoreDiffers
)

// RestoreObjects puts objects on record that were made by this volume. They come in
// the order of their ids, so that the newest of a path is its content in the end, and
// those before are its retired versions. An object with a path that no file can have,
// or without a key, makes the whole call fail with fs.ErrInvalid. Durable.
func (s *Store) RestoreObjects(list []RestoredObject, r RestoreRequest) ([]RestoreOutcome, error) {
	outcomes := make([]RestoreOutcome, len(list))
	err := s.durable(func(t *tx) (err error) {
		for i := range list {
			if outcomes[i], err = t.restoreObject(&list[i], &r); err != nil {
				return pathErr("restore", list[i].Path, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, opErr("restore objects", err)
	}
	return outcomes, nil
}

func (t *tx) restoreObject(o *RestoredObject, r *RestoreRequest) (RestoreOutcome, error) {
	if o.Key == "" || o.Bucket == "" || o.Size < 0 || o.ID <= 0 {
		return 0, fs.ErrInvalid
	}
	t.lastVersion, t.counted = max(t.lastVersion, o.ID), true
	v, err := getByKey(t, o.Bucket, o.Key)
	if err == nil {
		if v.Remote == Stored {
			return RestoreKnown, nil
		}
		return t.restoreSent(&v, o)
	}
	if !errors.Is(err, ErrNotExist) {
		return 0, err
	}
	lost, err := exists(t, `SELECT 1 FROM lost_object WHERE bucket = $1 AND key = $2`, o.Bucket, o.Key)
	if err != nil || lost {
		return RestoreOld, err
	}
	v, err = getVersion(t, o.Of)
	if err == nil && sameBytes(&v, o) {
		if v.Remote != Stored {
			return t.restoreSent(&v, o)
		}
		if o.ID > r.Known {
			return RestoreMoved, t.restoreMoved(&v, o, r)
		}
	}
	if err != nil && !errors.Is(err, ErrNotExist) {
		return 0, err
	}
	if o.ID <= r.Known {
		return RestoreOld, nil
	}
	return t.restoreFile(o, r)
}

// sameBytes reports whether an object may be the content of a version; of one that is
// in S3, whether it surely is.
func sameBytes(v *Version, o *RestoredObject) bool {
	if v.Size != o.Size {
		return false
	}
	if v.SHA256 == nil || o.SHA256 == nil {
		return v.Remote != Stored
	}
	return bytes.Equal(v.SHA256, o.SHA256)
}

// restoreSent ends the upload of a version.
func (t *tx) restoreSent(v *Version, o *RestoredObject) (RestoreOutcome, error) {
	if !sameBytes(v, o) {
		return RestoreDiffers, nil
	}
	if v.Key != "" && (v.Key != o.Key || v.Bucket != o.Bucket) {
		if err := t.loseObject(v.Bucket, v.Key, int64(v.ID)*1000); err != nil {
			return 0, err
		}
	}
	if _, err := t.dequeue(v.ID); err != nil {
		return 0, err
	}
	return RestoreFinished, t.restoreKey(v.ID, o)
}

// restoreKey makes an object that of a version.
func (t *tx) restoreKey(id VersionID, o *RestoredObject) error {
	return t.must(ErrNotExist, `UPDATE version SET remote = 2, bucket = $2, prefix = $3, key = $4, etag = $5,
		sha256 = coalesce($6, sha256), upload_id = '', lost = NULL, lost_at = NULL WHERE id = $1`,
		id, o.Bucket, o.Prefix, o.Key, o.ETag, o.SHA256)
}

// restoreMoved follows a version that got another key after the metadata were copied,
// since its file was renamed.
func (t *tx) restoreMoved(v *Version, o *RestoredObject, r *RestoreRequest) error {
	if err := t.loseObject(v.Bucket, v.Key, r.Now); err != nil {
		return err
	}
	if _, err := t.dequeue(v.ID); err != nil {
		return err
	}
	if err := t.restoreKey(v.ID, o); err != nil || v.Retired != 0 {
		return err
	}
	n, err := getNode(t, v.Ino)
	if err != nil || n.Nlink != 1 {
		return err // which of several names moved nobody can tell
	}
	path, err := getPath(t, n.Ino)
	if err != nil || bytes.Equal(path, o.Path) {
		return err
	}
	to, err := t.restorePlace(o.Path)
	if err != nil || to.blocked || to.node != nil && !to.node.IsRegular() {
		return err
	}
	from, err := t.restorePlace(path)
	if err != nil {
		return err
	}
	if to.dir, err = t.restoreDirs(&to, r); err != nil {
		return err
	}
	_, err = t.rename(&RenameRequest{OldParent: from.dir, OldName: from.name, NewParent: to.dir, NewName: to.name, Now: r.Now})
	return err
}

// restoreFile makes an object the content of the file at its path.
func (t *tx) restoreFile(o *RestoredObject, r *RestoreRequest) (RestoreOutcome, error) {
	p, err := t.restorePlace(o.Path)
	switch {
	case err != nil:
		return 0, err
	case p.blocked, p.node != nil && !p.node.IsRegular():
		return RestoreInTheWay, nil
	case p.node != nil && p.node.Version >= o.ID:
		return RestoreOld, nil
	}
	var n Node
	if p.node != nil {
		n = *p.node
	} else {
		dir, err := t.restoreDirs(&p, r)
		if err != nil {
			return 0, err
		}
		n, err = t.create(CreateRequest{Parent: dir, Name: p.name, Mode: TypeRegular | o.Mode&modePermission, UID: o.UID, GID: o.GID, Now: r.Now})
		if err != nil {
			return 0, err
		}
	}
	v := Version{ID: o.ID, Ino: n.Ino, Size: o.Size, Mtime: o.Mtime, Class: o.Class, Used: r.Now}
	if n.Version != 0 {
		if _, err := t.supersede(&n, &v); err != nil {
			return 0, err
		}
	}
	if err := t.insertVersion(&v); err != nil {
		return 0, err
	}
	if err := t.restoreKey(v.ID, o); err != nil {
		return 0, err
	}
	n.Mode, n.UID, n.GID = TypeRegular|o.Mode&modePermission, o.UID, o.GID
	n.Version, n.Size, n.Blocks, n.Atime, n.Mtime, n.Ctime = v.ID, o.Size, (o.Size+511)/512, o.Mtime, o.Mtime, r.Now
	return RestoreFile, t.updateNode(&n)
}

// restorePlace is where a path leads: to node, or to a name in dir below the missing
// directories, or nowhere where something is in the way.
type restorePlace struct {
	dir     Ino
	missing [][]byte // directories
	name    []byte
	node    *Node
	blocked bool
}

func (t *tx) restorePlace(path []byte) (p restorePlace, err error) {
	names := bytes.Split(path, []byte{'/'})
	if len(names) < 2 || len(names[0]) != 0 {
		return p, fs.ErrInvalid
	}
	for _, name := range names[1:] {
		if err := checkName(name); err != nil {
			return p, err
		}
	}
	p.dir, p.name = Root, names[len(names)-1]
	for i, name := range names[1 : len(names)-1] {
		n, err := getEntry(t, p.dir, name)
		if errors.Is(err, ErrNotExist) {
			p.missing = names[1+i : len(names)-1]
			return p, nil
		}
		if err != nil {
			return p, err
		}
		if p.blocked = !n.IsDir(); p.blocked {
			return p, nil
		}
		p.dir = n.Ino
	}
	n, err := getEntry(t, p.dir, p.name)
	if errors.Is(err, ErrNotExist) {
		return p, nil
	}
	p.node = &n
	return p, err
}

// restoreDirs makes the directories that are missing, and returns the last.
func (t *tx) restoreDirs(p *restorePlace, r *RestoreRequest) (Ino, error) {
	dir := p.dir
	for _, name := range p.missing {
		n, err := t.create(CreateRequest{Parent: dir, Name: name, Mode: TypeDir | r.DirMode&modePermission,
			UID: r.DirUID, GID: r.DirGID, Now: r.Now})
		if err != nil {
			return 0, err
		}
		dir = n.Ino
	}
	return dir, nil
}
