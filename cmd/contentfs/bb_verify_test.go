package main_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/cmd/contentfs/internal/life"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// verified is what contentfs verify says, as far as tests read it.
type verified struct {
	Versions, Local, Objects, Cured int64
	Differences                     []struct {
		Where, Path, Why, Cure string
		Cured                  bool
	}
}

// uploadedVolume is a mounted volume whose files are all in S3.
func uploadedVolume(t *testing.T, names ...string) *life.Volume {
	t.Helper()
	v := start(t)
	v.Mount()
	for _, name := range names {
		v.Write(name, []byte("content of "+name))
	}
	awaitUploads(v)
	return v
}

func awaitUploads(v *life.Volume) {
	v.Await("the uploads", func() bool { return v.Status().Counts.Waiting.Count == 0 })
}

// versionOfFile returns what is on record of a file.
func versionOfFile(t *testing.T, v *life.Volume, name string) meta.Version {
	t.Helper()
	m, err := sqlite.Open(filepath.Join(v.State, "meta.db"), sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	n, err := m.Resolve([]byte("/" + name))
	if err != nil {
		t.Fatal(err)
	}
	ver, err := m.Current(n.Ino)
	if err != nil {
		t.Fatal(err)
	}
	return ver
}

func localFile(t *testing.T, v *life.Volume, name string) string {
	t.Helper()
	return filepath.Join(v.State, "local", string(versionOfFile(t, v, name).File))
}

// rotFile changes a byte of a file and leaves its time.
func rotFile(t *testing.T, path string) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 4
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.Write(b)
		f.Close()
	}
	if err == nil {
		err = os.Chtimes(path, time.Time{}, fi.ModTime())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func verifyArgs(v *life.Volume, more ...string) []string {
	return append(append([]string{"verify", v.Name, "--state", v.State}, v.Store()...), more...)
}

// TestVerify: what differs is told and not changed, and cured where it can be, beside a
// mount and without one.
func TestVerify(t *testing.T) {
	for _, mounted := range []bool{true, false} {
		t.Run(map[bool]string{true: "mounted", false: "not mounted"}[mounted], func(t *testing.T) {
			v := uploadedVolume(t, "good", "rotten", "gone", "object", "bad", "both")
			want(t, v.Run(verifyArgs(v, "--checksum")...), 0, "6 versions compared: ", "no differences")
			if !mounted {
				v.Unmount()
			}
			store := openBucket(t, v)
			bad := versionOfFile(t, v, "bad")
			rotFile(t, localFile(t, v, "rotten"))
			rotFile(t, localFile(t, v, "both"))
			remove(t, localFile(t, v, "gone"))
			for _, name := range []string{"object", "both"} {
				if err := store.Delete(context.Background(), versionOfFile(t, v, name).Key); err != nil {
					t.Fatal(err)
				}
			}
			storeObject(t, store, bad.Key, "other content")

			// Without reading, the rot is not seen.
			want(t, v.Run(verifyArgs(v)...), 5, "4 differences", "its local file is gone", "its object is not there", "its object has 13 bytes")
			var r verified
			res := v.Run(verifyArgs(v, "--checksum", "--format", "json")...)
			want(t, res, 5)
			if err := res.JSON(&r); err != nil {
				t.Fatal(err)
			}
			if len(r.Differences) != 6 || r.Cured != 0 {
				t.Fatalf("%+v", r)
			}
			if versionOfFile(t, v, "gone").File == "" {
				t.Error("looking changed something")
			}
			res = v.Run(verifyArgs(v, "--checksum", "--repair")...)
			want(t, res, 5, "6 differences, 4 cured", "not cured")
			if !mounted {
				v.Log.Expect("recovered after a crash", "local file is damaged; it will be fetched again")
				v.Mount()
			}
			v.Await("what is sent again", func() bool {
				return versionOfFile(t, v, "object").Remote == meta.Stored && versionOfFile(t, v, "bad").Remote == meta.Stored
			})
			for _, name := range []string{"good", "rotten", "gone", "object", "bad"} {
				if got := string(v.Read(name)); got != "content of "+name {
					t.Errorf("%s: %q", name, got)
				}
			}
			if got := getObject(t, store, bad.Key); got != "other content" {
				t.Errorf("an object was overwritten: %q", got)
			}
			if now := versionOfFile(t, v, "bad"); now.Key == bad.Key || getObject(t, store, now.Key) != "content of bad" {
				t.Errorf("sent again: %+v", now)
			}
			want(t, v.Run(verifyArgs(v, "--checksum")...), 5, "its object is not there") // of "both" nothing is good
			remove(t, v.Join("both"))
			v.Unmount()
		})
	}
}

// TestVerifyUnreachable: what could not be looked at is neither right nor missing.
func TestVerifyUnreachable(t *testing.T) {
	v := uploadedVolume(t, "a", "b", "c")
	v.Unmount()
	v.Gateway.Stop()
	before := versionOfFile(t, v, "a")
	for _, more := range [][]string{nil, {"--repair"}} {
		res := v.Run(verifyArgs(v, more...)...)
		want(t, res, 4, "no differences in what could be looked at", "3 versions could not be looked at whole")
	}
	if after := versionOfFile(t, v, "a"); after.Remote != before.Remote || after.File != before.File {
		t.Errorf("%+v became %+v", before, after)
	}
	v.Gateway.Start(t)
	want(t, v.Run(verifyArgs(v, "--sample", "100%")...), 0, "3 versions compared", "3 objects")
	want(t, v.Run(verifyArgs(v, "--sample", "0%")...), 2, "--sample 5%")
	want(t, v.Run("verify"), 2, "VOLUME is missing")
}

// TestQuarantine goes the way of content that is only here and goes bad: it is told
// everywhere, and comes back in a way that the administrator chooses.
func TestQuarantine(t *testing.T) {
	v := start(t)
	v.Args = append(v.Args, "--offload", "off")
	v.Mount()
	for _, name := range []string{"d/cut", "d/other", "d/third"} {
		v.Write(name, bytes.Repeat([]byte("content "), 100))
		v.Await("the release", func() bool { return !versionOfFile(t, v, name).Open })
	}
	v.Unmount()
	for i, name := range []string{"d/cut", "d/other", "d/third"} {
		if err := os.Truncate(localFile(t, v, name), int64(100+i)); err != nil {
			t.Fatal(err)
		}
	}
	want(t, v.Run(verifyArgs(v)...), 5, "3 differences", "its local file has 100 bytes instead of 800", "goes to the quarantine")
	v.Log.Expect("content is lost on this server", "recovered after a crash")
	v.Mount()
	if _, err := os.ReadFile(v.Join("d/cut")); err == nil {
		t.Error("what is lost can be read")
	}
	want(t, v.Run("status", v.Name, "--state", v.State), 0, "3 LOST", "contentfs quarantine list "+v.Name, "contentfs errors "+v.Name)
	want(t, v.Run("errors", v.Name, "--state", v.State), 0, "/d/cut", "its local file has 100 bytes", "3 files LOST", "3 files in the quarantine")

	q := func(verb string, more ...string) life.Result {
		return v.Run(append([]string{"quarantine", verb, v.Name, "--state", v.State}, more...)...)
	}
	want(t, q("list"), 0, "/d/cut", "3 files (303 B) in the quarantine")
	var list struct{ Files []struct{ ID, Path string } }
	if err := q("list", "--format", "json").JSON(&list); err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]string)
	for _, f := range list.Files {
		ids[f.Path] = f.ID
	}
	cut, other, third := ids["/d/cut"], ids["/d/other"], ids["/d/third"]
	if r := q("show", cut[:12]); r.Code != 0 || len(r.Stdout) != 100 || !strings.HasPrefix(r.Stdout, "content content") {
		t.Errorf("%s", r)
	}
	out := filepath.Join(t.TempDir(), "out")
	want(t, q("restore", other, "--to", out), 0, "it is in the quarantine still")
	want(t, q("restore", other, "--to", out), 1, "file exists")
	want(t, q("restore", other, "--as", "/d"), 1, "a directory has the name")
	want(t, q("restore", "ffffff"), 1, "contentfs quarantine list")
	want(t, q("restore"), 2, "VOLUME ID")

	want(t, q("restore", cut), 0, "/d/cut is back (100 B)")
	v.Await("the file", func() bool { b, err := os.ReadFile(v.Join("d/cut")); return err == nil && len(b) == 100 })
	v.Unmount()
	want(t, q("restore", other, "--as", "new/place"), 0, "/new/place is back")
	want(t, q("remove", third), 0, "would be removed", "--yes")
	want(t, q("remove"), 2, "--all")
	want(t, q("remove", third, "--yes"), 0, "1 file removed")
	want(t, q("list"), 0, "nothing is in the quarantine")
	v.Mount()
	if b := v.Read("new/place"); len(b) != 101 {
		t.Errorf("restored without a mount: %q", b)
	}
	if _, err := os.Stat(filepath.Join(v.State, "local", third)); !os.IsNotExist(err) {
		t.Errorf("what was removed: %v", err)
	}
	want(t, v.Run("enable", v.Name, "--state", v.State), 0)
	awaitUploads(v)
	for _, name := range []string{"d/other", "d/third"} {
		remove(t, v.Join(name))
	}
	v.Unmount()
	auditVolume(t, v, openBucket(t, v))
	want(t, v.Run(verifyArgs(v, "--checksum")...), 0, "no differences")
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func getObject(t *testing.T, store backend.Backend, key string) string {
	t.Helper()
	r, err := store.Get(context.Background(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func storeObject(t *testing.T, store backend.Backend, key, text string) {
	t.Helper()
	if err := putObject(store, key, text); err != nil {
		t.Fatal(err)
	}
}
