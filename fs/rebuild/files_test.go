package rebuild

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"contentfs/fs/local"
	"contentfs/meta"
)

// TestLocalFiles: what becomes of local files that nothing is on record of.
func TestLocalFiles(t *testing.T) {
	regular := uint32(meta.TypeRegular | 0o600)
	hour := int64(time.Hour)
	cases := []struct {
		name  string
		who   local.Identity
		text  string
		mtime int64 // before now
		tree  string
		why   string // of the quarantine
	}{
		{"committed", local.Identity{Kind: local.Committed, Size: 3, Mode: regular, Path: []byte("/d/x")}, "new", 0, "/d/x 100600 0:0 1 here:new", ""},
		{"empty", local.Identity{Kind: local.Committed, Size: 0, Mode: regular, Path: []byte("/x")}, "", 0, "/x 100600 0:0 1 here:", ""},
		{"set-id", local.Identity{Kind: local.Committed, Size: 3, Mode: regular | 0o6000, Path: []byte("/x")}, "new", 0, "/x 100600 0:0 1 here:new", ""},
		{"longer", local.Identity{Kind: local.Committed, Size: 2, Mode: regular, Path: []byte("/x")}, "new", 0, "", "it has 3 bytes"},
		{"shorter", local.Identity{Kind: local.Committed, Size: 9, Mode: regular, Path: []byte("/x")}, "new", 0, "", "it has 3 bytes"},
		{"draft", local.Identity{Kind: local.Draft, Mode: regular, Path: []byte("/x")}, "new", 0, "", "never committed"},
		{"untouched draft", local.Identity{Kind: local.Draft, Version: 7, Mode: regular, Path: []byte("/a")}, "a", hour, "/a 100640 7:8 1 here:a S3:a", ""},
		{"empty draft", local.Identity{Kind: local.Draft, Mode: regular, Path: []byte("/x")}, "", 0, "", ""},
		{"unknown", local.Identity{}, "new", 0, "", "nothing tells"},
		{"no path", local.Identity{Kind: local.Committed, Size: 3, Mode: regular}, "new", 0, "", "not known"},
		{"bad path", local.Identity{Kind: local.Committed, Size: 3, Mode: regular, Path: []byte("/../x")}, "new", 0, "", "cannot be"},
		{"long name", local.Identity{Kind: local.Committed, Size: 3, Mode: regular, Path: []byte("/" + strings.Repeat("n", 256))}, "new", 0, "", "cannot be"},
		{"relative", local.Identity{Kind: local.Committed, Size: 3, Mode: regular, Path: []byte("x/y")}, "new", 0, "", "cannot be"},
		{"no file", local.Identity{Kind: local.Committed, Size: 3, Mode: meta.TypeDir, Path: []byte("/x")}, "new", 0, "", "no file's"},
		{"below a file", local.Identity{Kind: local.Committed, Size: 3, Mode: regular, Path: []byte("/a/x")}, "new", 0, "", "on the way"},
		{"over a directory", local.Identity{Kind: local.Committed, Size: 3, Mode: regular, Path: []byte("/dir")}, "new", 0, "", "something else than a file"},
		{"written after the object", local.Identity{Kind: local.Committed, Size: 3, Mode: regular, Path: []byte("/a")}, "new", 0, "/a 100640 7:8 1 here:new", ""},
		{"of an older time", local.Identity{Kind: local.Committed, Size: 3, Mode: regular, Path: []byte("/a")}, "new", hour, "", "cannot be told"},
		{"of the future", local.Identity{Kind: local.Committed, Size: 3, Mode: regular, Path: []byte("/a")}, "new", -hour, "", "cannot be told"},
		{"follows the object", local.Identity{Kind: local.Committed, Version: 1 << 60, Size: 3, Mode: regular, Path: []byte("/a")}, "new", hour, "/a 100640 7:8 1 here:new", ""},
		{"the object's bytes", local.Identity{Kind: local.Committed, Size: 1, Mode: regular, Path: []byte("/a")}, "a", hour, "/a 100640 7:8 1 here:a S3:a", ""},
		{"a copy of the object", local.Identity{Kind: local.Copy, Version: 5, Path: []byte("/a")}, "a", hour, "/a 100640 7:8 1 here:a S3:a", ""},
		{"a copy of something else", local.Identity{Kind: local.Copy, Version: 5, Path: []byte("/a")}, "b", hour, "", "not on record"},
	}
	v := newVolume(t)
	at := func(i int, path string) string { return fmt.Sprintf("/%02d%s", i, path) }
	for i := range cases {
		v.upload(at(i, "/a"), "a")
		v.upload(at(i, "/dir/b"), "b")
	}
	v.lose()
	v.loseLocal()
	v.beginAnew()
	ids := make([]local.ID, len(cases))
	for i, tc := range cases {
		if len(tc.who.Path) > 0 && tc.who.Path[0] == '/' {
			tc.who.Path = []byte(at(i, string(tc.who.Path)))
		}
		ids[i], _ = v.file(tc.who, tc.text)
		f, err := v.local.OpenWrite(ids[i])
		v.ok(err)
		if tc.mtime != 0 {
			v.ok(f.SetTimes(now(), now()-tc.mtime))
		}
		v.ok(f.Close())
	}
	v.lose()
	r := v.build(FromListing)
	tree := "\n" + v.tree() + "\n"
	list, err := v.m.Quarantined(100, "")
	v.ok(err)
	if len(r.Findings) != len(list) {
		t.Errorf("quarantine: %+v, findings: %+v", list, r.Findings)
	}
	for i, tc := range cases {
		line := "/a 100640 7:8 1 S3:a"
		if tc.tree != "" {
			line = tc.tree
		}
		if !strings.Contains(tree, "\n"+at(i, line)+"\n") {
			t.Errorf("%s: the tree is without\n%s", tc.name, at(i, line))
		}
		why := ""
		for _, q := range list {
			if q.File == meta.FileID(ids[i]) {
				why = q.Reason
			}
		}
		if (tc.why == "") != (why == "") || !strings.Contains(why, tc.why) {
			t.Errorf("%s: in quarantine for %q and not %q", tc.name, why, tc.why)
		}
	}
	if t.Failed() {
		t.Log(tree)
	}
}

// TestSameName: of two local files for one name, the newest counts.
func TestSameName(t *testing.T) {
	v := newVolume(t)
	who := local.Identity{Kind: local.Committed, Size: 3, Mode: meta.TypeRegular | 0o600, Path: []byte("/x")}
	for _, text := range []string{"one", "two", "end"} {
		v.file(who, text)
		<-time.After(20 * time.Millisecond) // longer than a tick of the file system's clock
	}
	v.lose()
	r := v.build(FromListing)
	v.want("/x 100600 0:0 1 here:end")
	if r.Adopted.Number != 1 || r.Quarantined.Number != 2 {
		t.Errorf("%+v", r)
	}
}

// TestOlderFile: a local file from before the object at its path stays behind it.
func TestOlderFile(t *testing.T) {
	v := newVolume(t)
	v.file(local.Identity{Kind: local.Committed, Size: 3, Mode: meta.TypeRegular | 0o600, Path: []byte("/a")}, "old")
	<-time.After(20 * time.Millisecond) // longer than a tick of the file system's clock
	v.upload("/a", "a")
	v.lose()
	r := v.build(FromListing)
	v.want("/a 100640 7:8 1 here:a S3:a")
	if r.Adopted.Number != 0 || r.Quarantined.Number != 1 {
		t.Errorf("%+v", r)
	}
}

// TestDraftsOfTheCopy: a file that was open for writing when the copy was taken counts
// if it was committed since.
func TestDraftsOfTheCopy(t *testing.T) {
	v := newVolume(t)
	base := v.upload("/committed", "before")
	other := v.upload("/open", "before")
	draft := func(ver meta.Version, kind local.Kind, from meta.VersionID, text string) {
		t.Helper()
		id, _ := v.file(local.Identity{Kind: kind, Ino: uint64(ver.Ino), Version: int64(from), Size: int64(len(text)),
			Mode: meta.TypeRegular | 0o640, Path: []byte("/elsewhere")}, text)
		v.ok(v.m.OpenDraft(meta.DraftRequest{Ino: ver.Ino, File: meta.FileID(id), Base: ver.ID, Now: now()}))
	}
	draft(base, local.Committed, base.ID, "after")
	draft(other, local.Committed, other.ID-1, "writte") // in place: the identity is of the commit before
	draft(other, local.Draft, other.ID, "half")
	torn := v.upload("/torn", "before")
	v.snapshot()
	f, err := v.local.OpenWrite(local.ID(torn.File))
	v.ok(err)
	v.ok(f.SetIdentity(local.Identity{Kind: local.Draft, Ino: uint64(torn.Ino), Version: int64(torn.ID), Mode: meta.TypeRegular, Path: []byte("/torn")}))
	_, err = f.WriteAt([]byte("half of"), 0)
	v.ok(errors.Join(err, f.Close()))
	v.lose()
	r := v.build(FromSnapshot)
	v.want("/committed 100640 7:8 1 here:after", "/open 100640 7:8 1 here:before S3:before", "/torn 100640 7:8 1 S3:before")
	if r.Adopted.Number != 1 || r.Quarantined.Number != 1 || len(r.Findings) != 1 {
		t.Errorf("%+v", r)
	}
}
