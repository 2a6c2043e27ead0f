package main_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
)

// TestRelaxedReplacedAtCut: closes do not wait for the disk, a content that was durable
// is replaced, and its local file removed at once: by the full disk, or by a sweep. When
// the power fails in that moment, either the old content or the new one is there, whole.
func TestRelaxedReplacedAtCut(t *testing.T) {
	for name, full := range map[string]bool{"full": true, "swept": false} {
		t.Run(name, func(t *testing.T) { relaxedReplacedAtCut(t, full) })
	}
}

func relaxedReplacedAtCut(t *testing.T, full bool) {
	disk := life.NewDisk(t, life.Ext4, 64<<20)
	v := start(t)
	v.State = filepath.Join(disk.Path, "state")
	v.Args = []string{"--durability", "relaxed"}
	v.Log.Expect("the disk is full", "the store is away", "upload failed", "not everything is in S3")
	v.Gateway.Stop()
	v.Mount()
	before, after := make([]byte, 300_000), make([]byte, 300_000)
	rand.Read(before)
	rand.Read(after)
	v.Write("f", before)
	v.Write("other", []byte("x"))
	v.Unmount("--no-drain")
	old := localFileOf(t, v, before)
	v.Mount()
	v.Write("f", after)
	f := &filling{Volume: v, disk: disk}
	if full {
		f.greed()
	}
	v.Await("the end of the old file", func() bool {
		if full {
			_ = os.WriteFile(v.Join("pressure"), []byte("x"), 0o644) // refused, after it made room
		} else if w, err := os.OpenFile(v.Join("other"), os.O_RDWR, 0); err == nil {
			w.Close() // a draft that nobody wrote to is swept up
		}
		_, err := os.Lstat(old)
		return os.IsNotExist(err)
	})
	judge := v.Log.Forgive()
	if err := disk.Cut(); err != nil {
		t.Fatal(err)
	}
	v.Kill()
	v.ReapAny()
	v.Release()
	disk.Restore()
	judge()
	if err := os.Remove(f.ballast()); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	v.Log.Expect("recovered after a crash", "kept in the quarantine")
	v.Gateway.Start(t)
	v.Mount()
	if got := v.Read("f"); !bytes.Equal(got, before) && !bytes.Equal(got, after) {
		t.Errorf("after the power cut the file has %d bytes, neither the old content nor the new", len(got))
	}
	v.Unmount()
}

// localFileOf finds the local file with a content.
func localFileOf(t *testing.T, v *life.Volume, content []byte) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(v.State, "local", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if b, err := os.ReadFile(path); err == nil && bytes.Equal(b, content) {
			return path
		}
	}
	t.Fatalf("none of %d local files has the content", len(all))
	return ""
}
