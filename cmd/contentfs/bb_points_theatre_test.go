package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
	"contentfs/fs/crash"
)

// act is some scenes on one volume.
type act struct {
	name     string
	fallback bool  // the volume has one
	size     int64 // bytes of the disk; 0 for the usual one
	failing  bool  // the disk of the state can fail
	chained  bool  // see theatre.chains
	loose    bool  // objects come and go otherwise than by uploads of this volume
	prepare  func(*theatre) error
	scenes   []scene
	down     func(*theatre) // after every life that ended well
	end      func(*theatre)

	// check compares after a strike, instead of what is usual.
	check func(*theatre, strike)
}

// scene leads to one point.
type scene struct {
	point crash.Point
	pass  int  // 0: the first
	cut   bool // where it is struck once, a power cut tells more than a kill
	long  bool // only where all points are struck both ways

	// before prepares it, with mounts of its own.
	before func(*theatre) error
	// options are those of the mount that is to end.
	options []string
	// do is what is done in the mount that is to end, from when it answers; nil: it
	// ends before.
	do func(*theatre) error
	// command is what is to end instead of a mount, without a mount beside it.
	command func(*theatre) []string
	// mend is called after the strike, when the disks have their power again.
	mend func(*theatre) error
	// after is called when the volume is mounted again and was compared.
	after func(*theatre) error
}

// theatre is the volume of an act, and what it promised.
type theatre struct {
	*life.Volume
	ledger
	act    act
	disks  []*life.Disk // of the state, and of the fallback
	folder string       // the fallback; "" without
	bucket *bucketAudit
	struck map[crash.Point]int
	victim *life.Victim // of the scene
	held   []*os.File   // open until the strike
	n      int          // names given

	quick     bool // not every scene is compared in a life of its own
	cut       bool // the power was, since the last comparison
	unsettled bool // the life that comes next compares first
}

func newTheatre(t *testing.T, a act, quick bool) *theatre {
	size := a.size
	if size == 0 {
		size = 512 << 20
	}
	s := &theatre{act: a, quick: quick, struck: make(map[crash.Point]int)}
	if a.failing {
		s.disks = []*life.Disk{life.NewFailingDisk(t, life.Ext4, size, "100%")}
	} else {
		s.disks = []*life.Disk{life.NewDisk(t, life.Ext4, size)}
	}
	if a.size != 0 {
		s.disks = append(s.disks, life.NewDisk(t, life.Ext4, 512<<20))
	}
	s.state = tree{}
	s.Volume = start(t)
	s.State = filepath.Join(s.disks[0].Path, "state")
	if a.fallback {
		s.folder = filepath.Join(s.disks[len(s.disks)-1].Path, "fallback")
		if err := os.Mkdir(s.folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syncDisk(s.folder); err != nil {
			t.Fatal(err)
		}
		s.Args = append(s.Args, "--fallback", s.folder)
	}
	s.Log.Expect("crash point",
		"released a mount point whose process was gone",
		"recovered after a crash",
		"content that was never closed is kept in the quarantine",
		"a local file that is not on record is kept in the quarantine",
	)
	s.bucket = newBucketAudit(t, s.Volume, &s.history)
	if a.prepare != nil {
		if err := a.prepare(s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// chains reports whether the life in which a scene ends is also the one that compares
// what the scene before it left. That is for acts whose points nothing passes before the
// mount answers, and whose scenes need nothing that only a life of its own shows.
func (s *theatre) chains(x scene, next *scene) bool {
	return s.quick && s.act.chained && x.after == nil && next != nil && next.before == nil && next.command == nil && next.do != nil
}

// compare finds what the last strike left.
func (s *theatre) compare() error {
	err := s.settle(s.Point, s.cut)
	if err == nil {
		s.cut, s.unsettled = false, false
	}
	return err
}

// play plays one scene to its strike and compares. next is the one after it, nil for
// none: of an act that is played quickly, the files are taken away once, at its end.
func (s *theatre) play(x scene, k strike, next *scene) {
	t := s.T
	t.Helper()
	if x.before != nil {
		if err := x.before(s); err != nil {
			t.Errorf("%s: before the scene: %v", k, err)
			return
		}
	}
	if err := s.lead(x, k); err != nil {
		t.Errorf("%s: %v", k, err)
		return
	}
	if s.act.check != nil {
		s.act.check(s, k)
		return
	}
	if s.chains(x, next) {
		s.unsettled = true
		return
	}
	s.Mount()
	if err := s.compare(); err != nil {
		t.Errorf("%s, mounted again: %v", k, err)
		return
	}
	if x.after != nil {
		if err := x.after(s); err != nil {
			t.Errorf("%s, mounted again: %v", k, err)
		}
	}
	s.down()
	if s.quick && next != nil && s.act.size == 0 {
		return
	}
	s.wipe()
	s.Mount()
	if err := s.compare(); err != nil {
		t.Errorf("%s, without the local files: %v", k, err)
	}
	s.down()
}

// lead has a process end itself at the point, and everything that comes with it.
func (s *theatre) lead(x scene, k strike) error {
	var p *life.Victim
	done := make(chan error, 1)
	if x.command != nil {
		p = s.RunVictim(x.point, max(1, x.pass), k.cut, x.command(s)...)
		done <- nil
	} else {
		var answered <-chan string
		p, answered = s.MountVictim(x.point, max(1, x.pass), k.cut, x.options...)
		s.victim = p
		go func() {
			line := <-answered
			if line == "" {
				done <- nil
				return
			}
			var err error
			if s.unsettled {
				err = s.compare()
			}
			if err == nil && x.do != nil {
				err = x.do(s)
			}
			done <- err
		}()
	}
	err := p.Await()
	s.struck[x.point]++
	judge := s.Log.Forgive()
	if k.cut && err == nil {
		for _, d := range s.disks {
			err = errors.Join(err, d.Cut())
		}
	}
	p.Kill()
	if derr := <-done; err != nil && derr != nil {
		err = fmt.Errorf("%w\n\tand what leads there: %w", err, derr)
	}
	s.cut = s.cut || k.cut
	for _, f := range s.held {
		f.Close() // which fails: its mount is gone
	}
	s.held = nil
	s.Release()
	s.Sweep()
	if k.cut || s.act.failing { // whose file system stopped with the disk
		for _, d := range s.disks {
			d.Restore()
		}
	}
	judge()
	if err == nil && x.mend != nil {
		err = x.mend(s)
	}
	return err
}

// drained takes the volume out of use when all is where it belongs.
func (s *theatre) drained() {
	s.T.Helper()
	if u := s.Unmount(); u.Pending != 0 || !u.Known {
		s.T.Errorf("after the drain: %+v", u)
	}
}

// down takes the volume out of use when all is where it belongs, and compares
// metadata, local files and objects.
func (s *theatre) down() {
	s.T.Helper()
	s.drained()
	if c := s.Status().Counts; c.Waiting.Count+c.OnlyLocal.Count+c.Lost.Count != 0 {
		s.T.Errorf("after the drain: %+v", *c)
	}
	auditVolume(s.T, s.Volume, s.bucket.store)
	if !s.act.loose {
		s.bucket.check()
	}
	unwanted := []string{filepath.Join(s.State, "snapshot.*"), filepath.Join(s.State, "meta.db.new*"), filepath.Join(s.State, "meta.db-mark.*")}
	if s.folder != "" {
		unwanted = append(unwanted, filepath.Join(s.folder, ".contentfs-new", "*"))
	}
	for _, pattern := range unwanted {
		if left, err := filepath.Glob(pattern); err != nil || len(left) != 0 {
			s.T.Errorf("left over: %q, %v", left, err)
		}
	}
	if s.act.down != nil {
		s.act.down(s)
	}
}

// once is a life of the volume that ends well.
func (s *theatre) once(do func() error) error {
	s.Mount()
	err := do()
	if s.quick {
		s.drained() // what comes after the scene compares more
	} else {
		s.down()
	}
	return err
}

// drain has the daemon of the scene send all and end.
func (s *theatre) drain() error { return s.victim.Signal(syscall.SIGTERM) }
