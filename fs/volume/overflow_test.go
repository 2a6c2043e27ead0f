package volume_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// TestOverflow: while S3 is away and the disk is full, content moves to the
// fallback, is read from there, and goes to S3 from there.
func TestOverflow(t *testing.T) {
	state, fallback := t.TempDir(), t.TempDir()
	const size, files = 1 << 20, 120
	must(t, unix.Mount("tmpfs", state, "tmpfs", 0, "size=64m"))
	t.Cleanup(func() { must(t, unix.Unmount(state, 0)) })
	v := volumetest.Start(t, func(o *volume.Options) {
		o.State, o.Fallback = state, fallback
		o.Socket = filepath.Join(t.TempDir(), "sock")
	})
	v.Log.Expect("the disk is full") // a file that is open is written to beyond the mark
	v.Log.Expect("the store is away")
	v.Log.Expect("upload failed")
	v.Gateway.Stop()

	content := random(size)
	name := func(i int) string { return fmt.Sprintf("u/file/%d.bin", i) }
	for i := range files {
		copy(content, fmt.Sprintf("%03d", i))
		v.Write(name(i), content)
	}
	moved, err := os.ReadDir(filepath.Join(fallback, ".contentfs-overflow"))
	must(t, err)
	if len(moved) < files-64 {
		t.Errorf("%d of %d files moved to the fallback; the disk holds 64 at most", len(moved), files)
	}
	for i := range files {
		copy(content, fmt.Sprintf("%03d", i))
		expect(v, name(i), content)
	}

	v.Gateway.Start(t)
	for i := range files {
		awaitS3(v, name(i))
		copy(content, fmt.Sprintf("%03d", i))
		expectObject(v, name(i), content)
	}
	v.Await("the copies in the fallback to go", func() bool {
		left, err := os.ReadDir(filepath.Join(fallback, ".contentfs-overflow"))
		return err == nil && len(left) == 0
	})
}
