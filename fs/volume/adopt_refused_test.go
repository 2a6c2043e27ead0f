package volume_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// TestAdoptedAltered: a file that was changed behind the volume's back is an error,
// not another content; also where its size is the same, and where it was empty.
func TestAdoptedAltered(t *testing.T) {
	v := volumetest.Start(t, adopting(t))
	v.Log.Expect("changed in the fallback after it was taken in")
	_, err := os.ReadDir(v.Path)
	must(t, err)
	later := time.Now().Add(time.Hour)
	for _, name := range []string{"plain", "large", "nothing"} {
		path := filepath.Join(v.Options.Fallback, name)
		b, err := os.ReadFile(path)
		must(t, err)
		if name == "nothing" {
			b = []byte("something")
		}
		must(t, os.WriteFile(path, bytes.ToUpper(b), 0o600))
		must(t, os.Chtimes(path, later, later))
		_, err = os.ReadFile(v.Join(name))
		fails(t, "read of "+name, err, unix.EIO)
	}
	expect(v, "sub/one", []byte("content of sub/one"))
}

// TestAdoptUnreadable: a directory that is gone when somebody looks is an error for
// who looks, until it is back.
func TestAdoptUnreadable(t *testing.T) {
	v := volumetest.Start(t, adopting(t))
	v.Log.Expect("request failed")
	_, err := os.ReadDir(v.Path)
	must(t, err)
	sub := filepath.Join(v.Options.Fallback, "sub")
	must(t, os.Rename(sub, sub+"2"))
	must(t, os.Symlink("/", sub))
	_, err = os.ReadDir(v.Join("sub"))
	fails(t, "listing", err, unix.EIO)
	_, err = os.Lstat(v.Join("sub/etc"))
	fails(t, "lookup", err, unix.EIO)
	fails(t, "create", os.Mkdir(v.Join("sub/x"), 0o700), unix.EIO)
	fails(t, "rmdir", os.Remove(v.Join("sub")), unix.EIO)
	must(t, os.Remove(sub))
	must(t, os.Rename(sub+"2", sub))
	expectSameTree(v, "sub")
}

// TestAdoptMountPoint: another file system in the tree is an empty directory.
func TestAdoptMountPoint(t *testing.T) {
	dir := existing(t)
	for name, what := range map[string][2]string{"empty": {"tmpfs", ""}, "sticky": {"", filepath.Join(dir, "many")}} {
		flags := uintptr(0)
		source := what[0]
		if what[1] != "" {
			flags, source = unix.MS_BIND, what[1]
		}
		at := filepath.Join(dir, name)
		must(t, unix.Mount(source, at, what[0], flags, ""))
		t.Cleanup(func() { must(t, unix.Unmount(at, 0)) })
	}
	must(t, os.WriteFile(filepath.Join(dir, "empty/inside"), nil, 0o600))
	v := volumetest.Start(t, func(o *volume.Options) { o.Fallback = dir })
	v.Log.Expect("a mount point in the fallback is not looked into")
	for _, name := range []string{"empty", "sticky"} {
		list, err := os.ReadDir(v.Join(name))
		if err != nil || len(list) != 0 {
			t.Errorf("%s holds %v, %v", name, list, err)
		}
	}
}

// TestFallbackRefused: places and directories with which no volume can be.
func TestFallbackRefused(t *testing.T) {
	v := volumetest.Start(t, adopting(t))
	_, err := os.ReadDir(v.Path)
	must(t, err)
	v.Unmount()
	tree, mountpoint, state := v.Options.Fallback, v.Options.Mountpoint, v.Options.State
	refused := func(what string, want error, change func(o *volume.Options)) {
		t.Helper()
		change(&v.Options)
		if err := v.TryMount(); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
		v.Options.Fallback, v.Options.Mountpoint, v.Options.State = tree, mountpoint, state
	}
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(tree, link))
	refused("mount point inside", volume.ErrFallbackPlace, func(o *volume.Options) { o.Mountpoint = filepath.Join(link, "empty") })
	refused("mount point the same", volume.ErrFallbackPlace, func(o *volume.Options) { o.Mountpoint = tree })
	refused("inside the mount point", volume.ErrFallbackPlace, func(o *volume.Options) { o.Fallback = filepath.Join(mountpoint, "sub") })
	refused("state inside", volume.ErrFallbackPlace, func(o *volume.Options) { o.State = filepath.Join(link, "new/state") })
	refused("missing", volume.ErrFallbackMissing, func(o *volume.Options) { o.Fallback = tree + "-missing" })
	refused("none", volume.ErrFallbackMissing, func(o *volume.Options) { o.Fallback = "" })
	other := t.TempDir()
	refused("another", volume.ErrFallbackOther, func(o *volume.Options) { o.Fallback = other })

	m, files := v.Stores()
	id := m.VolumeID()
	must(t, errors.Join(m.Close(), files.Close()))
	must(t, unix.Rename(tree, tree+"-moved"))
	v.Options.Fallback = tree + "-moved"
	v.Mount() // the same directory elsewhere
	v.Unmount()
	must(t, os.WriteFile(filepath.Join(other, ".contentfs-fallback-"+id), nil, 0o600))
	v.Options.Fallback = other
	v.Mount() // said to be the same
}
