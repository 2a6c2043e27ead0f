package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"contentfs/cmd/contentfs/internal/life"
)

// TestErrorLoop lets the disk of the state fail for a moment, again and again while
// writers work, and then cuts its power, or kills the daemon. No close that was
// answered as done may be missing after that.
//
// The file system is xfs, which tries a write of its own again until the disk is
// well, or stops. ext4 may lose its own metadata so, and what it lost is then
// missing whatever was promised.
func TestErrorLoop(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root, for a loop device")
	}
	disks := []struct{ name, rate string }{
		{"every write", "100%"},
		{"half of the writes", "50%"},
		{"some writes", "20%"},
	}
	some := disks
	if os.Getenv("CONTENTFS_CRASH_LIVES")+os.Getenv("CONTENTFS_CRASH_TIME") == "" {
		// A short run takes one of them.
		i := rand.IntN(len(disks))
		some = disks[i : i+1]
	}
	for _, d := range some {
		t.Run(d.name, func(t *testing.T) { errorLoop(t, life.NewFailingDisk(t, life.XFS, life.DiskSize, d.rate), len(some)) })
	}
}

func errorLoop(t *testing.T, disk *life.Disk, share int) {
	v := start(t)
	v.State = disk.Path
	c := newCampaign(t, v, 3, share, true)
	c.needed = nil
	c.team.Told()
	l := &errorEpisodes{campaign: c, disk: disk}
	for c.more() && l.ruin == "" {
		l.live()
	}
	if t.Failed() {
		t.Log(l.last)
	}
	if l.ruin == "" {
		c.finish()
	} else {
		t.Logf("the disk's errors damaged the file system, so that nothing can be told about the last of %d episodes: %s", c.done+1, l.ruin)
	}
	t.Logf("the disk failed %d times; in %d of them %d operations were answered with an error; the daemon ended by itself in %d; "+
		"it was right before the restart in %d, and its tree could not be read in %d",
		c.done, l.felt, c.team.Refused(), l.ended, l.looked, l.unread)
	if l.felt == 0 && c.done > 0 {
		t.Error("no operation felt the disk's errors: the loop tested nothing")
	}
}

type errorEpisodes struct {
	*campaign
	disk *life.Disk

	felt, ended, looked, unread int
	last                        string
	ruin                        string // what is wrong with the file system
}

// live is one life with an episode.
func (l *errorEpisodes) live() {
	c := l.campaign
	c.Mount()
	c.verify("after the episode before")
	judge := c.Log.Forgive()
	refused := c.team.Refused()
	c.start()
	chance := func(ms int) { <-time.After(time.Duration(c.rng.IntN(ms)) * time.Millisecond) }
	chance(400)
	must := func(err error) {
		c.T.Helper()
		if err != nil {
			c.T.Fatal(err)
		}
	}
	must(l.disk.Fail())
	failed := time.Now()
	chance(100)
	for !c.long() && c.team.Refused() == refused && time.Since(failed) < life.Limit {
		chance(20) // a short run has to show something
	}
	must(l.disk.Heal())
	healed := time.Now()
	chance(600)
	how := c.rng.IntN(3)
	if how == 0 {
		l.look()
	}
	if !c.Running() {
		l.ended++
	}
	c.team.Brace()
	ended := time.Now()
	if how < 2 {
		// A file system that gave up is cut already.
		_ = l.disk.Cut()
		c.team.Dead()
	}
	c.Kill()
	c.ReapAny()
	if err := c.team.Wait(); err != nil {
		c.T.Errorf("before the end of life %d: %v", c.done+1, err)
	}
	c.wire.cut()
	c.Release()
	// A file system that gave up is of use only when it is mounted again, and has
	// then lost what was not synced, whether its power was cut or not.
	if !l.restore() {
		return
	}
	judge()
	c.done++
	l.last = fmt.Sprintf("the disk failed %v before the end of the last life and for %v; the end was of kind %d",
		ended.Sub(failed), healed.Sub(failed), how)
	if c.team.Refused() > refused {
		l.felt++
	}
}

// restore mounts the disk again. It returns false where the file system is damaged:
// what that lost cannot be told from what contentfs lost.
func (l *errorEpisodes) restore() bool {
	// The first mount replays the journal.
	if err := l.disk.TryRestore(); err != nil {
		l.ruin = err.Error()
		return false
	}
	sound, said := l.disk.Sound()
	if !sound {
		l.ruin = said
	}
	return sound
}

// look compares while the daemon still answers.
func (l *errorEpisodes) look() {
	c := l.campaign
	c.team.Stop()
	unread, wrong := c.team.Look()
	switch {
	case wrong != nil:
		c.T.Errorf("episode %d, before the restart: %v", c.done+1, wrong)
	case unread != nil:
		l.unread++
	default:
		l.looked++
	}
}
