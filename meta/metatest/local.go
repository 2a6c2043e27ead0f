package metatest

import (
	"fmt"

	"contentfs/meta"
)

func testEvict(e *env) {
	v := e.written(meta.Root, "f", 10)
	e.fails(e.s.Evict(v.ID, v.File), meta.ErrSuperseded) // only here
	e.store(v.ID)
	e.fails(e.s.Evict(v.ID, "other"), meta.ErrSuperseded)
	e.ok(e.s.Evict(v.ID, v.File))
	same(e, "file", e.version(v.ID).File, "")
	same(e, "trash", e.inTrash(v.File), true)
	e.fails(e.s.Evict(v.ID, v.File), meta.ErrSuperseded)
	e.ok(e.s.EmptyTrash([]meta.FileID{v.File, "unknown"}))
	same(e, "trash", e.inTrash(v.File), false)
	e.ok(e.s.Attach(v.ID, "fetched", nil))
	got := e.version(v.ID)
	same(e, "attached", got.File, "fetched")
	e.sameBytes("checksum kept", got.SHA256, "\x01\x02")
	e.fails(e.s.Attach(v.ID, "again", nil), meta.ErrSuperseded)
	e.fails(e.s.Attach(1, "again", nil), meta.ErrSuperseded)
	// Open: a writer may have changed the bytes.
	g := e.file(meta.Root, "g")
	w := get(e.s.Commit(meta.CommitRequest{Ino: g.Ino, File: "w", Now: e.now(), Open: true}))(e)
	e.store(w.ID)
	e.fails(e.s.Evict(w.ID, "w"), meta.ErrSuperseded)
	// Deleted and never sent: gone for good.
	x := e.written(meta.Root, "x", 1)
	get(e.s.Unlink(meta.Root, []byte("x"), e.now()))(e)
	e.ok(e.s.RemoveOrphan(x.Ino, e.now()))
	e.ok(e.s.Evict(x.ID, x.File))
	_, err := e.s.Version(x.ID)
	e.fails(err, meta.ErrNotExist)
}

// testEvictOnlyCopy deletes a file that is still open: its content stays.
func testEvictOnlyCopy(e *env) {
	v := e.written(meta.Root, "f", 1)
	get(e.s.Unlink(meta.Root, []byte("f"), e.now()))(e)
	same(e, "candidates", len(get(e.s.EvictionCandidates(9, nil))(e)), 0)
	e.fails(e.s.Evict(v.ID, v.File), meta.ErrSuperseded)
	e.ok(e.s.RemoveOrphan(v.Ino, e.now()))
	same(e, "candidates", len(get(e.s.EvictionCandidates(9, nil))(e)), 1)
}

func testEvictionOrder(e *env) {
	add := func(name string, class int, used int64, open bool) meta.Version {
		f := e.file(meta.Root, name)
		return get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: e.newFile(), Size: 10, Now: used, Class: class, Open: open}))(e)
	}
	late, early := add("late", 0, 5e6, false), add("early", 0, 4e6, false)
	original := add("original", 1, 1e6, false)
	deleted := add("deleted", 9, 9e6, false)
	fallback := add("fallback", 2, 1e6, false)
	add("only here", 0, 1e6, false)
	open := add("open", 0, 1e6, true)
	for _, v := range []meta.Version{late, early, original, deleted, open} {
		e.store(v.ID)
	}
	e.ok(e.s.SetFallback(fallback.ID, []byte("x")))
	get(e.s.Unlink(meta.Root, []byte("deleted"), e.now()))(e)
	want := []meta.VersionID{deleted.ID, early.ID, late.ID, original.ID, fallback.ID}
	for _, limit := range []int{1, 2, 9} {
		var got []meta.VersionID
		var after *meta.Version
		for {
			list := get(e.s.EvictionCandidates(limit, after))(e)
			if len(list) == 0 {
				break
			}
			for _, v := range list {
				got = append(got, v.ID)
			}
			after = &list[len(list)-1]
		}
		same(e, fmt.Sprint("order by ", limit), fmt.Sprint(got), fmt.Sprint(want))
	}
	evictable, pinned, err := e.s.LocalBytes()
	e.ok(err)
	// An open version that was stored all the same is in neither: the queue has let it go.
	same(e, "bytes", [2]int64{evictable, pinned}, [2]int64{50, 10})
}

func testFallback(e *env) {
	v := e.written(meta.Root, "f", 1)
	e.ok(e.s.SetFallback(v.ID, []byte("a/\xff")))
	e.sameBytes("fallback", e.version(v.ID).Fallback, "a/\xff")
	e.ok(e.s.Evict(v.ID, v.File))
	e.fails(e.s.SetFallback(v.ID, nil), meta.ErrSuperseded) // the only copy
	e.ok(e.s.Attach(v.ID, "back", []byte{3}))
	e.ok(e.s.SetFallback(v.ID, nil))
	same(e, "none", e.version(v.ID).Fallback == nil, true)
	e.fails(e.s.SetFallback(1, []byte("x")), meta.ErrNotExist)
	e.fails(e.s.SetFallback(1, nil), meta.ErrNotExist)
}

func testLost(e *env) {
	v, w := e.written(meta.Root, "f", 7), e.written(meta.Root, "g", 8)
	e.store(w.ID)
	e.ok(e.s.Lost(v.ID, "not found", e.now()))
	e.ok(e.s.Lost(w.ID, "not found", e.now()))
	e.fails(e.s.Lost(1, "", 1), meta.ErrNotExist)
	st := get(e.s.Stats())(e)
	same(e, "nowhere", st.Nowhere, meta.Count{Number: 1, Bytes: 7})
	same(e, "in S3", st.OnlyS3, meta.Count{Number: 1, Bytes: 8})
	same(e, "queued", e.queued(v.ID), false)
	e.ok(e.s.Attach(v.ID, "found", nil))
	same(e, "queued again", e.queued(v.ID), true)
	same(e, "nowhere", get(e.s.Stats())(e).Nowhere, meta.Count{})
}

// testAbandon ends drafts of files that were never closed: the names go with them.
func testAbandon(e *env) {
	never := get(e.s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("never"), Mode: meta.TypeRegular | 0o644, Draft: "n", Now: e.now()}))(e)
	get(e.s.Link(never.Ino, meta.Root, []byte("too"), e.now()))(e)
	empty := get(e.s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("empty"), Mode: meta.TypeRegular | 0o644, Draft: "e", Now: e.now()}))(e)
	made := e.file(meta.Root, "made")
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: made.Ino, File: "m", Now: e.now()}))
	old := e.written(meta.Root, "old", 1)
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: old.Ino, File: "o", Base: old.ID, Now: e.now()}))
	for _, a := range []meta.Abandoned{
		{File: "n", Ino: never.Ino, Path: []byte("/never"), Reason: "torn"},
		{File: "e", Ino: empty.Ino},
		{File: "m", Ino: made.Ino, Reason: "torn", KeepNames: true},
		{File: "o", Ino: old.Ino, Reason: "torn"},
	} {
		e.ok(e.s.Abandon(a, e.now()))
	}
	e.fails(e.s.Abandon(meta.Abandoned{File: old.File, Ino: old.Ino}, e.now()), meta.ErrSuperseded)
	for name, there := range map[string]bool{"never": false, "too": false, "empty": false, "made": true, "old": true} {
		_, err := e.s.Lookup(meta.Root, []byte(name))
		if there {
			e.ok(err)
		} else {
			e.fails(err, meta.ErrNotExist)
		}
	}
	same(e, "quarantined", get(e.s.Stats())(e).Quarantined, 3)
	same(e, "trash", e.inTrash("e"), true)
	e.ok(e.s.RemoveOrphan(never.Ino, e.now()))
	e.ok(e.s.RemoveOrphan(empty.Ino, e.now()))
	e.ok(e.s.Abandon(meta.Abandoned{File: "unknown", Ino: never.Ino, Reason: "its node is gone"}, e.now()))
}

func testQuarantine(e *env) {
	f := e.file(meta.Root, "f")
	v := e.commit(f.Ino, 1)
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: f.Ino, File: "a", Now: e.now()}))
	e.ok(e.s.Quarantine("a", f.Ino, []byte("/f"), "torn", e.now()))
	e.ok(e.s.Quarantine("b", 0, nil, "unknown", e.now()))
	e.fails(e.s.Quarantine(v.File, f.Ino, nil, "", 1), meta.ErrSuperseded)
	e.fails(e.s.AddTrash(v.File, 1), meta.ErrSuperseded)
	list := get(e.s.Quarantined(10, ""))(e)
	same(e, "number", len(list), 2)
	same(e, "entry", [3]any{list[0].File, list[0].Ino, list[0].Reason}, [3]any{meta.FileID("a"), f.Ino, "torn"})
	e.sameBytes("path", list[0].Path, "/f")
	same(e, "behind the first", get(e.s.Quarantined(10, "a"))(e)[0].File, meta.FileID("b"))
	e.fails(e.s.DropDraft("a", false, 1), meta.ErrNotExist)
	e.ok(e.s.AddTrash("b", e.now()))
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: f.Ino, File: "a", Now: e.now()})) // taken back
	same(e, "quarantined", get(e.s.Stats())(e).Quarantined, 0)
}

func testFiles(e *env) {
	v := e.written(meta.Root, "f", 5) // file 1
	e.store(v.ID)
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: v.Ino, File: e.newFile(), Base: v.ID, Now: e.now()}))
	e.ok(e.s.AddTrash(e.newFile(), e.now()))
	e.ok(e.s.Quarantine(e.newFile(), v.Ino, nil, "", e.now()))
	want := []meta.LocalFile{
		{File: v.File, Kind: meta.FileVersion, Ino: v.Ino, Version: v.ID, Size: 5, Mtime: v.Mtime, Remote: meta.Stored},
		{Kind: meta.FileDraft, Ino: v.Ino, Version: v.ID},
		{Kind: meta.FileTrash},
		{Kind: meta.FileQuarantined, Ino: v.Ino},
	}
	var after meta.FileID
	for i, w := range want {
		w.File = meta.FileID(fmt.Sprintf("%032x", i+1))
		list := get(e.s.Files(after, 1))(e)
		if len(list) != 1 {
			e.Fatalf("no file behind %q", after)
		}
		same(e, "file", list[0], w)
		after = w.File
	}
	same(e, "end", len(get(e.s.Files(after, 1))(e)), 0)
}

func testStats(e *env) {
	e.create(meta.Root, "fifo", 0o010644)
	d := e.mkdir(meta.Root, "d")
	v := [6]meta.Version{}
	for i := range v {
		v[i] = e.written(d.Ino, fmt.Sprint(i), int64(1)<<i)
	}
	e.store(v[1].ID)
	e.store(v[2].ID)
	e.ok(e.s.Evict(v[2].ID, v[2].File))
	e.ok(e.s.SetFallback(v[3].ID, []byte("3")))
	get(e.s.Unlink(d.Ino, []byte("4"), e.now()))(e)
	e.begin(v[5].ID)
	e.ok(e.s.Quarantine("q", 0, nil, "", e.now()))
	count := func(i int) meta.Count { return meta.Count{Number: 1, Bytes: 1 << i} }
	same(e, "stats", get(e.s.Stats())(e), meta.Stats{
		Nodes:     meta.NodeCounts{Files: 6, Dirs: 2, Other: 1},
		OnlyLocal: meta.Count{Number: 2, Bytes: 1 + 32}, LocalAndS3: count(1), OnlyS3: count(2), Fallback: count(3),
		Retired: count(4), Queue: meta.Count{Number: 3, Bytes: 1 + 8 + 32}, Oldest: v[0].Used,
		Quarantined: 1, Sending: 1,
	})
}
