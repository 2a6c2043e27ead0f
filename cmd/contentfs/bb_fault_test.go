package main_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"contentfs/cmd/contentfs/internal/life"
	"contentfs/cmd/contentfs/internal/workload"
)

// fault is a kind of blow at system calls of a daemon at work.
type fault struct {
	calls  string // names
	places []place
	blow   life.Blow
	sticky bool
	within int // of so many calls one is struck
}

func (f fault) String() string {
	what := "kill"
	if f.blow.Errno != 0 {
		what = map[syscall.Errno]string{syscall.EIO: "EIO", syscall.ENOSPC: "ENOSPC", syscall.EMFILE: "EMFILE"}[f.blow.Errno]
	}
	if f.sticky {
		what += " from then on"
	}
	return fmt.Sprintf("%s: %s %v", what, f.calls, f.places)
}

// kill, eio and full are what strikes.
var (
	kill = life.Blow{Kill: true}
	eio  = life.Blow{Errno: syscall.EIO}
	full = life.Blow{Errno: syscall.ENOSPC}
)

// faults are taken in turn.
var faults = []fault{
	{"fsync fdatasync", []place{journal}, kill, false, 30},
	{"fsync fdatasync", []place{journal}, eio, false, 30},
	{"fsync fdatasync", []place{bytesOf}, kill, false, 30},
	{"fsync fdatasync", []place{bytesOf}, eio, false, 30},
	{"fsync fdatasync", []place{bytesOf}, eio, true, 30},
	{"pwrite64", []place{journal}, kill, false, 100},
	{"pwrite64", []place{journal}, eio, false, 100},
	{"pwrite64", []place{journal}, full, false, 100},
	{"fsync", []place{folder}, kill, false, 20},
	{"fsync", []place{folder}, eio, false, 20},
	{"openat", []place{bytesOf}, kill, false, 40},
	{"openat", []place{bytesOf}, full, false, 40},
	{"unlinkat", []place{bytesOf}, kill, false, 10},
	{"unlinkat", []place{bytesOf}, eio, false, 10},
	{"fsetxattr", []place{bytesOf}, kill, false, 40},
	{"fsetxattr", []place{bytesOf}, full, false, 40},
	{"fsync fdatasync pwrite64", []place{journal}, eio, true, 60},
	{"fsync fdatasync pwrite64 ftruncate", nil, eio, true, 60},
	{"fsync pwrite64 openat fsetxattr ftruncate fallocate", nil, full, true, 60},
	{"openat", []place{bytesOf}, life.Blow{Errno: syscall.EMFILE}, true, 40},
	{"pwrite64 fsync fdatasync ftruncate", []place{database}, kill, false, 3},
	{"pwrite64 fsync fdatasync ftruncate", []place{database}, eio, false, 3},
	{"pread64", []place{database, journal}, eio, false, 30},
	{"pread64", []place{bytesOf}, eio, true, 10},
}

// TestFaultLoop makes system calls of a daemon fail while writers work, or kills it
// there, and then kills it or cuts the power of its disk. What was answered with an
// error may have happened or not; nothing else may be amiss, neither then nor later.
func TestFaultLoop(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root, for a loop device")
	}
	disk := life.NewDisk(t, life.Ext4, life.DiskSize)
	v := start(t)
	v.State = disk.Path
	c := newCampaign(t, v, 16, 1, true)
	c.needed = nil
	c.team.Told()
	l := &faultLoop{campaign: c, disk: disk, struck: make(map[string]int)}
	// A short run strikes others every time.
	offset := c.rng.IntN(len(faults))
	for c.more() {
		l.live(faults[(offset+c.done)%len(faults)])
	}
	c.finish()
	l.report()
}

type faultLoop struct {
	*campaign
	disk *life.Disk

	struck                       map[string]int
	calls, ended, looked, unread int
}

// live is one life with its fault.
func (l *faultLoop) live(f fault) {
	c := l.campaign
	h := &hand{
		state: c.State, places: f.places, nth: 1 + c.rng.IntN(f.within), sticky: f.sticky, blow: f.blow, once: make(chan struct{}),
	}
	c.Volume.Trap = life.NewTrap(c.T, h.decide, strings.Fields(f.calls)...)
	c.Mount()
	c.verify("after the fault before")
	judge := c.Log.Forgive()
	c.start()
	h.armed.Store(true)
	select {
	case <-h.once:
		// How long it goes on is left to chance.
		if !f.blow.Kill {
			<-time.After(time.Duration(c.rng.IntN(300)) * time.Millisecond)
		}
	case <-time.After(1500 * time.Millisecond):
	}
	l.end(f)
	judge()
	c.done++
	l.calls += len(h.hit)
	if h.hit != nil {
		l.struck[f.String()]++
	}
	if c.T.Failed() {
		c.T.Logf("fault %d was %s, and struck %d calls, the first of them: %v", c.done, f, len(h.hit), h.hit[:min(1, len(h.hit))])
	}
}

// end ends the life in one of three ways.
func (l *faultLoop) end(f fault) {
	c := l.campaign
	c.after = workload.Kill
	how := c.rng.IntN(3)
	if how == 0 && !f.blow.Kill {
		l.look()
	}
	if !c.Running() {
		l.ended++
	}
	c.team.Brace()
	if how == 1 {
		c.after = workload.Cut
		if err := l.disk.Cut(); err != nil {
			c.T.Fatal(err)
		}
		c.team.Dead()
	}
	c.Kill()
	c.ReapAny()
	if err := c.team.Wait(); err != nil {
		c.T.Errorf("before the end of life %d: %v", c.done+1, err)
	}
	c.wire.cut()
	c.Release()
	if how == 1 {
		l.disk.Restore()
	}
}

// look compares while the daemon that was struck still answers.
func (l *faultLoop) look() {
	c := l.campaign
	c.team.Stop()
	unread, wrong := c.team.Look()
	switch {
	case wrong != nil:
		c.T.Errorf("fault %d, before the restart: %v", c.done+1, wrong)
	case unread != nil:
		l.unread++
	default:
		l.looked++
	}
}

func (l *faultLoop) report() {
	n := 0
	for _, f := range faults {
		n += l.struck[f.String()]
		l.T.Logf("%4d lives: %s", l.struck[f.String()], f)
		if l.struck[f.String()] == 0 && l.done >= 4*len(faults) {
			l.T.Errorf("never struck: %s", f)
		}
	}
	l.T.Logf("%d of %d lives were struck, in %d calls; %d operations were answered with an error; the daemon ended by itself in %d; "+
		"it was right before the restart in %d, and its tree could not be read in %d",
		n, l.done, l.calls, l.team.Refused(), l.ended, l.looked, l.unread)
	if n == 0 {
		l.T.Error("nothing was struck: the loop tested nothing")
	}
}
