package metatest

import (
	"slices"

	"contentfs/meta"
)

// testGarbage: a version that is given up leaves what it had on record, and only
// what was retired before the limit is.
func testGarbage(e *env) {
	old := e.stored(e.written(meta.Root, "f", 5), "p/f")
	e.ok(e.s.AddStray([]byte("f"), 9, e.now()))
	e.ok(e.s.SettleFallback(old.ID, []byte("f"), nil, nil, 0))
	e.commit(old.Ino, 7)
	limit := e.now()
	v := e.stored(e.version(get(e.s.Current(old.Ino))(e).ID), "p/f2")
	e.commit(old.Ino, 8) // retired behind the limit
	g := get(e.s.Garbage(limit))(e)
	same(e, "garbage", g, meta.Garbage{
		Versions: meta.Count{Number: 1, Bytes: 5}, Objects: meta.Count{Number: 1, Bytes: 5},
		Fallback: meta.Count{Number: 1, Bytes: 5}, Local: meta.Count{Number: 1, Bytes: 5},
		Oldest: e.version(old.ID).Retired, OnRecord: 2, Newest: get(e.s.Current(old.Ino))(e).ID,
	})
	list := get(e.s.GarbageVersions(limit, 0, 9))(e)
	if len(list) != 1 || list[0].ID != old.ID {
		e.Fatalf("garbage versions: %+v", list)
	}
	same(e, "behind the last", len(get(e.s.GarbageVersions(limit, old.ID, 9))(e)), 0)
	retired := list[0].Retired
	both := []meta.Discarded{{ID: old.ID, Inode: 44}, {ID: v.ID}, {ID: 12345}}
	if gone := get(e.s.Discard(both, limit, e.now()))(e); !slices.Equal(gone, []meta.VersionID{old.ID}) {
		e.Errorf("discarded %v", gone)
	}
	_, err := e.s.Version(old.ID)
	e.fails(err, meta.ErrNotExist)
	same(e, "file in the trash", e.inTrash(old.File), true)
	stray := get(e.s.StrayAt([]byte("f")))(e)
	same(e, "inode of the stray", stray.Inode, 44)
	same(e, "lost", get(e.s.LostObjects(9))(e)[0], meta.LostObject{Bucket: "b", Key: "p/f", Since: retired})
	same(e, "the other one stays", e.version(v.ID).ID, v.ID)
}

// testGarbageInUse: what a node, a draft or an upload still needs is no garbage.
func testGarbageInUse(e *env) {
	const never = 1 << 62
	sending := e.written(meta.Root, "sending", 1)
	e.begin(sending.ID)
	open := e.stored(e.written(meta.Root, "open", 1), "p/open")
	based := e.stored(e.written(meta.Root, "based", 1), "p/based")
	e.ok(e.s.OpenDraft(meta.DraftRequest{File: e.newFile(), Ino: based.Ino, Base: based.ID}))
	get(e.s.Unlink(meta.Root, []byte("sending"), e.now()))(e)
	e.ok(e.s.RemoveOrphan(sending.Ino, e.now()))
	get(e.s.Unlink(meta.Root, []byte("open"), e.now()))(e)
	e.commit(based.Ino, 2)
	for _, v := range []meta.Version{sending, open, based} {
		if gone := get(e.s.Discard([]meta.Discarded{{ID: v.ID}}, never, e.now()))(e); len(gone) != 0 {
			e.Errorf("version %d is in use and was given up", v.ID)
		}
	}
	same(e, "garbage", get(e.s.Garbage(never))(e).Versions.Number, 0)
	e.ok(e.s.RemoveOrphan(open.Ino, e.now()))
	if gone := get(e.s.Discard([]meta.Discarded{{ID: open.ID}}, never, e.now()))(e); len(gone) != 1 {
		e.Errorf("version %d is not in use any more and was not given up", open.ID)
	}
}

// testCondemn: an object that is to go is nobody's any more, and one that a version
// has stays.
func testCondemn(e *env) {
	v := e.stored(e.written(meta.Root, "f", 1), "p/f")
	e.ok(e.s.LoseObject("b", "old", 5))
	e.ok(e.s.LoseObject("b", "new", 50))
	list := get(e.s.GarbageObjects(10, meta.LostObject{}, 9))(e)
	if len(list) != 1 || list[0].Key != "old" {
		e.Fatalf("garbage objects: %+v", list)
	}
	same(e, "behind the last", len(get(e.s.GarbageObjects(10, list[0], 9))(e)), 0)
	asked := append(list, meta.LostObject{Bucket: "b", Key: "p/f", Since: 1}, meta.LostObject{Bucket: "b", Key: "new", Since: 51})
	if got := get(e.s.Condemn(asked))(e); len(got) != 1 || got[0].Key != "old" {
		e.Fatalf("condemned: %+v", got)
	}
	e.fails(e.s.SwitchObject(v.ID, "p/f", meta.BeginUpload{Bucket: "b", Key: "old"}, "", nil, e.now()), meta.ErrSuperseded)
	same(e, "the key of the version", e.version(v.ID).Key, "p/f")
	// After a crash it is condemned again.
	list = get(e.s.GarbageObjects(10, meta.LostObject{}, 9))(e)
	same(e, "condemned again", len(get(e.s.Condemn(list))(e)), 1)
	e.ok(e.s.ForgetLostObjects([]meta.LostObject{{Bucket: "b", Key: "old"}, {Bucket: "b", Key: "new"}}))
	list = get(e.s.LostObjects(9))(e)
	if len(list) != 1 || list[0].Key != "new" {
		e.Errorf("left: %+v", list)
	}
}
