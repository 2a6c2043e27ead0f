package meta

// versionColumns are of a version named v.
const versionColumns = `v.id, v.ino, v.size, v.mtime, v.sha256, v.class, v.used, coalesce(v.file, ''), v.open,
	v.remote, v.bucket, v.prefix, v.key, v.etag, v.upload_id, v.fallback, v.private, v.retired, v.path, v.mode, v.uid, v.gid`

func scanVersion(row scanner) (Version, error) {
	var v Version
	var id, ino, class, open, remote, private, mode, uid, gid int64
	var file string
	err := one(row, &id, &ino, &v.Size, &v.Mtime, &v.SHA256, &class, &v.Used, &file, &open,
		&remote, &v.Bucket, &v.Prefix, &v.Key, &v.ETag, &v.UploadID, &v.Fallback, &private, &v.Retired, &v.Path, &mode, &uid, &gid)
	if err != nil {
		return Version{}, err
	}
	v.ID, v.Ino, v.Class, v.File = VersionID(id), Ino(ino), int(class), FileID(file)
	v.Open, v.Remote, v.Private = open != 0, Remote(remote), private != 0
	v.Mode, v.UID, v.GID = uint32(mode), uint32(uid), uint32(gid)
	return v, nil
}

func getVersion(q source, id VersionID) (Version, error) {
	return scanVersion(q.row(`SELECT `+versionColumns+` FROM version v WHERE v.id = $1`, id))
}

// Version gives a version. ErrNotExist.
func (s *Store) Version(id VersionID) (Version, error) {
	v, err := getVersion(s.read, id)
	return v, versionErr("version", id, err)
}

// Current gives the version a node points to, of an orphan too. ErrNotExist if
// there is no such node, or nothing was ever committed to it.
func (s *Store) Current(ino Ino) (Version, error) {
	v, err := scanVersion(s.read.row(`SELECT `+versionColumns+`
		FROM version v WHERE v.id = (SELECT n.version FROM node n WHERE n.ino = $1)`, ino))
	return v, nodeErr("current version of", ino, err)
}

// VersionByFile gives the version a local file holds. ErrNotExist.
func (s *Store) VersionByFile(file FileID) (Version, error) {
	v, err := scanVersion(s.read.row(`SELECT `+versionColumns+` FROM version v WHERE v.file = $1`, file))
	return v, fileErr("version of", file, err)
}

// Versions lists all versions of a node, which may be gone, newest first.
func (s *Store) Versions(ino Ino) ([]Version, error) {
	list, err := all(s.read, scanVersion,
		`SELECT `+versionColumns+` FROM version v WHERE v.ino = $1 ORDER BY v.id DESC`, ino)
	return list, nodeErr("versions of", ino, err)
}

// RetiredAt lists the versions that were retired under a path, newest first.
func (s *Store) RetiredAt(path []byte) ([]Version, error) {
	list, err := all(s.read, scanVersion, `SELECT `+versionColumns+` FROM version v
		WHERE v.path = $1 AND v.retired <> 0 ORDER BY v.id DESC`, path)
	return list, pathErr("retired versions at", path, err)
}

// Sending lists versions whose upload has begun and not ended, behind the id
// after, in the order of their ids.
func (s *Store) Sending(after VersionID, limit int) ([]Version, error) {
	list, err := all(s.read, scanVersion, `SELECT `+versionColumns+` FROM version v
		WHERE v.remote = 1 AND v.id > $1 ORDER BY v.id LIMIT $2`, after, limit)
	return list, opErr("versions being sent", err)
}

// StoredVersions lists versions that are in S3, retired ones too, behind the id
// after, in the order of their ids.
func (s *Store) StoredVersions(after VersionID, limit int) ([]Version, error) {
	list, err := all(s.read, scanVersion, `SELECT `+versionColumns+` FROM version v
		WHERE v.remote = 2 AND v.id > $1 ORDER BY v.id LIMIT $2`, after, limit)
	return list, opErr("stored versions", err)
}

// OpenVersions lists versions that are marked open, behind a version, in the order of
// their ids. It looks at every version there is.
func (s *Store) OpenVersions(after VersionID, limit int) ([]Version, error) {
	list, err := all(s.read, scanVersion, `SELECT `+versionColumns+` FROM version v
		WHERE v.open <> 0 AND v.id > $1 ORDER BY v.id LIMIT $2`, after, limit)
	return list, opErr("open versions", err)
}

// Settled notes that no writer can change a version's local file any more.
// ErrNotExist. Visible.
func (s *Store) Settled(id VersionID) error {
	err := s.visible(func(t *tx) error {
		return t.must(ErrNotExist, `UPDATE version SET open = 0 WHERE id = $1`, id)
	})
	return versionErr("settle", id, err)
}
