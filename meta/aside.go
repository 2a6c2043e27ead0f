package meta

import "errors"

// SetAside takes from a version a local file that does not hold its bytes, or not for
// sure, and puts it into the quarantine. A version that is nowhere else is lost from
// then on (see Lost); a retired one of which nothing remains is forgotten.
// ErrSuperseded unless the version has that file. Durable.
func (s *Store) SetAside(id VersionID, file FileID, path []byte, why string, now int64) error {
	err := s.durable(func(t *tx) error {
		v, err := t.loseFile(id, file, why, now)
		if err != nil {
			return err
		}
		if err := t.quarantine(file, v.Ino, path, why, now); err != nil {
			return err
		}
		return t.forget(id)
	})
	return versionErr("set aside the file of", id, err)
}

// LoseFile is SetAside for a local file that is not there, so that there is nothing to
// put into the quarantine.
func (s *Store) LoseFile(id VersionID, file FileID, why string, now int64) error {
	err := s.durable(func(t *tx) error {
		if _, err := t.loseFile(id, file, why, now); err != nil {
			return err
		}
		return t.forget(id)
	})
	return versionErr("lose the file of", id, err)
}

// loseFile takes its local file from a version, which is lost and leaves the queue if
// it is nowhere else.
func (t *tx) loseFile(id VersionID, file FileID, why string, now int64) (Version, error) {
	v, err := t.changing(id)
	if err != nil {
		return v, err
	}
	if v.File == "" || v.File != file {
		return v, ErrSuperseded
	}
	if err := t.exec(`UPDATE version SET file = NULL, open = 0 WHERE id = $1`, id); err != nil {
		return v, err
	}
	if v.Remote == Stored || v.Fallback != nil {
		return v, nil
	}
	if err := t.exec(`UPDATE version SET lost = $2, lost_at = $3 WHERE id = $1`, id, why, now); err != nil {
		return v, err
	}
	_, err = t.dequeue(id)
	return v, err
}

func (t *tx) quarantine(file FileID, ino Ino, path []byte, why string, now int64) error {
	return t.exec(`INSERT INTO quarantine (file, ino, path, reason, since) VALUES ($1, $2, $3, $4, $5)`,
		file, ino, path, why, now)
}

// LostVersion is the content of a file that is nowhere any more.
type LostVersion struct {
	Version
	Why string
	At  int64 // when that was found out
}

// LostVersions lists current versions that are nowhere, behind the id after, in the
// order of their ids.
func (s *Store) LostVersions(after VersionID, limit int) ([]LostVersion, error) {
	list, err := all(s.read, func(row scanner) (l LostVersion, err error) {
		l.Version, err = scanVersion(behind{behind{row, &l.Why}, &l.At})
		return l, err
	}, `SELECT coalesce(v.lost, ''), coalesce(v.lost_at, 0), `+versionColumns+` FROM version v
		WHERE v.retired = 0 AND v.file IS NULL AND v.remote <> 2 AND v.fallback IS NULL AND v.id > $1
		ORDER BY v.id LIMIT $2`, after, limit)
	return list, opErr("lost versions", err)
}

// LocalVersions lists versions that have a local file with a known checksum, which no
// writer holds, behind the id after and up to the id last, in the order of their ids.
func (s *Store) LocalVersions(after, last VersionID, limit int) ([]Version, error) {
	list, err := all(s.read, scanVersion, `SELECT `+versionColumns+` FROM version v
		WHERE v.id > $1 AND v.id <= $2 AND v.file IS NOT NULL AND v.sha256 IS NOT NULL AND v.open = 0
		ORDER BY v.id LIMIT $3`, after, last, limit)
	return list, opErr("local versions", err)
}

// AllVersions lists versions, retired ones too, behind the id after, in the order of
// their ids.
func (s *Store) AllVersions(after VersionID, limit int) ([]Version, error) {
	list, err := all(s.read, scanVersion, `SELECT `+versionColumns+` FROM version v
		WHERE v.id > $1 ORDER BY v.id LIMIT $2`, after, limit)
	return list, opErr("versions", err)
}

// LastVersion gives the last id that was given to a version, or reserved.
func (s *Store) LastVersion() (VersionID, error) {
	var id VersionID
	err := s.read.row(`SELECT last_version FROM counter`).Scan(&id)
	return id, opErr("last version", err)
}

// GiveUpFile takes from a version a local file of which another copy was just shown to
// be good, as Evict does, and has a live mount drop what its kernel keeps of the
// content. ErrSuperseded as of Evict. Durable.
func (s *Store) GiveUpFile(id VersionID, file FileID) error {
	err := s.durable(func(t *tx) error {
		v, err := t.changing(id)
		if err != nil {
			return err
		}
		if err := t.evict(id, file); err != nil {
			return err
		}
		return t.alterNames(v.Ino)
	})
	return versionErr("give up the file of", id, err)
}

// alterNames has a live mount forget a node under all of its names.
func (t *tx) alterNames(ino Ino) error {
	return t.exec(`INSERT INTO alteration (parent, name) SELECT parent, name FROM name WHERE ino = $1`, ino)
}

// GiveUpObject is for a version whose object is gone or is another one, while file, or
// its copy in the fallback if file is "", was just shown to be good: the version is not
// in S3 any more and is queued, to be sent under a new key. It cannot be evicted from
// then on. What lies under the old key is lost, for a garbage collection.
// ErrSuperseded unless the version is current, stored under the key, and has the file
// or the copy. Durable.
func (s *Store) GiveUpObject(id VersionID, bucket, key string, file FileID, now int64) error {
	err := s.durable(func(t *tx) error {
		v, err := t.changing(id)
		if err != nil {
			return err
		}
		if v.Retired != 0 || v.Remote != Stored || v.Bucket != bucket || v.Key != key ||
			v.File != file && file != "" || file == "" && v.Fallback == nil {
			return ErrSuperseded
		}
		err = t.exec(`UPDATE version SET remote = 0, bucket = '', prefix = '', key = '', etag = '', private = 0
			WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if _, err := t.dequeue(id); err != nil {
			return err
		}
		// The next of its own accord, before all that is new.
		err = t.exec(`INSERT INTO upload (version, due, since, goal) VALUES ($1, 0, $2, $3)`, id, now, GoalS3)
		if err != nil {
			return err
		}
		return t.loseObject(bucket, key, now)
	})
	return versionErr("give up the object of", id, err)
}

// InQuarantine gives an entry of the quarantine. ErrNotExist.
func (s *Store) InQuarantine(file FileID) (QuarantineEntry, error) {
	e, err := scanQuarantined(s.read.row(`SELECT file, ino, path, reason, since FROM quarantine WHERE file = $1`, file))
	return e, fileErr("quarantine of", file, err)
}

func scanQuarantined(row scanner) (e QuarantineEntry, err error) {
	err = one(row, &e.File, &e.Ino, &e.Path, &e.Reason, &e.Since)
	return e, err
}

// DropQuarantined takes a file from the quarantine that nobody wants; it goes to the
// trash. ErrNotExist if it is not there. Durable.
func (s *Store) DropQuarantined(file FileID, now int64) error {
	err := s.durable(func(t *tx) error {
		if err := t.must(ErrNotExist, `DELETE FROM quarantine WHERE file = $1`, file); err != nil {
			return err
		}
		return t.trash(file, now)
	})
	return fileErr("drop from the quarantine", file, err)
}

// ReturnRequest is a file of the quarantine that becomes the content of a path.
type ReturnRequest struct {
	File   FileID
	Path   []byte // absolute
	Size   int64  // of the local file, as the others
	Mtime  int64
	Blocks int64
	Class  int
	Now    int64
}

// RestoreQuarantined makes a file of the quarantine a file of the tree, with a version
// that is queued. As by Undelete, directories that are missing are made, and what has
// the name is replaced: of that the file gets mode and owners. Else they are 0644 and
// the directory's. The caller has synced the local file. ErrNotExist if it is not in
// the quarantine; ErrIsDir, ErrNotDir; ErrUnseen if something may have the name in the
// fallback. Durable.
func (s *Store) RestoreQuarantined(r ReturnRequest) (Version, error) {
	var v Version
	err := s.durable(func(t *tx) (err error) {
		v, err = t.returned(&r)
		return err
	})
	if err != nil {
		return Version{}, fileErr("restore", r.File, err)
	}
	return v, nil
}

func (t *tx) returned(r *ReturnRequest) (Version, error) {
	if err := t.must(ErrNotExist, `DELETE FROM quarantine WHERE file = $1`, r.File); err != nil {
		return Version{}, err
	}
	parent, name, err := t.makeParents(r.Path, r.Now)
	if err != nil {
		return Version{}, err
	}
	other, err := getEntry(t, parent.Ino, name)
	if err = seen(t, parent.Ino, err); err != nil && !errors.Is(err, ErrNotExist) {
		return Version{}, err
	}
	c := CreateRequest{Parent: parent.Ino, Name: name, Mode: TypeRegular | 0o644, UID: parent.UID, GID: parent.GID, Now: r.Now}
	if err == nil {
		if other.IsDir() {
			return Version{}, ErrIsDir
		}
		if other.IsRegular() {
			c.Mode, c.UID, c.GID = other.Mode, other.UID, other.GID
		}
		if err := t.drop(parent.Ino, name, &other, r.Now); err != nil {
			return Version{}, err
		}
	}
	n, err := t.create(c)
	if err != nil {
		return Version{}, err
	}
	v, err := t.commit(&CommitRequest{Ino: n.Ino, File: r.File, Size: r.Size, Mtime: r.Mtime, Blocks: r.Blocks,
		Class: r.Class, Due: r.Now, Now: r.Now})
	if err != nil {
		return Version{}, err
	}
	return v, t.alter(parent.Ino, name)
}
