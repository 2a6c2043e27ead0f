package meta

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
)

// ImportedObject is an object that was there before, and the file it becomes.
type ImportedObject struct {
	Path     []byte // absolute and clean
	Mode     uint32 // permission bits
	UID, GID uint32
	Size     int64
	Mtime    int64
	Class    int    // order of eviction
	SHA256   []byte // nil where nobody vouches for one

	Bucket, Prefix, Key, ETag string
}

// ImportRequest is what all files of an import have in common.
type ImportRequest struct {
	DirMode        uint32 // permission bits of the directories that are missing
	DirUID, DirGID uint32
	Now            int64
}

// ImportOutcome says what became of an object.
type ImportOutcome int

// Outcomes of an import.
const (
	// ImportTaken: the file is there now, and its content is the object.
	ImportTaken ImportOutcome = iota
	// ImportKnown: a version has this key already.
	ImportKnown
	// ImportExists: there is something else at the path.
	ImportExists
	// ImportNotDir: the path leads through something that is no directory.
	ImportNotDir
	// ImportGivenUp: the object was given up and waits for its removal.
	ImportGivenUp
)

// ImportObjects makes files of objects, each with the directories that it lacks. A
// file that is made has one version, which is in S3 and nowhere else. What cannot be
// taken is left as it is, and the others are taken; there is an outcome for each. An
// object with a path that no file can have, or without a key, makes the whole call
// fail with fs.ErrInvalid. Every name that is made stands in the alterations.
// Durable.
func (s *Store) ImportObjects(list []ImportedObject, r ImportRequest) ([]ImportOutcome, error) {
	outcomes := make([]ImportOutcome, len(list))
	err := s.durable(func(t *tx) (err error) {
		for i := range list {
			if outcomes[i], err = t.importObject(&list[i], &r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, opErr("import objects", err)
	}
	return outcomes, nil
}

// Importable says what ImportObjects would come to, each object by itself, and
// changes nothing.
func (s *Store) Importable(list []ImportedObject) ([]ImportOutcome, error) {
	outcomes := make([]ImportOutcome, len(list))
	err := s.read.view(context.Background(), func(q source) error {
		for i := range list {
			place, err := placeFor(q, &list[i])
			if err != nil {
				return err
			}
			outcomes[i] = place.outcome
		}
		return nil
	})
	if err != nil {
		return nil, opErr("look at objects", err)
	}
	return outcomes, nil
}

// ByKey gives the version that has a key in a bucket, retired ones too. With bucket ""
// it is that of any bucket: a current one if there is, and the latest. ErrNotExist.
func (s *Store) ByKey(bucket, key string) (v Version, err error) {
	if bucket != "" || key == "" {
		v, err = getByKey(s.read, bucket, key)
	} else {
		v, err = scanVersion(s.read.row(`SELECT `+versionColumns+` FROM version v WHERE v.key = $1 AND v.key <> ''
			ORDER BY CASE WHEN v.retired = 0 THEN 0 ELSE 1 END, v.id DESC LIMIT 1`, key))
	}
	return v, opErr("version with key", err)
}

func getByKey(q source, bucket, key string) (Version, error) {
	if key == "" {
		return Version{}, ErrNotExist
	}
	return scanVersion(q.row(`SELECT `+versionColumns+` FROM version v WHERE v.key = $1 AND v.bucket = $2 AND v.key <> ''`, key, bucket))
}

// importPlace is where an object goes: below dir, by way of the missing names, the
// last of which is the file's.
type importPlace struct {
	outcome ImportOutcome
	dir     Ino
	missing [][]byte
}

// placeFor finds out whether an object can be taken, and where it goes.
func placeFor(q source, o *ImportedObject) (importPlace, error) {
	names := bytes.Split(o.Path, []byte{'/'})
	if len(names) < 2 || len(names[0]) != 0 || o.Key == "" || o.Bucket == "" || o.Size < 0 {
		return importPlace{}, fs.ErrInvalid
	}
	for _, name := range names[1:] {
		if err := checkName(name); err != nil {
			return importPlace{}, err
		}
	}
	if outcome, err := onRecord(q, o); err != nil || outcome != ImportTaken {
		return importPlace{outcome: outcome}, err
	}
	dir := Root
	for i, name := range names[1:] {
		n, err := getEntry(q, dir, name)
		err = seen(q, dir, err)
		switch last := i == len(names)-2; {
		case errors.Is(err, ErrNotExist):
			return importPlace{dir: dir, missing: names[1+i:]}, nil
		case err != nil:
			return importPlace{}, err
		case last:
			return importPlace{outcome: ImportExists}, nil
		case !n.IsDir():
			return importPlace{outcome: ImportNotDir}, nil
		}
		dir = n.Ino
	}
	return importPlace{}, fs.ErrInvalid
}

// onRecord says whether anything is known about an object's key.
func onRecord(q source, o *ImportedObject) (ImportOutcome, error) {
	_, err := getByKey(q, o.Bucket, o.Key)
	if err == nil {
		return ImportKnown, nil
	}
	if !errors.Is(err, ErrNotExist) {
		return 0, err
	}
	lost, err := exists(q, `SELECT 1 FROM lost_object WHERE bucket = $1 AND key = $2`, o.Bucket, o.Key)
	if lost {
		return ImportGivenUp, err
	}
	return ImportTaken, err
}

func (t *tx) importObject(o *ImportedObject, r *ImportRequest) (ImportOutcome, error) {
	place, err := placeFor(t, o)
	if err != nil || place.outcome != ImportTaken {
		return place.outcome, err
	}
	dir, last := place.dir, len(place.missing)-1
	for _, name := range place.missing[:last] {
		n, err := t.importName(CreateRequest{Parent: dir, Name: name, Mode: TypeDir | r.DirMode&modePermission,
			UID: r.DirUID, GID: r.DirGID, Now: r.Now})
		if err != nil {
			return 0, err
		}
		dir = n.Ino
	}
	n, err := t.importName(CreateRequest{Parent: dir, Name: place.missing[last], Mode: TypeRegular | o.Mode&modePermission,
		UID: o.UID, GID: o.GID, Now: r.Now})
	if err != nil {
		return 0, err
	}
	return ImportTaken, t.importContent(&n, o, r.Now)
}

// importName makes a node, and has the mount tell the kernel.
func (t *tx) importName(r CreateRequest) (Node, error) {
	n, err := t.create(r)
	if err != nil {
		return Node{}, err
	}
	return n, t.alter(r.Parent, r.Name)
}

// importContent makes an object the content of a node that has none.
func (t *tx) importContent(n *Node, o *ImportedObject, now int64) error {
	v := Version{ID: t.nextVersion(now), Ino: n.Ino, Size: o.Size, Mtime: o.Mtime, Class: o.Class, Used: now}
	if err := t.insertVersion(&v); err != nil {
		return err
	}
	err := t.must(ErrNotExist, `UPDATE version SET remote = 2, bucket = $2, prefix = $3, key = $4, etag = $5, sha256 = $6
		WHERE id = $1`, v.ID, o.Bucket, o.Prefix, o.Key, o.ETag, o.SHA256)
	if err != nil {
		return err
	}
	n.Version, n.Size, n.Blocks, n.Atime, n.Mtime = v.ID, o.Size, (o.Size+511)/512, o.Mtime, o.Mtime
	return t.updateNode(n)
}
