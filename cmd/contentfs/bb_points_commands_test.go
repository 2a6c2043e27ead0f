package main_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"contentfs/fs/crash"
)

// transferAct: migrate and restore, as commands of their own.
func transferAct() act {
	here := func(s *theatre) error { // in the fallback only
		if err := s.run("disable"); err != nil {
			return err
		}
		return s.once(s.add)
	}
	there := func(s *theatre) error { // in S3 only
		if err := s.run("enable"); err != nil {
			return err
		}
		return s.once(s.add)
	}
	migrate := func(s *theatre) []string { return s.line("migrate", "--all", "--remove-local") }
	restore := func(s *theatre) []string { return s.line("restore", "--all", "--remove-remote") }
	return act{name: "transfer", fallback: true, prepare: filled(3), scenes: []scene{
		{point: crash.TransferQueued, before: here, command: migrate},
		{point: crash.DropVerified, before: here, command: migrate},
		{point: crash.DropGivenUp, cut: true, before: here, command: migrate},
		{point: crash.ObjectVerified, before: there, command: restore},
		{point: crash.ObjectGivenUp, cut: true, before: there, command: restore},
	}, end: func(s *theatre) {
		if err := errors.Join(s.run("migrate", "--all", "--remove-local"), s.once(func() error { return readAll(s) })); err != nil {
			s.T.Error(err)
		}
	}}
}

// gcAct: deleted content goes for good, or comes back.
func gcAct() act {
	collect := func(s *theatre) []string { return s.line("gc", "--grace", "0s", "--yes", "--force") }
	garbage := func(s *theatre) error {
		path := s.any()
		return all(
			func() error { return s.once(func() error { return s.put(path, s.text(50)) }) },
			func() error { return s.once(func() error { return s.put(path, s.text(60)) }) })
	}
	// none shows that another collection finds what the one that was broken off left.
	none := func(s *theatre) {
		if err := s.run("gc", "--grace", "0s", "--yes", "--force"); err != nil {
			s.T.Error(err)
		}
		files := 0
		for path := range s.state {
			if !strings.HasSuffix(path, "/") {
				files++
			}
		}
		if keys := objects(s.T.(*testing.T), s.bucket.store); len(keys) != files {
			s.T.Errorf("%d objects for %d files: %q", len(keys), files, keys)
		}
	}
	return act{name: "gc", loose: true, prepare: filled(3), end: none, scenes: []scene{
		{point: crash.DiscardDone, cut: true, before: garbage, command: collect},
		{point: crash.CondemnDone, cut: true, before: garbage, command: collect},
		{point: crash.DeleteDone, before: garbage, command: collect},
		{point: crash.ForgetDone, before: garbage, command: collect},
		{point: crash.UndeleteDone,
			before: func(s *theatre) error {
				path, text := dir+"/deleted.jpg", s.text(70)
				err := s.once(func() error { return s.put(path, text) })
				if err == nil {
					err = s.once(func() error { return s.unlink(path) })
				}
				s.flight = []tree{s.state.with(path, text)}
				return err
			},
			command: func(s *theatre) []string {
				return []string{"undelete", s.Name, "/" + dir + "/deleted.jpg", "--state", s.State}
			}},
	}}
}

// importAct takes over objects.
func importAct() act {
	return act{name: "import", loose: true, scenes: []scene{{point: crash.ImportSome,
		before: func(s *theatre) error {
			s.n++
			item := fmt.Sprintf("item%d", s.n)
			next := s.state.with(item+"/", "").with(item+"/file/", "")
			for i := range 3 {
				key, text := fmt.Sprintf("%s_000000%d_file_n%d.pdf", item, i, i), s.text(50)
				if err := putObject(s.bucket.store, "old/"+key, text); err != nil {
					return err
				}
				next = next.with(fmt.Sprintf("%s/file/n%d.pdf", item, i), text)
			}
			err := s.once(func() error { return nil })
			s.flight = []tree{next}
			return err
		},
		command: func(s *theatre) []string { return s.line("import", "--from-prefix", "old", "--as", "addon") },
		after: func(s *theatre) error {
			return s.Run(s.line("import", "--from-prefix", "old", "--as", "addon", "--dry-run")...).Want(0)
		},
	}}}
}
