package meta

import "math"

// evictable is the condition of the index version_evictable; it must be the same,
// word for word, for the index to be used.
const evictable = `file IS NOT NULL AND (open = 0 AND (remote = 2 OR retired <> 0 OR fallback IS NOT NULL))`

// onlyCopy is true of a version v whose bytes a nameless node still has as its
// content, and which are nowhere else.
const onlyCopy = `v.remote <> 2 AND v.fallback IS NULL
	AND EXISTS (SELECT 1 FROM node n WHERE n.ino = v.ino AND n.version = v.id)`

// isCurrent is the first column of the index version_evictable, word for word.
const isCurrent = `(CASE WHEN retired = 0 THEN 1 ELSE 0 END)`

// candidates finds those of one kind, retired or current, behind a class, a time of
// use and an id.
const candidates = `SELECT ` + versionColumns + ` FROM version v
	WHERE ` + evictable + ` AND NOT (` + onlyCopy + `) AND ` + isCurrent + ` = $1 AND (class, used, id) > ($2, $3, $4)
	ORDER BY class, used, id LIMIT $5`

// EvictionCandidates lists versions whose local file may go: closed, and stored,
// retired or in the fallback. Retired ones come first, then the lower class, then
// what was used longest ago. The last version of one call is where the next begins;
// nil is the start. What the content of a node without a name depends on is not
// among them.
func (s *Store) EvictionCandidates(limit int, after *Version) ([]Version, error) {
	behind := Version{Class: math.MinInt, Retired: 1}
	if after != nil {
		behind = *after
	}
	var list []Version
	if behind.Retired != 0 {
		var err error
		list, err = all(s.read, scanVersion, candidates, 0, behind.Class, behind.Used, behind.ID, limit)
		if err != nil || len(list) == limit {
			return list, opErr("eviction candidates", err)
		}
		behind = Version{Class: math.MinInt}
	}
	current, err := all(s.read, scanVersion, candidates, 1, behind.Class, behind.Used, behind.ID, limit-len(list))
	return append(list, current...), opErr("eviction candidates", err)
}

// LocalBytes sums up the sizes of the versions on this server: those that may be
// evicted, and those in the upload queue that may not, because they are open or only
// here. Drafts, and what a node without a name still has open, are in neither. It
// takes some tenths of a second where a million versions are local or queued.
func (s *Store) LocalBytes() (evictableBytes, pinnedBytes int64, err error) {
	err = s.read.row(`SELECT
		(SELECT coalesce(sum(size), 0) FROM version WHERE `+evictable+`),
		(SELECT coalesce(sum(v.size), 0) FROM upload u JOIN version v ON v.id = u.version
			WHERE v.file IS NOT NULL AND NOT (`+evictable+`))`).Scan(&evictableBytes, &pinnedBytes)
	return evictableBytes, pinnedBytes, opErr("local bytes", err)
}

// Evict takes its local file from a version and puts it in the trash. A retired
// version of which nothing remains is forgotten. ErrSuperseded unless the version
// has that file, is closed, and is stored, retired or in the fallback, and unless
// something is left for a node that still has it as its content. Durable.
func (s *Store) Evict(id VersionID, file FileID) error {
	err := s.durable(func(t *tx) error { return t.evict(id, file) })
	return versionErr("evict", id, err)
}

func (t *tx) evict(id VersionID, file FileID) error {
	err := t.must(ErrSuperseded, `UPDATE version AS v SET file = NULL
		WHERE v.id = $1 AND v.file = $2 AND `+evictable+` AND NOT (`+onlyCopy+`)`, id, file)
	if err != nil {
		return err
	}
	// The clock of the version will do: trash is emptied whatever its age.
	if err := t.trash(file, int64(id)*1000); err != nil {
		return err
	}
	return t.forget(id)
}

// forget deletes a retired version of which nothing remains anywhere, unless its
// node is still there.
func (t *tx) forget(id VersionID) error {
	return t.exec(`DELETE FROM version WHERE id = $1 AND retired <> 0 AND remote = 0 AND file IS NULL
		AND fallback IS NULL AND NOT EXISTS (SELECT 1 FROM node n WHERE n.ino = version.ino AND n.version = version.id)`, id)
}

// Attach gives a version the local file to which its bytes were fetched, closed
// and whole, and its checksum unless nil. ErrSuperseded if the version has a file
// or is gone, or the file is held by another. Visible.
func (s *Store) Attach(id VersionID, file FileID, sha256 []byte) error {
	err := s.visible(func(t *tx) error {
		if err := t.unheld(ErrSuperseded, file); err != nil {
			return err
		}
		err := t.must(ErrSuperseded, `UPDATE version SET file = $2, sha256 = coalesce($3, sha256), open = 0,
			lost = NULL, lost_at = NULL WHERE id = $1 AND file IS NULL`, id, file, sha256)
		if err != nil {
			return err
		}
		return t.requeue(id)
	})
	return versionErr("attach to", id, err)
}

// requeue has a version uploaded that must be in the queue and is not, with the
// age of the version.
func (t *tx) requeue(id VersionID) error {
	return t.exec(`INSERT INTO upload (version, due, since) SELECT id, $2, $2 FROM version
		WHERE id = $1 AND retired = 0 AND remote <> 2 AND fallback IS NULL ON CONFLICT DO NOTHING`,
		id, int64(id)*1000)
}

// SetFallback records that the bytes of a version are in the fallback directory,
// under a path relative to it; nil records that they are not. ErrNotExist;
// ErrSuperseded if nil would lose the only copy. Durable.
func (s *Store) SetFallback(id VersionID, path []byte) error {
	err := s.durable(func(t *tx) error {
		if path != nil {
			return t.must(ErrNotExist, `UPDATE version SET fallback = $2, lost = NULL, lost_at = NULL
				WHERE id = $1`, id, path)
		}
		v, err := getVersion(t, id)
		if err != nil {
			return err
		}
		if v.File == "" && v.Remote != Stored {
			return ErrSuperseded
		}
		if err := t.exec(`UPDATE version SET fallback = NULL WHERE id = $1`, id); err != nil {
			return err
		}
		return t.requeue(id)
	})
	return versionErr("set fallback of", id, err)
}

// Lost records that the bytes a version should have on this server are not there.
// A version that is nowhere else leaves the upload queue and is counted as such by
// Stats. ErrNotExist. Durable.
func (s *Store) Lost(id VersionID, why string, now int64) error {
	err := s.durable(func(t *tx) error {
		v, err := getVersion(t, id)
		if err != nil {
			return err
		}
		err = t.exec(`UPDATE version SET file = NULL, open = 0, lost = $2, lost_at = $3 WHERE id = $1`, id, why, now)
		if err != nil || v.Remote == Stored || v.Fallback != nil {
			return err
		}
		_, err = t.dequeue(id)
		return err
	})
	return versionErr("mark as lost", id, err)
}
