package meta

import (
	"context"
	"errors"
)

// KeySpace is where objects of a volume lie, or lay once.
type KeySpace struct {
	Bucket string
	Prefix string // as the configuration has it; "": the whole bucket
}

// KeySpaces lists those that versions are or were in.
func (s *Store) KeySpaces() ([]KeySpace, error) {
	list, err := all(s.read, func(row scanner) (k KeySpace, err error) {
		err = row.Scan(&k.Bucket, &k.Prefix)
		return k, err
	}, `SELECT DISTINCT bucket, prefix FROM version WHERE key <> '' ORDER BY bucket, prefix`)
	return list, opErr("key spaces", err)
}

// Unknown gives those of the keys that no row knows: of no version, in whatever state,
// and not on record as lost.
func (s *Store) Unknown(bucket string, keys []string) (unknown []string, err error) {
	err = s.read.view(context.Background(), func(q source) error {
		for _, key := range keys {
			known, err := knows(q, bucket, key)
			if err != nil {
				return err
			}
			if !known {
				unknown = append(unknown, key)
			}
		}
		return nil
	})
	return unknown, opErr("look for keys", err)
}

func knows(q source, bucket, key string) (bool, error) {
	return exists(q, `SELECT 1 FROM version WHERE key = $1 AND bucket = $2 AND key <> ''
		UNION ALL SELECT 1 FROM lost_object WHERE key = $1 AND bucket = $2`, key, bucket)
}

// UploadOnRecord reports whether an upload in parts is that of a version.
func (s *Store) UploadOnRecord(bucket, key, uploadID string) (bool, error) {
	found, err := exists(s.read, `SELECT 1 FROM version WHERE key = $1 AND bucket = $2 AND key <> '' AND upload_id = $3`,
		key, bucket, uploadID)
	return found, pathErr("look for upload of", []byte(key), err)
}

// Life gives the token of the process that gave out an id; "" for one from before there
// were such.
func (s *Store) Life(id VersionID) (token string, err error) {
	err = one(s.read.row(`SELECT token FROM life WHERE first <= $1 ORDER BY first DESC LIMIT 1`, id), &token)
	if errors.Is(err, ErrNotExist) {
		err = nil
	}
	return token, versionErr("life of", id, err)
}

// Issued reports whether this database gave out an id, in the life that an object
// names. One that it did not give out is of a life of it that was lost. Of what was
// given out before the first life on record, the life is not known.
func (s *Store) Issued(id VersionID, token string) (issued bool, err error) {
	err = s.read.view(context.Background(), func(q source) error {
		var last, had VersionID
		if err := one(q.row(`SELECT last_version FROM counter`), &last); err != nil {
			return err
		}
		if id > last {
			return nil
		}
		switch err := one(q.row(`SELECT had FROM life WHERE first > $1 ORDER BY first LIMIT 1`, id), &had); {
		case errors.Is(err, ErrNotExist): // the latest life has no end yet
		case err != nil:
			return err
		case id > had:
			return nil
		}
		var of string
		switch err := one(q.row(`SELECT token FROM life WHERE first <= $1 ORDER BY first DESC LIMIT 1`, id), &of); {
		case errors.Is(err, ErrNotExist):
			issued = true
		case err != nil:
			return err
		default:
			issued = of == token || of == "" // see UnknownLife
		}
		return nil
	})
	return issued && err == nil, versionErr("look for", id, err)
}

// UnknownLife puts on record that ids were given out after the last one that is known
// here, by lives of which nothing is known: those that a copy of the database is too old
// for. What they wrote counts as issued. It is for who makes a database again of a copy,
// before anything is added to that. Durable.
func (s *Store) UnknownLife() error {
	err := s.durable(func(t *tx) error {
		t.lastVersion, t.counted = t.lastVersion+1, true
		return t.exec(`INSERT INTO life (first, had, token) VALUES ($1, $2, '')`, t.lastVersion, t.lastVersion-1)
	})
	return opErr("unknown life", err)
}

// Orphan is an object that no row knows.
type Orphan struct {
	Bucket string
	Key    string
	ETag   string
	Seen   int64 // when a listing showed it first, by the store's clock; 0: not yet on record
	Listed int64 // when one did last
}

// SeeOrphans puts on record what a whole listing of a bucket's key spaces showed. What
// was on record and was not listed, or is another object now, is forgotten. It gives
// back the list with the times of the first sightings. Durable.
func (s *Store) SeeOrphans(bucket string, list []Orphan) ([]Orphan, error) {
	var seen []Orphan
	err := s.durable(func(t *tx) (err error) {
		seen, err = t.seeOrphans(bucket, list)
		return err
	})
	return seen, pathErr("record orphans of", []byte(bucket), err)
}

func (t *tx) seeOrphans(bucket string, list []Orphan) ([]Orphan, error) {
	before, err := all(t, func(row scanner) (o Orphan, err error) {
		err = row.Scan(&o.Key, &o.ETag, &o.Seen)
		return o, err
	}, `SELECT key, etag, seen FROM orphan WHERE bucket = $1`, bucket)
	if err != nil {
		return nil, err
	}
	first := make(map[string]Orphan, len(before))
	for _, o := range before {
		first[o.Key] = o
	}
	if err := t.exec(`DELETE FROM orphan WHERE bucket = $1`, bucket); err != nil {
		return nil, err
	}
	seen := make([]Orphan, 0, len(list))
	for _, o := range list {
		o.Bucket, o.Seen = bucket, o.Listed
		if was, ok := first[o.Key]; ok && was.ETag == o.ETag {
			o.Seen = was.Seen
		}
		err := t.exec(`INSERT INTO orphan (bucket, key, etag, seen, listed) VALUES ($1, $2, $3, $4, $5)`,
			o.Bucket, o.Key, o.ETag, o.Seen, o.Listed)
		if err != nil {
			return nil, err
		}
		seen = append(seen, o)
	}
	return seen, nil
}

// CondemnOrphans decides that objects go which were seen twice, and returns those that
// it was right for: still no row knows them, and from now on none gets them, for they
// are on record as lost and condemned. Durable.
func (s *Store) CondemnOrphans(list []Orphan) (condemned []LostObject, err error) {
	err = s.durable(func(t *tx) error {
		condemned = condemned[:0]
		for _, o := range list {
			ok, err := t.condemnOrphan(&o)
			if err != nil {
				return err
			}
			if ok {
				condemned = append(condemned, LostObject{Bucket: o.Bucket, Key: o.Key})
			}
		}
		return nil
	})
	return condemned, opErr("condemn orphans", err)
}

func (t *tx) condemnOrphan(o *Orphan) (bool, error) {
	seen, err := t.affect(`DELETE FROM orphan WHERE bucket = $1 AND key = $2 AND etag = $3 AND seen = $4 AND listed > seen`,
		o.Bucket, o.Key, o.ETag, o.Seen)
	if err != nil || !seen {
		return false, err
	}
	known, err := knows(t, o.Bucket, o.Key)
	if err != nil || known {
		return false, err
	}
	return true, t.loseObject(o.Bucket, o.Key, 0)
}
