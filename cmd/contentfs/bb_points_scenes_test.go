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
	"strings"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
	"contentfs/fs/crash"
)

// acts returns all scenes, grouped by the volume that they need.
func acts() []act {
	return []act{startAct(), migrationAct(), writeAct(), recoverAct(), uploadAct(), partsAct(), fetchAct(),
		fallbackAct(), transferAct(), gcAct(), importAct(), adoptAct(), overflowAct()}
}

// filled begins an act with some files.
func filled(n int) func(*theatre) error {
	return func(s *theatre) error {
		return s.once(func() error {
			for range n {
				if err := s.add(); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// wiped takes away all local files, so that content comes from S3.
func wiped(s *theatre) error {
	s.wipe()
	return nil
}

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
		{point: crash.DatabaseMade, before: anew, after: works},
		{point: crash.DatabaseOpened, before: anew, after: works},
		{point: crash.DatabaseSchema, before: anew, after: works},
		{point: crash.StartOpened, before: anew, after: works},
		{point: crash.StartRecovered, after: works},
		{point: crash.StartMounted, after: works},
	}}
}

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
	return act{name: "write", prepare: filled(5), scenes: []scene{
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

// uploadAct: the way to S3, to another key, and the end of a mount.
func uploadAct() act {
	move := func(s *theatre) []string {
		s.n++
		return s.line("move", "--all", "--to-prefix", fmt.Sprintf("%s/moved%d", life.Prefix, s.n))
	}
	forgotten := func(s *theatre) error {
		if err := killed(crash.UploadAnnounced, func(s *theatre) error { return all(s.add, s.drain) })(s); err != nil {
			return err
		}
		path := fmt.Sprintf("%s/f%03d.jpg", dir, s.n-1) // the file before its text
		return s.away(func() error { return s.unlink(path) })
	}
	return act{name: "upload", prepare: filled(5), scenes: []scene{
		{point: crash.UploadHashed, do: addAndEnd},
		{point: crash.UploadAnnounced, do: addAndEnd},
		{point: crash.UploadSent, do: addAndEnd},
		{point: crash.UploadDelivered, cut: true, do: addAndEnd},
		{point: crash.UploadCopied, do: func(s *theatre) error {
			return all(func() error { return s.put(s.fresh(), s.state[s.any()]) }, s.drain)
		}},
		{point: crash.UploadFound, before: killed(crash.UploadSent, addAndEnd), do: (*theatre).drain},
		{point: crash.CancelDiscarded, before: forgotten},
		{point: crash.CancelRecorded, before: forgotten},
		{point: crash.RekeyLost, do: func(s *theatre) error { return s.rename(s.any(), s.fresh()) }},
		{point: crash.RekeyAnnounced, command: move},
		{point: crash.RekeyCopied, command: move},
		{point: crash.RekeySwitched, cut: true, command: move},
		{point: crash.EndDrained, do: addAndEnd},
		{point: crash.EndUnmounted, do: addAndEnd},
		{point: crash.EndStopped, do: addAndEnd},
		{point: crash.DatabaseEnding, do: addAndEnd},
		{point: crash.DatabaseEmpty, do: addAndEnd},
	}}
}

// partsAct: uploads in parts, which takes more than 64 MiB.
func partsAct() act {
	const size = 65 << 20
	large := func(s *theatre) error {
		return all(func() error { return s.put("u1/file/large.bin", s.text(size)) }, s.drain)
	}
	// none shows that parts that were sent are discarded: but for those of an upload that
	// was made a moment before and is on record nowhere, which a rule of the bucket removes.
	none := func(s *theatre) {
		left, err := filepath.Glob(filepath.Join(s.Gateway.Dir, life.Bucket, ".sgwtmp/multipart/*/*"))
		if made := s.struck[crash.MultipartMade]; err != nil || len(left) > made {
			s.T.Errorf("%d uploads in parts are left, and %d are not on record: %v", len(left), made, err)
		}
	}
	return act{name: "parts", end: none, scenes: []scene{
		{point: crash.MultipartMade, do: large},
		{point: crash.MultipartKnown, cut: true, do: large},
		{point: crash.MultipartPart, cut: true, pass: 2, do: large},
		{point: crash.MultipartSent, do: large},
		{point: crash.MultipartDone, do: large},
		{point: crash.UploadAborted, before: killed(crash.MultipartPart, large), do: (*theatre).drain},
	}}
}

// fetchAct: content that is not on this server comes, and goes again.
func fetchAct() act {
	large := func(s *theatre) error { return s.read("u1/file/large.bin") }
	one := func(s *theatre) error { return s.read(s.any()) }
	return act{name: "fetch",
		prepare: func(s *theatre) error {
			err := s.once(func() error {
				return all(s.add, s.add, func() error { return s.put("u1/file/large.bin", s.text(9<<20)) })
			})
			s.wipe()
			return err
		},
		scenes: []scene{
			{point: crash.FetchFilled, before: wiped, do: one},
			{point: crash.FetchSynced, before: wiped, do: one},
			{point: crash.FetchAttached, cut: true, before: wiped, do: one},
			{point: crash.StreamBlock, pass: 2, before: wiped, do: large},
			{point: crash.StreamWhole, before: wiped, do: large},
			{point: crash.EvictGivenUp, cut: true, options: []string{"--cache-size", "1K"}, do: func(s *theatre) error { return all(s.add, s.drain) }},
		}}
}

// switchedOff begins an act with a volume whose new content goes to the fallback.
func switchedOff(s *theatre) error {
	if err := filled(3)(s); err != nil {
		return err
	}
	return s.run("disable")
}

// fallbackAct: into the fallback, and its order at the end.
func fallbackAct() act {
	deep := func(s *theatre) error {
		s.n++
		path := fmt.Sprintf("u%d/image/thumb/a.jpg", 100+s.n)
		return all(func() error { return s.put(path, s.text(100)) }, s.drain)
	}
	overwrite := func(s *theatre) error {
		return all(func() error { return s.put(dir+"/settled.jpg", s.text(100)) }, s.drain)
	}
	settled := func(s *theatre) error {
		return s.once(func() error { return s.put(dir+"/settled.jpg", s.text(100)) })
	}
	// What lies in the way was never on record and is not taken in any more.
	var foreign string
	inTheWay := func(s *theatre) error {
		s.Log.Expect("a file in the fallback that contentfs does not know was in the way")
		foreign = s.fresh()
		return errors.Join(settled(s),
			os.WriteFile(filepath.Join(s.folder, foreign), []byte("not ours"), 0o644), syncDisk(s.folder))
	}
	kept := func(s *theatre) error {
		aside, err := filepath.Glob(filepath.Join(s.folder, ".contentfs-aside", "*"))
		if err == nil && len(aside) != s.struck[crash.WayAside] {
			err = fmt.Errorf("set aside: %q", aside)
		}
		for _, path := range aside {
			if b, rerr := os.ReadFile(path); string(b) != "not ours" {
				err = errors.Join(err, fmt.Errorf("%s: %q, %v", path, b, rerr))
			}
		}
		return err
	}
	renamed := func(s *theatre) error {
		return all(func() error { return s.rename(dir+"/settled.jpg", s.fresh()) }, s.drain)
	}
	plain := func(s *theatre) error {

		// A restore of everything asks for the order at the end.
		return all(func() error { return settled(s) }, func() error { return s.run("restore", "--all") }, func() error { return settled(s) })

	}
	throw := func(s *theatre) []string { return s.line("disable") }
	return act{name: "fallback", fallback: true, prepare: switchedOff, scenes: []scene{
		{point: crash.SettleDir, do: deep},
		{point: crash.SettleCopied, do: deep},
		{point: crash.SettleSynced, do: deep},
		{point: crash.SettleAnnounced, do: deep},
		{point: crash.SettleMoved, cut: true, do: deep},
		{point: crash.SettleRecorded, cut: true, do: deep},
		{point: crash.WayLinked, before: settled, do: overwrite},
		{point: crash.WayRecorded, before: settled, do: overwrite},
		{point: crash.StrayRemoved, before: settled, do: overwrite},
		{point: crash.WayAside, before: inTheWay, after: kept, do: func(s *theatre) error {
			return all(func() error { return s.put(foreign, s.text(100)) }, s.drain)
		}},
		{point: crash.SwitchThrown, command: throw},
		{point: crash.ArrangePlaced, before: plain, do: renamed},
		{point: crash.ArrangeMoved, before: plain, do: renamed},
		{point: crash.ArrangeDone, before: plain, do: renamed},
	}}
}

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

// adoptAct: a tree that was there before; one directory has more names than are taken
// in at once.
func adoptAct() act {
	// before puts a tree where a volume that was never mounted has its fallback.
	before := func(s *theatre) error {
		s.n++
		s.State = filepath.Join(s.disks[0].Path, fmt.Sprintf("state%d", s.n))
		s.folder = filepath.Join(s.disks[0].Path, fmt.Sprintf("fallback%d", s.n))
		s.Args = []string{"--fallback", s.folder}
		s.ledger.state = tree{"u/": "", "u/many/": ""}
		if err := os.MkdirAll(filepath.Join(s.folder, "u/many"), 0o755); err != nil {
			return err
		}
		for i := range 700 {
			path := fmt.Sprintf("u/many/%d.txt", i)
			if err := os.WriteFile(filepath.Join(s.folder, path), []byte(path), 0o644); err != nil {
				return err
			}
			s.ledger.state[path] = path
		}
		return syncDisk(s.folder)
	}
	look := func(s *theatre) error {
		_, err := os.ReadDir(s.Join("u/many"))
		return err
	}
	return act{name: "adopt", fallback: true, scenes: []scene{
		{point: crash.AdoptRecorded, before: before},
		{point: crash.AdoptSome, pass: 3, before: before, do: look},
	}}
}

// overflowAct: the disk is full while S3 is away.
func overflowAct() act {
	fill := func(s *theatre) error {
		for i := range 300 {
			if err := s.put(fmt.Sprintf("%s/big%d.bin", dir, i), s.text(256<<10)); err != nil {
				return err
			}
		}
		return errors.New("the disk does not get full")
	}
	return act{name: "overflow", fallback: true, size: 40 << 20, scenes: []scene{
		{point: crash.OverflowMade, before: stopStore, do: fill, after: startStore},
		{point: crash.OverflowKept, before: stopStore, do: fill, after: startStore},
		{point: crash.OverflowSet, cut: true, before: stopStore, do: fill, after: startStore},
		{point: crash.OverflowLeft, before: func(s *theatre) error {
			err := stopStore(s)
			if err == nil {
				err = killed(crash.OverflowSet, fill)(s)
			}
			return errors.Join(err, startStore(s))
		}, do: (*theatre).drain},
	}}
}

func stopStore(s *theatre) error {
	s.Log.Expect("the store is away", "not everything is in S3")
	s.Gateway.Stop()
	return nil
}

func startStore(s *theatre) error {
	s.Gateway.Start(s.T)
	return nil
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
