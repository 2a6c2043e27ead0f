package main_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/cmd/contentfs/internal/life"
)

// manifest describes everything in a mount, a line for each name. times leaves out the
// times of directories, which a rebuilding makes anew where it makes the directory.
func manifest(t *testing.T, v *life.Volume) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(v.Point, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == v.Point {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		line := fmt.Sprintf("%s %o %d:%d", strings.TrimPrefix(path, v.Point), st.Mode, st.Uid, st.Gid)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			value := make([]byte, 100)
			n, err := unix.Getxattr(path, "user.test", value)
			if err != nil && !errors.Is(err, unix.ENODATA) {
				return err
			}
			line += fmt.Sprintf(" %d %d %x %s", st.Nlink, st.Mtim.Nano(), sha256.Sum256(b), value[:max(n, 0)])
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// differ compares two manifests.
func differ(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s: missing: %s", what, line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s: too much: %s", what, line)
		}
	}
}

// save writes a file as editors do: under another name, which is renamed.
func save(t *testing.T, v *life.Volume, path, text string) {
	t.Helper()
	v.Write(path+".tmp", []byte(text))
	if err := os.Rename(v.Join(path+".tmp"), v.Join(path)); err != nil {
		t.Fatal(err)
	}
}

// removeDatabase is the accident.
func removeDatabase(t *testing.T, v *life.Volume) {
	t.Helper()
	for _, tail := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(v.State, "meta.db"+tail)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// TestRebuild: the database goes after a crash, with content that was not uploaded; all
// comes back, of the last copy, the objects made since, and the local files.
func TestRebuild(t *testing.T) {
	v := start(t)
	rebuild := func(more ...string) life.Result {
		return v.Run(append(append([]string{"rebuild", v.Name, "--state", v.State}, v.Store()...), more...)...)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	uploaded := func() bool { return v.Status().Counts.Waiting.Count == 0 }
	v.Mount()
	for i := range 20 {
		v.Write(fmt.Sprintf("u%d/image/large/a b_%d.jpg", i%3, i), fmt.Appendf(nil, "content %d", i))
	}
	v.Write("deep/er/and/deeper/ü\xff.txt", []byte("no UTF-8"))
	must(os.Link(v.Join("u1/image/large/a b_1.jpg"), v.Join("u1/link.jpg")))
	must(os.Symlink("image/large", v.Join("u1/symlink")))
	must(os.Chmod(v.Join("u2/image/large/a b_2.jpg"), 0o2750))
	must(os.Mkdir(v.Join("empty"), 0o711))
	must(unix.Setxattr(v.Join("u0/image/large/a b_0.jpg"), "user.test", []byte("value"), 0))
	save(t, v, "u0/image/large/a b_3.jpg", "saved")
	must(os.Remove(v.Join("u2/image/large/a b_5.jpg")))
	must(os.Rename(v.Join("u0/image/large/a b_6.jpg"), v.Join("u0/image/renamed.jpg")))
	want(t, rebuild(), 3, "has", "mounted", "contentfs unmount")
	v.Await("the uploads", uploaded)
	v.Unmount()
	want(t, v.Run("status", "--state", v.State, v.Name), 0, "metadata in S3")
	old, err := os.ReadFile(filepath.Join(v.State, "meta.db"))
	must(err)

	v.Mount()
	before := manifest(t, v)
	v.Write("late/image/uploaded.jpg", []byte("uploaded"))
	v.Write("u1/image/large/a b_4.jpg", []byte("overwritten"))
	v.Await("the uploads after the copy", uploaded)
	v.Gateway.Stop()
	v.Log.Expect("S3")
	v.Write("late/image/waiting.jpg", []byte("waiting"))
	v.Write("u1/image/large/a b_7.jpg", []byte("waiting, too"))
	save(t, v, "late/file/saved.pdf", "saved and not uploaded")
	save(t, v, "u0/image/large/a b_3.jpg", "saved again")
	after := manifest(t, v)
	v.Kill()
	v.Reap()
	v.Release()
	removeDatabase(t, v)
	want(t, rebuild(), 4, "try:")
	v.Gateway.Start(t)
	want(t, rebuild(), 0, "would be rebuilt", "here and not uploaded", "--yes")
	if _, err := os.Stat(filepath.Join(v.State, "meta.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a plan made a database: %v", err)
	}
	want(t, rebuild("--yes"), 0, "is rebuilt", "4 to upload", "nothing left alone")
	v.Mount()
	differ(t, "from the copy", manifest(t, v), after)
	v.Await("the uploads after the rebuilding", uploaded)
	v.Unmount()
	auditVolume(t, v, openBucket(t, v))
	want(t, rebuild("--yes"), 3, "not damaged", "--force")
	want(t, v.Run(append([]string{"gc", v.Name, "--state", v.State, "--grace", "0s", "--yes"}, v.Store()...)...), 1, "rebuilt", "--force")

	// An old copy that was put back: nobody takes it for what there is, and what they
	// say to do works.
	must(os.WriteFile(filepath.Join(v.State, "meta.db"), old, 0o600))
	for _, command := range []string{"status", "errors", "history"} {
		args := []string{command, "--state", v.State, v.Name}
		if command == "history" {
			args = append(args, "/late/image/uploaded.jpg")
		}
		want(t, v.Run(args...), 3, "older than its last state", "contentfs rebuild "+v.Name)
	}
	want(t, rebuild("--yes"), 0, "damaged", "older than its last state", "is rebuilt")

	// A damaged database, and no local files.
	f, err := os.OpenFile(filepath.Join(v.State, "meta.db"), os.O_WRONLY, 0)
	must(err)
	_, err = f.WriteAt(make([]byte, 4096), 4096)
	must(errors.Join(err, f.Close()))
	v.WipeLocal()
	want(t, rebuild("--yes"), 0, "damaged", "is rebuilt", "before-rebuild")
	v.Log.Expect("recovered after a crash")
	v.Mount()
	differ(t, "without local files", manifest(t, v), after)
	v.Unmount()
	auditVolume(t, v, openBucket(t, v))

	// Of nothing but the listing: files with their modes, owners and times.
	removeDatabase(t, v)
	v.WipeLocal()
	want(t, rebuild("--yes", "--from", "listing"), 0, "is rebuilt")
	v.Mount()
	got := manifest(t, v)
	missing := 0
	for _, line := range after {
		name, rest, _ := strings.Cut(line, " 10")
		switch {
		case rest == "" || strings.Contains(line, "link") || strings.Contains(line, "u2/image/large/a b_2.jpg") ||
			strings.Contains(line, "user.test") || strings.HasSuffix(line, " value") || strings.Contains(line, "u1/image/large/a b_1.jpg"):
			// No file, or with more names, a bit or an attribute that objects have not.
		case !slices.Contains(got, line):
			missing++
			t.Errorf("from the listing: missing: %s %s", name, rest)
		}
	}
	v.Await("no errands", uploaded)
	v.Unmount()
	auditVolume(t, v, openBucket(t, v))
	if len(before) == 0 || len(got) == 0 {
		t.Errorf("%d before, %d from the listing, %d missing", len(before), len(got), missing)
	}
}
