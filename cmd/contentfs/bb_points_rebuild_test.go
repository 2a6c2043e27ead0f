package main_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"contentfs/cmd/contentfs/internal/life"
	"contentfs/fs/crash"
	"contentfs/fs/snapshot"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// copiesAct: the copy of the metadata that a mount puts in the bucket at its end.
func copiesAct() act {
	return act{name: "copies", chained: true, prepare: filled(2), down: copyKept, scenes: []scene{
		{point: crash.SnapshotMade, do: addAndEnd},
		{point: crash.SnapshotPut, cut: true, do: addAndEnd},
		{point: crash.SnapshotRecorded, do: addAndEnd},
	}}
}

// copyKept shows that the copy that is on record is the newest in the bucket, is whole,
// and knows what the database knows.
func copyKept(s *theatre) {
	s.T.Helper()
	err := func() error {
		m, err := sqlite.Open(filepath.Join(s.State, "meta.db"), sqlite.Options{ReadOnly: true})
		if err != nil {
			return err
		}
		defer m.Close()
		text, err := m.Setting("snapshot")
		if err != nil {
			return err
		}
		r, err := snapshot.ParseRecord(text)
		if err != nil {
			return err
		}
		list, err := snapshot.List(context.Background(), s.bucket.store, life.Prefix)
		if err != nil {
			return err
		}
		if len(list) == 0 || r.Owed || list[0].Key != r.Key {
			return fmt.Errorf("on record is %+v; of %d copies the newest is %+v", r, len(list), list[:min(1, len(list))])
		}
		to := filepath.Join(s.T.(interface{ TempDir() string }).TempDir(), "copy")
		if err := snapshot.Fetch(context.Background(), s.bucket.store, &list[0], to, 1<<30); err != nil {
			return err
		}
		c, err := sqlite.Open(to, sqlite.Options{MustExist: true})
		if err != nil {
			return err
		}
		defer c.Close()
		return sameTree(m, c)
	}()
	if err != nil {
		s.T.Errorf("the copy of the metadata: %v", err)
	}
}

// sameTree compares the versions of two databases.
func sameTree(m, c *meta.Store) error {
	a, err := m.AllVersions(0, 1<<16)
	b, cerr := c.AllVersions(0, 1<<16)
	if err := errors.Join(err, cerr); err != nil {
		return err
	}
	if len(a) != len(b) {
		return fmt.Errorf("it has %d versions, and the database %d", len(b), len(a))
	}
	for i := range a {
		if a[i].ID != b[i].ID || a[i].Key != b[i].Key {
			return fmt.Errorf("it has version %d at %q, and the database %d at %q", b[i].ID, b[i].Key, a[i].ID, a[i].Key)
		}
	}
	return nil
}

// rebuildAct: a database is made again and takes the place of one that a crash left, with
// a log beside it and content that is only here.
func rebuildAct() act {
	before := killed(crash.CommitRecorded, (*theatre).add)
	rebuild := func(s *theatre) []string { return s.line("rebuild", "--yes", "--force") }
	return act{name: "rebuild", prepare: filled(3), scenes: []scene{
		{point: crash.RebuildBuilt, before: before, command: rebuild},
		{point: crash.ReplaceDecided, cut: true, before: before, command: rebuild},
		{point: crash.ReplaceAside, cut: true, before: before, command: rebuild},
		{point: crash.ReplaceAside, pass: 2, long: true, before: before, command: rebuild},
		{point: crash.ReplaceAside, pass: 3, long: true, before: before, command: rebuild},
		{point: crash.ReplaceAside, pass: 4, long: true, before: before, command: rebuild},
		{point: crash.ReplaceCleared, before: before, command: rebuild},
		{point: crash.ReplaceDone, cut: true, before: before, command: rebuild},
		// A start carries out what was decided, and ends in the middle of that.
		{point: crash.ReplaceCleared, long: true, command: nil, before: func(s *theatre) error {
			err := before(s)
			if err == nil {
				err = s.lead(scene{point: crash.ReplaceAside, command: rebuild}, strike{point: crash.ReplaceAside})
			}
			return err
		}},
	}}
}
