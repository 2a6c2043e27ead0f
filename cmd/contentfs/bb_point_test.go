package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
)

func TestWrongMountPoints(t *testing.T) {
	v := start(t)
	good := v.Point
	defer func() { v.Point = good }()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, point string
		phrases     []string
	}{
		{"missing", filepath.Join(dir, "none"), []string{"does not exist", "mkdir -p"}},
		{"file", file, []string{"is not a directory"}},
		{"not empty", dir, []string{"is not empty", `"file"`}},
		{"mounted already", "/proc", []string{"mounted on /proc already", "findmnt /proc"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v.Point = c.point
			want(t, v.Run(mountLine(v)...), 3, append(c.phrases, "contentfs: mount blackbox: ", c.point)...)
		})
	}
	t.Run("in the background", func(t *testing.T) {
		v.Point = filepath.Join(dir, "none")
		want(t, v.Run(mountLine(v, "--background")...), 3, "does not exist", "mkdir -p")
	})
}

// TestSecondMount: one state has one daemon, on whatever mount point.
func TestSecondMount(t *testing.T) {
	v := start(t)
	v.Mount()
	second := *v
	second.Point = t.TempDir()
	want(t, v.Run(mountLine(&second)...), 3, "in use", "process", "try: contentfs status")
	want(t, v.Run(mountLine(&second, "--background")...), 3, "in use")
	want(t, v.Run(mountLine(v)...), 3, "try: ")
	v.Write("still", []byte("works"))
	v.Unmount()
	if u := v.Run("unmount", "--state", v.State, v.Name); u.Want(0, "not mounted, nothing to do") != nil {
		t.Error(u)
	}
}

// TestNoFuse runs where the kernel's device is missing, and where it is not for
// this user.
func TestNoFuse(t *testing.T) {
	needRoot(t)
	v := start(t)
	for name, dev := range map[string]string{
		"missing":     "true",
		"not allowed": "/bin/mknod -m 000 /dev/fuse c 10 229",
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(v.State); err != nil {
				t.Fatal(err)
			}
			as := ""
			if name != "missing" {
				as = "nobody"
				ownedByNobody(t, v)
			}
			want(t, v.RunAs(otherDev(dev, as), mountLine(v)...), 3, "FUSE is not available", "/dev/fuse", "try: modprobe fuse")
		})
	}
}

// TestNoFusermount: who is not root needs a helper for mounting.
func TestNoFusermount(t *testing.T) {
	needRoot(t)
	v := start(t)
	ownedByNobody(t, v)
	v.Env = replaced(v.Env, "PATH", "")
	want(t, v.RunAs(otherDev("/bin/mknod -m 666 /dev/fuse c 10 229", "nobody"), mountLine(v)...),
		3, "fusermount3 is not installed", "try: install the package fuse3, or mount as root")
}

// otherDev is a command line in front of another, which then runs with a /dev of
// its own and, if as is not empty, as nobody.
func otherDev(make, as string) []string {
	script := "/bin/mount -t tmpfs none /dev && /bin/mknod -m 666 /dev/null c 1 3 && " + make + ` && exec "$@"`
	line := []string{"/usr/bin/unshare", "-m", "/bin/sh", "-c", script, "sh"}
	if as != "" {
		line = append(line, "/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
	}
	return line
}

func ownedByNobody(t *testing.T, v *life.Volume) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(v.State, 0o700), os.Chown(v.State, 65534, 65534), os.Chown(v.Point, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	// The test's directories are for their owner alone.
	for dir := filepath.Dir(v.State); dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root")
	}
}

// TestStaleMountPoint: what a killed daemon leaves behind is told, and released by
// unmount as well as by the next mount.
func TestStaleMountPoint(t *testing.T) {
	v := start(t)
	v.Mount()
	v.Write("uid/file/a.pdf", []byte("content"))
	v.Kill()
	v.Reap()
	if st := v.Status(); st.Mount != "dead" || st.Mountpoint != v.Point || st.Counts.Files != 1 {
		t.Errorf("%+v", st)
	}
	want(t, v.Run("status", "--state", v.State, v.Name), 0, "its process is gone", "contentfs unmount")
	// By the path, at which nothing can be looked.
	r := v.Run("unmount", "--state", v.State, "--format", "json", v.Join("uid"))
	var u life.Unmounted
	if err := errors.Join(r.Want(0), r.JSON(&u)); err != nil || u.How != "released" || u.Pending != 1 {
		t.Errorf("%+v, %v", u, err)
	}
	if v.Mounted() {
		t.Error("the mount point is still mounted")
	}
	v.Mount()
	v.Kill()
	v.Reap()
	v.Log.Expect("released a mount point whose process was gone")
	v.Mount()
	if got := string(v.Read("uid/file/a.pdf")); got != "content" {
		t.Errorf("read %q", got)
	}
	if v.Log.Count("released a mount point") != 1 {
		t.Error("the mount does not tell that it released the mount point")
	}
	v.Unmount()
}

// TestStateOfAnother: what another user may have planted is not used.
func TestStateOfAnother(t *testing.T) {
	needRoot(t)
	v := start(t)
	if err := errors.Join(os.MkdirAll(v.State, 0o700), os.Chown(v.State, 4711, 4711)); err != nil {
		t.Fatal(err)
	}
	want(t, v.Run(mountLine(v)...), 3, "belongs to uid 4711", "try: ls -ld "+v.State)
}
