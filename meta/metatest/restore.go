package metatest

import (
	"fmt"
	"io/fs"

	"contentfs/meta"
)

// restored is an object with an id, which is a version's where of is.
func (e *env) restored(path, key string, id, of meta.VersionID) meta.RestoredObject {
	o := meta.RestoredObject{ImportedObject: e.object(path, key), ID: id, Of: of}
	o.SHA256 = make([]byte, 32)
	return o
}

func testRestore(e *env) {
	dir := e.mkdir(meta.Root, "d")
	waiting := e.file(dir.Ino, "waiting")
	v := get(e.s.Commit(meta.CommitRequest{Ino: waiting.Ino, File: "f1", Size: 600, Mtime: 1, Now: e.now()}))(e)
	_, known, err := e.s.Counters()
	e.ok(err)
	e.ok(e.s.LoseObject("old", "lost", e.now()))
	late := known + 1000
	list := []meta.RestoredObject{
		e.restored("/d/gone", "k0", known, known-1),    // was given up before
		e.restored("/d/waiting", "k1", v.ID, v.ID),     // its upload had ended
		e.restored("/d/new", "k2", late, late),         // twice
		e.restored("/d/new", "k3", late+1, late+1),     //
		e.restored("/x/y/moved", "k4", late+2, late+1), // and renamed
		e.restored("/d/waiting/below", "k5", late+3, late+3),
		e.restored("/d", "k6", late+4, late+4),
		e.restored("/d/lost", "lost", late+5, late+5),
		e.restored("/d/waiting", "k1", v.ID, v.ID),
		e.restored("/d/second", "k9", late+8, late+8),
		e.restored("/d/second", "k10", late+7, late+7), // is older
	}
	r := meta.RestoreRequest{Known: known, ImportRequest: meta.ImportRequest{DirMode: 0o750, DirUID: 7, DirGID: 8, Now: e.now()}}
	got := get(e.s.RestoreObjects(list, r))(e)
	same(e, "outcomes", fmt.Sprint(got), fmt.Sprint([]meta.RestoreOutcome{meta.RestoreOld, meta.RestoreFinished, meta.RestoreFile,
		meta.RestoreFile, meta.RestoreMoved, meta.RestoreInTheWay, meta.RestoreInTheWay, meta.RestoreOld, meta.RestoreKnown,
		meta.RestoreFile, meta.RestoreOld}))
	same(e, "queued", e.queued(v.ID), false)
	n := get(e.s.Resolve([]byte("/x/y/moved")))(e)
	same(e, "node", [4]any{n.Mode, n.UID, n.Size, n.Version}, [4]any{uint32(meta.TypeRegular | 0o640), uint32(7), int64(600), late + 1})
	same(e, "key", get(e.s.Current(n.Ino))(e).Key, "k4")
	same(e, "the newest", get(e.s.Resolve([]byte("/d/second")))(e).Version, late+8)
	same(e, "versions", len(get(e.s.Versions(n.Ino))(e)), 2)
	_, err = e.s.Resolve([]byte("/d/new"))
	e.fails(err, meta.ErrNotExist)
	same(e, "the key before is lost", get(e.s.GaveUp("old", "k3"))(e), true)
	_, last, err := e.s.Counters()
	e.ok(err)
	same(e, "last id", last >= late+5, true)

	other := e.restored("/d/waiting", "k7", v.ID, v.ID)
	other.Size++
	same(e, "other bytes", fmt.Sprint(get(e.s.RestoreObjects([]meta.RestoredObject{other}, r))(e)), fmt.Sprint([]meta.RestoreOutcome{meta.RestoreOld}))
	_, err = e.s.RestoreObjects([]meta.RestoredObject{e.restored("/../x", "k8", late+9, late+9)}, r)
	e.fails(err, fs.ErrInvalid)

	e.ok(e.s.Unstore([]meta.VersionID{v.ID, n.Version}, "not there", e.now()))
	same(e, "queued again", e.queued(v.ID), true)
	same(e, "nowhere", get(e.s.Stats())(e).Nowhere.Number, int64(1))
	e.fails(e.s.Unstore([]meta.VersionID{v.ID}, "not there", e.now()), meta.ErrSuperseded)

	e.ok(e.s.Advance(1000, late+1000))
	ino, last, err := e.s.Counters()
	e.ok(err)
	same(e, "advanced", [2]any{ino, last}, [2]any{meta.Ino(1000), late + 1000})
	e.ok(e.s.Advance(1, 1))
	same(e, "the next", e.mkdir(meta.Root, "next").Ino, meta.Ino(1001))
	same(e, "never rebuilt", get(e.s.Rebuilt())(e), int64(0))
	e.ok(e.s.SetRebuilt(77))
	same(e, "rebuilt", get(e.s.Rebuilt())(e), int64(77))
}
