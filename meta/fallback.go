package meta

// Stray is a path in the fallback under which there may be a file that nobody
// refers to.
type Stray struct {
	Path  []byte
	Inode int64 // of the file that may be removed; 0: any, if the name is one of ours
	Since int64
}

// AddStray records a path before a file of ours comes to lie there, or once nobody
// refers to it any more. ErrExist if a version has it. Durable.
func (s *Store) AddStray(path []byte, inode, now int64) error {
	err := s.durable(func(t *tx) error {
		held, err := exists(t, `SELECT 1 FROM version WHERE fallback = $1`, path)
		if err == nil && held {
			err = ErrExist
		}
		if err != nil {
			return err
		}
		return t.stray(path, inode, now)
	})
	return pathErr("stray", path, err)
}

func (t *tx) stray(path []byte, inode, now int64) error {
	return t.exec(`INSERT INTO stray (path, inode, since) VALUES ($1, $2, $3)
		ON CONFLICT (path) DO UPDATE SET inode = excluded.inode, since = excluded.since`, path, inode, now)
}

// Strays lists up to limit of them, behind a path.
func (s *Store) Strays(after []byte, limit int) ([]Stray, error) {
	if after == nil {
		after = []byte{}
	}
	list, err := all(s.read, func(row scanner) (x Stray, err error) {
		err = row.Scan(&x.Path, &x.Inode, &x.Since)
		return x, err
	}, `SELECT path, inode, since FROM stray WHERE path > $1 ORDER BY path LIMIT $2`, after, limit)
	return list, opErr("strays", err)
}

// StrayAt gives the record of a path. ErrNotExist.
func (s *Store) StrayAt(path []byte) (Stray, error) {
	var x Stray
	err := one(s.read.row(`SELECT path, inode, since FROM stray WHERE path = $1`, path), &x.Path, &x.Inode, &x.Since)
	return x, pathErr("stray", path, err)
}

// ForgetStray ends the record of a path under which nothing of ours is left.
// Visible.
func (s *Store) ForgetStray(path []byte) error {
	err := s.visible(func(t *tx) error { return t.exec(`DELETE FROM stray WHERE path = $1`, path) })
	return pathErr("forget stray", path, err)
}

// InFallback gives the version whose bytes are at a path of the fallback.
// ErrNotExist.
func (s *Store) InFallback(path []byte) (Version, error) {
	v, err := scanVersion(s.read.row(`SELECT `+versionColumns+` FROM version v WHERE v.fallback = $1`, path))
	return v, pathErr("version in the fallback at", path, err)
}

// RetiredInFallback lists versions that are not current any more and have a copy in the
// fallback, behind a version, in the order of their ids.
func (s *Store) RetiredInFallback(after VersionID, limit int) ([]Version, error) {
	list, err := all(s.read, scanVersion, `SELECT `+versionColumns+` FROM version v
		WHERE v.retired <> 0 AND v.fallback IS NOT NULL AND v.id > $1 ORDER BY v.id LIMIT $2`, after, limit)
	return list, opErr("retired versions in the fallback", err)
}

// SettleFallback records that the bytes of a version are at a path of the fallback,
// durably, and takes it from the queue. A path that it had before becomes stray, of
// any inode. sha256 is what was found while they were
// copied, nil if that is not known. name is the path in the volume that this was done
// for: if the file has another by now, the version stays queued and follows it; nil:
// any will do. ErrSuperseded if the version is gone or retired.
// Durable.
func (s *Store) SettleFallback(id VersionID, path, sha256, name []byte, now int64) error {
	err := s.durable(func(t *tx) error {
		v, err := t.changing(id)
		if err != nil {
			return err
		}
		if v.Retired != 0 {
			return ErrSuperseded
		}
		if v.Fallback != nil && string(v.Fallback) != string(path) {
			if err := t.stray(v.Fallback, 0, int64(id)*1000); err != nil {
				return err
			}
		}
		err = t.exec(`UPDATE version SET fallback = $2, sha256 = coalesce(sha256, $3), lost = NULL, lost_at = NULL
			WHERE id = $1`, id, path, sha256)
		if err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM stray WHERE path = $1`, path); err != nil {
			return err
		}
		return t.arrived(&v, name, GoalFallback, now)
	})
	return versionErr("settle in the fallback", id, err)
}

// MoveFallback records that the bytes of a version are at another path of the
// fallback, where they are already; the old one becomes stray. ErrSuperseded unless
// they are on record at the old one. Durable.
func (s *Store) MoveFallback(id VersionID, from, to []byte, inode, now int64) error {
	err := s.durable(func(t *tx) error {
		err := t.must(ErrSuperseded, `UPDATE version SET fallback = $3 WHERE id = $1 AND fallback = $2`, id, from, to)
		if err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM stray WHERE path = $1`, to); err != nil {
			return err
		}
		return t.stray(from, inode, now)
	})
	return versionErr("move in the fallback", id, err)
}

// DropFallback gives up the copy of a version in the fallback, whose path becomes
// stray. ErrSuperseded unless the copy is there on record and the version is in S3.
// Durable.
func (s *Store) DropFallback(id VersionID, path []byte, inode, now int64) error {
	err := s.durable(func(t *tx) error {
		err := t.must(ErrSuperseded, `UPDATE version SET fallback = NULL WHERE id = $1 AND fallback = $2 AND remote = 2`, id, path)
		if err != nil {
			return err
		}
		return t.stray(path, inode, now)
	})
	return versionErr("drop the copy in the fallback of", id, err)
}

// DropObject records that a version is in the fallback only. Its object is lost from
// now on, for a garbage collection. ErrSuperseded unless the version is stored under
// the key and in the fallback. Durable.
func (s *Store) DropObject(id VersionID, key string, now int64) error {
	err := s.durable(func(t *tx) error {
		v, err := t.changing(id)
		if err != nil {
			return err
		}
		if v.Remote != Stored || v.Key != key || v.Fallback == nil {
			return ErrSuperseded
		}
		err = t.exec(`UPDATE version SET remote = 0, bucket = '', prefix = '', key = '', etag = '', private = 0 WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM upload WHERE version = $1 AND goal = 3`, id); err != nil {
			return err
		}
		return t.loseObject(v.Bucket, v.Key, now)
	})
	return versionErr("drop the object of", id, err)
}
