package volume_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// TestFallback: content that is neither here nor in S3 is read from the fallback
// if what lies there is the content, and a file in it.
func TestFallback(t *testing.T) {
	configure := func(o *volume.Options) { o.Fallback = t.TempDir() }
	volumetest.Each(t, configure, func(v *volumetest.Volume) {
		t, dir := v.T, v.Options.Fallback
		v.Damage()
		v.Log.Expect("an object that should be in S3 is not there")
		small, large := random(50_000), random(20<<20)
		files := map[string][]byte{"d/good": small, "d/wrong": small, "d/short": small, "d/long": small,
			"d/none": small, "d/symlink": small, "d/fifo": small, "d/dir": small, "l/below": small, "large": large}
		evicted(v, files)
		must(t, os.MkdirAll(filepath.Join(dir, "d"), 0o755))
		put := func(path string, b []byte) {
			t.Helper()
			must(t, os.WriteFile(filepath.Join(dir, path), b, 0o600))
		}
		put("d/good", small)
		put("large", large)
		put("d/wrong", random(len(small)))
		put("d/short", small[:100])
		put("d/long", append(bytes.Clone(small), 0))
		outside := t.TempDir()
		must(t, os.WriteFile(filepath.Join(outside, "below"), small, 0o600))
		must(t, os.Symlink("good", filepath.Join(dir, "d/symlink")))
		must(t, unix.Mkfifo(filepath.Join(dir, "d/fifo"), 0o600))
		must(t, os.Mkdir(filepath.Join(dir, "d/dir"), 0o700))
		must(t, os.Symlink(outside, filepath.Join(dir, "l")))
		for path := range files {
			must(t, os.Remove(v.Object(attr(t, v.Join(path), "user.contentfs.key"))))
		}
		for path, content := range files {
			if path == "d/good" || path == "large" {
				expect(v, path, content)
				continue
			}
			_, err := os.ReadFile(v.Join(path))
			fails(t, "read of "+path, err, unix.EIO)
		}
	})
}

// TestFallbackWhileAway: S3 does not answer at all.
func TestFallbackWhileAway(t *testing.T) {
	dir := t.TempDir()
	v := volumetest.Start(t, func(o *volume.Options) { o.Fallback = dir })
	v.Log.Expect("the store is away")
	files := map[string][]byte{"small": random(50_000), "large": random(20 << 20)}
	evicted(v, files)
	for path, content := range files {
		must(t, os.WriteFile(filepath.Join(dir, path), content, 0o600))
	}
	v.Gateway.Stop()
	for path, content := range files {
		expect(v, path, content)
	}
	v.Gateway.Start(t)
}
