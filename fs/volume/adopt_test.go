package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// existing makes a tree with all that makes trees difficult, and returns it.
func existing(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o644))
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, d := range []string{"sub/deep/er", "empty", "many", "sticky", "closed/below"} {
		must(t, os.MkdirAll(in(d), 0o755))
	}
	for _, name := range []string{
		strings.Repeat("n", 255), strings.Repeat("ä", 127), "\xff\xfe not UTF-8 \x80", "line\nbreak\t\x01", "caf\u00e9", "cafe\u0301",
		" ", "...", "-rf", "*?[", "plain", "sub/one", "sub/deep/er/two",
	} {
		must(t, os.WriteFile(in(name), []byte("content of "+name), 0o640))
	}
	must(t, os.WriteFile(in(".contentfs-ours"), nil, 0o600))
	must(t, os.Chmod(dir, 0o2775))
	for i := range 603 {
		must(t, os.WriteFile(in(fmt.Sprintf("many/%04d", i)), []byte{byte(i)}, 0o600))
	}
	must(t, os.WriteFile(in("nothing"), nil, 0o600))
	must(t, os.WriteFile(in("large"), random(9<<20+17), 0o600))
	must(t, os.WriteFile(in("holes"), []byte("x"), 0o600))
	must(t, os.Truncate(in("holes"), 12<<20))
	must(t, os.WriteFile(in("suid"), []byte("s"), 0o600))
	must(t, os.Chmod(in("suid"), 0o755|os.ModeSetuid|os.ModeSetgid))
	must(t, os.Chmod(in("sticky"), 0o777|os.ModeSticky|os.ModeSetgid))
	must(t, os.Symlink("sub/one", in("link")))
	must(t, os.Symlink("loop", in("loop")))
	must(t, os.Symlink(outside, in("out")))
	must(t, os.Symlink("../../../../../../etc/passwd", in("sub/out")))
	must(t, os.Symlink("nowhere/at/all", in("dangling")))
	must(t, unix.Mkfifo(in("fifo"), 0o622))
	must(t, unix.Mknod(in("socket"), unix.S_IFSOCK|0o600, 0))
	if os.Geteuid() == 0 {
		must(t, unix.Mknod(in("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
		must(t, os.Lchown(in("plain"), 1234, 5678))
		must(t, os.Lchown(in("link"), 12, 34))
		must(t, os.Lchown(in("sub"), 99, 100))
	}
	when := []unix.Timespec{{Sec: 1_000_000_001, Nsec: 987_654_321}, {Sec: -123_456_789, Nsec: 123_456_789}}
	for _, name := range []string{"plain", "link", "fifo", "sub", "suid", "nothing"} {
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, in(name), when, unix.AT_SYMLINK_NOFOLLOW))
	}
	return dir
}

// adopting gives a volume a tree of its own.
func adopting(t *testing.T) func(*volume.Options) {
	return func(o *volume.Options) { o.Fallback = existing(t) }
}

// TestAdopt: an existing tree is in the mount, entry by entry, and stays there.
func TestAdopt(t *testing.T) {
	volumetest.Each(t, adopting(t), func(v *volumetest.Volume) {
		expectSameTree(v, ".")
		v.Unmount()
		v.Mount()
		expectSameTree(v, ".")
		if pending := len(v.List()); pending != 0 {
			v.Errorf("%d objects in S3 of files that nobody changed", pending)
		}
	})
}

// TestAdoptAtOnce: many who look at the same time all see the whole, and a walk that
// goes by link counts and types finds everything.
func TestAdoptAtOnce(t *testing.T) {
	v := volumetest.Start(t, adopting(t))
	var all errgroup.Group
	for i := range 16 {
		all.Go(func() error {
			if i%2 == 0 {
				_, err := os.Lstat(v.Join(fmt.Sprintf("many/%04d", 37*i)))
				return err
			}
			list, err := os.ReadDir(v.Join("many"))
			if err == nil && len(list) != 603 {
				err = fmt.Errorf("%d names of 603", len(list))
			}
			return err
		})
	}
	must(t, all.Wait())
	v.Unmount()
	v.Options.State = t.TempDir() // nothing is taken in yet
	v.Mount()
	walk := func(dir string) string {
		cmd := exec.Command("find", ".", "!", "-name", ".contentfs-*", "-type", "d")
		cmd.Dir = dir
		out, err := cmd.Output()
		must(t, err)
		lines := strings.Split(string(out), "\n")
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	if got, want := walk(v.Path), walk(v.Options.Fallback); got != want {
		t.Errorf("find finds the directories\n%s\nexpected\n%s", got, want)
	}
}

// TestAdoptBySteps: what is deep inside is found before anything above was listed.
func TestAdoptBySteps(t *testing.T) {
	v := volumetest.Start(t, adopting(t))
	expect(v, "sub/deep/er/two", []byte("content of sub/deep/er/two"))
	v.Unmount()
	v.Mount()
	expectSameTree(v, ".")
}

// expectSameTree compares a directory in the mount with the one in the fallback.
func expectSameTree(v *volumetest.Volume, dir string) {
	v.Helper()
	want, err := os.ReadDir(filepath.Join(v.Options.Fallback, dir))
	must(v.T, err)
	got, err := os.ReadDir(v.Join(dir))
	must(v.T, err)
	names := func(list []os.DirEntry) (names []string) {
		for _, d := range list {
			if !strings.HasPrefix(d.Name(), ".contentfs-") {
				names = append(names, d.Name())
			}
		}
		return names
	}
	if g, w := names(got), names(want); !slices.Equal(g, w) || len(g) != len(got) {
		v.Errorf("%s has the names %q, expected %q", dir, g, w)
		return
	}
	expectSameEntry(v, dir)
	for _, d := range got {
		path := filepath.Join(dir, d.Name())
		if d.IsDir() {
			expectSameTree(v, path)
		} else {
			expectSameEntry(v, path)
		}
	}
}

// expectSameEntry compares one entry, the content last: to read it moves times.
func expectSameEntry(v *volumetest.Volume, path string) {
	v.Helper()
	var g, w unix.Stat_t
	must(v.T, unix.Lstat(v.Join(path), &g))
	theirs := filepath.Join(v.Options.Fallback, path)
	must(v.T, unix.Lstat(theirs, &w))
	if g.Mode != w.Mode || g.Uid != w.Uid || g.Gid != w.Gid || g.Rdev != w.Rdev || g.Mtim != w.Mtim {
		v.Errorf("%q: mode %o owner %d:%d device %x mtime %v, expected %o %d:%d %x %v", path,
			g.Mode, g.Uid, g.Gid, g.Rdev, g.Mtim, w.Mode, w.Uid, w.Gid, w.Rdev, w.Mtim)
	}
	if g.Nlink != w.Nlink {
		v.Errorf("%q: %d links, expected %d", path, g.Nlink, w.Nlink)
	}
	switch w.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if g.Size != w.Size {
			v.Errorf("%q: size %d, expected %d", path, g.Size, w.Size)
		}
		b, err := os.ReadFile(theirs)
		must(v.T, err)
		expect(v, path, b)
	case unix.S_IFLNK:
		gl, err := os.Readlink(v.Join(path))
		must(v.T, err)
		wl, err := os.Readlink(theirs)
		must(v.T, err)
		if gl != wl {
			v.Errorf("%q: link to %q, expected %q", path, gl, wl)
		}
	}
}

// TestAdoptTimes: all three times are the fallback's before anybody reads.
func TestAdoptTimes(t *testing.T) {
	v := volumetest.Start(t, adopting(t))
	for _, name := range []string{"plain", "fifo", "suid", "nothing"} {
		var g, w unix.Stat_t
		must(t, unix.Lstat(v.Join(name), &g))
		must(t, unix.Lstat(filepath.Join(v.Options.Fallback, name), &w))
		if g.Atim != w.Atim || g.Mtim != w.Mtim || g.Ctim != w.Ctim {
			t.Errorf("%s: times %v %v %v, expected %v %v %v", name, g.Atim, g.Mtim, g.Ctim, w.Atim, w.Mtim, w.Ctim)
		}
	}
}

// TestAdoptedChanges: what was taken in is changed like anything else, and the
// fallback's own files stay as they were.
func TestAdoptedChanges(t *testing.T) {
	volumetest.Each(t, adopting(t), func(v *volumetest.Volume) {
		t := v.T
		original := func(name string) []byte {
			b, err := os.ReadFile(filepath.Join(v.Options.Fallback, name))
			must(t, err)
			return b
		}
		large := original("large")
		changed := map[string][]byte{}
		must(t, os.WriteFile(v.Join("plain"), []byte("new"), 0o600))
		changed["plain"] = []byte("new")
		for _, name := range []string{"sub/one", "large", "nothing"} {
			f, err := os.OpenFile(v.Join(name), os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			_, err = f.WriteString("more")
			must(t, err)
			must(t, f.Close())
			changed[name] = append(original(name), "more"...)
		}
		must(t, os.Truncate(v.Join("many/0007"), 0))
		changed["many/0007"] = nil
		must(t, os.Truncate(v.Join("holes"), 3))
		changed["holes"] = []byte("x\x00\x00")
		must(t, os.Chmod(v.Join("caf\u00e9"), 0o604))
		must(t, os.Rename(v.Join("cafe\u0301"), v.Join("sub/moved")))
		changed["sub/moved"] = original("cafe\u0301")
		must(t, os.Rename(v.Join("sub/deep"), v.Join("empty/deep")))
		changed["empty/deep/er/two"] = original("sub/deep/er/two")
		must(t, os.Remove(v.Join("-rf")))
		fails(t, "rmdir of a directory nobody looked into", os.Remove(v.Join("closed")), unix.ENOTEMPTY)
		must(t, os.Mkdir(v.Join("d"), 0o700))
		fails(t, "rename over a directory nobody looked into", unix.Rename(v.Join("d"), v.Join("closed")), unix.ENOTEMPTY)
		must(t, os.Remove(v.Join("closed/below")))
		must(t, unix.Rename(v.Join("d"), v.Join("closed")))

		look := func() {
			t.Helper()
			for name, want := range changed {
				expect(v, name, want)
			}
			for _, name := range []string{"-rf", "cafe\u0301", "sub/deep", "d", "closed/below"} {
				if _, err := os.Lstat(v.Join(name)); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is still there: %v", name, err)
				}
			}
			if st, err := os.Stat(v.Join("caf\u00e9")); err != nil || st.Mode() != 0o604 {
				t.Errorf("the mode that was changed is %v, %v", st.Mode(), err)
			}
		}
		look()
		v.Unmount()
		if !bytes.Equal(original("large"), large) || string(original("plain")) != "content of plain" {
			t.Error("a file in the fallback was written to")
		}
		v.Mount()
		look()
		for name := range changed {
			if name != "sub/moved" && name != "empty/deep/er/two" {
				awaitS3(v, name)
			}
		}
	})
}

// TestAdoptMerges: a volume that was there before keeps its names.
func TestAdoptMerges(t *testing.T) {
	v := volumetest.Start(t, nil)
	v.Write("plain", []byte("ours"))
	v.Write("sub/one", []byte("ours too"))
	v.Write("link/file", []byte("a directory here, a link there"))
	v.Unmount()
	v.Options.Fallback = existing(t)
	v.Mount()
	expect(v, "plain", []byte("ours"))
	expect(v, "sub/one", []byte("ours too"))
	expect(v, "link/file", []byte("a directory here, a link there"))
	expect(v, "sub/deep/er/two", []byte("content of sub/deep/er/two"))
	expect(v, "many/0005", []byte{5})
}
