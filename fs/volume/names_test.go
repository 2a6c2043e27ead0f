package volume_test

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

// fails fails the test unless err is the errno.
func fails(t testing.TB, what string, err error, want syscall.Errno) {
	t.Helper()
	if err == nil {
		t.Errorf("%s succeeded; it should fail with %v", what, want)
	} else if got, ok := errnoIn(err); !ok || got != want {
		t.Errorf("%s: %v; it should fail with %v", what, err, want)
	}
}

func errnoIn(err error) (syscall.Errno, bool) {
	for err != nil {
		if e, ok := err.(syscall.Errno); ok {
			return e, true
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return 0, false
		}
		err = u.Unwrap()
	}
	return 0, false
}

func lstat(v *volumetest.Volume, path string) *syscall.Stat_t {
	v.Helper()
	st, err := os.Lstat(v.Join(path))
	must(v.T, err)
	return st.Sys().(*syscall.Stat_t)
}

func TestDirectories(t *testing.T) {
	v := volumetest.Start(t, nil)
	must(t, os.Mkdir(v.Join("d"), 0o750))
	must(t, os.Mkdir(v.Join("d", "sub"), 0o700))
	v.Write("d/f", []byte("x"))
	if st := lstat(v, "d"); st.Mode != unix.S_IFDIR|0o750 || st.Nlink != 3 {
		t.Errorf("mode %o and %d links", st.Mode, st.Nlink)
	}
	fails(t, "mkdir over a directory", os.Mkdir(v.Join("d"), 0o700), unix.EEXIST)
	fails(t, "mkdir over a file", os.Mkdir(v.Join("d", "f"), 0o700), unix.EEXIST)
	fails(t, "mkdir in a file", os.Mkdir(v.Join("d", "f", "x"), 0o700), unix.ENOTDIR)
	fails(t, "mkdir in nothing", os.Mkdir(v.Join("no", "x"), 0o700), unix.ENOENT)
	fails(t, "rmdir of a full directory", unix.Rmdir(v.Join("d")), unix.ENOTEMPTY)
	fails(t, "rmdir of a file", unix.Rmdir(v.Join("d", "f")), unix.ENOTDIR)
	fails(t, "unlink of a directory", unix.Unlink(v.Join("d", "sub")), unix.EISDIR)
	_, err := os.OpenFile(v.Join("d"), os.O_WRONLY, 0)
	fails(t, "open of a directory for writing", err, unix.EISDIR)
	_, err = os.Open(v.Join("d", "f", "x"))
	fails(t, "open below a file", err, unix.ENOTDIR)

	d, err := os.Open(v.Join("d", "sub"))
	must(t, err)
	defer d.Close()
	must(t, d.Sync())
	must(t, unix.Rmdir(v.Join("d", "sub")))
	_, err = d.Readdirnames(-1)
	fails(t, "list of a removed directory", err, unix.ENOENT)
	fails(t, "mkdir in a removed directory", unix.Mkdirat(int(d.Fd()), "x", 0o700), unix.ENOENT)
	must(t, os.Remove(v.Join("d", "f")))
	must(t, unix.Rmdir(v.Join("d")))
	_, err = os.Stat(v.Join("d"))
	fails(t, "stat of a removed directory", err, unix.ENOENT)
}

func TestSpecialFiles(t *testing.T) {
	v := volumetest.Start(t, nil)
	must(t, unix.Mkfifo(v.Join("fifo"), 0o640))
	must(t, unix.Mknod(v.Join("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	must(t, unix.Mknod(v.Join("socket"), unix.S_IFSOCK|0o600, 0))
	target := strings.Repeat("../x\xff/", 300)
	must(t, os.Symlink(target, v.Join("link")))
	check := func() {
		t.Helper()
		if st := lstat(v, "fifo"); st.Mode != unix.S_IFIFO|0o640 {
			t.Errorf("fifo has mode %o", st.Mode)
		}
		if st := lstat(v, "device"); st.Mode != unix.S_IFCHR|0o600 || st.Rdev != unix.Mkdev(1, 3) {
			t.Errorf("device has mode %o and number %x", st.Mode, st.Rdev)
		}
		if st := lstat(v, "socket"); st.Mode != unix.S_IFSOCK|0o600 {
			t.Errorf("socket has mode %o", st.Mode)
		}
		if got, err := os.Readlink(v.Join("link")); err != nil || got != target {
			t.Errorf("symlink points to %q, %v", got, err)
		}
		if st := lstat(v, "link"); st.Size != int64(len(target)) || st.Mode&unix.S_IFMT != unix.S_IFLNK {
			t.Errorf("symlink has %d bytes and mode %o", st.Size, st.Mode)
		}
	}
	check()
	v.Unmount()
	v.Mount()
	check()
	if got := v.List(); len(got) != 0 {
		t.Errorf("special files have objects: %q", got)
	}
}

func TestHardLinks(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		content := random(1000)
		v.Write("a", content)
		must(t, os.Mkdir(v.Join("d"), 0o755))
		must(t, os.Link(v.Join("a"), v.Join("d", "b")))
		a, b := lstat(v, "a"), lstat(v, "d/b")
		if a.Ino != b.Ino || a.Nlink != 2 || b.Nlink != 2 {
			t.Errorf("inode %d with %d links, inode %d with %d", a.Ino, a.Nlink, b.Ino, b.Nlink)
		}
		fails(t, "link over a file", os.Link(v.Join("a"), v.Join("d", "b")), unix.EEXIST)
		fails(t, "link of a directory", os.Link(v.Join("d"), v.Join("e")), unix.EPERM)
		want := edits["append"](v, "d/b", content)
		expect(v, "a", want)
		must(t, os.Rename(v.Join("a"), v.Join("d", "b"))) // the same file: nothing happens
		if st := lstat(v, "a"); st.Nlink != 2 {
			t.Errorf("%d links after a rename onto itself", st.Nlink)
		}
		must(t, os.Remove(v.Join("a")))
		if st := lstat(v, "d/b"); st.Nlink != 1 {
			t.Errorf("%d links after unlink of one of two", st.Nlink)
		}
		expectObject(v, "d/b", want)
		v.EvictAll()
		expect(v, "d/b", want)
	})
}

func TestRename(t *testing.T) {
	v := volumetest.Start(t, nil)
	rename := func(from, to string, flags uint) error {
		return unix.Renameat2(unix.AT_FDCWD, v.Join(from), unix.AT_FDCWD, v.Join(to), flags)
	}
	v.Write("a", []byte("A"))
	v.Write("b", []byte("B"))
	v.Write("d/e/f", []byte("F"))
	must(t, os.Mkdir(v.Join("empty"), 0o755))
	fails(t, "NOREPLACE over a file", rename("a", "b", unix.RENAME_NOREPLACE), unix.EEXIST)
	must(t, rename("a", "c", unix.RENAME_NOREPLACE))
	must(t, rename("c", "a", 0))
	must(t, rename("a", "b", unix.RENAME_EXCHANGE))
	expect(v, "a", []byte("B"))
	expect(v, "b", []byte("A"))
	must(t, rename("a", "d", unix.RENAME_EXCHANGE))
	expect(v, "d", []byte("B"))
	expect(v, "a/e/f", []byte("F"))
	must(t, rename("a", "d", unix.RENAME_EXCHANGE))
	fails(t, "EXCHANGE with nothing", rename("a", "none", unix.RENAME_EXCHANGE), unix.ENOENT)
	fails(t, "WHITEOUT", rename("a", "w", unix.RENAME_WHITEOUT), unix.EINVAL)
	fails(t, "file over directory", rename("a", "d", 0), unix.EISDIR)
	fails(t, "directory over file", rename("d", "a", 0), unix.ENOTDIR)
	fails(t, "directory over full directory", rename("empty", "d", 0), unix.ENOTEMPTY)
	fails(t, "directory into itself", rename("d", "d/e/d", 0), unix.EINVAL)
	fails(t, "rename of nothing", rename("none", "x", 0), unix.ENOENT)
	must(t, rename("d", "empty", 0))
	expect(v, "empty/e/f", []byte("F"))
	must(t, rename("empty/e", "e", 0))
	if root, dir := lstat(v, "."), lstat(v, "empty"); root.Nlink != 4 || dir.Nlink != 2 {
		t.Errorf("%d links of the root and %d of a directory without subdirectories", root.Nlink, dir.Nlink)
	}
	for path, want := range map[string]string{"a": "B", "b": "A", "e/f": "F"} {
		expectObject(v, path, []byte(want))
	}
}

func TestOddNames(t *testing.T) {
	v := volumetest.Start(t, nil)
	var all [255]byte
	for i := range all {
		all[i] = byte(i + 1)
	}
	name := strings.ReplaceAll(string(all[:]), "/", "%")
	names := []string{name, strings.Repeat("ü", 127), strings.Repeat("_", 255), " ", "~", "\n", "\xff\xfe", "a%2Fb", "...", "-rf"}
	for _, n := range names {
		v.Write(n+"/"+n, []byte(n))
	}
	for _, n := range names {
		expectObject(v, n+"/"+n, []byte(n))
	}
	entries, err := os.ReadDir(v.Path)
	must(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("listed %q", got)
	}
	long := strings.Repeat("x", 256)
	fails(t, "mkdir", os.Mkdir(v.Join(long), 0o755), unix.ENAMETOOLONG)
	fails(t, "create", os.WriteFile(v.Join(long), nil, 0o644), unix.ENAMETOOLONG)
	fails(t, "rename", os.Rename(v.Join(" "), v.Join(long)), unix.ENAMETOOLONG)
	fails(t, "link", os.Link(v.Join(" ", " "), v.Join(long)), unix.ENAMETOOLONG)
	fails(t, "symlink", os.Symlink("x", v.Join(long)), unix.ENAMETOOLONG)
	_, err = os.Stat(v.Join(long))
	fails(t, "stat", err, unix.ENAMETOOLONG)
}
