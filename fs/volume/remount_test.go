package volume_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
	"contentfs/meta"
)

func TestRemount(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		files := map[string][]byte{scaled: random(100_000), "a": random(1), "b/c/d/e/f/g": random(10_000), "empty": nil}
		for path, content := range files {
			v.Write(path, content)
		}
		must(t, os.Mkdir(v.Join("dir"), 0o711))
		must(t, os.Link(v.Join("a"), v.Join("dir", "link")))
		must(t, os.Symlink("nowhere", v.Join("symlink")))
		must(t, unix.Setxattr(v.Join("dir"), "user.x", []byte("y"), 0))
		before := tree(v)
		for range 2 {
			v.Unmount()
			v.Mount()
			if after := tree(v); !sameTree(before, after) {
				t.Errorf("the tree was %+v and is %+v", before, after)
			}
			for path, content := range files {
				expect(v, path, content)
			}
		}
	})
}

// tree describes all that stat tells, but for the times of access.
func tree(v *volumetest.Volume) map[string]syscall.Stat_t {
	v.Helper()
	all := make(map[string]syscall.Stat_t)
	err := filepath.Walk(v.Path, func(path string, st os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		s := *st.Sys().(*syscall.Stat_t)
		s.Atim, s.Dev = syscall.Timespec{}, 0
		all[path] = s
		return nil
	})
	must(v.T, err)
	return all
}

func sameTree(a, b map[string]syscall.Stat_t) bool {
	if len(a) != len(b) {
		return false
	}
	for path, st := range a {
		if b[path] != st {
			return false
		}
	}
	return true
}

// TestDatabaseGone: where content lies and its database does not, none is made: it
// would know nothing of what is only here.
func TestDatabaseGone(t *testing.T) {
	v := volumetest.Start(t, nil)
	content := random(1000)
	v.Write("f", content)
	awaitS3(v, "f")
	v.Unmount()
	aside := t.TempDir()
	move := func(from, to string) {
		t.Helper()
		for _, name := range []string{"meta.db", "meta.db-wal", "meta.db-shm", "meta.db-mark"} {
			if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
	move(v.Options.State, aside)
	if err := v.TryMount(); !errors.Is(err, meta.ErrMissing) {
		t.Errorf("mounted without the database: %v", err)
	}
	move(aside, v.Options.State)
	v.Mount()
	expect(v, "f", content)
}

func TestStateInUse(t *testing.T) {
	v := volumetest.Start(t, nil)
	o := v.Options
	o.Mountpoint = t.TempDir()
	second, err := volume.Open(context.Background(), o)
	if !errors.Is(err, volume.ErrLocked) {
		t.Errorf("a second mount of the same state: %v", err)
	}
	if err == nil {
		second.Close()
	}
	v.Write("f", []byte("x")) // the first one does not mind
	expectObject(v, "f", []byte("x"))
}

func TestUnusableMountpoint(t *testing.T) {
	v := volumetest.Start(t, nil)
	v.Unmount()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "mounted"), 0o755))
	must(t, unix.Mount("none", filepath.Join(dir, "mounted"), "tmpfs", 0, "size=64k"))
	defer unix.Unmount(filepath.Join(dir, "mounted"), 0)
	for what, point := range map[string]string{
		"missing": filepath.Join(dir, "missing"), "not empty": dir,
		"a file": filepath.Join(dir, "file"), "mounted already": filepath.Join(dir, "mounted"),
	} {
		v.Options.Mountpoint = point
		if err := v.TryMount(); !errors.Is(err, volume.ErrMountpoint) {
			t.Errorf("mount point that is %s: %v", what, err)
		}
	}
	v.Options.Mountpoint = v.Path
	v.Mount() // nothing was left locked or broken
}

func TestReadOnly(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		files := map[string][]byte{"f": random(10_000), "large": random(10 << 20), "d/g": random(10)}
		v.Write("local", []byte("here"))
		evicted(v, files)
		must(t, unix.Setxattr(v.Join("f"), "user.a", []byte("1"), 0))
		v.Unmount()
		v.Options.ReadOnly = true
		v.Mount()
		_, err := os.OpenFile(v.Join("f"), os.O_RDWR, 0)
		fails(t, "open for writing", err, unix.EROFS)
		_, err = os.OpenFile(v.Join("new"), os.O_RDWR|os.O_CREATE, 0o644)
		fails(t, "create", err, unix.EROFS)
		fails(t, "truncate", os.Truncate(v.Join("f"), 0), unix.EROFS)
		fails(t, "mkdir", os.Mkdir(v.Join("x"), 0o755), unix.EROFS)
		fails(t, "rename", os.Rename(v.Join("f"), v.Join("x")), unix.EROFS)
		fails(t, "unlink", unix.Unlink(v.Join("f")), unix.EROFS)
		fails(t, "rmdir", unix.Rmdir(v.Join("d")), unix.EROFS)
		fails(t, "link", os.Link(v.Join("f"), v.Join("x")), unix.EROFS)
		fails(t, "symlink", os.Symlink("f", v.Join("x")), unix.EROFS)
		fails(t, "chmod", os.Chmod(v.Join("f"), 0o600), unix.EROFS)
		fails(t, "utimens", os.Chtimes(v.Join("f"), time.Now(), time.Now()), unix.EROFS)
		fails(t, "setxattr", unix.Setxattr(v.Join("f"), "user.b", nil, 0), unix.EROFS)
		fails(t, "removexattr", unix.Removexattr(v.Join("f"), "user.a"), unix.EROFS)
		expect(v, "local", []byte("here"))
		for path, content := range files {
			expect(v, path, content)
		}
	})
}

func TestOwnerAndUmask(t *testing.T) {
	uid, gid := uint32(1000), uint32(1001)
	v := volumetest.Start(t, func(o *volume.Options) { o.UID, o.GID, o.Umask = &uid, &gid, 0o027 })
	old := unix.Umask(0)
	defer unix.Umask(old)
	must(t, os.WriteFile(v.Join("f"), nil, 0o666))
	must(t, os.Mkdir(v.Join("d"), 0o777))
	for path, mode := range map[string]uint32{"f": unix.S_IFREG | 0o640, "d": unix.S_IFDIR | 0o750} {
		if st := lstat(v, path); st.Uid != uid || st.Gid != gid || st.Mode != mode {
			t.Errorf("%s: owner %d:%d, mode %o", path, st.Uid, st.Gid, st.Mode)
		}
	}
}

// TestOtherUsers: permissions are checked, for others than root too.
func TestOtherUsers(t *testing.T) {
	v := volumetest.Start(t, nil)
	must(t, os.Chmod(filepath.Dir(v.Path), 0o755))
	must(t, os.Chmod(filepath.Dir(filepath.Dir(v.Path)), 0o755))
	v.Write("open", []byte("x"))
	v.Write("secret", []byte("x"))
	must(t, os.Chmod(v.Join("secret"), 0o600))
	as := func(args ...string) error {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return cmd.Run()
	}
	must(t, as("cat", v.Join("open")))
	for _, args := range [][]string{{"cat", v.Join("secret")}, {"touch", v.Join("new")}, {"rm", "-f", v.Join("open")}} {
		if err := as(args...); err == nil {
			t.Errorf("nobody may %q", args)
		}
	}
	expect(v, "open", []byte("x"))
}

func TestDurabilityRelaxed(t *testing.T) {
	relaxed := func(o *volume.Options) { o.Durability = "relaxed" }
	volumetest.Each(t, relaxed, func(v *volumetest.Volume) {
		content := random(10_000)
		v.Write("f", content)
		expect(v, "f", content)
		expectObject(v, "f", content)
		want := edits["append"](v, "f", content)
		v.Unmount()
		v.Mount()
		expectObject(v, "f", want)
	})
}

func TestDurabilityS3(t *testing.T) {
	remote := func(o *volume.Options) { o.Durability, o.Drain = "s3", time.Second }
	v := volumetest.Start(t, remote)
	v.Log.Expect("the store is away")
	for range 3 { // each close is one object
		v.Write(scaled, random(5000))
	}
	content := random(5000)
	f := open(v, "synced", os.O_CREATE|os.O_WRONLY)
	write(t, f, content, 0)
	must(t, f.Sync())
	if n := len(v.List()); n != 4 {
		t.Errorf("%d objects after three closes and one fsync", n)
	}
	must(t, f.Close())
	expectObject(v, "synced", content)

	v.Gateway.Stop()
	within(t, 30*time.Second, "a close without S3", func() {
		fails(t, "close without S3", os.WriteFile(v.Join("kept"), content, 0o644), unix.EIO)
	})
	expect(v, "kept", content)
	v.Gateway.Start(t)
	expectObject(v, "kept", content)
}
