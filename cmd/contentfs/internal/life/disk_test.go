package life

import (
	"os/exec"
	"testing"
)

// TestRestoreBesideACopy: a disk has its power back also where another mount namespace
// still has the file system that was stopped.
func TestRestoreBesideACopy(t *testing.T) {
	for _, fs := range []FileSystem{Ext4, XFS} {
		t.Run(string(fs), func(t *testing.T) {
			d := NewDisk(t, fs, DiskSize)
			other := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec sleep 600")
			out, err := other.StdoutPipe()
			if err == nil {
				err = other.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _, _ = other.Process.Kill(), other.Wait() })
			if _, err := out.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := d.Cut(); err != nil {
					t.Fatal(err)
				}
				if d.works() {
					t.Fatal("a disk without power works")
				}
				d.Restore()
				if !d.works() {
					t.Fatal("the disk did not come back")
				}
			}
		})
	}
}
