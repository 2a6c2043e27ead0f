package metatest

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"contentfs/meta"
)

func (e *env) object(path, key string) meta.ImportedObject {
	return meta.ImportedObject{Path: []byte(path), Mode: 0o640, UID: 7, GID: 8, Size: 600, Mtime: 12345, Class: 1,
		Bucket: "old", Prefix: "p", Key: key, ETag: "tag"}
}

func testImport(e *env) {
	dir := e.mkdir(meta.Root, "u1")
	e.file(dir.Ino, "there")
	lost := e.object("/u1/lost", "lost")
	e.ok(e.s.LoseObject("old", "lost", e.now()))
	before := len(get(e.s.Alterations(100))(e))
	list := []meta.ImportedObject{
		e.object("/u1/image/large/a.jpg", "k1"), e.object("/u1/image/a.jpg", "k2"), e.object("/u1/image/a.jpg", "k3"),
		e.object("/u1/there", "k4"), e.object("/u1/there/below", "k5"), e.object("/elsewhere", "k1"), lost,
	}
	r := meta.ImportRequest{DirMode: 0o750, DirUID: 7, DirGID: 8, Now: e.now()}
	dry := get(e.s.Importable(list))(e)
	same(e, "looked at", fmt.Sprint(dry), fmt.Sprint([]meta.ImportOutcome{meta.ImportTaken, meta.ImportTaken, meta.ImportTaken,
		meta.ImportExists, meta.ImportNotDir, meta.ImportTaken, meta.ImportGivenUp}))
	same(e, "nothing made", len(get(e.s.Alterations(100))(e)), before)
	got := get(e.s.ImportObjects(list, r))(e)
	same(e, "taken", fmt.Sprint(got), fmt.Sprint([]meta.ImportOutcome{meta.ImportTaken, meta.ImportTaken, meta.ImportExists,
		meta.ImportExists, meta.ImportNotDir, meta.ImportKnown, meta.ImportGivenUp}))
	n := get(e.s.Resolve([]byte("/u1/image/large/a.jpg")))(e)
	same(e, "node", [5]any{n.Mode, n.UID, n.GID, n.Size, n.Mtime}, [5]any{uint32(meta.TypeRegular | 0o640), uint32(7), uint32(8), int64(600), int64(12345)})
	large := get(e.s.Resolve([]byte("/u1/image/large")))(e)
	same(e, "directory", [2]any{large.Mode, large.UID}, [2]any{uint32(meta.TypeDir | 0o750), uint32(7)})
	v := get(e.s.Current(n.Ino))(e)
	same(e, "version", [7]any{v.Remote, v.Bucket, v.Prefix, v.Key, v.ETag, v.Size, len(v.SHA256)},
		[7]any{meta.Stored, "old", "p", "k1", "tag", int64(600), 0})
	same(e, "queued", e.queued(v.ID), false)
	var names []string
	for _, a := range get(e.s.Alterations(100))(e)[before:] {
		names = append(names, string(a.Name))
	}
	same(e, "alterations", strings.Join(names, " "), "image large a.jpg a.jpg")
	same(e, "by key", get(e.s.ByKey("old", "k1"))(e).ID, v.ID)
	same(e, "by key in any bucket", get(e.s.ByKey("", "k1"))(e).ID, v.ID)
	_, err := e.s.ByKey("other", "k1")
	e.fails(err, meta.ErrNotExist)
	for _, bucket := range []string{"", "old"} {
		_, err = e.s.ByKey(bucket, "")
		e.fails(err, meta.ErrNotExist)
	}
	get(e.s.Unlink(large.Ino, []byte("a.jpg"), e.now()))(e)
	e.ok(e.s.RemoveOrphan(n.Ino, e.now()))
	same(e, "retired", get(e.s.ByKey("old", "k1"))(e).Retired != 0, true)
}

func testImportRefuses(e *env) {
	for _, path := range []string{"", "/", "a", "//a", "/a/", "/a//b", "/a/../b", "/./a", "/" + strings.Repeat("x", 256), "/a\x00b"} {
		list := []meta.ImportedObject{e.object("/good", "k"), e.object(path, "k1")}
		_, err := e.s.ImportObjects(list, meta.ImportRequest{Now: e.now()})
		e.fails(err, fs.ErrInvalid)
		_, err = e.s.Importable(list)
		e.fails(err, fs.ErrInvalid)
	}
	_, err := e.s.ImportObjects([]meta.ImportedObject{e.object("/a", "")}, meta.ImportRequest{Now: e.now()})
	e.fails(err, fs.ErrInvalid)
	_, err = e.s.Resolve([]byte("/good"))
	e.fails(err, meta.ErrNotExist)
	e.ok(e.s.Sync(context.Background()))
}
