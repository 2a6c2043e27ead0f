package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"contentfs/backend"
	"contentfs/cmd/contentfs/internal/life"
	"contentfs/fs/content"
)

// site is a volume with a fallback, and what its application wrote.
type site struct {
	*life.Volume
	fallback string
	files    map[string]string
}

func newSite(t *testing.T) *site {
	s := &site{Volume: start(t), fallback: t.TempDir(), files: make(map[string]string)}
	s.Args = append(s.Args, "--fallback", s.fallback)
	return s
}

// do runs a command on the volume with all that a configuration file would say.
func (s *site) do(args ...string) life.Result {
	s.T.Helper()
	line := append([]string{args[0], "--state", s.State}, args[1:]...)
	switch args[0] {
	case "migrate", "restore", "move":
		line = append(append(line, s.Store()...), "--fallback", s.fallback)
	case "enable", "disable":
		line = append(line, "--fallback", s.fallback)
	}
	return s.Run(append(line, s.Name)...)
}

// fill writes files whose names hurt.
func (s *site) fill(uid string) {
	s.T.Helper()
	for i, name := range []string{"plain.jpg", "with space.jpg", "100%.jpg", "a+b.jpg", "ä_ö.jpg", "a_b_c.jpg", "semi;colon.txt", "quote\".pdf"} {
		for _, dir := range []string{"image", "image/thumb", "file"} {
			path := filepath.Join(uid, dir, name)
			s.files[path] = fmt.Sprintf("content of %s, %d", path, i)
			s.Write(path, []byte(s.files[path]))
		}
	}
}

// same compares the files below a directory with what was written.
func (s *site) same(dir string) {
	s.T.Helper()
	for path, text := range s.files {
		b, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil || string(b) != text {
			s.T.Errorf("%s in %s: %q, %v", path, dir, b, err)
		}
	}
}

// reshape changes the tree in all ways that the fallback has to follow.
func (s *site) reshape() {
	t := s.T
	t.Helper()
	for _, err := range []error{
		os.Rename(s.Join("u1/image/plain.jpg"), s.Join("u1/image/renamed.jpg")),
		os.MkdirAll(s.Join("empty/dir"), 0o710),
		os.Symlink("../u1", s.Join("empty/link")),
		syscall.Mkfifo(s.Join("empty/fifo"), 0o640),
		os.Link(s.Join("u1/file/a+b.jpg"), s.Join("u1/file/linked.jpg")),
		os.Chmod(s.Join("u1/file/100%.jpg"), os.ModeSetuid|0o711),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.files["u1/image/renamed.jpg"] = s.files["u1/image/plain.jpg"]
	delete(s.files, "u1/image/plain.jpg")
	s.files["u1/file/linked.jpg"] = s.files["u1/file/a+b.jpg"]
}

// shaped looks for all of that.
func (s *site) shaped(dir string) {
	t := s.T
	t.Helper()
	at := func(path string) os.FileInfo {
		fi, err := os.Lstat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		return fi
	}
	if m := at("empty/dir").Mode(); m != os.ModeDir|0o710 {
		t.Errorf("directory: %v", m)
	}
	if to, err := os.Readlink(filepath.Join(dir, "empty/link")); err != nil || to != "../u1" {
		t.Errorf("link: %q, %v", to, err)
	}
	if m := at("empty/fifo").Mode(); m != os.ModeNamedPipe|0o640 {
		t.Errorf("fifo: %v", m)
	}
	if !os.SameFile(at("u1/file/a+b.jpg"), at("u1/file/linked.jpg")) {
		t.Error("two names of one file are two files")
	}
	if m := at("u1/file/100%.jpg").Mode(); m != os.ModeSetuid|0o711 {
		t.Errorf("mode: %v", m)
	}
}

type moved struct {
	Files, Moved, Skipped, Failed, Bytes int64
	Complete                             bool
	Verdict                              string
}

func (s *site) moved(args ...string) (m moved) {
	s.T.Helper()
	r := s.do(append(args, "--format", "json")...)
	if err := r.JSON(&m); err != nil {
		s.T.Fatal(err)
	}
	if r.Code != 0 {
		s.T.Errorf("%s", r)
	}
	return m
}

// keys lists the objects of the volume, by prefix.
func (s *site) keys(t *testing.T, prefix string) (list []string) {
	t.Helper()
	err := openBucket(t, s.Volume).List(t.Context(), prefix+"/", "", func(o backend.Object) error {
		if !strings.HasSuffix(o.Key, "/.contentfs-probe") && !content.IsReserved(o.Key) {
			list = append(list, o.Key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestTransfers plays the way of a site to S3, within it, and back, with the volume
// mounted and without.
func TestTransfers(t *testing.T) {
	for name, mounted := range map[string]bool{"mounted": true, "not mounted": false} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Mount()
			want(t, s.do("disable"), 0, "new content goes to "+s.fallback)
			s.fill("u1")
			s.Await("all in the fallback", func() bool { return s.Status().Counts.Fallback.Count == int64(len(s.files)) })
			s.same(s.fallback)
			between := func() {
				if mounted {
					s.same(s.Point)
				}
			}
			if !mounted {
				s.Unmount()
			}
			all := int64(len(s.files))
			want(t, s.do("migrate"), 0, "24 files", "can be moved", "by scale", "thumb", "by field")
			if m := s.moved("migrate", "--dry-run", "--scale", "thumb"); m.Files != all/3 {
				t.Errorf("%+v", m)
			}
			if m := s.moved("migrate", "--scale", "thumb"); m.Moved != all/3 || !m.Complete {
				t.Errorf("%+v", m)
			}
			if m := s.moved("migrate", "--all", "--limit", "3"); m.Moved != 3 {
				t.Errorf("%+v", m)
			}
			between()
			if m := s.moved("migrate", "--all", "--remove-local"); m.Moved != all || m.Failed != 0 {
				t.Errorf("%+v", m)
			}
			if m := s.moved("migrate", "--all"); m.Moved != 0 {
				t.Errorf("again: %+v", m)
			}
			between()
			if n := len(s.keys(t, life.Prefix)); n != int(all) {
				t.Errorf("%d objects", n)
			}
			if mounted { // the mount sweeps, soon
				s.Await("nothing left in the fallback", func() bool { return len(plainFiles(t, s.fallback)) == 0 })
			} else if left := plainFiles(t, s.fallback); len(left) != 0 {
				t.Errorf("left in the fallback: %q", left)
			}
			if m := s.moved("move", "--all", "--to-prefix", "elsewhere/new"); m.Moved != all || m.Failed != 0 {
				t.Errorf("%+v", m)
			}
			if n := len(s.keys(t, "elsewhere/new")); n != int(all) {
				t.Errorf("%d objects moved", n)
			}
			between()
			if mounted {
				s.reshape()
			}
			if m := s.moved("restore", "--field", "file"); m.Moved != all/3 {
				t.Errorf("%+v", m)
			}
			if m := s.moved("restore", "--all", "--remove-remote"); m.Moved != all || m.Failed != 0 {
				t.Errorf("%+v", m)
			}
			between()
			if mounted {
				s.Unmount()
			}
			s.same(s.fallback)
			if left := plainFiles(t, s.fallback); len(left) != len(s.files) {
				t.Errorf("%d files in the fallback, %d in the volume", len(left), len(s.files))
			}
			if mounted {
				s.shaped(s.fallback)
			}
			s.WipeLocal()
			s.Log.Expect("recovered after a crash")
			s.Mount()
			s.same(s.Point)
			s.Unmount()
		})
	}
}

// plainFiles lists the regular files in a fallback, but for those in our directories.
func plainFiles(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".contentfs-") {
			return filepath.SkipDir
		}
		if err == nil && d.Type().IsRegular() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestTransferMisuse: what cannot be meant is told, and nothing is done.
func TestTransferMisuse(t *testing.T) {
	s := newSite(t)
	s.Mount()
	s.fill("u1")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{2, "is no time", []string{"migrate", "--older-than", "soon"}},
		{2, "is no size", []string{"migrate", "--min-size", "big"}},
		{2, "exclude each other", []string{"migrate", "--scale", "a", "--originals"}},
		{2, "positive", []string{"migrate", "--limit", "-1"}},
		{2, "to-bucket", []string{"move", "--all", "--to-bucket", "No_Bucket"}},
		{0, "nothing to move", []string{"migrate", "--uid", "nobody"}},
		{0, "nothing failed", []string{"errors"}},
		{0, "nothing failed", []string{"retry"}},
		{0, "goes to S3", []string{"enable"}},
	} {
		want(t, s.do(c.args...), c.code, c.says)
	}
	r := s.Run(append([]string{"restore", "--state", s.State, "--all", s.Name}, s.Store()...)...)
	want(t, r, 3, "no fallback directory")
	s.Unmount()
}

// TestTransferInterrupted: a signal ends a transfer in order, and the next one goes on.
func TestTransferInterrupted(t *testing.T) {
	s := newSite(t)
	s.Mount()
	want(t, s.do("disable"), 0)
	s.fill("u1")
	s.Await("all in the fallback", func() bool { return s.Status().Counts.Fallback.Count == int64(len(s.files)) })
	line := append([]string{"migrate", "--state", s.State, "--all", "--concurrency", "1", "--rate", "20", s.Name}, s.Store()...)
	r := s.Interrupted(syscall.SIGINT, func() bool { return s.Status().Counts.Fallback.Count < int64(len(s.files)) }, line...)
	want(t, r, 130, "not complete: run it again to go on")
	s.same(s.Point)
	if m := s.moved("migrate", "--all"); m.Moved == 0 || m.Failed != 0 || m.Moved == int64(len(s.files)) {
		t.Errorf("%+v", m)
	}
	s.same(s.Point)
	if st := s.Status(); st.Counts.Fallback.Count != 0 {
		t.Errorf("%+v", st.Counts)
	}
	s.Unmount()
}
