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
	// With a file system of its own the store syncs in groups.
	t.Run("own file system", func(t *testing.T) { cutLoop(t, "") })
	t.Run("shared file system", func(t *testing.T) { cutLoop(t, "state") })
}

func cutLoop(t *testing.T, below string) {
	disk := life.NewDisk(t, 512<<20)
	v := start(t)
	v.State = filepath.Join(disk.Path, below)
	c := newCampaign(t, v, 50, true)
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
