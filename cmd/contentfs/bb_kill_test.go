package main_test

import "testing"

// TestKillLoop kills the daemon again and again while writers work, and sees that
// nothing that was answered is missing and nothing is torn, on this server and, in
// the end, in S3.
func TestKillLoop(t *testing.T) {
	v := start(t)
	c := newCampaign(t, v, 200, 1, false)
	for c.more() {
		c.Mount()
		c.verify("after the restart")
		c.live()
		c.Kill()
		c.Reap()
		if err := c.team.Wait(); err != nil {
			t.Errorf("before fault %d: %v", c.done, err)
		}
		c.wire.cut()
		c.Status() // of a mount whose process is gone
		if c.rng.IntN(2) == 0 {
			c.Release() // else the next mount does it
		}
	}
	c.finish()
}
