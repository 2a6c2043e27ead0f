package meta

import (
	"bytes"
	"errors"
	"io/fs"
)

// BeginUpload is where a version is about to be sent.
type BeginUpload struct {
	Bucket string
	Prefix string
	Key    string // never used before
	SHA256 []byte

	Private bool // see Version

	// Foreign: what lies under the key on record until now is not ours. It is no
	// lost object, and nobody may remove it.
	Foreign bool
}

// ReserveVersion gives an id that no version has or will have, to make a key of.
// Visible.
func (s *Store) ReserveVersion(now int64) (VersionID, error) {
	var id VersionID
	err := s.visible(func(t *tx) error {
		id = t.nextVersion(now)
		return nil
	})
	return id, opErr("reserve version", err)
}

// Postpone sets when a queued version is due. ErrNotExist if it is not queued.
// Visible.
func (s *Store) Postpone(id VersionID, due int64) error {
	err := s.minor(func(t *tx) error {
		return t.must(ErrNotExist, `UPDATE upload SET due = $2 WHERE version = $1`, id, due)
	})
	return versionErr("postpone", id, err)
}

// BeginUpload records the key under which an object may exist from now on; what
// an earlier attempt under another key has left becomes a lost object, since the
// version was made. The same
// key again changes nothing. ErrSuperseded if the version is gone, retired or
// stored; ErrExist if the key belongs to another version. Durable.
func (s *Store) BeginUpload(id VersionID, r BeginUpload) error {
	err := s.durable(func(t *tx) error { return t.beginUpload(id, &r) })
	return versionErr("begin upload of", id, err)
}

func (t *tx) beginUpload(id VersionID, r *BeginUpload) error {
	if r.Key == "" {
		return fs.ErrInvalid
	}
	v, err := t.changing(id)
	if err != nil {
		return err
	}
	if v.Retired != 0 || v.Remote == Stored {
		return ErrSuperseded
	}
	if v.Remote == Sending && (v.Key != r.Key || v.Bucket != r.Bucket) {
		if !r.Foreign {
			if err := t.loseObject(v.Bucket, v.Key, int64(v.ID)*1000); err != nil {
				return err
			}
		}
		v.UploadID = ""
	}
	err = t.exec(`UPDATE version SET remote = 1, bucket = $2, prefix = $3, key = $4, sha256 = $5, upload_id = $6, private = $7
		WHERE id = $1`, id, r.Bucket, r.Prefix, r.Key, r.SHA256, v.UploadID, number(r.Private))
	if err != nil && t.w.s.dialect.Classify(err) == ClassConstraint {
		return ErrExist
	}
	return err
}

// SetUploadID records a multipart upload, "" for none. ErrSuperseded unless the
// version is being sent. Durable.
func (s *Store) SetUploadID(id VersionID, uploadID string) error {
	err := s.durable(func(t *tx) error {
		return t.must(ErrSuperseded, `UPDATE version SET upload_id = $2 WHERE id = $1 AND remote = 1`, id, uploadID)
	})
	return versionErr("record multipart upload of", id, err)
}

// FinishUpload records that the object is whole under the key, and takes the
// version from the queue. path is what the key was made of: if the file has another by
// now, the version stays queued and its object follows; nil: any will do. It reports
// whether the version is current: if not, the object is garbage since the version was
// retired. ErrSuperseded unless the version is being sent under that key. Durable.
func (s *Store) FinishUpload(id VersionID, key, etag string, path []byte, now int64) (current bool, err error) {
	err = s.durable(func(t *tx) error {
		v, err := t.changing(id)
		if err != nil {
			return err
		}
		if v.Remote != Sending || v.Key != key {
			return ErrSuperseded
		}
		current = v.Retired == 0
		if err := t.exec(`UPDATE version SET remote = 2, etag = $2, upload_id = '' WHERE id = $1`, id, etag); err != nil {
			return err
		}
		return t.arrived(&v, path, GoalKey, now)
	})
	return current && err == nil, versionErr("finish upload of", id, err)
}

// FailUpload notes a failed attempt and when to try again. ErrNotExist if the
// version is not queued any more. Visible.
func (s *Store) FailUpload(id VersionID, due int64, text string, now int64) error {
	err := s.minor(func(t *tx) error {
		return t.must(ErrNotExist, `UPDATE upload SET attempts = attempts + 1, due = $2, error = $3, failed = $4
			WHERE version = $1`, id, due, text, now)
	})
	return versionErr("note failed upload of", id, err)
}

// CancelSending gives up the upload of a retired version: an object that may
// exist is lost from the time the version was retired, and a version of which
// nothing remains is forgotten. ErrSuperseded unless the version is retired and
// being sent. Visible.
func (s *Store) CancelSending(id VersionID) error {
	err := s.visible(func(t *tx) error {
		v, err := t.changing(id)
		if err != nil {
			return err
		}
		if v.Retired == 0 || v.Remote != Sending {
			return ErrSuperseded
		}
		if err := t.loseObject(v.Bucket, v.Key, v.Retired); err != nil {
			return err
		}
		err = t.exec(`UPDATE version SET remote = 0, bucket = '', prefix = '', key = '', upload_id = ''
			WHERE id = $1`, id)
		if err != nil {
			return err
		}
		return t.forget(id)
	})
	return versionErr("cancel upload of", id, err)
}

// LostObject is a key under which an object may exist that no version points to.
type LostObject struct {
	Bucket string
	Key    string
	Since  int64
}

// LoseObject records a key to be looked for and removed by a garbage collection.
// Visible.
func (s *Store) LoseObject(bucket, key string, now int64) error {
	err := s.visible(func(t *tx) error { return t.loseObject(bucket, key, now) })
	return pathErr("lose object", []byte(key), err)
}

// LostObjects lists up to limit of them, the oldest first.
func (s *Store) LostObjects(limit int) ([]LostObject, error) {
	list, err := all(s.read, func(row scanner) (o LostObject, err error) {
		err = row.Scan(&o.Bucket, &o.Key, &o.Since)
		return o, err
	}, `SELECT bucket, key, since FROM lost_object ORDER BY since, bucket, key LIMIT $1`, limit)
	return list, opErr("lost objects", err)
}

// GaveUp reports whether a key is among the lost: an object may be under it that
// nobody wants any more.
func (s *Store) GaveUp(bucket, key string) (bool, error) {
	lost, err := exists(s.read, `SELECT 1 FROM lost_object WHERE bucket = $1 AND key = $2`, bucket, key)
	return lost, pathErr("look for lost object", []byte(key), err)
}

func (t *tx) loseObject(bucket, key string, now int64) error {
	return t.exec(`INSERT INTO lost_object (bucket, key, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		bucket, key, now)
}

// changing gives a version that a caller saw earlier; if it is gone meanwhile
// that is ErrSuperseded.
func (t *tx) changing(id VersionID) (Version, error) {
	v, err := getVersion(t, id)
	if errors.Is(err, ErrNotExist) {
		err = ErrSuperseded
	}
	return v, err
}

// unfinished is true of an entry of the queue whose errand its version is not at the end
// of: it was given while another was carried out.
const unfinished = `EXISTS (SELECT 1 FROM version v WHERE v.id = upload.version AND v.retired = 0 AND (
	upload.goal = 1 AND v.remote <> 2 OR upload.goal = 2 AND v.fallback IS NULL
	OR upload.goal = 3 AND v.remote = 2 AND upload.to_bucket <> '' AND (v.bucket <> upload.to_bucket OR v.prefix <> upload.to_prefix)))`

// arrived takes a version from the queue that is where it belongs by a path, nil: by
// any, and on record there. If its file has another name by now, it stays queued and
// follows it; and so it does if it got another errand meanwhile.
func (t *tx) arrived(v *Version, path []byte, follow Goal, now int64) error {
	if path != nil && v.Retired == 0 {
		at, err := getPath(t, v.Ino)
		if err != nil && !errors.Is(err, ErrNotExist) {
			return err
		}
		if err == nil && !bytes.Equal(at, path) {
			return t.exec(`INSERT INTO upload (version, due, since, goal) VALUES ($1, $2, $2, $3)
				ON CONFLICT (version) DO UPDATE SET due = excluded.due, attempts = 0, error = NULL, held = NULL,
					goal = CASE WHEN `+unfinished+` THEN upload.goal ELSE excluded.goal END`, v.ID, now, follow)
		}
	}
	return t.exec(`DELETE FROM upload WHERE version = $1 AND NOT `+unfinished, v.ID)
}

// dequeue takes a version from the upload queue and gives since when it was only
// here, 0 if it was not queued for that.
func (t *tx) dequeue(id VersionID) (since int64, err error) {
	var goal Goal
	err = one(t.row(`DELETE FROM upload WHERE version = $1 RETURNING since, goal`, id), &since, &goal)
	if errors.Is(err, ErrNotExist) {
		return 0, nil
	}
	if goal == GoalFallback || goal == GoalKey {
		since = 0
	}
	return since, err
}
