package main_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
)

// TestFullDisk fills the disk of the state while S3 is away: the writer is told,
// nothing that was taken is lost, and room that is made can be used.
func TestFullDisk(t *testing.T) {
	disk := life.NewDisk(t, life.Ext4, 64<<20)
	v := start(t)
	v.State = filepath.Join(disk.Path, "state")
	v.Log.Expect("the store is away", "the disk is full")
	v.Gateway.Stop()
	v.Mount()
	kept := make(map[string][]byte)
	save := func(name string, size int) error {
		b := make([]byte, size)
		rand.Read(b)
		err := os.WriteFile(v.Join(name), b, 0o644)
		if err == nil {
			kept[name] = b
		}
		return err
	}
	check := func(when string) {
		t.Helper()
		for name, b := range kept {
			if got, err := os.ReadFile(v.Join(name)); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%s: %s: %d bytes of %d, %v", when, name, len(got), len(b), err)
			}
		}
	}
	refused := 0
	for i := 0; refused < 20; i++ {
		switch err := save(fmt.Sprintf("%d.bin", i), 256<<10); {
		case errors.Is(err, syscall.ENOSPC):
			refused++
			_ = os.Remove(v.Join(fmt.Sprintf("%d.bin", i))) // it may be there, empty
		case err != nil:
			t.Fatalf("a full disk gives %v", err)
		case i > 1000:
			t.Fatal("the disk does not get full")
		}
	}
	t.Logf("%d files of 256 KiB fit on 64 MiB", len(kept))
	if len(kept) < 50 || !v.Running() {
		t.Fatalf("daemon runs: %v", v.Running())
	}
	check("full")
	removed := 0
	for name := range kept {
		if removed++; removed > 40 {
			break
		}
		if err := os.Remove(v.Join(name)); err != nil {
			t.Fatalf("rm on a full disk: %v", err)
		}
		delete(kept, name)
	}
	v.Await("room after rm", func() bool { return save("again.bin", 256<<10) == nil })
	check("after rm")
	v.Kill()
	v.Reap()
	v.Log.Expect("released a mount point whose process was gone", "recovered after a crash", "kept in the quarantine")
	v.Gateway.Start(t)
	v.Mount()
	check("after a crash")
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	auditVolume(t, v, openBucket(t, v))
	v.WipeLocal()
	v.Mount()
	check("from S3 alone")
	v.Unmount()
}
