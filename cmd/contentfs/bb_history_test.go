package main_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"contentfs/backend"
)

// history is what contentfs history says, as far as tests read it.
type history struct {
	Versions []struct {
		Version int64
		Size    int64
		State   string
		Where   []string
	}
}

// TestHistory goes the whole way of deleted content: it is listed, brought back while
// mounted and while not, and ends with a garbage collection.
func TestHistory(t *testing.T) {
	v := start(t)
	v.Mount()
	const path = "uid/image/large/a.jpg"
	v.Write(path, []byte("first"))
	uploaded := func() bool { return v.Status().Counts.Waiting.Count == 0 }
	v.Await("the first upload", uploaded)
	v.Write(path, []byte("second one"))
	v.Write("uid/image/kept", []byte("kept"))
	v.Await("the second upload", uploaded)
	if err := os.RemoveAll(v.Join("uid/image/large")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(v.Join(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err) // and the kernel remembers
	}
	var h history
	if err := v.Run("history", v.Name, "/"+path, "--state", v.State, "--format", "json").JSON(&h); err != nil {
		t.Fatal(err)
	}
	if len(h.Versions) != 2 || h.Versions[0].State != "deleted" || h.Versions[1].State != "replaced" || h.Versions[0].Size != 10 {
		t.Fatalf("history: %+v", h)
	}
	want(t, v.Run("history", v.Join(path), "--state", v.State), 0, "deleted", "replaced", "here, S3", "2 versions of /"+path)

	want(t, v.Run("history", "--deleted", v.Name, "--state", v.State), 0, "/"+path, "1 deleted file below /;")
	want(t, v.Run("history", "--deleted", v.Name, "/uid/image/large", "--state", v.State), 0, "1 deleted file below /uid/image/large;")
	want(t, v.Run("history", "--deleted", v.Name, "/uid/image/lar", "--state", v.State), 0, "nothing that was deleted below /uid/image/lar is kept")
	want(t, v.Run("undelete", v.Join(path), "--state", v.State), 0, "/"+path+" is back")
	want(t, v.Run("history", "--deleted", v.Join("uid"), "--state", v.State), 0, "nothing that was deleted below /uid is kept")
	v.Await("the file", func() bool { _, err := os.Stat(v.Join(path)); return err == nil })
	if got := string(v.Read(path)); got != "second one" {
		t.Errorf("back is %q", got)
	}
	want(t, v.Run("undelete", v.Name, path, "--state", v.State, "--as", "/uid/image/other"), 0, "/uid/image/other is back")
	if got := string(v.Read("uid/image/other")); got != "first" {
		t.Errorf("the older one is %q", got)
	}
	want(t, v.Run("undelete", v.Name, path, "--state", v.State), 1, "no other version of it is left")
	v.Await("the errands", uploaded)

	gc := append([]string{"gc", v.Name, "--state", v.State}, v.Store()...)
	v.Write("uid/image/other", []byte("other"))
	v.Await("another upload", uploaded)
	want(t, v.Run(gc...), 0, "nothing was deleted or replaced more than 7d ago")
	store := openBucket(t, v)
	before := objects(t, store)
	want(t, v.Run(append(gc, "--grace", "0s")...), 0, "would go", "--yes")
	if got := objects(t, store); len(got) != len(before) {
		t.Errorf("%d objects after a plan, %d before", len(got), len(before))
	}
	want(t, v.Run(append(gc, "--grace", "0s", "--yes", "--force")...), 0, "removed")
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	// What was deleted last was a file that somebody had open a moment ago.
	want(t, v.Run("undelete", v.Name, path, "--state", v.State), 1, "no other version of it is left")
	want(t, v.Run(append(gc, "--grace", "0s", "--yes", "--force")...), 0, "removed")
	if got := objects(t, store); len(got) != 3 {
		t.Errorf("objects that are left: %v", got)
	}
	auditVolume(t, v, store)
	v.WipeLocal()
	v.Log.Expect("recovered after a crash") // files are missing
	v.Mount()
	if got := string(v.Read(path)) + string(v.Read("uid/image/other")) + string(v.Read("uid/image/kept")); got != "second oneotherkept" {
		t.Errorf("read %q", got)
	}
	v.Unmount()
}

// TestUndeleteWithoutAMount brings a file back that was deleted before the unmount.
func TestUndeleteWithoutAMount(t *testing.T) {
	v := start(t)
	v.Mount()
	v.Write("a/b", []byte("content"))
	if err := os.RemoveAll(v.Join("a")); err != nil {
		t.Fatal(err)
	}
	v.Unmount()
	want(t, v.Run("undelete", v.Name, "/a/b", "--state", v.State), 0, "/a/b is back")
	v.Mount()
	if got := string(v.Read("a/b")); got != "content" {
		t.Errorf("back is %q", got)
	}
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	auditVolume(t, v, openBucket(t, v))
}

// objects lists the keys of a bucket, but for the probe of the store.
func objects(t *testing.T, store backend.Backend) (keys []string) {
	t.Helper()
	err := store.List(context.Background(), "", "", func(o backend.Object) error {
		if !strings.Contains(o.Key, ".contentfs") {
			keys = append(keys, o.Key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestUndeleteOfAnOpenFile: who has a deleted file open reads on, and what a writer
// does to it does not reach the file that came back.
func TestUndeleteOfAnOpenFile(t *testing.T) {
	for name, flags := range map[string]int{"reader": os.O_RDONLY, "writer": os.O_RDWR} {
		t.Run(name, func(t *testing.T) {
			v := start(t)
			v.Mount()
			v.Write("a", []byte("content"))
			v.Await("the upload", func() bool { return v.Status().Counts.Waiting.Count == 0 })
			f, err := os.OpenFile(v.Join("a"), flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(v.Join("a")); err != nil {
				t.Fatal(err)
			}
			want(t, v.Run("undelete", v.Name, "/a", "--state", v.State), 0, "/a is back")
			v.Await("the file", func() bool { _, err := os.Stat(v.Join("a")); return err == nil })
			b := make([]byte, 7)
			if _, err := f.ReadAt(b, 0); err != nil || string(b) != "content" {
				t.Errorf("the deleted one: %q, %v", b, err)
			}
			if flags != os.O_RDONLY {
				_, err := f.WriteAt([]byte("changed"), 0)
				t.Logf("write to the deleted file: %v; its close: %v", err, f.Close())
			} else if err := f.Close(); err != nil {
				t.Error(err)
			}
			if got := string(v.Read("a")); got != "content" {
				t.Errorf("back is %q", got)
			}
			if u := v.Unmount(); u.Pending != 0 {
				t.Errorf("%+v", u)
			}
			auditVolume(t, v, openBucket(t, v))
		})
	}
}
