package metatest

import (
	"io/fs"

	"contentfs/meta"
)

func testCommit(e *env) {
	f := get(e.s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("f"), Mode: meta.TypeRegular | 0o6755,
		Now: e.now(), Draft: "d1"}))(e)
	_, err := e.s.Current(f.Ino)
	e.fails(err, meta.ErrNotExist)
	now := e.now()
	v := get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: "d1", Size: 10, Mtime: 77, Now: now, Class: 3,
		Open: true, Due: now + 5, ClearSUID: true, Atime: 88}))(e)
	want := meta.Version{ID: meta.VersionID(now / 1000), Ino: f.Ino, Size: 10, Mtime: 77, Class: 3, Used: now, File: "d1", Open: true}
	sameVersion(e, v, want)
	sameVersion(e, get(e.s.Current(f.Ino))(e), want)
	sameVersion(e, get(e.s.VersionByFile("d1"))(e), want)
	n := e.node(f.Ino)
	same(e, "node", n, meta.Node{Ino: f.Ino, Mode: meta.TypeRegular | 0o755, Nlink: 1, Size: 10,
		Atime: 88, Mtime: 77, Ctime: f.Ctime, Version: v.ID}) // nothing was written since the node was made
	same(e, "queue", get(e.s.QueueEntry(v.ID))(e), meta.Upload{Version: v.ID, Due: now + 5, Since: now})
	files := get(e.s.Files("", 10))(e)
	if len(files) != 1 || files[0].Kind != meta.FileVersion {
		e.Errorf("the draft is still there: %v", files)
	}
	e.ok(e.s.Settled(v.ID))
	same(e, "open", e.version(v.ID).Open, false)
	e.fails(e.s.Settled(1), meta.ErrNotExist)
	get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: "d1", Mtime: 78, NodeMtime: 99, Now: e.now(), Relaxed: true}))(e)
	same(e, "times", [2]int64{e.node(f.Ino).Mtime, e.node(f.Ino).Atime}, [2]int64{99, 88})
	written, now := e.now(), e.now()
	get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: "d1", Mtime: written, Now: now}))(e)
	same(e, "change time", e.node(f.Ino).Ctime, written)
	get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: "d1", Mtime: now + 1e18, Now: now}))(e)
	same(e, "change time with a modification time in the future", e.node(f.Ino).Ctime, now)
	_, err = e.s.Commit(meta.CommitRequest{Ino: 99, File: "d2", Now: e.now()})
	e.fails(err, meta.ErrNotExist)
	_, err = e.s.Commit(meta.CommitRequest{Ino: meta.Root, File: "d2", Now: e.now()})
	e.fails(err, fs.ErrInvalid)
}

// sameVersion compares what can be compared, which is what a new version has.
func sameVersion(e *env, got, want meta.Version) {
	e.Helper()
	type plain struct {
		id                         meta.VersionID
		ino                        meta.Ino
		size, mtime, used, retired int64
		class                      int
		file                       meta.FileID
		open                       bool
		remote                     meta.Remote
		key, path, fallback        string
	}
	flat := func(v meta.Version) plain {
		return plain{v.ID, v.Ino, v.Size, v.Mtime, v.Used, v.Retired, v.Class, v.File, v.Open, v.Remote,
			v.Key, string(v.Path), string(v.Fallback)}
	}
	same(e, "version", flat(got), flat(want))
}

func testCommitSupersedes(e *env) {
	v1 := e.written(meta.Root, "f", 1)
	since := get(e.s.QueueEntry(v1.ID))(e).Since
	// Never sent: nothing is left, the file is trash, the age stays.
	v2 := e.commit(v1.Ino, 2)
	_, err := e.s.Version(v1.ID)
	e.fails(err, meta.ErrNotExist)
	same(e, "trash", e.inTrash(v1.File), true)
	same(e, "age", get(e.s.QueueEntry(v2.ID))(e).Since, since)
	// The same local file again: it is not trash.
	now := e.now()
	v3 := get(e.s.Commit(meta.CommitRequest{Ino: v1.Ino, File: v2.File, Size: 3, Now: now}))(e)
	same(e, "trash", e.inTrash(v2.File), false)
	same(e, "holder of the file", get(e.s.VersionByFile(v2.File))(e).ID, v3.ID)
	// Stored: retired with its path, keeps its file; a new age begins.
	e.store(v3.ID)
	v4 := e.commit(v1.Ino, 4)
	got := e.version(v3.ID)
	same(e, "retired", got.Retired, e.clock)
	same(e, "file", got.File, v3.File)
	e.sameBytes("path", got.Path, "/f")
	same(e, "age", get(e.s.QueueEntry(v4.ID))(e).Since, e.clock)
	// In the fallback, and the file goes over to the next.
	e.ok(e.s.SetFallback(v4.ID, []byte("f/4")))
	get(e.s.Commit(meta.CommitRequest{Ino: v1.Ino, File: v4.File, Size: 5, Now: e.now()}))(e)
	got = e.version(v4.ID)
	same(e, "file", got.File, "")
	same(e, "queued", e.queued(v4.ID), false)
	list := get(e.s.Versions(v1.Ino))(e)
	same(e, "versions", len(list), 3)
	same(e, "newest first", list[2].ID, v3.ID)
	same(e, "retired at the path", len(get(e.s.RetiredAt([]byte("/f")))(e)), 2)
}

func testCommitToOrphan(e *env) {
	v1 := e.written(meta.Root, "f", 1)
	get(e.s.Unlink(meta.Root, []byte("f"), e.now()))(e)
	v2 := e.commit(v1.Ino, 2)
	same(e, "retired", v2.Retired, e.clock)
	same(e, "queued", e.queued(v2.ID), false)
	e.sameBytes("path", e.version(v2.ID).Path, "/f")
	same(e, "current", get(e.s.Current(v1.Ino))(e).ID, v2.ID)
	n := get(e.s.CreateOrphan(meta.CreateRequest{Mode: meta.TypeRegular, Now: e.now()}))(e)
	v3 := e.commit(n.Ino, 3)
	same(e, "no path", v3.Path == nil, true)
	e.ok(e.s.RemoveOrphan(v1.Ino, e.now()))
	_, err := e.s.Commit(meta.CommitRequest{Ino: v1.Ino, File: e.newFile(), Now: e.now()})
	e.fails(err, meta.ErrNotExist)
	same(e, "kept for undelete", e.version(v2.ID).File, v2.File)
}

func testVersionsNeverGoBack(e *env) {
	f := e.file(meta.Root, "f")
	last := e.commit(f.Ino, 1)
	for _, now := range []int64{last.Used, 5, 0} {
		v := get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: e.newFile(), Now: now}))(e)
		same(e, "id after the last", v.ID, last.ID+1)
		last = v
	}
	v := get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: e.newFile(), Now: 9e18}))(e)
	same(e, "id by the clock", v.ID, 9e15)
}

func testRecommit(e *env) {
	f := e.file(meta.Root, "f")
	v := get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: "a", Size: 1, Now: e.now(), Open: true, Class: 4}))(e)
	w := get(e.s.Recommit(v.ID, meta.CommitRequest{Size: 9, Mtime: 8, Now: e.now()}))(e)
	same(e, "file and class", [2]any{w.File, w.Class}, [2]any{v.File, 4})
	same(e, "size and open", [2]any{w.Size, w.Open}, [2]any{int64(9), false})
	same(e, "node", [2]int64{e.node(f.Ino).Size, e.node(f.Ino).Mtime}, [2]int64{9, 8})
	same(e, "queued", e.queued(w.ID), true)
	x := get(e.s.Recommit(w.ID, meta.CommitRequest{Size: 10, Mtime: 8, Now: e.now()}))(e) // not open: a mapping wrote to it
	same(e, "size", e.node(f.Ino).Size, 10)
	_, err := e.s.Recommit(v.ID, meta.CommitRequest{Size: 9, Mtime: 8, Now: e.now()})
	e.fails(err, meta.ErrNotExist)
	e.commit(f.Ino, 3)
	_, err = e.s.Recommit(x.ID, meta.CommitRequest{Size: 9, Mtime: 8, Now: e.now()})
	e.fails(err, meta.ErrNotExist)
}

func testDrafts(e *env) {
	v := e.written(meta.Root, "f", 1)
	open := func(r meta.DraftRequest) error {
		r.Ino, r.Now = v.Ino, e.now()
		return e.s.OpenDraft(r)
	}
	e.ok(open(meta.DraftRequest{File: "fresh", Base: v.ID}))
	same(e, "base untouched", e.version(v.ID).File, v.File)
	e.fails(open(meta.DraftRequest{File: "fresh"}), meta.ErrExist)
	e.fails(open(meta.DraftRequest{File: v.File}), meta.ErrExist)
	// In place: nothing of the base would remain; another file; no base.
	e.fails(open(meta.DraftRequest{File: v.File, Base: v.ID, Detach: true}), meta.ErrSuperseded)
	e.fails(open(meta.DraftRequest{File: "x", Base: v.ID, Preserve: "copy"}), meta.ErrSuperseded)
	e.fails(open(meta.DraftRequest{File: v.File, Base: 1, Preserve: "copy"}), meta.ErrNotExist)
	e.fails(open(meta.DraftRequest{File: v.File, Base: v.ID, Detach: true, Preserve: "copy"}), fs.ErrInvalid)
	e.fails(e.s.OpenDraft(meta.DraftRequest{Ino: 99, File: "x"}), meta.ErrNotExist)
	e.fails(e.s.OpenDraft(meta.DraftRequest{Ino: meta.Root, File: "x"}), fs.ErrInvalid)
	e.ok(open(meta.DraftRequest{File: v.File, Base: v.ID, Preserve: "copy"}))
	same(e, "preserved", e.version(v.ID).File, "copy")
	e.store(v.ID)
	e.ok(open(meta.DraftRequest{File: "copy", Base: v.ID, Detach: true}))
	same(e, "detached", e.version(v.ID).File, "")
}

func testDropDraft(e *env) {
	v := e.written(meta.Root, "f", 1)
	e.store(v.ID)
	detach := func() {
		e.Helper()
		e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: v.Ino, File: v.File, Base: v.ID, Detach: true, Now: e.now()}))
	}
	detach()
	e.ok(e.s.DropDraft(v.File, true, e.now()))
	same(e, "taken back", e.version(v.ID).File, v.File)
	detach()
	e.ok(e.s.Attach(v.ID, "fetched", nil))
	e.ok(e.s.DropDraft(v.File, true, e.now()))
	same(e, "the base has another", e.inTrash(v.File), true)
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: v.Ino, File: "n", Base: v.ID, Now: e.now()}))
	e.ok(e.s.DropDraft("n", false, e.now()))
	same(e, "not wanted", e.inTrash("n"), true)
	e.fails(e.s.DropDraft("n", false, e.now()), meta.ErrNotExist)
}

func testRemoveOrphan(e *env) {
	f := e.file(meta.Root, "f")
	v := get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: "a", Now: e.now(), Open: true}))(e)
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: f.Ino, File: "draft", Base: v.ID, Now: e.now()}))
	e.fails(e.s.RemoveOrphan(f.Ino, e.now()), meta.ErrExist)
	get(e.s.Unlink(meta.Root, []byte("f"), e.now()))(e)
	e.ok(e.s.RemoveOrphan(f.Ino, e.now()))
	e.fails(e.s.RemoveOrphan(f.Ino, e.now()), meta.ErrNotExist)
	same(e, "draft in the trash", e.inTrash("draft"), true)
	got := e.version(v.ID)
	same(e, "kept, closed", [2]any{got.File, got.Open}, [2]any{meta.FileID("a"), false})
	_, err := e.s.Node(f.Ino)
	e.fails(err, meta.ErrNotExist)
}

// testRevive gives a name to what was written without one.
func testRevive(e *env) {
	n := get(e.s.CreateOrphan(meta.CreateRequest{Mode: meta.TypeRegular, Now: e.now()}))(e)
	v := e.commit(n.Ino, 3)
	same(e, "retired", v.Retired != 0, true)
	get(e.s.Link(n.Ino, meta.Root, []byte("f"), e.now()))(e)
	got := e.version(v.ID)
	same(e, "current", got.Retired, 0)
	same(e, "path", got.Path == nil, true)
	same(e, "queue", get(e.s.QueueEntry(v.ID))(e), meta.Upload{Version: v.ID, Due: e.clock, Since: e.clock})
}
