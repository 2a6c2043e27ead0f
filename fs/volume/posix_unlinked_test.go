package volume_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/local"
	"contentfs/fs/volume/volumetest"
	"contentfs/meta"
)

func TestPosixUnlinked(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "files", useUnlinkedFile)
		compare(v, "directories", useUnlinkedDirectory)
		compare(v, "replaced", useReplacedFile)
	})
}

// useUnlinkedFile does with a file that has no name what can be done with one.
func useUnlinkedFile(p *place) {
	p.make("f", "content")
	must(p.T, unix.Setxattr(p.path("f"), "user.before", []byte("unlinked"), 0))
	f, err := os.OpenFile(p.path("f"), os.O_RDWR, 0)
	must(p.T, err)
	defer f.Close()
	fd := int(f.Fd())
	must(p.T, os.Link(p.path("f"), p.path("g")))
	stat := func(when string) {
		var st unix.Stat_t
		p.try(when+": fstat", unix.Fstat(fd, &st))
		p.note("%s: %s", when, described(&st))
	}
	for _, name := range []string{"f", "g"} {
		must(p.T, os.Remove(p.path(name)))
		stat("without " + name)
		write(p.T, f, []byte("new "+name), 2)
		p.try("fsync", f.Sync())
		p.try("fchmod", f.Chmod(0o640))
		p.try("fchown", f.Chown(5, 6))
		p.try("ftruncate", f.Truncate(20))
		p.try("fallocate", unix.Fallocate(fd, 0, 100, 50))
		p.try("futimens", unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), []unix.Timespec{{Sec: 5}, {Sec: 6}}, 0))
		p.try("fsetxattr", unix.Fsetxattr(fd, "user."+name, []byte(name), 0))
		buf := make([]byte, 1000)
		n, err := unix.Fgetxattr(fd, "user.before", buf)
		p.note("fgetxattr: %q %s", buf[:max(n, 0)], ending(err))
		stat("changed")
		p.note("%q", contentOf(p.T, f))
	}
	p.make("f", "another")
	p.read("f")
	p.note("%q", contentOf(p.T, f))
	stat("beside another")
}

// useUnlinkedDirectory removes what is open, and where somebody works.
func useUnlinkedDirectory(p *place) {
	must(p.T, os.MkdirAll(p.path("d/sub"), 0o755))
	d, err := os.Open(p.path("d/sub"))
	must(p.T, err)
	defer d.Close()
	fd := int(d.Fd())
	must(p.T, os.Remove(p.path("d/sub")))
	var st unix.Stat_t
	p.try("fstat", unix.Fstat(fd, &st))
	p.note("%s", described(&st))
	_, err = d.Readdirnames(-1)
	p.try("list", err)
	_, err = unix.Openat(fd, "x", unix.O_CREAT|unix.O_RDWR, 0o644)
	p.try("create", err)
	p.try("mkdir", unix.Mkdirat(fd, "x", 0o755))
	p.try("symlink", unix.Symlinkat("x", fd, "x"))
	p.try("link", unix.Linkat(unix.AT_FDCWD, p.path("d"), fd, "x", 0))
	p.make("f", "x")
	p.try("link of a file", unix.Linkat(unix.AT_FDCWD, p.path("f"), fd, "x", 0))
	p.try("rename", unix.Renameat(unix.AT_FDCWD, p.path("f"), fd, "x"))
	p.try("fchmod", unix.Fchmod(fd, 0o700))
	p.try("fsync", unix.Fsync(fd))
	p.try("setxattr", unix.Fsetxattr(fd, "user.x", []byte("x"), 0))
	p.try("stat of ..", unix.Fstatat(fd, "..", &st, 0))
	must(p.T, unix.Fstat(fd, &st))
	p.note("%s", described(&st))
	out, err := shell(p, `mkdir "$DIR/cwd" && cd "$DIR/cwd" && rmdir "$DIR/cwd" && { touch x; ls -a; mkdir y; cd ..; [ "$PWD" = "$DIR" ]; echo $?; ls; } 2>&1`)
	p.note("%s: %v", out, err)
	p.tree()
}

// useReplacedFile goes on with a file whose name another file took.
func useReplacedFile(p *place) {
	p.make("a", "first")
	f, err := os.OpenFile(p.path("a"), os.O_RDWR, 0)
	must(p.T, err)
	defer f.Close()
	for i := range 3 {
		p.make("b", fmt.Sprint("replacement ", i))
		must(p.T, os.Rename(p.path("b"), p.path("a")))
		write(p.T, f, []byte(fmt.Sprint(i)), int64(i))
		p.note("%q", contentOf(p.T, f))
		p.read("a")
	}
	var st unix.Stat_t
	must(p.T, unix.Fstat(int(f.Fd()), &st))
	p.note("%s", described(&st))
}

// TestPosixUnlinkedCrash: a crash while files without a name are open leaves
// nothing of them but what was committed under a name, which can be brought back
// for a while. What it finds on disk is a copy, made at that moment.
func TestPosixUnlinkedCrash(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		t := v.T
		v.Log.Expect("recovered after a crash")
		v.Write("sent", random(50_000))
		v.Write("edited", random(60_000))
		v.Write("kept", []byte("has a name"))
		for _, name := range []string{"sent", "edited", "kept"} {
			awaitS3(v, name)
		}
		var files []*os.File
		for _, name := range []string{"sent", "edited", "new", "synced"} {
			f := open(v, name, os.O_CREATE|os.O_RDWR)
			files = append(files, f)
			if name == "sent" {
				continue
			}
			write(t, f, random(70_000), 0)
			if name == "synced" {
				must(t, f.Sync())
			}
		}
		for _, name := range []string{"sent", "edited", "new", "synced"} {
			must(t, os.Remove(v.Join(name)))
		}
		fd, err := unix.Open(v.Path, unix.O_TMPFILE|unix.O_RDWR, 0o600)
		must(t, err)
		files = append(files, os.NewFile(uintptr(fd), "tmpfile"))
		write(t, files[len(files)-1], random(80_000), 0)
		must(t, files[len(files)-1].Sync())
		d, err := os.Open(v.Path)
		must(t, err)
		must(t, d.Sync()) // the names' removal is on disk
		must(t, d.Close())
		crash := crashed(v)
		for _, f := range files {
			must(t, f.Close())
		}
		v.Unmount()
		must(t, os.Rename(v.Options.State, v.Options.State+".old"))
		must(t, os.Rename(crash, v.Options.State))
		v.Mount()
		expect(v, "kept", []byte("has a name"))
		if names := sorted(t, v.Path); len(names) != 1 {
			t.Errorf("after the crash there are %q", names)
		}
		v.Unmount()
		leftovers(v)
	})
}

// leftovers fails the test if an unmounted volume has local files that hold no
// version: drafts, what waits to be unlinked, what nobody knows.
func leftovers(v *volumetest.Volume) {
	v.Helper()
	m, files := v.Stores()
	defer m.Close()
	defer files.Close()
	rows, err := m.Files("", 1000)
	must(v.T, err)
	known := make(map[local.ID]bool)
	for _, row := range rows {
		known[local.ID(row.File)] = true
		if row.Kind != meta.FileVersion {
			v.Errorf("local file %s of node %d is left over: %v", row.File, row.Ino, row.Kind)
		}
	}
	ids, _, err := files.List()
	must(v.T, err)
	for _, id := range ids {
		if st, err := files.Stat(id); err != nil || !known[id] {
			v.Errorf("local file %s with %d bytes is not on record: %v", id, st.Size, err)
		}
	}
}
