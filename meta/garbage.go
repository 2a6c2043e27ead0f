package meta

import "context"

// Garbage is what a collection with one limit would remove, and what there is.
type Garbage struct {
	Versions Count // retired before the limit, and not in use
	Objects  Count // of these in S3
	Fallback Count // of these in the fallback
	Local    Count // of these on this server
	Lost     int64 // objects besides that no version points to
	Strays   int64 // paths of the fallback besides that no version has
	Oldest   int64 // when the first of the versions was retired; 0: none

	OnRecord int64     // all objects, of current versions too, and lost ones
	Newest   VersionID // the last id given out
}

// collectable is what may go of the versions named v: retired before $1, and neither
// on the way to S3, which is its sender's to settle, nor in use by a node or a draft.
const collectable = `v.retired <> 0 AND v.retired < $1 AND v.remote <> 1 AND v.open = 0
	AND NOT EXISTS (SELECT 1 FROM node n WHERE n.ino = v.ino AND n.version = v.id)
	AND NOT EXISTS (SELECT 1 FROM draft d WHERE d.base = v.id)`

// unowned is a lost object that no version has.
const unowned = `NOT EXISTS (SELECT 1 FROM version v WHERE v.key = lost_object.key AND v.bucket = lost_object.bucket AND v.key <> '')`

// Garbage counts what was garbage before a time.
func (s *Store) Garbage(before int64) (Garbage, error) {
	var g Garbage
	err := s.read.view(context.Background(), func(q source) error {
		err := q.row(`SELECT count(*), coalesce(sum(v.size), 0),
			coalesce(sum(v.remote = 2), 0), coalesce(sum(CASE WHEN v.remote = 2 THEN v.size ELSE 0 END), 0),
			coalesce(sum(v.fallback IS NOT NULL), 0), coalesce(sum(CASE WHEN v.fallback IS NOT NULL THEN v.size ELSE 0 END), 0),
			coalesce(sum(v.file IS NOT NULL), 0), coalesce(sum(CASE WHEN v.file IS NOT NULL THEN v.size ELSE 0 END), 0),
			coalesce(min(v.retired), 0) FROM version v WHERE `+collectable, before).
			Scan(&g.Versions.Number, &g.Versions.Bytes, &g.Objects.Number, &g.Objects.Bytes,
				&g.Fallback.Number, &g.Fallback.Bytes, &g.Local.Number, &g.Local.Bytes, &g.Oldest)
		if err != nil {
			return err
		}
		return q.row(`SELECT (SELECT count(*) FROM lost_object WHERE since < $1 AND `+unowned+`),
			(SELECT count(*) FROM stray),
			(SELECT count(*) FROM version WHERE remote = 2) + (SELECT count(*) FROM lost_object),
			(SELECT last_version FROM counter)`, before).Scan(&g.Lost, &g.Strays, &g.OnRecord, &g.Newest)
	})
	return g, opErr("garbage", err)
}

// GarbageVersions lists versions that were retired before a time and are not in use,
// behind the id after, in the order of their ids.
func (s *Store) GarbageVersions(before int64, after VersionID, limit int) ([]Version, error) {
	list, err := all(s.read, scanVersion, `SELECT `+versionColumns+` FROM version v
		WHERE `+collectable+` AND v.id > $2 ORDER BY v.id LIMIT $3`, before, after, limit)
	return list, opErr("garbage versions", err)
}

// Discarded is a version that is given up for good.
type Discarded struct {
	ID    VersionID
	Inode int64 // of its file in the fallback, as Stray has it
}

// Discard forgets versions that were retired before a time: their objects are lost
// from when they were retired, their paths in the fallback become stray, their local
// files trash. It returns those that it forgot: what came back into use meanwhile is
// left alone. Durable.
func (s *Store) Discard(list []Discarded, before, now int64) (gone []VersionID, err error) {
	err = s.durable(func(t *tx) error {
		gone = gone[:0]
		for i := range list {
			ok, err := t.discardGarbage(&list[i], before, now)
			if err != nil {
				return err
			}
			if ok {
				gone = append(gone, list[i].ID)
			}
		}
		return nil
	})
	return gone, opErr("discard", err)
}

func (t *tx) discardGarbage(d *Discarded, before, now int64) (bool, error) {
	ok, err := exists(t, `SELECT 1 FROM version v WHERE v.id = $2 AND `+collectable, before, d.ID)
	if err != nil || !ok {
		return false, err
	}
	v, err := getVersion(t, d.ID)
	if err != nil {
		return false, err
	}
	if err := t.exec(`DELETE FROM version WHERE id = $1`, v.ID); err != nil {
		return false, err
	}
	if v.Key != "" {
		err = t.loseObject(v.Bucket, v.Key, v.Retired)
	}
	if err == nil && v.Fallback != nil {
		err = t.stray(v.Fallback, d.Inode, now)
	}
	if err == nil && v.File != "" {
		err = t.trash(v.File, now)
	}
	return err == nil, err
}

// GarbageObjects lists lost objects from before a time that no version has, behind
// one of them, in the order of buckets and keys.
func (s *Store) GarbageObjects(before int64, after LostObject, limit int) ([]LostObject, error) {
	list, err := all(s.read, func(row scanner) (o LostObject, err error) {
		err = row.Scan(&o.Bucket, &o.Key, &o.Since)
		return o, err
	}, `SELECT bucket, key, since FROM lost_object WHERE since < $1 AND (bucket, key) > ($2, $3) AND `+unowned+`
		ORDER BY bucket, key LIMIT $4`, before, after.Bucket, after.Key, limit)
	return list, opErr("garbage objects", err)
}

// Condemn decides that lost objects go, and returns those that it was right for: no
// version has them, and from now on none gets them (see SwitchObject). Durable.
func (s *Store) Condemn(list []LostObject) (condemned []LostObject, err error) {
	err = s.durable(func(t *tx) error {
		condemned = condemned[:0]
		for _, o := range list {
			ok, err := t.affect(`UPDATE lost_object SET since = 0 WHERE bucket = $1 AND key = $2 AND since = $3 AND `+unowned,
				o.Bucket, o.Key, o.Since)
			if err != nil {
				return err
			}
			if ok {
				condemned = append(condemned, o)
			}
		}
		return nil
	})
	return condemned, opErr("condemn objects", err)
}

// ForgetLostObjects ends the records of objects that were condemned and are gone.
// Visible.
func (s *Store) ForgetLostObjects(list []LostObject) error {
	err := s.visible(func(t *tx) error {
		for _, o := range list {
			err := t.exec(`DELETE FROM lost_object WHERE bucket = $1 AND key = $2 AND since = 0`, o.Bucket, o.Key)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return opErr("forget lost objects", err)
}
