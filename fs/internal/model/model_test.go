package model

import (
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// TestDisk compares the reference with a plain directory: a system that is right.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	unix.Umask(0)
	Run(t, Config{Ops: Budget(20_000), Steps: 300, Every: 50, Start: func(rt *rapid.T) (System, Traits) {
		d, _, err := OpenFresh(dir)
		if err != nil {
			rt.Fatal(err)
		}
		rt.Cleanup(func() {
			if err := d.Shut(); err != nil {
				rt.Error(err)
			}
		})
		return d, Traits{Falloc: DiskFalloc}
	}})
}
