package meta

import "errors"

// Errand is where versions are sent, whatever switch and rules say.
type Errand struct {
	Goal     Goal
	ToBucket string // of GoalKey; "" for where new versions go
	ToPrefix string
	Due      int64
}

// Enqueue puts current versions into the queue for an errand and returns those that
// it did: what is there already, is gone, was retired, or is nowhere, is left out. A
// version that is queued gets the new goal and keeps its age. Visible.
func (s *Store) Enqueue(ids []VersionID, r Errand) (queued []VersionID, err error) {
	err = s.visible(func(t *tx) error {
		queued = queued[:0]
		for _, id := range ids {
			ok, err := t.enqueue(id, &r)
			if err != nil {
				return err
			}
			if ok {
				queued = append(queued, id)
			}
		}
		return nil
	})
	return queued, opErr("enqueue", err)
}

// errands says of each goal which versions it is for.
var errands = map[Goal]string{
	GoalS3:       `remote <> 2`,
	GoalFallback: `fallback IS NULL`,
	GoalKey:      `remote = 2`,
}

func (t *tx) enqueue(id VersionID, r *Errand) (bool, error) {
	which, ok := errands[r.Goal]
	if !ok {
		return false, ErrSuperseded
	}
	return t.affect(`INSERT INTO upload (version, due, since, goal, to_bucket, to_prefix)
		SELECT id, $2, $2, $3, $4, $5 FROM version WHERE id = $1 AND retired = 0 AND lost IS NULL AND `+which+`
		ON CONFLICT (version) DO UPDATE SET due = excluded.due, goal = excluded.goal, attempts = 0, error = NULL,
			held = NULL, to_bucket = excluded.to_bucket, to_prefix = excluded.to_prefix`,
		id, r.Due, r.Goal, r.ToBucket, r.ToPrefix)
}

// Withdraw ends errands that were not carried out yet: what is only here goes back
// to where switch and rules say. Visible.
func (s *Store) Withdraw(ids []VersionID) error {
	err := s.visible(func(t *tx) error {
		for _, id := range ids {
			err := t.exec(`DELETE FROM upload WHERE version = $1 AND goal <> 0 AND EXISTS (
				SELECT 1 FROM version v WHERE v.id = $1 AND (v.remote = 2 OR v.fallback IS NOT NULL))`, id)
			if err == nil {
				err = t.exec(`UPDATE upload SET goal = 0 WHERE version = $1 AND goal <> 0`, id)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return opErr("withdraw", err)
}

// Hold keeps a queued version on this server until it is due again, and says why. path
// is what that was decided by. ErrNotExist if it is not queued; ErrSuperseded if its
// file has another name by now. Visible.
func (s *Store) Hold(id VersionID, path []byte, why string, due int64) error {
	err := s.minor(func(t *tx) error {
		v, err := getVersion(t, id)
		if err != nil {
			return err
		}
		now, err := getPath(t, v.Ino)
		if err != nil {
			return err
		}
		if string(now) != string(path) {
			return ErrSuperseded
		}
		return t.must(ErrNotExist, `UPDATE upload SET held = $2, due = $3, attempts = 0, error = NULL
			WHERE version = $1`, id, why, due)
	})
	return versionErr("hold", id, err)
}

// Reconsider makes everything that is held due: switch or rules changed. Visible.
func (s *Store) Reconsider(now int64) error {
	err := s.visible(func(t *tx) error {
		return t.exec(`UPDATE upload SET due = $1, held = NULL WHERE held IS NOT NULL`, now)
	})
	return opErr("reconsider", err)
}

// followName has a file that got another name follow it: what is held is decided
// anew, what is in S3 gets a key that fits, and what is in the fallback a path there,
// when due says; 0: it does not.
func (t *tx) followName(id VersionID, due int64) error {
	if id == 0 || due == 0 {
		return nil
	}
	if err := t.exec(`UPDATE upload SET due = $2, held = NULL WHERE version = $1 AND held IS NOT NULL`, id, due); err != nil {
		return err
	}
	return t.exec(`INSERT INTO upload (version, due, since, goal)
		SELECT id, $2, $2, CASE remote WHEN 2 THEN 3 ELSE 2 END FROM version
		WHERE id = $1 AND retired = 0 AND (remote = 2 OR remote = 0 AND fallback IS NOT NULL)
		ON CONFLICT (version) DO NOTHING`, id, due)
}

// SameContent gives a version in S3 with a content, in a bucket. ErrNotExist.
func (s *Store) SameContent(sha256 []byte, size int64, bucket string) (Version, error) {
	v, err := scanVersion(s.read.row(`SELECT `+versionColumns+` FROM version v
		WHERE v.sha256 = $1 AND v.remote = 2 AND v.size = $2 AND v.bucket = $3 LIMIT 1`, sha256, size, bucket))
	return v, opErr("same content", err)
}

// SwitchObject puts on record that a version in S3 is whole under another key, and
// takes it from the queue. The object that it had is lost from now on, for a garbage
// collection. ErrSuperseded unless the version is stored under the key from, and the
// new key is among the lost ones and not condemned. path is what the key was made of, as
// for FinishUpload.
// Durable.
func (s *Store) SwitchObject(id VersionID, from string, to BeginUpload, etag string, path []byte, now int64) error {
	err := s.durable(func(t *tx) error {
		v, err := t.changing(id)
		if err != nil {
			return err
		}
		if v.Remote != Stored || v.Key != from {
			return ErrSuperseded
		}
		// A condemned object is about to go: it is nobody's any more.
		err = t.must(ErrSuperseded, `DELETE FROM lost_object WHERE bucket = $1 AND key = $2 AND since <> 0`, to.Bucket, to.Key)
		if err != nil {
			return err
		}
		err = t.must(ErrSuperseded, `UPDATE version SET bucket = $2, prefix = $3, key = $4, etag = $5, private = $6
			WHERE id = $1`, id, to.Bucket, to.Prefix, to.Key, etag, number(to.Private))
		if err != nil {
			return err
		}
		if err := t.arrived(&v, path, GoalKey, now); err != nil {
			return err
		}
		return t.loseObject(v.Bucket, v.Key, now)
	})
	return versionErr("switch object of", id, err)
}

// Done takes a version from the queue for which there is nothing to do by a path; if its
// file has another by now, it stays there and follows it. nil: by any. Visible.
func (s *Store) Done(id VersionID, path []byte, now int64) error {
	err := s.visible(func(t *tx) error {
		v, err := getVersion(t, id)
		if errors.Is(err, ErrNotExist) {
			return nil // and so is its place in the queue
		}
		switch {
		case err != nil:
			return err
		case v.Remote == Stored:
			return t.arrived(&v, path, GoalKey, now)
		case v.Fallback != nil:
			return t.arrived(&v, path, GoalFallback, now)
		}
		return nil
	})
	return versionErr("take from the queue", id, err)
}

// number is a truth value as the database keeps it.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
