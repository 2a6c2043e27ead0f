package rebuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/fs/snapshot"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// site makes a volume in which everything happened before its copy was taken, and
// again afterwards.
func site(t *testing.T) *volume {
	v := newVolume(t)
	v.upload("/u/image/kept.jpg", "kept")
	v.upload("/u/image/changed.jpg", "before")
	v.upload("/u/image/renamed.jpg", "renamed")
	v.upload("/u/image/deleted.jpg", "deleted")
	linked := v.upload("/u/image/linked.jpg", "linked")
	dir, _ := v.dir("/links/x")
	_, err := v.m.Link(linked.Ino, dir, []byte("hard"), now())
	v.ok(err)
	_, err = v.m.Create(meta.CreateRequest{Parent: dir, Name: []byte("soft"), Mode: meta.TypeSymlink | 0o777, Target: []byte("hard"), Now: now()})
	v.ok(err)
	v.ok(v.m.Setxattr(linked.Ino, []byte("user.x"), []byte("y"), false, false, now()))
	waiting := v.write("/u/image/waiting.jpg", "waiting")
	v.write("/u/image/stays.jpg", "stays")
	v.upload("/u/file/before/gone.pdf", "gone")
	v.unlink("/u/file/before/gone.pdf")
	v.snapshot()
	v.upload("/u/image/changed.jpg", "between")
	v.upload("/u/image/changed.jpg", "after")
	v.rename("/u/image/renamed.jpg", "/u/other/new.jpg", "renamed")
	v.unlink("/u/image/deleted.jpg")
	v.send(waiting, "/u/image/waiting.jpg", "waiting")
	v.upload("/new/one.jpg", "one")
	v.write("/new/two.jpg", "two")
	v.write("/u/image/kept.jpg", "kept, and newer")
	return v
}

func (v *volume) lose() {
	v.Helper()
	v.close()
	for _, tail := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(v.state, "meta.db"+tail)); err != nil && !errors.Is(err, os.ErrNotExist) {
			v.Fatal(err)
		}
	}
}

// beginAnew makes a database where one was lost, as somebody does who removes all that
// tells of it.
func (v *volume) beginAnew() {
	v.Helper()
	v.ok(os.Remove(filepath.Join(v.state, "meta.db-mark")))
	v.open(sqlite.Options{})
}

func (v *volume) loseLocal() {
	v.Helper()
	v.ok(os.RemoveAll(filepath.Join(v.state, "local")))
}

func TestFromSnapshot(t *testing.T) {
	v := site(t)
	id := v.m.VolumeID()
	v.lose()
	r := v.build(FromSnapshot)
	v.want(
		"/links 40750 3:4",
		"/links/hard 100640 7:8 2 here:linked S3:linked",
		"/links/soft 120777 0:0 -> hard",
		"/new 40755 1:2",
		"/new/one.jpg 100640 7:8 1 here:one S3:one",
		"/new/two.jpg 100640 7:8 1 here:two",
		"/u 40750 3:4",
		"/u/file 40750 3:4",
		"/u/file/before 40750 3:4",
		"/u/image 40750 3:4",
		"/u/image/changed.jpg 100640 7:8 1 here:after S3:after",
		"/u/image/deleted.jpg 100640 7:8 1 here:deleted S3:deleted", // nothing tells
		"/u/image/kept.jpg 100640 7:8 1 here:kept, and newer",
		"/u/image/linked.jpg 100640 7:8 2 here:linked S3:linked",
		"/u/image/stays.jpg 100640 7:8 1 here:stays",
		"/u/image/waiting.jpg 100640 7:8 1 here:waiting S3:waiting",
		"/u/other 40755 1:2",
		"/u/other/new.jpg 100640 7:8 1 here:renamed S3:renamed",
	)
	if v.m.VolumeID() != id || r.Volume != id || r.Snapshot == nil || len(r.Findings) > 0 {
		t.Errorf("%+v", r)
	}
	if r.Objects.Number != 3 || r.Finished.Number != 1 || r.Moved.Number != 1 || r.Adopted.Number != 2 || r.Attached.Number != 3 || r.Lost.Number != 0 {
		t.Errorf("%+v", r)
	}
	n, err := v.m.Resolve([]byte("/u/image/changed.jpg"))
	v.ok(err)
	if list, err := v.m.Versions(n.Ino); err != nil || len(list) != 3 {
		t.Errorf("%d versions, %v", len(list), err)
	}
	linked, err := v.m.Resolve([]byte("/links/hard"))
	v.ok(err)
	if value, err := v.m.Getxattr(linked.Ino, []byte("user.x")); err != nil || string(value) != "y" {
		t.Errorf("%q, %v", value, err)
	}
	if at, err := v.m.Rebuilt(); err != nil || time.Since(time.Unix(0, at)) > time.Hour {
		t.Errorf("rebuilt at %d, %v", at, err)
	}
	// Once more, of what there is now.
	again := v.build(FromSnapshot)
	if again.Objects != r.Objects || again.Adopted != r.Adopted || len(again.Findings) > 0 {
		t.Errorf("again: %+v", again)
	}
}

func TestFromListing(t *testing.T) {
	v := site(t)
	v.lose()
	r := v.build(FromListing)
	v.want(
		"/new 40755 1:2",
		"/new/one.jpg 100640 7:8 1 here:one S3:one",
		"/new/two.jpg 100640 7:8 1 here:two",
		"/u 40755 1:2",
		"/u/file 40755 1:2",
		"/u/file/before 40755 1:2",
		"/u/file/before/gone.pdf 100640 7:8 1 here:gone S3:gone",
		"/u/image 40755 1:2",
		"/u/image/changed.jpg 100640 7:8 1 here:after S3:after",
		"/u/image/deleted.jpg 100640 7:8 1 here:deleted S3:deleted",
		"/u/image/kept.jpg 100640 7:8 1 here:kept, and newer",
		"/u/image/linked.jpg 100640 7:8 1 here:linked S3:linked",
		"/u/image/stays.jpg 100640 7:8 1 here:stays",
		"/u/image/waiting.jpg 100640 7:8 1 here:waiting S3:waiting",
		"/u/other 40755 1:2",
		"/u/other/new.jpg 100640 7:8 1 here:renamed S3:renamed",
	)
	if r.Snapshot != nil || len(r.Findings) > 0 || r.Adopted.Number != 3 || r.Volume == "" {
		t.Errorf("%+v", r)
	}
}

// TestWithoutLocalFiles: the server burnt, too. What was only there is lost, and said
// to be.
func TestWithoutLocalFiles(t *testing.T) {
	v := site(t)
	v.lose()
	v.loseLocal()
	r := v.build(FromSnapshot)
	tree := v.tree()
	if !strings.Contains(tree, "/u/image/stays.jpg 100640 7:8 1 nowhere") || strings.Contains(tree, "two.jpg") {
		t.Errorf("%s", tree)
	}
	if r.Lost.Number != 1 || len(r.Findings) != 1 || r.Findings[0].What != "/u/image/stays.jpg" || r.Adopted.Number != 0 {
		t.Errorf("%+v", r)
	}
}

// TestDamagedCopies: the newest that is whole counts, and the listing where none is.
func TestDamagedCopies(t *testing.T) {
	v := newVolume(t)
	v.upload("/first", "first")
	v.snapshot()
	v.upload("/second", "second")
	v.snapshot()
	list, err := snapshot.List(context.Background(), v.b, prefix)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d copies, %v", len(list), err)
	}
	damage := func(s snapshot.Snapshot, keep int64) {
		t.Helper()
		body, err := v.b.Get(context.Background(), s.Key, 0, keep)
		v.ok(err)
		b := make([]byte, keep)
		_, err = body.Read(b)
		v.ok(errors.Join(err, body.Close()))
		v.object(s.Key, string(b), nil)
	}
	damage(list[0], 100)
	v.lose()
	r := v.build(FromSnapshot)
	if r.Snapshot == nil || r.Snapshot.Key != list[1].Key || len(r.Findings) != 1 || r.Findings[0].What != list[0].Key || r.Objects.Number != 1 {
		t.Errorf("%+v", r)
	}
	damage(list[1], 1)
	r = v.build(FromSnapshot)
	if r.Snapshot != nil || len(r.Findings) != 2 || r.Objects.Number != 2 || r.Volume != list[0].Volume {
		t.Errorf("%+v", r)
	}
	v.want("/first 100640 7:8 1 here:first S3:first", "/second 100640 7:8 1 here:second S3:second")
}

// TestUnreachable: what the store does not answer ends the rebuilding, and is never
// taken for an absence.
func TestUnreachable(t *testing.T) {
	v := site(t)
	v.close()
	before, err := os.ReadFile(filepath.Join(v.state, "meta.db"))
	v.ok(err)
	had, err := filepath.Glob(filepath.Join(v.state, "meta.db*"))
	v.ok(err)
	for _, rule := range []fault.Rule{
		{Op: fault.List, Fail: true}, {Op: fault.List, CutListAt: 3}, {Op: fault.List, Skip: 1, Fail: true},
		{Op: fault.Get, Fail: true}, {Op: fault.Get, Short: 10}, {Op: fault.Stat, Skip: 2, Fail: true, Class: backend.Denied},
	} {
		remove := v.b.Add(rule)
		_, err := v.rebuild(FromSnapshot).Build(context.Background())
		remove()
		if err == nil || backend.ClassOf(err) != rule.Class {
			t.Errorf("%+v: %v", rule, err)
		}
		names, err := filepath.Glob(filepath.Join(v.state, "meta.db*"))
		if err != nil || !slices.Equal(names, had) {
			t.Errorf("%+v left %v, %v", rule, names, err)
		}
	}
	if after, err := os.ReadFile(filepath.Join(v.state, "meta.db")); err != nil || string(after) != string(before) {
		t.Error("the old database was changed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	v.b.Add(fault.Rule{Op: fault.Stat, Skip: 1, Times: 1, Before: cancel})
	if _, err := v.rebuild(FromListing).Build(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	v.b.Clear()
	v.open(sqlite.Options{MustExist: true})
	if h, why, err := v.rebuild(FromListing).Examine(context.Background()); err != nil || h != Healthy {
		t.Errorf("%s %s %v", h, why, err)
	}
}

func TestVolumes(t *testing.T) {
	v := newVolume(t)
	v.upload("/a", "a")
	v.snapshot()
	id := v.m.VolumeID()
	v.lose()
	v.beginAnew()
	v.upload("/b", "b")
	v.snapshot()
	v.close()
	if _, err := v.rebuild(FromSnapshot).Build(context.Background()); !errors.Is(err, ErrVolumes) || !strings.Contains(err.Error(), id) {
		t.Errorf("%v", err)
	}
	r := v.rebuild(FromSnapshot)
	r.Volume = id
	report, err := r.Build(context.Background())
	if err != nil || report.Volume != id || report.Objects.Number != 0 || report.Snapshot.Files != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	r.Volume = strings.Repeat("0", 32)
	if _, err := r.Build(context.Background()); err == nil {
		t.Error("a volume that nobody knows is rebuilt")
	}
}

// TestHostileBucket: what cannot be is reported, and never taken.
func TestHostileBucket(t *testing.T) {
	v := newVolume(t)
	honest := v.upload("/u/image/a.jpg", "a")
	id := honest.ID
	n, err := v.m.Node(honest.Ino)
	v.ok(err)
	add := func(path, text string, change func(m map[string]string)) {
		t.Helper()
		id++
		ver := honest
		ver.ID, ver.Size = id, int64(len(text))
		m := content.ObjectMetadata([]byte(path), n, ver)
		if change != nil {
			change(m)
		}
		key, err := content.Key(prefix, []byte(path), id, 0)
		v.ok(err)
		v.object(key, text, m)
	}
	lie := func(key, value string) func(map[string]string) { return func(m map[string]string) { m[key] = value } }
	bad := 0
	for _, change := range []func(map[string]string){
		lie("path", "/../../etc/passwd"), lie("path", "/a//b"), lie("path", "relative"), lie("path", "/"), lie("path", ""),
		lie("path", "/u/image/%00"), lie("path", "/other.jpg"), lie("path", "/"+strings.Repeat("x", 256)),
		lie("mode", "40755"), lie("mode", "999999999999"), lie("mode", "-1"), lie("size", "5"), lie("size", "99999999999999999999"),
		lie("uid", "4294967295"), lie("uid", "x"), lie("mtime", "yesterday"), lie("version", "0"), lie("version", "-5"), lie("version", ""),
	} {
		bad++
		add("/hostile/file/x", "text", change)
	}
	add("/u/image", "a file where a directory is", nil)
	add("/u/image/a.jpg/below", "a file below a file", nil)
	bad += 2
	add("/set/id/x", "set", lie("mode", "106777"))
	v.object(prefix+"/foreign.txt", "foreign", nil)
	v.object(prefix+"/u_537fd44_image_large_addon.jpg", "addon", nil)
	future, err := content.Key(prefix, []byte("/u/image/future"), meta.VersionID(1)<<62, 0)
	v.ok(err)
	v.object(future, "future", content.ObjectMetadata([]byte("/u/image/future"), n, honest))
	bad += 3
	// Claims to be another version's object, whose bytes it has not.
	add("/claims/file/x", "claims", lie("version", "1"))
	v.lose()
	v.loseLocal()
	r := v.build(FromListing)
	v.want(
		"/claims 40755 1:2", "/claims/file 40755 1:2", "/claims/file/x 100640 7:8 1 S3:claims",
		"/set 40755 1:2", "/set/id 40755 1:2", "/set/id/x 100777 7:8 1 S3:set",
		"/u 40755 1:2", "/u/image 40755 1:2", "/u/image/a.jpg 100640 7:8 1 S3:a",
	)
	if len(r.Findings) != bad {
		t.Errorf("%d findings, not %d: %+v", len(r.Findings), bad, r.Findings)
	}
	if _, last, err := v.m.Counters(); err != nil || last > meta.VersionID(time.Now().Add(time.Hour).UnixMicro()) {
		t.Errorf("last id %d, %v", last, err)
	}
}

// TestObjectsGone: what the copy knows and the bucket has not.
func TestObjectsGone(t *testing.T) {
	v := newVolume(t)
	here := v.upload("/here", "here")
	nowhere := v.upload("/nowhere", "nowhere")
	retired := v.upload("/retired", "retired")
	v.unlink("/retired")
	v.snapshot()
	for _, ver := range []meta.Version{here, nowhere, retired} {
		ver, err := v.m.Version(ver.ID)
		v.ok(err)
		v.ok(v.b.Delete(context.Background(), ver.Key))
	}
	f, err := v.m.Version(nowhere.ID)
	v.ok(err)
	v.ok(v.local.Remove([]local.ID{local.ID(f.File)}))
	v.lose()
	r := v.build(FromSnapshot)
	v.want("/here 100640 7:8 1 here:here", "/nowhere 100640 7:8 1 nowhere")
	if r.Missing.Number != 3 || r.Lost.Number != 1 || len(r.Findings) != 3 {
		t.Errorf("%+v", r)
	}
	if _, err := v.m.QueueEntry(here.ID); err != nil {
		t.Errorf("is not uploaded again: %v", err)
	}
}
