package main_test

import (
	"fmt"
	"os"

	"contentfs/fs/crash"
)

// writeAct: what applications do to files and names.
func writeAct() act {
	overwrite := func(s *theatre) error { return s.put(s.any(), s.text(5000)) }
	rename := func(s *theatre) error {
		to, from := s.any(), s.fresh()
		if err := s.put(from, s.text(2000)); err != nil {
			return err
		}
		return s.rename(from, to)
	}
	// appendTo changes a file of which this server has the content, or not.
	appendTo := func(here bool) func(*theatre) error {
		return func(s *theatre) error {
			path := s.any()
			if here {
				if err := s.read(path); err != nil {
					return err
				}
			}
			return s.change(path, s.text(1000))
		}
	}
	appendToNew := func(s *theatre) error {
		path, err := s.made()
		if err != nil {
			return err
		}
		return s.change(path, s.text(1000))
	}
	shared := func(s *theatre) error {
		path, err := s.made()
		if err != nil {
			return err
		}
		f, err := os.Open(s.Join(path))
		if err != nil {
			return err
		}
		s.keep(f)
		return s.change(path, s.text(1000))
	}
	busy := func(s *theatre) error {
		for range 5000 {
			if err := s.put(fmt.Sprintf("%s/busy%d.jpg", dir, s.n%40), s.text(100)); err != nil {
				return err
			}
		}
		return nil
	}
	return act{name: "write", chained: true, prepare: filled(5), scenes: []scene{
		{point: crash.DatabaseApplied, pass: 3, do: busy},
		{point: crash.DatabaseCommitted, pass: 3, do: busy},
		{point: crash.DatabaseCopied, do: busy},
		{point: crash.CreateFile, do: (*theatre).add},
		{point: crash.CreateRecorded, do: (*theatre).add},
		{point: crash.DraftFile, do: overwrite},
		{point: crash.DraftRecorded, do: overwrite},
		{point: crash.TruncateDone, do: overwrite},
		{point: crash.DraftCopied, before: wiped, do: appendTo(false)},
		{point: crash.DraftBegun, do: appendToNew},
		{point: crash.DetachRecorded, cut: true, do: appendTo(true)},
		{point: crash.ShareCloned, do: shared},
		{point: crash.ShareSynced, do: shared},
		{point: crash.ShareRecorded, cut: true, do: shared},
		{point: crash.GiveBackSynced, before: wiped, do: func(s *theatre) error { return s.change(s.any(), "") }},
		{point: crash.CommitIdentity, do: overwrite},
		{point: crash.CommitSynced, do: overwrite},
		{point: crash.CommitRecorded, cut: true, do: overwrite},
		{point: crash.ReleaseSettled, do: overwrite},
		{point: crash.MknodRecorded, do: func(s *theatre) error { return s.mkdir("u2/image/a/b") }},
		{point: crash.LinkRecorded, do: func(s *theatre) error {
			from, to := s.any(), s.fresh()
			return s.ledger.do(s.state.with(to, s.state[from]), durable, func() error { return os.Link(s.Join(from), s.Join(to)) })
		}},
		{point: crash.RenameCommitted, do: func(s *theatre) error {
			// What is renamed is still open, and was never committed.
			from, to, text := s.fresh(), s.any(), s.text(2000)
			f, err := os.Create(s.Join(from))
			if err != nil {
				return err
			}
			s.keep(f)
			if _, err := f.WriteString(text); err != nil {
				return err
			}
			return s.ledger.do(s.state.with(to, text), durable, func() error { return os.Rename(s.Join(from), s.Join(to)) },
				s.state.with(from, text))
		}},
		{point: crash.RenameRecorded, cut: true, do: rename},
		{point: crash.UnlinkRecorded, do: func(s *theatre) error { return s.unlink(s.any()) }},
		{point: crash.RmdirRecorded, do: func(s *theatre) error {
			if err := s.mkdir("u3/image"); err != nil {
				return err
			}
			return s.ledger.do(s.state.without("u3/image/"), visible, func() error { return os.Remove(s.Join("u3/image")) })
		}},
	}}
}
