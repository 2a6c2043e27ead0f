package metatest

import (
	"fmt"
	"io/fs"

	"contentfs/meta"
)

func testQueue(e *env) {
	_, some, err := e.s.NextDue()
	e.ok(err)
	same(e, "something due", some, false)
	var ids []meta.VersionID
	for i, due := range []int64{300, 100, 200} {
		f := e.file(meta.Root, fmt.Sprint(i))
		v := get(e.s.Commit(meta.CommitRequest{Ino: f.Ino, File: e.newFile(), Now: e.now(), Due: due}))(e)
		ids = append(ids, v.ID)
	}
	due := func(now int64, skip func(meta.VersionID) bool, limit int) string {
		e.Helper()
		var list []meta.VersionID
		for _, u := range get(e.s.DueUploads(now, skip, limit))(e) {
			list = append(list, u.Version)
		}
		return fmt.Sprint(list)
	}
	same(e, "due", due(200, nil, 9), fmt.Sprint([]meta.VersionID{ids[1], ids[2]}))
	same(e, "limited", due(300, nil, 1), fmt.Sprint(ids[1:2]))
	same(e, "skipped", due(300, func(id meta.VersionID) bool { return id == ids[1] }, 1), fmt.Sprint(ids[2:3]))
	next, some, err := e.s.NextDue()
	e.ok(err)
	same(e, "next", [2]any{next, some}, [2]any{int64(100), true})
	e.ok(e.s.Postpone(ids[1], 400))
	same(e, "postponed", due(300, nil, 9), fmt.Sprint([]meta.VersionID{ids[2], ids[0]}))
	e.ok(e.s.FailUpload(ids[2], 500, "no route", e.now()))
	e.ok(e.s.FailUpload(ids[2], 600, "reset", e.now()))
	u := get(e.s.QueueEntry(ids[2]))(e)
	same(e, "failed", [3]any{u.Attempts, u.Error, u.Due}, [3]any{2, "reset", int64(600)})
	st := get(e.s.Stats())(e)
	same(e, "last error", [2]any{st.LastError, st.LastErrorAt}, [2]any{"reset", e.clock})
	e.store(ids[2])
	same(e, "queued", e.queued(ids[2]), false)
	e.fails(e.s.Postpone(ids[2], 1), meta.ErrNotExist)
	e.fails(e.s.FailUpload(ids[2], 1, "", 1), meta.ErrNotExist)
}

func testUpload(e *env) {
	v := e.written(meta.Root, "f", 1)
	key := e.begin(v.ID)
	got := e.version(v.ID)
	same(e, "sending", [4]any{got.Remote, got.Bucket, got.Prefix, got.Key}, [4]any{meta.Sending, "b", "p", key})
	e.sameBytes("checksum", got.SHA256, "\x01\x02")
	same(e, "listed", get(e.s.Sending(0, 10))(e)[0].ID, v.ID)
	e.ok(e.s.SetUploadID(v.ID, "up"))
	e.begin(v.ID)
	same(e, "multipart kept under the same key", e.version(v.ID).UploadID, "up")
	_, err := e.s.FinishUpload(v.ID, "other", "", nil, e.now())
	e.fails(err, meta.ErrSuperseded)
	same(e, "current", get(e.s.FinishUpload(v.ID, key, "tag", nil, e.now()))(e), true)
	got = e.version(v.ID)
	same(e, "stored", [3]any{got.Remote, got.ETag, got.UploadID}, [3]any{meta.Stored, "tag", ""})
	same(e, "queued", e.queued(v.ID), false)
	same(e, "still sending", len(get(e.s.Sending(0, 10))(e)), 0)
	_, err = e.s.FinishUpload(v.ID, key, "tag", nil, e.now())
	e.fails(err, meta.ErrSuperseded)
	e.fails(e.s.SetUploadID(v.ID, "x"), meta.ErrSuperseded)
	e.fails(e.s.BeginUpload(v.ID, meta.BeginUpload{Key: "again"}), meta.ErrSuperseded)
	e.fails(e.s.BeginUpload(1, meta.BeginUpload{Key: "again"}), meta.ErrSuperseded)
	e.fails(e.s.BeginUpload(v.ID, meta.BeginUpload{}), fs.ErrInvalid)
}

// testUploadSuperseded finishes an upload after the version was replaced.
func testUploadSuperseded(e *env) {
	v1 := e.written(meta.Root, "f", 1)
	key := e.begin(v1.ID)
	v2 := e.commit(v1.Ino, 2)
	retired := e.version(v1.ID)
	same(e, "retired", retired.Retired, e.clock)
	same(e, "file", retired.File, v1.File)
	e.fails(e.s.BeginUpload(v1.ID, meta.BeginUpload{Key: "again"}), meta.ErrSuperseded)
	same(e, "current", get(e.s.FinishUpload(v1.ID, key, "tag", nil, e.now()))(e), false)
	same(e, "stored", e.version(v1.ID).Remote, meta.Stored)
	same(e, "the newer one is queued", e.queued(v2.ID), true)
}

func testUploadKeys(e *env) {
	v, w := e.written(meta.Root, "f", 1), e.written(meta.Root, "g", 1)
	key := e.begin(v.ID)
	e.fails(e.s.BeginUpload(w.ID, meta.BeginUpload{Bucket: "b", Key: key}), meta.ErrExist)
	e.ok(e.s.SetUploadID(v.ID, "up"))
	e.ok(e.s.BeginUpload(v.ID, meta.BeginUpload{Bucket: "b", Key: "second"}))
	same(e, "multipart of the first key", e.version(v.ID).UploadID, "")
	lost := get(e.s.LostObjects(10))(e)
	same(e, "lost", len(lost), 1)
	same(e, "lost object", [2]string{lost[0].Bucket, lost[0].Key}, [2]string{"b", key})
	e.ok(e.s.LoseObject("b", "old", 1))
	e.ok(e.s.LoseObject("b", "old", 2))
	lost = get(e.s.LostObjects(10))(e)
	same(e, "lost once, oldest first", [2]any{len(lost), lost[0]}, [2]any{2, meta.LostObject{Bucket: "b", Key: "old", Since: 1}})
}

func testForeignKey(e *env) {
	v := e.written(meta.Root, "f", 1)
	e.begin(v.ID)
	id := get(e.s.ReserveVersion(e.now()))(e)
	next := e.commit(e.file(meta.Root, "g").Ino, 1)
	if id <= v.ID || next.ID <= id {
		e.Errorf("version %d, reserved %d, next version %d", v.ID, id, next.ID)
	}
	back := get(e.s.ReserveVersion(0))(e) // the clock went back
	if back <= next.ID {
		e.Errorf("version %d, then reserved %d", next.ID, back)
	}
	e.ok(e.s.BeginUpload(v.ID, meta.BeginUpload{Bucket: "b", Key: "another", Foreign: true}))
	same(e, "key", e.version(v.ID).Key, "another")
	same(e, "lost", len(get(e.s.LostObjects(10))(e)), 0)
}

func testCancelSending(e *env) {
	v := e.written(meta.Root, "f", 1)
	key := e.begin(v.ID)
	e.fails(e.s.CancelSending(v.ID), meta.ErrSuperseded) // it is current
	get(e.s.Unlink(meta.Root, []byte("f"), e.now()))(e)
	e.ok(e.s.CancelSending(v.ID))
	got := e.version(v.ID)
	same(e, "not sent", [2]any{got.Remote, got.Key}, [2]any{meta.NotSent, ""})
	same(e, "lost", get(e.s.LostObjects(10))(e)[0], meta.LostObject{Bucket: "b", Key: key, Since: got.Retired})
	e.fails(e.s.CancelSending(v.ID), meta.ErrSuperseded)
	// Of one whose file went over to the next version nothing remains.
	w := e.written(meta.Root, "g", 1)
	e.begin(w.ID)
	get(e.s.Commit(meta.CommitRequest{Ino: w.Ino, File: w.File, Now: e.now()}))(e)
	e.ok(e.s.CancelSending(w.ID))
	_, err := e.s.Version(w.ID)
	e.fails(err, meta.ErrNotExist)
}
