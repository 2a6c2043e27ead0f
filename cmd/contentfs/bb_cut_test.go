package main_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"contentfs/cmd/contentfs/internal/life"
)

// TestCutLoop cuts the power of the state's disk again and again while writers
// work. The daemon lives on for a moment without its disk, and must promise
// nothing in it. S3 and the ledgers are elsewhere.
func TestCutLoop(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root, for a loop device")
	}
	for _, c := range cutDisks {
		t.Run(c.name, func(t *testing.T) { cutLoop(t, c) })
	}
}

// cutDisk is a place for a state that loses its power.
type cutDisk struct {
	name  string
	fs    life.FileSystem
	below string // the state is a directory on the disk, not the whole of it
	usual int    // cuts
}

// cutDisks are taken one after the other. With a file system of its own the store
// syncs in groups.
var cutDisks = []cutDisk{
	{"ext4", life.Ext4, "", 14},
	{"ext4 shared", life.Ext4, "state", 8},
	{"xfs", life.XFS, "", 8},
	{"btrfs", life.Btrfs, "", 8},
}

func cutLoop(t *testing.T, on cutDisk) {
	disk := life.NewDisk(t, on.fs, life.DiskSize)
	v := start(t)
	v.State = filepath.Join(disk.Path, on.below)
	c := newCampaign(t, v, on.usual, len(cutDisks), true)
	for c.more() {
		c.Mount()
		c.verify("after the power came back")
		c.live()
		judge := c.Log.Forgive()
		if err := disk.Cut(); err != nil {
			t.Fatal(err)
		}
		c.team.Dead()
		<-time.After(time.Duration(c.rng.IntN(20)) * time.Millisecond)
		c.Kill()
		c.ReapAny() // without its disk it may have ended by itself
		if err := c.team.Wait(); err != nil {
			t.Errorf("before cut %d: %v", c.done, err)
		}
		c.wire.cut()
		c.Release()
		c.Sweep() // the daemon may have ended and unmounted before its writers did
		disk.Restore()
		judge()
	}
	c.finish()
}
