package local

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// waitLimit bounds waits for conditions; it only counts when something is broken.
const waitLimit = 30 * time.Second

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until the condition holds.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for limit := time.Now().Add(waitLimit); !condition(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("waited %v in vain for: %s", waitLimit, what)
		}
	}
}

// openIn opens a store in dir, closed when the test ends.
func openIn(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// newStore opens a store in a new directory.
func newStore(t testing.TB) *Store {
	t.Helper()
	return openIn(t, filepath.Join(t.TempDir(), "local"))
}

// create makes a file with content, closed when the test ends.
func create(t testing.TB, s *Store, content []byte) *File {
	t.Helper()
	f, err := s.Create(Identity{Kind: Draft})
	must(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.WriteAt(content, 0)
	must(t, err)
	return f
}

func path(s *Store, id ID) string { return filepath.Join(s.dir.Name(), string(id)) }

func contentOf(t testing.TB, f *File) []byte {
	t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	must(t, err)
	return b
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func list(t testing.TB, s *Store) []ID {
	t.Helper()
	ids, _, err := s.List()
	must(t, err)
	slices.Sort(ids)
	return ids
}

// run runs the store's loop until stop is called, at the test's end at the latest.
func run(t testing.TB, s *Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// tmpfs mounts one with the given options.
func tmpfs(t testing.TB, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	mount(t, "tmpfs", dir, "tmpfs", options)
	return dir
}

func mount(t testing.TB, source, dir, kind, options string) {
	t.Helper()
	if err := unix.Mount(source, dir, kind, unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		t.Fatalf("mount %s (this test runs as root): %v", kind, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// ext4 mounts a new file system from an image.
func ext4(t testing.TB, size int64) (dir string) {
	t.Helper()
	image, dir := filepath.Join(t.TempDir(), "image"), t.TempDir()
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, size))
	command(t, "mkfs.ext4", "-q", "-F", image)
	command(t, "mount", "-o", "loop,nosuid,nodev", image, dir)
	t.Cleanup(func() { command(t, "umount", dir) })
	return dir
}

func command(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s (this test runs as root): %v\n%s", name, err, out)
	}
}

// wantErr fails the test unless err is of the class of want.
func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, not %v", what, err, want)
	}
}
