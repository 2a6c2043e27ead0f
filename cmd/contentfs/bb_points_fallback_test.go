package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"contentfs/fs/crash"
)

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
	// The end of a mount does not wait for copies to follow.
	alive := func(s *theatre) error { return s.rename(dir+"/settled.jpg", s.fresh()) }
	linked := func(s *theatre) error {
		s.Log.Expect("a file in the fallback that contentfs does not know was in the way") // the second name, see followInFallback
		return settled(s)
	}
	renamed := func(s *theatre) error {
		return all(func() error { return s.rename(dir+"/settled.jpg", s.fresh()) }, s.drain)
	}
	plain := func(s *theatre) error {

		// A restore of everything asks for the order at the end.
		return all(func() error { return settled(s) }, func() error { return s.run("restore", "--all") }, func() error { return settled(s) })

	}
	throw := func(s *theatre) []string { return s.line("disable") }
	return act{name: "fallback", chained: true, fallback: true, prepare: switchedOff, scenes: []scene{
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
		{point: crash.FollowLinked, before: linked, do: alive},
		{point: crash.FollowMoved, cut: true, before: settled, do: alive},
		{point: crash.SwitchThrown, command: throw},
		{point: crash.ArrangePlaced, before: plain, do: renamed},
		{point: crash.ArrangeMoved, before: plain, do: renamed},
		{point: crash.ArrangeDone, before: plain, do: renamed},
	}}
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
			if i%50 == 0 {
				if err := unix.Setxattr(filepath.Join(s.folder, path), "user.test", []byte(path), 0); err != nil {
					return err
				}
			}
			s.ledger.state[path] = path
		}
		return syncDisk(s.folder)
	}
	look := func(s *theatre) error {
		_, err := os.ReadDir(s.Join("u/many"))
		return err
	}
	// dressed shows that what was taken in has its attributes.
	dressed := func(s *theatre) error {
		for i := 0; i < 700; i += 50 {
			path, value := fmt.Sprintf("u/many/%d.txt", i), make([]byte, 100)
			n, err := unix.Getxattr(s.Join(path), "user.test", value)
			if err != nil || string(value[:n]) != path {
				return fmt.Errorf("attribute of %s: %q, %v", path, value[:max(n, 0)], err)
			}
		}
		return nil
	}
	return act{name: "adopt", fallback: true, scenes: []scene{
		{point: crash.AdoptRecorded, before: before, after: dressed},
		{point: crash.AdoptSome, pass: 3, before: before, do: look, after: dressed},
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
		{point: crash.OverflowMade, before: stopStore, do: fill, mend: startStore},
		{point: crash.OverflowKept, before: stopStore, do: fill, mend: startStore},
		{point: crash.OverflowSet, cut: true, before: stopStore, do: fill, mend: startStore},
		{point: crash.OverflowLeft, before: func(s *theatre) error {
			err := stopStore(s)
			if err == nil {
				err = killed(crash.OverflowSet, fill)(s)
			}
			return errors.Join(err, startStore(s))
		}, do: (*theatre).drain},
		{point: crash.ReserveGiven, cut: true, before: func(s *theatre) error {
			return all(func() error { return reserved(s) }, func() error { return fillDisk(s) })
		}, mend: func(s *theatre) error { return os.Remove(s.ballast()) }},
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
