package meta

import (
	"context"
	"database/sql"
	"errors"
)

// NodeCounts are the nodes by type, orphans included.
type NodeCounts struct {
	Files int64
	Dirs  int64
	Other int64
}

// Count is a number of versions and their bytes.
type Count struct {
	Number int64
	Bytes  int64
}

// Stats is one consistent view of what is where. The five counts by location are
// of the current versions, and each of those is in exactly one of them.
type Stats struct {
	Nodes NodeCounts

	OnlyLocal  Count // here, and nowhere else
	LocalAndS3 Count
	OnlyS3     Count
	Fallback   Count // in the fallback and not in S3, here or not
	Nowhere    Count // must be 0

	Retired Count
	Queue   Count // what is here, or in the fallback, and on its way; without what is held
	Moving  Count // what has an errand: a command sent it, or it follows its file's new name
	Held    Count // what stays on this server for now, as rules or the switch say
	Oldest  int64 // since when the oldest content of the queue is not in S3; 0: none

	Offload string // the switch on record: "on", "off", or "" when it was never thrown

	Snapshot string // what is on record of the newest copy of the metadata, "" when there is none

	LastError   string // of the uploads in the queue, "" when none failed
	LastErrorAt int64

	Quarantined int64
	Sending     int64 // retired versions too
}

const statsByPlace = `
	SELECT CASE
		WHEN retired <> 0 THEN 5
		WHEN remote = 2 THEN CASE WHEN file IS NULL THEN 2 ELSE 1 END
		WHEN fallback IS NOT NULL THEN 3
		WHEN file IS NULL THEN 4
		ELSE 0 END AS place, count(*), sum(size)
	FROM version GROUP BY place`

const statsOfNodes = `
	SELECT coalesce(sum(mode & 61440 = 32768), 0), coalesce(sum(mode & 61440 = 16384), 0), count(*) FROM node`

// Stats counts. It reads every row once: some hundred milliseconds for a million.
func (s *Store) Stats() (Stats, error) {
	var st Stats
	err := s.read.view(context.Background(), func(q source) error {
		return errors.Join(st.nodes(q), st.places(q), st.queue(q), st.others(q), st.settings(q))
	})
	if err != nil {
		return Stats{}, opErr("stats", err)
	}
	return st, nil
}

func (st *Stats) nodes(q source) error {
	var total int64
	err := q.row(statsOfNodes).Scan(&st.Nodes.Files, &st.Nodes.Dirs, &total)
	st.Nodes.Other = total - st.Nodes.Files - st.Nodes.Dirs
	return err
}

func (st *Stats) places(q source) error {
	places := [...]*Count{&st.OnlyLocal, &st.LocalAndS3, &st.OnlyS3, &st.Fallback, &st.Nowhere, &st.Retired}
	rows, err := q.query(statsByPlace)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var place int
		var c Count
		if err := rows.Scan(&place, &c.Number, &c.Bytes); err != nil {
			return err
		}
		*places[place] = c
	}
	return rows.Err()
}

func (st *Stats) queue(q source) error {
	err := q.row(`SELECT count(*), coalesce(sum(v.size), 0), coalesce(min(u.since), 0)
		FROM upload u JOIN version v ON v.id = u.version
		WHERE u.held IS NULL AND u.goal IN (0, 1)`).Scan(&st.Queue.Number, &st.Queue.Bytes, &st.Oldest)
	if err != nil {
		return err
	}
	err = q.row(`SELECT coalesce(sum(u.held IS NOT NULL), 0), coalesce(sum(CASE WHEN u.held IS NOT NULL THEN v.size END), 0),
		coalesce(sum(u.held IS NULL AND u.goal IN (2, 3)), 0), coalesce(sum(CASE WHEN u.held IS NULL AND u.goal IN (2, 3) THEN v.size END), 0)
		FROM upload u JOIN version v ON v.id = u.version WHERE u.held IS NOT NULL OR u.goal IN (2, 3)`).
		Scan(&st.Held.Number, &st.Held.Bytes, &st.Moving.Number, &st.Moving.Bytes)
	if err != nil {
		return err
	}
	err = q.row(`SELECT error, failed FROM upload WHERE error IS NOT NULL ORDER BY failed DESC LIMIT 1`).
		Scan(&st.LastError, &st.LastErrorAt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func (st *Stats) settings(q source) error {
	for key, value := range map[string]*string{"offload": &st.Offload, "snapshot": &st.Snapshot} {
		err := q.row(`SELECT value FROM setting WHERE key = $1`, key).Scan(value)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}

func (st *Stats) others(q source) error {
	return q.row(`SELECT (SELECT count(*) FROM quarantine), (SELECT count(*) FROM version WHERE remote = 1)`).
		Scan(&st.Quarantined, &st.Sending)
}
