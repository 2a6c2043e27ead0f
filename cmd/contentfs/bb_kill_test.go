package main_test

import (
	"os"
	"testing"
)

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

// TestRenameOfOpenFile: a name never comes to stand for less than was written, also
// when its writer has not closed the file.
func TestRenameOfOpenFile(t *testing.T) {
	v := start(t)
	v.Mount()
	v.Write("uid/file/a.txt", []byte("the old content"))
	f, err := os.Create(v.Join("uid/file/a.txt.new"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("the new content, not closed"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.Name(), v.Join("uid/file/a.txt")); err != nil {
		t.Fatal(err)
	}
	v.Kill()
	v.Reap()
	v.Log.Expect("released a mount point whose process was gone", "recovered after a crash")
	v.Mount()
	if got := string(v.Read("uid/file/a.txt")); got != "the new content, not closed" {
		t.Errorf("after a rename and a crash the file holds %q", got)
	}
	v.Unmount()
}
