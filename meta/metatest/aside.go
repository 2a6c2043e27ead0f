package metatest

import "contentfs/meta"

// testSetAside: a file that does not hold a version's bytes goes to the quarantine, and
// the version is lost only if it is nowhere else.
func testSetAside(e *env) {
	here, there := e.written(meta.Root, "here", 7), e.written(meta.Root, "there", 8)
	e.store(there.ID)
	e.fails(e.s.SetAside(here.ID, there.File, nil, "", 1), meta.ErrSuperseded)
	e.ok(e.s.SetAside(here.ID, here.File, []byte("/here"), "rotten", e.now()))
	e.ok(e.s.SetAside(there.ID, there.File, []byte("/there"), "rotten", e.now()))
	e.fails(e.s.SetAside(here.ID, here.File, nil, "", 1), meta.ErrSuperseded)
	list := get(e.s.LostVersions(0, 9))(e)
	same(e, "lost", len(list), 1)
	same(e, "lost version", [2]any{list[0].ID, list[0].Why}, [2]any{here.ID, "rotten"})
	same(e, "lost behind it", len(get(e.s.LostVersions(here.ID, 9))(e)), 0)
	same(e, "queued", e.queued(here.ID), false)
	st := get(e.s.Stats())(e)
	same(e, "places", [3]int64{st.Nowhere.Number, st.OnlyS3.Number, st.Quarantined}, [3]int64{1, 1, 2})
	entry := get(e.s.InQuarantine(here.File))(e)
	same(e, "entry", [2]any{entry.Ino, string(entry.Path)}, [2]any{here.Ino, "/here"})
	e.fails(second(e.s.InQuarantine("none")), meta.ErrNotExist)

	absent := e.written(meta.Root, "absent", 9)
	e.fails(e.s.LoseFile(absent.ID, here.File, "gone", 1), meta.ErrSuperseded)
	e.ok(e.s.LoseFile(absent.ID, absent.File, "gone", e.now()))
	same(e, "lost too", get(e.s.LostVersions(here.ID, 9))(e)[0].Why, "gone")
	same(e, "queued", e.queued(absent.ID), false)
	same(e, "quarantined", get(e.s.Stats())(e).Quarantined, 2)

	gone := e.written(meta.Root, "gone", 9)
	get(e.s.Unlink(meta.Root, []byte("gone"), e.now()))(e)
	e.ok(e.s.RemoveOrphan(gone.Ino, e.now()))
	e.ok(e.s.SetAside(gone.ID, gone.File, nil, "rotten", e.now()))
	e.fails(second(e.s.Version(gone.ID)), meta.ErrNotExist)
}

// testLeaveQuarantine: a file of the quarantine comes into the tree, or goes.
func testLeaveQuarantine(e *env) {
	d := e.mkdir(meta.Root, "d")
	old := e.written(d.Ino, "f", 3)
	e.store(old.ID)
	for _, f := range []meta.FileID{"a", "b", "c"} {
		e.ok(e.s.Quarantine(f, 0, []byte("/d/f"), "torn", e.now()))
	}
	restore := func(f meta.FileID, path string) (meta.Version, error) {
		return e.s.RestoreQuarantined(meta.ReturnRequest{File: f, Path: []byte(path), Size: 5, Mtime: 77, Blocks: 8, Class: 1, Now: e.now()})
	}
	e.fails(second(restore("none", "/x")), meta.ErrNotExist)
	e.fails(second(restore("a", "/d")), meta.ErrIsDir)
	e.fails(second(restore("a", "/d/f/g")), meta.ErrNotDir)
	same(e, "still there", get(e.s.Stats())(e).Quarantined, 3)
	v := get(restore("a", "/d/f"))(e)
	n := get(e.s.Lookup(d.Ino, []byte("f")))(e)
	same(e, "node", [4]int64{int64(n.Version), n.Size, n.Mtime, n.Blocks}, [4]int64{int64(v.ID), 5, 77, 8})
	same(e, "queued", e.queued(v.ID), true)
	same(e, "replaced is kept", get(e.s.Version(old.ID))(e).Retired != 0, true)
	w := get(restore("b", "/new/deep/f"))(e)
	e.sameBytes("path", get(e.s.Path(w.Ino))(e), "/new/deep/f")
	e.ok(e.s.DropQuarantined("c", e.now()))
	e.fails(e.s.DropQuarantined("c", e.now()), meta.ErrNotExist)
	e.fails(e.s.DropQuarantined(w.File, e.now()), meta.ErrNotExist)
	same(e, "trash", get(e.s.Trash(9))(e)[0], meta.FileID("c"))
	same(e, "alterations", len(get(e.s.Alterations(9))(e)), 4) // d/f, new, deep, f
}

// testGiveUp: what is wrong here is fetched again, and what is wrong in S3 sent again,
// each only while the other is on record.
func testGiveUp(e *env) {
	v, w := e.written(meta.Root, "v", 7), e.written(meta.Root, "w", 8)
	e.store(v.ID)
	e.fails(e.s.GiveUpFile(w.ID, w.File), meta.ErrSuperseded)
	e.ok(e.s.GiveUpFile(v.ID, v.File))
	same(e, "alterations", len(get(e.s.Alterations(9))(e)), 1)
	s := get(e.s.Version(v.ID))(e)
	e.fails(e.s.GiveUpObject(v.ID, s.Bucket, s.Key, v.File, e.now()), meta.ErrSuperseded)
	e.fails(e.s.GiveUpObject(v.ID, s.Bucket, s.Key, "", e.now()), meta.ErrSuperseded)
	e.ok(e.s.Attach(v.ID, "again", nil))
	e.fails(e.s.GiveUpObject(v.ID, s.Bucket, "other", "again", e.now()), meta.ErrSuperseded)
	e.ok(e.s.GiveUpObject(v.ID, s.Bucket, s.Key, "again", e.now()))
	same(e, "queued", e.queued(v.ID), true)
	same(e, "due first", get(e.s.DueUploads(e.now(), nil, 1))(e)[0].Version, v.ID)
	e.fails(e.s.Evict(v.ID, "again"), meta.ErrSuperseded)
	same(e, "lost object", get(e.s.LostObjects(9))(e)[0].Key, s.Key)

	e.store(w.ID)
	s = get(e.s.Version(w.ID))(e)
	e.ok(e.s.SetFallback(w.ID, []byte("w")))
	e.ok(e.s.Evict(w.ID, w.File))
	e.ok(e.s.GiveUpObject(w.ID, s.Bucket, s.Key, "", e.now()))
	same(e, "queued", e.queued(w.ID), true)
}

// testVersionLists: what is checked in the background, and what is verified.
func testVersionLists(e *env) {
	a, b, c := e.written(meta.Root, "a", 1), e.written(meta.Root, "b", 2), e.written(meta.Root, "c", 3)
	e.store(a.ID)
	e.store(c.ID)
	last := get(e.s.LastVersion())(e)
	same(e, "last", last, c.ID)
	ids := func(list []meta.Version) (ids []meta.VersionID) {
		for i := range list {
			ids = append(ids, list[i].ID)
		}
		return ids
	}
	same(e, "local with a checksum", len(ids(get(e.s.LocalVersions(0, last, 9))(e))), 2)
	same(e, "behind the first", ids(get(e.s.LocalVersions(a.ID, last, 9))(e))[0], c.ID)
	same(e, "up to the first", len(get(e.s.LocalVersions(0, a.ID, 9))(e)), 1)
	same(e, "all", len(get(e.s.AllVersions(0, 9))(e)), 3)
	same(e, "all behind the first", get(e.s.AllVersions(a.ID, 9))(e)[0].ID, b.ID)
}
