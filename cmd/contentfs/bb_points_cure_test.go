package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"contentfs/fs/crash"
)

// cureAct: local files and objects that are not what they should be, content that was set
// aside, and the room that is held back for the metadata.
func cureAct() act {
	here := func(s *theatre) error { return s.once(func() error { return readAll(s) }) }
	rotten := func(s *theatre) error {
		err := here(s)
		if err == nil {
			rotFile(s.T.(*testing.T), localFile(s.T.(*testing.T), s.Volume, s.first()))
		}
		return err
	}
	missing := func(s *theatre) error {
		err := here(s)
		if err == nil {
			err = s.bucket.store.Delete(context.Background(), versionOfFile(s.T.(*testing.T), s.Volume, s.first()).Key)
		}
		return err
	}
	repair := func(s *theatre) []string { return s.line("verify", "--checksum", "--repair") }
	const text = "never synced"
	aside := func(s *theatre) error {
		if err := killed(crash.MknodRecorded, held("", text))(s); err != nil {
			return err
		}
		s.Mount()
		err := s.settle(s.Point, false)
		s.down()
		return err
	}
	restore := func(s *theatre) []string {
		path := s.fresh()
		s.flight = []tree{s.state.with(path, text)}
		return append([]string{"quarantine", "restore", "--state", s.State, "--as", "/" + path, s.Name}, s.heldIDs()...)
	}
	remove := func(s *theatre) []string {
		return []string{"quarantine", "remove", "--state", s.State, "--all", "--yes", s.Name}
	}
	empty := func(s *theatre) error {
		if ids := s.heldIDs(); len(ids) != 0 {
			return fmt.Errorf("in the quarantine: %q", ids)
		}
		return nil
	}
	return act{name: "cure", loose: true, prepare: filled(2), end: func(s *theatre) {
		if err := s.Run(s.line("verify", "--checksum")...).Want(0, "no differences"); err != nil {
			s.T.Error(err)
		}
	}, scenes: []scene{
		{point: crash.Cured, cut: true, before: rotten, command: repair},
		{point: crash.Cured, long: true, before: missing, command: repair},
		{point: crash.DamageGivenUp, before: func(s *theatre) error {
			s.Log.Expect("local file is damaged; it will be fetched again")
			return rotten(s)
		}, do: func(s *theatre) error { return s.read(s.first()) }},
		{point: crash.HeldReturned, before: aside, command: restore, after: func(s *theatre) error {
			if len(s.heldIDs()) == 0 {
				return nil
			}
			return s.Run("quarantine", "remove", "--state", s.State, "--all", "--yes", s.Name).Want(0)
		}},
		{point: crash.HeldRemoved, before: aside, command: remove, after: func(s *theatre) error {
			if len(s.heldIDs()) == 0 {
				return nil
			}
			return errors.Join(s.Run(remove(s)...).Want(0), empty(s))
		}},
		{point: crash.ReserveTaken, before: func(s *theatre) error {
			return errors.Join(os.Remove(filepath.Join(s.State, "reserve")), syncDisk(s.State))
		}},
	}}
}

// first returns the path of the first file of the act.
func (s *theatre) first() string { return dir + "/f001.jpg" }

// heldIDs lists the ids of what is in the quarantine.
func (s *theatre) heldIDs() (ids []string) {
	s.T.Helper()
	var list struct{ Files []struct{ ID string } }
	if err := s.Run("quarantine", "list", "--state", s.State, "--format", "json", s.Name).JSON(&list); err != nil {
		s.T.Errorf("the quarantine: %v", err)
	}
	for _, f := range list.Files {
		ids = append(ids, f.ID)
	}
	return ids
}

// frozenAct: the disk fails, and the daemon ends without touching what it can still see.
func frozenAct() act {
	return act{name: "frozen", failing: true, prepare: filled(2), scenes: []scene{{point: crash.DatabaseFrozen,
		before: func(s *theatre) error {
			s.Log.Expect("request failed", "the metadata cannot be written any more",
				"the mount is in use")
			return nil
		},
		do: func(s *theatre) error {
			if err := s.disks[0].Fail(); err != nil {
				return err
			}
			err := s.rename(s.any(), s.fresh())
			if herr := s.disks[0].Heal(); err == nil || herr != nil {
				return fmt.Errorf("a failing disk: %v, %w", err, herr)
			}
			return nil
		},
	}}}
}

// fillDisk leaves a disk less room than a start needs.
func fillDisk(s *theatre) error {
	const block = 64 << 10
	f, err := os.Create(s.ballast())
	if err != nil {
		return err
	}
	for {
		if _, err := f.Write(make([]byte, block)); err != nil {
			return errors.Join(syncDisk(s.State), f.Close())
		}
	}
}

func (s *theatre) ballast() string { return filepath.Join(s.disks[0].Path, "ballast") }

// reserved waits until room is held back.
func reserved(s *theatre) error {
	return s.once(func() error {
		s.Await("the reserve", func() bool {
			st, err := os.Stat(filepath.Join(s.State, "reserve"))
			return err == nil && st.Size() >= 1<<20
		})
		return nil
	})
}

// renameDir gives a directory another name.
func (s *theatre) renameDir(from, to string) error {
	next := make(tree)
	for path, text := range s.state {
		if rest, ok := strings.CutPrefix(path, from+"/"); ok {
			path = to + "/" + rest
		}
		next[path] = text
	}
	return s.ledger.do(next, durable, func() error { return os.Rename(s.Join(from), s.Join(to)) })
}

// renamedDir gives the directory m another name.
func renamedDir(s *theatre) error {
	s.n++
	return s.renameDir("m", fmt.Sprintf("moved%d", s.n))
}
