package metatest

import (
	"fmt"

	"contentfs/meta"
)

func testSetAttr(e *env) {
	f := e.file(meta.Root, "f")
	n := get(e.s.SetAttr(f.Ino, meta.AttrChange{Valid: meta.AttrMode, Mode: 0o104711, UID: 9, Size: 9, Atime: 9}))(e)
	want := f
	want.Mode = meta.TypeRegular | 0o4711
	same(e, "mode alone", n, want)
	n = get(e.s.SetAttr(f.Ino, meta.AttrChange{Durable: true, Ctime: 7, UID: 1, GID: 2, Size: 3, Atime: 4, Mtime: 5,
		Valid: meta.AttrUID | meta.AttrGID | meta.AttrSize | meta.AttrAtime | meta.AttrMtime}))(e)
	want.UID, want.GID, want.Size, want.Atime, want.Mtime, want.Ctime = 1, 2, 3, 4, 5, 7
	same(e, "all", n, want)
	same(e, "stored", e.node(f.Ino), want)
	_, err := e.s.SetAttr(99, meta.AttrChange{})
	e.fails(err, meta.ErrNotExist)
}

func testTouch(e *env) {
	f, g := e.file(meta.Root, "f"), e.file(meta.Root, "g")
	v := get(e.s.Commit(meta.CommitRequest{Ino: g.Ino, File: e.newFile(), Size: 1, Now: e.now(), Open: true}))(e)
	e.ok(e.s.Touch(f.Ino, f.Atime+5))
	e.ok(e.s.Touch(f.Ino, f.Atime+9))
	e.ok(e.s.Touch(f.Ino, f.Atime+7))
	e.ok(e.s.Touch(g.Ino, 0))
	e.ok(e.s.Touch(99, 1))
	e.ok(e.s.Used(v.ID, v.Used+3))
	e.ok(e.s.SettleSoon(v.ID))
	e.ok(e.s.SettleSoon(99))
	e.stop() // at the latest now they are written
	same(e, "the latest of three", e.node(f.Ino).Atime, f.Atime+9)
	same(e, "never backwards", e.node(g.Ino).Atime, g.Atime)
	same(e, "used", e.version(v.ID).Used, v.Used+3)
	same(e, "settled", e.version(v.ID).Open, false)
	e.fails(e.s.SettleSoon(v.ID), meta.ErrClosed)
	e.fails(e.s.Touch(f.Ino, 1), meta.ErrClosed)
}

func testXattr(e *env) {
	f := e.file(meta.Root, "f")
	set := func(name, value string, create, replace bool) error {
		return e.s.Setxattr(f.Ino, []byte(name), []byte(value), create, replace, e.now())
	}
	e.ok(set("user.b", "1", false, false))
	e.ok(set("user.a", "", true, false))
	e.ok(set("user.b", "2\x00", false, true))
	same(e, "change time", e.node(f.Ino).Ctime, e.clock)
	e.fails(set("user.a", "3", true, false), meta.ErrExist)
	e.fails(set("user.c", "3", false, true), meta.ErrNoAttr)
	e.sameBytes("value", get(e.s.Getxattr(f.Ino, []byte("user.b")))(e), "2\x00")
	e.sameBytes("empty value", get(e.s.Getxattr(f.Ino, []byte("user.a")))(e), "")
	same(e, "names", fmt.Sprintf("%s", get(e.s.Listxattr(f.Ino))(e)), "[user.a user.b]")
	_, err := e.s.Getxattr(f.Ino, []byte("user.c"))
	e.fails(err, meta.ErrNoAttr)
	e.fails(e.s.Removexattr(f.Ino, []byte("user.c"), e.now()), meta.ErrNoAttr)
	e.ok(e.s.Removexattr(f.Ino, []byte("user.a"), e.now()))
	e.fails(e.s.Setxattr(99, []byte("a"), nil, false, false, 1), meta.ErrNotExist)
	e.fails(e.s.Removexattr(99, []byte("a"), 1), meta.ErrNotExist)
	get(e.s.Unlink(meta.Root, []byte("f"), e.now()))(e)
	e.ok(e.s.RemoveOrphan(f.Ino, e.now()))
	same(e, "names of nothing", len(get(e.s.Listxattr(f.Ino))(e)), 0)
}

func testSettings(e *env) {
	_, err := e.s.Setting("bucket")
	e.fails(err, meta.ErrNotExist)
	e.ok(e.s.SetSetting("bucket", "a"))
	e.ok(e.s.SetSetting("bucket", "b"))
	same(e, "setting", get(e.s.Setting("bucket"))(e), "b")
	same(e, "volume", get(e.s.Setting("volume"))(e), e.s.VolumeID())
}
