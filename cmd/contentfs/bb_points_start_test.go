package main_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"contentfs/fs/crash"
)

// startAct: the first starts of a volume, each with a state of its own, and starts of
// one that has been there for a while.
func startAct() act {
	anew := func(s *theatre) error {
		s.n++
		s.State = filepath.Join(s.disks[0].Path, fmt.Sprintf("state%d", s.n))
		s.ledger.state = tree{}
		return nil
	}
	works := func(s *theatre) error { return s.add() }
	return act{name: "start", scenes: []scene{
		{point: crash.StartLocked, before: anew, after: works},
		{point: crash.MarkMade, before: anew, after: works},
		{point: crash.DatabaseMade, before: anew, after: works},
		{point: crash.DatabaseOpened, before: anew, after: works},
		{point: crash.DatabaseSchema, before: anew, after: works},
		{point: crash.MarkRunning, before: anew, after: works},
		{point: crash.StartOpened, before: anew, after: works},
		{point: crash.MarkBegun, cut: true, after: works},
		{point: crash.StartRecovered, after: works},
		{point: crash.StartMounted, after: works},
	}}
}

// migrationAct: the start that brings a database of schema 1 up to date. What it tells
// of has no bytes here: names are compared.
func migrationAct() act {
	old := func(s *theatre) error {
		s.n++
		s.State = filepath.Join(s.disks[0].Path, fmt.Sprintf("state%d", s.n))
		if err := os.Mkdir(s.State, 0o700); err != nil {
			return err
		}
		f, err := os.Open("../../meta/sqlite/testdata/schema1.db.gz")
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(z)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.State, "meta.db"), b, 0o600); err != nil {
			return err
		}
		return syncDisk(s.State)
	}
	names := func(s *theatre) (list []string, err error) {
		s.Mount("--drain-deadline", "0s")
		err = filepath.WalkDir(s.Point, func(path string, _ fs.DirEntry, err error) error {
			list = append(list, path)
			return err
		})
		if code := s.Terminate(); code != 0 {
			err = errors.Join(err, fmt.Errorf("exit code %d", code))
		}
		return list, err
	}
	var want []string
	return act{name: "migration", loose: true, fallback: true,
		prepare: func(s *theatre) (err error) {
			s.Log.Expect("not everything is in S3", "content is lost on this server", "upload failed; will try again")
			if err = old(s); err == nil {
				want, err = names(s)
			}
			if err == nil && len(want) < 5 {
				err = fmt.Errorf("the old database has only %q", want)
			}
			return err
		},
		check: func(s *theatre, k strike) {
			if got, err := names(s); err != nil || !slices.Equal(got, want) {
				s.T.Errorf("%s: %q, %v instead of %q", k, got, err, want)
			}
			checkMeta(s.T, s.State)
		},
		scenes: []scene{
			{point: crash.MigrateCopied, before: old},
			{point: crash.MigrateKept, before: old},
			{point: crash.MigrateApplied, before: old},
			{point: crash.MigrateComplete, before: old},
		}}
}

// recoverAct: starts after a crash that end in another one.
func recoverAct() act {
	never := killed(crash.MknodRecorded, held("", "never synced"))
	empty := killed(crash.MknodRecorded, held("", ""))
	grown := killed(crash.MknodRecorded, held("synced and ", "written on"))
	return act{name: "recover", prepare: filled(5), scenes: []scene{
		{point: crash.RecoverOrphans},
		{point: crash.RecoverMerged},
		{point: crash.RecoverTaken, before: grown},
		{point: crash.RecoverCommitted, cut: true, before: grown},
		{point: crash.RecoverAbandoned, before: never},
		{point: crash.RecoverAbandoned, before: empty},
		{point: crash.RecoverGivenUp, before: func(s *theatre) error {
			err := s.once(func() error { return readAll(s) })
			s.wipe()
			return err
		}},
		{point: crash.RecoverUnknown, before: stray("whose is this?")},
		{point: crash.RecoverRemoved, before: stray("")},
		{point: crash.TrashUnlinked, before: killed(crash.MknodRecorded, func(s *theatre) error {
			path, err := s.made()
			if err != nil {
				return err
			}
			if err := s.put(path, s.text(10)); err != nil {
				return err
			}
			return s.end()
		})},
	}}
}
