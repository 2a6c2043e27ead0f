package meta

import "database/sql"

const uploadColumns = `u.version, u.due, u.since, u.attempts, coalesce(u.error, ''),
	u.goal, coalesce(u.held, ''), u.to_bucket, u.to_prefix`

func scanUpload(row scanner) (Upload, error) {
	var u Upload
	err := one(row, &u.Version, &u.Due, &u.Since, &u.Attempts, &u.Error,
		&u.Goal, &u.Held, &u.ToBucket, &u.ToPrefix)
	return u, err
}

// DueUploads lists up to limit queued versions that are due, the longest due
// first, without those for which skip says true: they are being worked on. skip
// may be nil and must not use the store.
func (s *Store) DueUploads(now int64, skip func(VersionID) bool, limit int) ([]Upload, error) {
	return s.uploads(`SELECT `+uploadColumns+` FROM upload u WHERE u.due <= $1 ORDER BY u.due, u.version`, now, skip, limit)
}

// DrainUploads is DueUploads for who empties the queue: what waits for its time alone
// is among them, what is held is not, nor what a command sends elsewhere.
func (s *Store) DrainUploads(now int64, skip func(VersionID) bool, limit int) ([]Upload, error) {
	return s.uploads(`SELECT `+uploadColumns+` FROM upload u
		WHERE u.due <= $1 OR u.held IS NULL AND u.goal IN (0, 1) ORDER BY u.due, u.version`, now, skip, limit)
}

func (s *Store) uploads(query string, now int64, skip func(VersionID) bool, limit int) ([]Upload, error) {
	rows, err := s.read.query(query, now)
	if err != nil {
		return nil, opErr("due uploads", err)
	}
	defer rows.Close()
	var list []Upload
	for len(list) < limit && rows.Next() {
		u, err := scanUpload(rows)
		if err != nil {
			return nil, opErr("due uploads", err)
		}
		if skip == nil || !skip(u.Version) {
			list = append(list, u)
		}
	}
	return list, opErr("due uploads", rows.Err())
}

// FailedUploads lists entries of the queue whose last attempt failed, behind a version,
// in the order of their ids.
func (s *Store) FailedUploads(after VersionID, limit int) ([]Upload, error) {
	list, err := all(s.read, scanUpload, `SELECT `+uploadColumns+` FROM upload u
		WHERE u.error IS NOT NULL AND u.version > $1 ORDER BY u.version LIMIT $2`, after, limit)
	return list, opErr("failed uploads", err)
}

// Retry makes every entry due whose last attempt failed, as if it were the first.
// Visible.
func (s *Store) Retry(now int64) error {
	err := s.visible(func(t *tx) error {
		return t.exec(`UPDATE upload SET due = $1, attempts = 0 WHERE error IS NOT NULL`, now)
	})
	return opErr("retry", err)
}

// NextDue gives the earliest time at which something in the queue is due; false
// if the queue is empty.
func (s *Store) NextDue() (int64, bool, error) {
	var due sql.NullInt64
	err := s.read.row(`SELECT min(due) FROM upload`).Scan(&due)
	return due.Int64, due.Valid, opErr("next due upload", err)
}

// Waiting gives the number of versions in the queue, and since when the oldest content
// of it is not in S3; 0 for none. It reads the queue and nothing else: some ten
// milliseconds for a million.
func (s *Store) Waiting() (number, oldest int64, err error) {
	err = s.read.row(`SELECT count(*), coalesce(min(since), 0) FROM upload`).Scan(&number, &oldest)
	return number, oldest, opErr("waiting uploads", err)
}

// QueueEntry gives a version's entry of the upload queue. ErrNotExist.
func (s *Store) QueueEntry(id VersionID) (Upload, error) {
	u, err := scanUpload(s.read.row(`SELECT `+uploadColumns+` FROM upload u WHERE u.version = $1`, id))
	return u, versionErr("queue entry of", id, err)
}
