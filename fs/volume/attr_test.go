package volume_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestModeAndOwner(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		v.Write("f", []byte("x"))
		must(t, os.Chmod(v.Join("f"), 0o604))
		must(t, os.Lchown(v.Join("f"), 1234, 5678))
		check := func() {
			t.Helper()
			if st := lstat(v, "f"); st.Mode != unix.S_IFREG|0o604 || st.Uid != 1234 || st.Gid != 5678 {
				t.Errorf("mode %o, owner %d:%d", st.Mode, st.Uid, st.Gid)
			}
		}
		check()
		awaitS3(v, "f")
		v.Unmount()
		v.Mount()
		check()
		must(t, os.Chmod(v.Join("f"), 0o4755|os.ModeSetuid))
		must(t, os.WriteFile(v.Join("f"), []byte("written by root"), 0))
		must(t, os.Lchown(v.Join("f"), 0, 0))
		if st := lstat(v, "f"); st.Mode&unix.S_ISUID != 0 {
			t.Errorf("mode %o: a change of owner leaves no set-user-ID bit", st.Mode)
		}
		must(t, os.Symlink("f", v.Join("l")))
		must(t, os.Lchown(v.Join("l"), 42, 43))
		if st := lstat(v, "l"); st.Uid != 42 || st.Gid != 43 {
			t.Errorf("owner of the symlink is %d:%d", st.Uid, st.Gid)
		}
	})
}

func TestTimes(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		set := func(path string, sec, nsec int64) {
			t.Helper()
			ts := []unix.Timespec{{Sec: sec + 1, Nsec: 1}, {Sec: sec, Nsec: nsec}}
			must(t, unix.UtimesNanoAt(unix.AT_FDCWD, v.Join(path), ts, unix.AT_SYMLINK_NOFOLLOW))
		}
		check := func(path string, sec, nsec int64) {
			t.Helper()
			st := lstat(v, path)
			if st.Mtim.Sec != sec || st.Mtim.Nsec != nsec || st.Atim.Sec != sec+1 || st.Atim.Nsec != 1 {
				t.Errorf("%s: mtime %+v, atime %+v", path, st.Mtim, st.Atim)
			}
		}
		v.Write("f", []byte("x"))
		must(t, os.Symlink("f", v.Join("l")))
		for path, sec := range map[string]int64{"f": 1_600_000_000, "l": -5, ".": 4_000_000_000} {
			set(path, sec, 987654321)
			check(path, sec, 987654321)
		}
		// As cp -p does it: times are set before the close, and the close keeps them.
		f := open(v, "copied", os.O_CREATE|os.O_WRONLY)
		write(t, f, random(100), 0)
		set("copied", 1_500_000_000, 5)
		must(t, f.Close())
		check("copied", 1_500_000_000, 5)
		awaitS3(v, "copied")
		set("l", -5, 987654321)
		v.Unmount()
		v.Mount()
		check("copied", 1_500_000_000, 5)
		check("f", 1_600_000_000, 987654321)
		check("l", -5, 987654321)
	})
}

// TestWriteMovesTime: who writes is seen by stat, while the file is open and after.
func TestWriteMovesTime(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		old := time.Unix(1_000_000_000, 0)
		v.Write("f", []byte("x"))
		must(t, os.Chtimes(v.Join("f"), old, old))
		f := open(v, "f", os.O_WRONLY)
		write(t, f, []byte("yz"), 0)
		for _, when := range []string{"while open", "after close"} {
			st, err := os.Stat(v.Join("f"))
			must(t, err)
			if time.Since(st.ModTime()) > time.Minute || st.Size() != 2 {
				t.Errorf("%s: %d bytes, modified %v", when, st.Size(), st.ModTime())
			}
			if when == "while open" {
				must(t, f.Close())
			}
		}
	})
}

func TestTruncateOpenFile(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		f := open(v, "f", os.O_CREATE|os.O_RDWR)
		want := random(10_000)
		write(t, f, want, 0)
		for _, n := range []int64{4096, 0, 9999, 5, 123_456} {
			must(t, f.Truncate(n))
			want = append(slices.Clone(want[:min(int64(len(want)), n)]), make([]byte, max(0, n-int64(len(want))))...)
			if got := contentOf(t, f); !bytes.Equal(got, want) {
				t.Fatalf("after truncate to %d: %s", n, brief(got))
			}
			must(t, os.Truncate(v.Join("f"), n+1)) // by path, while it is open
			want = append(want, 0)
			expect(v, "f", want)
		}
		must(t, f.Close())
		expectObject(v, "f", want)
		fails(t, "truncate of a directory", unix.Truncate(v.Path, 0), unix.EISDIR)
		r := open(v, "f", os.O_RDONLY)
		fails(t, "ftruncate of a reader", unix.Ftruncate(int(r.Fd()), 0), unix.EINVAL)
		_, err := r.Write([]byte("x"))
		fails(t, "write of a reader", err, unix.EBADF)
	})
}

func TestHoles(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		const data, end = 4 << 20, 16 << 20
		f := open(v, "sparse", os.O_CREATE|os.O_RDWR)
		write(t, f, []byte("island"), data)
		must(t, f.Truncate(end))
		seek := func(off int64, whence int, want int64) {
			t.Helper()
			got, err := unix.Seek(int(f.Fd()), off, whence)
			if err != nil || got != want {
				t.Errorf("seek(%d, %d) = %d, %v; not %d", off, whence, got, err, want)
			}
		}
		seek(0, unix.SEEK_DATA, data)
		seek(data, unix.SEEK_HOLE, data+4096)
		seek(0, unix.SEEK_HOLE, 0)
		_, err := unix.Seek(int(f.Fd()), data+4096, unix.SEEK_DATA)
		fails(t, "SEEK_DATA behind all data", err, unix.ENXIO)
		must(t, unix.Fallocate(int(f.Fd()), 0, end, 4096)) // beyond the end: grows
		must(t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, end+4096, 1<<20))
		want := make([]byte, end+4096)
		copy(want[data:], "island")
		expect(v, "sparse", want)
		must(t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, data, 4096))
		clear(want)
		if got := contentOf(t, f); !bytes.Equal(got, want) {
			t.Error("the punched hole is not empty")
		}
		must(t, f.Close())
		expect(v, "sparse", want)
		expectObject(v, "sparse", want)
	})
}

func TestExtendedAttributes(t *testing.T) {
	v := volumetest.Start(t, nil)
	v.Write("f", []byte("x"))
	must(t, os.Mkdir(v.Join("d"), 0o755))
	awaitS3(v, "f")
	value := append([]byte("value\x00"), random(3000)...)
	for _, path := range []string{v.Join("f"), v.Join("d")} {
		must(t, unix.Setxattr(path, "user.a", []byte("1"), unix.XATTR_CREATE))
		fails(t, "CREATE of what is there", unix.Setxattr(path, "user.a", nil, unix.XATTR_CREATE), unix.EEXIST)
		fails(t, "REPLACE of what is not", unix.Setxattr(path, "user.b", nil, unix.XATTR_REPLACE), unix.ENODATA)
		must(t, unix.Setxattr(path, "user.a", value, unix.XATTR_REPLACE))
		must(t, unix.Setxattr(path, "user.empty", nil, 0))
		if got := attr(t, path, "user.a"); got != string(value) {
			t.Errorf("attribute is %s", brief([]byte(got)))
		}
		_, err := unix.Getxattr(path, "user.a", make([]byte, 10))
		fails(t, "a buffer too small", err, unix.ERANGE)
		n, err := unix.Getxattr(path, "user.a", nil)
		if err != nil || n != len(value) {
			t.Errorf("length of the attribute is %d, %v", n, err)
		}
		if n, err := unix.Getxattr(path, "user.empty", make([]byte, 10)); err != nil || n != 0 {
			t.Errorf("empty attribute has %d bytes, %v", n, err)
		}
		fails(t, "removal of what is not", unix.Removexattr(path, "user.b"), unix.ENODATA)
		must(t, unix.Removexattr(path, "user.empty"))
	}
	facts := []string{"user.contentfs.key", "user.contentfs.sha256", "user.contentfs.state", "user.contentfs.url"}
	// Who copies all attributes that are listed would fail with facts: they can be
	// read, but not set.
	for _, name := range []string{"f", "d"} {
		if got := listAttrs(t, v.Join(name)); !slices.Equal(got, []string{"user.a"}) {
			t.Errorf("attributes of %s: %q", name, got)
		}
	}
	for _, fact := range facts {
		fails(t, "set "+fact, unix.Setxattr(v.Join("f"), fact, []byte("x"), 0), unix.EPERM)
		fails(t, "remove "+fact, unix.Removexattr(v.Join("f"), fact), unix.EPERM)
		if attr(t, v.Join("f"), fact) == "" {
			t.Errorf("%s is empty", fact)
		}
	}
	if url := attr(t, v.Join("f"), "user.contentfs.url"); url != v.Gateway.Endpoint+"/"+volumetest.Bucket+"/"+v.List()[0] {
		t.Errorf("url is %q", url)
	}
	fails(t, "set of a fact that is none", unix.Setxattr(v.Join("d"), "user.contentfs.new", []byte("x"), 0), unix.EPERM)
	v.Unmount()
	v.Mount()
	if got := attr(t, v.Join("f"), "user.a"); got != string(value) {
		t.Errorf("after a remount the attribute is %s", brief([]byte(got)))
	}
}

func listAttrs(t *testing.T, path string) []string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := unix.Listxattr(path, buf)
	must(t, err)
	names := strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00")
	slices.Sort(names)
	return names
}

func TestStatfs(t *testing.T) {
	v := volumetest.Start(t, nil)
	var st, disk unix.Statfs_t
	must(t, unix.Statfs(v.Path, &st))
	must(t, unix.Statfs(v.Options.State, &disk))
	if st.Blocks != disk.Blocks || st.Bavail == 0 || st.Bavail > disk.Bavail || st.Namelen != 255 || st.Ffree == 0 {
		t.Errorf("statfs says %+v; the disk %+v", st, disk)
	}
}
