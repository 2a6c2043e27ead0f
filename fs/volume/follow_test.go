package volume_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/content"
	"contentfs/fs/volume/volumetest"
)

// lies waits until a file of the fallback holds a text.
func lies(v *volumetest.Volume, path, text string) {
	v.Helper()
	v.Await(path, func() bool {
		b, err := os.ReadFile(path)
		return err == nil && string(b) == text
	})
}

func liesNot(v *volumetest.Volume, path string) {
	v.Helper()
	v.Await("nothing at "+path, func() bool {
		_, err := os.Lstat(path)
		return errors.Is(err, fs.ErrNotExist)
	})
}

// TestFallbackFollowsNames: what lies in the fallback is found there under the name
// that its file has now, without an end of the volume.
func TestFallbackFollowsNames(t *testing.T) {
	change, in := withFallback(t, nil)
	must(t, os.MkdirAll(in("u", "image"), 0o755))
	must(t, os.WriteFile(in("u", "image", "adopted"), []byte("adopted"), 0o600))
	v := volumetest.Start(t, change)
	v.Switch(false)
	path := func(name string) string { return filepath.Join(v.Path, "u", "image", name) }
	for _, name := range []string{"one", "two", "three"} {
		saved(v, name, 0o600, "u", "image", name)
		lies(v, in("u", "image", name), name)
	}
	must(t, os.Rename(path("adopted"), path("moved")))
	lies(v, in("u", "image", "moved"), "adopted")
	liesNot(v, in("u", "image", "adopted"))
	wantFile(v, path("moved"), "adopted")

	must(t, os.MkdirAll(filepath.Join(v.Path, "other", "place"), 0o710))
	must(t, os.Rename(path("one"), filepath.Join(v.Path, "other", "place", "one")))
	lies(v, in("other", "place", "one"), "one")

	must(t, unix.Renameat2(unix.AT_FDCWD, path("two"), unix.AT_FDCWD, path("three"), unix.RENAME_EXCHANGE))
	lies(v, in("u", "image", "three"), "two")
	lies(v, in("u", "image", "two"), "three")

	// A name that another had takes its place, and what it had is kept aside.
	must(t, os.Rename(path("two"), path("three")))
	lies(v, in("u", "image", "three"), "three")
	liesNot(v, in("u", "image", "two"))
	v.Unmount()
	v.Mount()
	wantFile(v, path("three"), "three")
	wantFile(v, path("moved"), "adopted")
}

// TestRenamedBeforeTakenIn: a directory of an existing tree that gets another name
// before anybody looked into it keeps what is in it, whatever comes to have its old
// name.
func TestRenamedBeforeTakenIn(t *testing.T) {
	change, in := withFallback(t, nil)
	must(t, os.MkdirAll(in("old", "below"), 0o755))
	must(t, os.WriteFile(in("old", "x"), []byte("adopted"), 0o600))
	must(t, os.WriteFile(in("old", "below", "y"), []byte("below"), 0o600))
	v := volumetest.Start(t, change)
	v.Switch(false)
	must(t, os.Rename(filepath.Join(v.Path, "old"), filepath.Join(v.Path, "new")))
	for name, text := range map[string]string{"x": "newer", "below/y": "newer below"} {
		path := saved(v, text, 0o600, "old", name)
		v.Await(name+" in the fallback", func() bool { return state(v, path) == "fallback" })
	}
	leave(v)
	for name, text := range map[string]string{"new/x": "adopted", "new/below/y": "below", "old/x": "newer", "old/below/y": "newer below"} {
		wantFile(v, in(name), text)
	}
	v.Mount()
	for name, text := range map[string]string{"new/x": "adopted", "new/below/y": "below", "old/x": "newer", "old/below/y": "newer below"} {
		wantFile(v, filepath.Join(v.Path, name), text)
	}
}

// TestTouchedInFallback: a file of an existing tree that nobody has read yet, and that
// gets other times, is still what was taken in when the fallback was arranged.
func TestTouchedInFallback(t *testing.T) {
	change, in := withFallback(t, nil)
	must(t, os.WriteFile(in("x"), []byte("adopted"), 0o600))
	v := volumetest.Start(t, change)
	v.Switch(false)
	when := time.Unix(1_000_000_000, 5)
	must(t, os.Chtimes(filepath.Join(v.Path, "x"), when, when))
	leave(v)
	if st, err := os.Stat(in("x")); err != nil || !st.ModTime().Equal(when) {
		t.Errorf("arranged: %v, %v", st, err)
	}
	v.Mount()
	wantFile(v, filepath.Join(v.Path, "x"), "adopted")
}

// leave has the fallback arranged when the volume ends, and ends it.
func leave(v *volumetest.Volume) {
	v.Helper()
	m, closed := v.Beside()
	must(v.T, content.SetPlain(m, true))
	closed()
	v.Unmount()
}

// TestObjectsFollowDirectories: what is below a directory that gets another name
// follows it, in S3 and in the fallback, and goes on with the next mount.
func TestObjectsFollowDirectories(t *testing.T) {
	change, in := withFallback(t, nil)
	v := volumetest.Start(t, change)
	const files = 200
	name := func(i int) string { return fmt.Sprintf("%d", i) }
	for i := range files {
		saved(v, name(i), 0o600, "old", "image", name(i))
	}
	v.Await("all in S3", func() bool { return v.Stats().OnlyLocal.Number+v.Stats().Queue.Number == 0 })
	v.Switch(false)
	saved(v, "local", 0o600, "old", "image", "local")
	lies(v, in("old", "image", "local"), "local")
	must(t, os.Rename(filepath.Join(v.Path, "old"), filepath.Join(v.Path, "new")))
	v.Unmount() // in the middle, or before anything was done
	v.Mount()
	lies(v, in("new", "image", "local"), "local")
	for i := range files {
		path := "new/image/" + name(i)
		v.Await("the object of "+path, func() bool {
			version := v.Version(path)
			return content.Fits(&version, version.Bucket, version.Prefix, []byte("/"+path))
		})
		wantFile(v, filepath.Join(v.Path, path), name(i))
	}
	v.Await("nothing left to follow", func() bool {
		m, closed := v.Beside()
		defer closed()
		list, err := m.Renamings(1)
		return err == nil && len(list) == 0
	})
}

// TestAttributesOfATree: extended attributes and access lists of an existing tree are
// taken in, and are in the directory that is left.
func TestAttributesOfATree(t *testing.T) {
	change, in := withFallback(t, nil)
	must(t, os.MkdirAll(in("dir"), 0o750))
	must(t, os.WriteFile(in("dir", "file"), []byte("x"), 0o640))
	must(t, os.WriteFile(in("dir", "plain"), []byte("y"), 0o640))
	// user::rw- user:1000:r-- group::r-- mask::r-- other::---
	list := []byte("\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x02\x00\x04\x00\xe8\x03\x00\x00" +
		"\x04\x00\x04\x00\xff\xff\xff\xff\x10\x00\x04\x00\xff\xff\xff\xff\x20\x00\x00\x00\xff\xff\xff\xff")
	attrs := map[string]map[string]string{
		"dir":      {"user.\xff": "of a directory", "system.posix_acl_default": string(list)},
		"dir/file": {"user.empty": "", "user.long": strings.Repeat("v", 1000), "trusted.t": "t", "system.posix_acl_access": string(list)},
	}
	for path, set := range attrs {
		for name, value := range set {
			must(t, unix.Lsetxattr(in(path), name, []byte(value), 0))
		}
	}
	v := volumetest.Start(t, change)
	same := func(at func(...string) string) {
		t.Helper()
		for path, set := range attrs {
			for name, want := range set {
				buf := make([]byte, 2000)
				n, err := unix.Lgetxattr(at(path), name, buf)
				if err != nil || string(buf[:n]) != want {
					t.Errorf("%s of %s: %q, %v", name, at(path), buf[:max(n, 0)], err)
				}
			}
		}
		if _, err := unix.Lgetxattr(at("dir/plain"), "system.posix_acl_access", nil); err != unix.ENODATA {
			t.Errorf("list of a file that has none: %v", err)
		}
	}
	inMount := func(parts ...string) string { return filepath.Join(append([]string{v.Path}, parts...)...) }
	same(inMount)
	// Written anew, the file in the directory is another one.
	v.Switch(false)
	must(t, os.WriteFile(inMount("dir", "file"), []byte("newer"), 0o640))
	must(t, unix.Lsetxattr(inMount("dir", "file"), "user.long", []byte("changed"), 0))
	must(t, unix.Lremovexattr(inMount("dir", "file"), "user.empty"))
	attrs["dir/file"]["user.long"] = "changed"
	delete(attrs["dir/file"], "user.empty")
	v.Await("the file in the fallback", func() bool { return state(v, inMount("dir", "file")) == "fallback" })
	leave(v)
	same(in)
	wantFile(v, in("dir", "file"), "newer")
	v.Mount()
	same(inMount)
}
