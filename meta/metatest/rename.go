package metatest

import (
	"io/fs"

	"contentfs/meta"
)

// rename moves a name; set adds the flags.
func (e *env) rename(op meta.Ino, on string, np meta.Ino, nn string, set func(*meta.RenameRequest)) (meta.Renamed, error) {
	r := meta.RenameRequest{OldParent: op, OldName: []byte(on), NewParent: np, NewName: []byte(nn), Now: e.now()}
	if set != nil {
		set(&r)
	}
	return e.s.Rename(r)
}

func exchange(r *meta.RenameRequest)  { r.Exchange = true }
func noReplace(r *meta.RenameRequest) { r.NoReplace = true }

func testRename(e *env) {
	a, b := e.mkdir(meta.Root, "a"), e.mkdir(meta.Root, "b")
	v := e.written(a.Ino, "f", 3)
	r := get(e.rename(a.Ino, "f", b.Ino, "g", noReplace))(e)
	same(e, "moved", r.Moved, e.node(v.Ino))
	same(e, "change time", r.Moved.Ctime, e.clock)
	same(e, "times of the directories", [2]int64{e.node(a.Ino).Mtime, e.node(b.Ino).Ctime}, [2]int64{e.clock, e.clock})
	e.sameBytes("path", get(e.s.Path(v.Ino))(e), "/b/g")
	same(e, "queued", e.queued(v.ID), true)
	d := e.mkdir(a.Ino, "d")
	r = get(e.rename(a.Ino, "d", b.Ino, "d", nil))(e)
	same(e, "parent", r.Moved.Parent, b.Ino)
	same(e, "links", [2]uint32{e.node(a.Ino).Nlink, e.node(b.Ino).Nlink}, [2]uint32{2, 3})
	get(e.rename(b.Ino, "d", b.Ino, "e", nil))(e)
	same(e, "links after a move inside", e.node(b.Ino).Nlink, 3)
	e.sameBytes("path", get(e.s.Path(d.Ino))(e), "/b/e")
	// Two names of one node, and a name onto itself.
	get(e.s.Link(v.Ino, a.Ino, []byte("h"), e.now()))(e)
	r = get(e.rename(a.Ino, "h", b.Ino, "g", nil))(e)
	same(e, "moved", r.Moved.Ino, v.Ino)
	same(e, "names left", e.node(v.Ino).Nlink, 2)
	get(e.rename(a.Ino, "h", a.Ino, "h", nil))(e)
	get(e.s.Lookup(a.Ino, []byte("h")))(e)
}

func testRenameReplaces(e *env) {
	d := e.mkdir(meta.Root, "d")
	old, v := e.written(d.Ino, "old", 1), e.written(d.Ino, "new", 2)
	r := get(e.rename(d.Ino, "new", d.Ino, "old", nil))(e)
	if r.Replaced == nil || r.Replaced.Ino != old.Ino || !r.ReplacedLast || r.Replaced.Nlink != 0 {
		e.Fatalf("replaced %v", r.Replaced)
	}
	got := e.version(old.ID)
	same(e, "retired", got.Retired, e.clock)
	e.sameBytes("path", got.Path, "/d/old")
	same(e, "queued", [2]bool{e.queued(old.ID), e.queued(v.ID)}, [2]bool{false, true})
	same(e, "current", e.version(v.ID).Retired, 0)
	// One of two names is replaced.
	get(e.s.Link(v.Ino, meta.Root, []byte("other"), e.now()))(e)
	e.file(d.Ino, "third")
	r = get(e.rename(d.Ino, "third", d.Ino, "old", nil))(e)
	same(e, "last", r.ReplacedLast, false)
	same(e, "still current", e.version(v.ID).Retired, 0)
	// A directory replaces an empty one.
	x, y := e.mkdir(d.Ino, "x"), e.mkdir(meta.Root, "y")
	e.file(x.Ino, "in")
	r = get(e.rename(d.Ino, "x", meta.Root, "y", nil))(e)
	same(e, "replaced", r.Replaced.Ino, y.Ino)
	same(e, "links", [2]uint32{e.node(meta.Root).Nlink, e.node(d.Ino).Nlink}, [2]uint32{4, 2})
}

func testRenameErrors(e *env) {
	d, f := e.mkdir(meta.Root, "d"), e.file(meta.Root, "f")
	sub := e.mkdir(d.Ino, "sub")
	e.mkdir(meta.Root, "empty")
	both := func(r *meta.RenameRequest) { r.Exchange, r.NoReplace = true, true }
	for _, c := range []struct {
		op   meta.Ino
		on   string
		np   meta.Ino
		nn   string
		set  func(*meta.RenameRequest)
		want error
	}{
		{meta.Root, "x", meta.Root, "y", nil, meta.ErrNotExist},
		{meta.Root, "f", 99, "y", nil, meta.ErrNotExist},
		{meta.Root, "f", f.Ino, "y", nil, meta.ErrNotDir},
		{f.Ino, "x", meta.Root, "y", nil, meta.ErrNotDir},
		{meta.Root, "f", meta.Root, "d", noReplace, meta.ErrExist},
		{meta.Root, "f", meta.Root, "f", noReplace, meta.ErrExist},
		{meta.Root, "f", meta.Root, "empty", nil, meta.ErrIsDir},
		{meta.Root, "empty", meta.Root, "f", nil, meta.ErrNotDir},
		{meta.Root, "empty", meta.Root, "d", nil, meta.ErrNotEmpty},
		{d.Ino, "sub", meta.Root, "d", nil, meta.ErrNotEmpty},
		{meta.Root, "d", sub.Ino, "x", nil, meta.ErrLoop},
		{meta.Root, "d", d.Ino, "x", nil, meta.ErrLoop},
		{meta.Root, "d", d.Ino, "sub", exchange, meta.ErrLoop},
		{d.Ino, "sub", meta.Root, "d", exchange, meta.ErrLoop},
		{meta.Root, "f", meta.Root, "y", exchange, meta.ErrNotExist},
		{meta.Root, "f", meta.Root, "d", both, fs.ErrInvalid},
		{meta.Root, "f", meta.Root, "..", nil, fs.ErrInvalid},
	} {
		_, err := e.rename(c.op, c.on, c.np, c.nn, c.set)
		e.fails(err, c.want)
	}
	get(e.s.Rmdir(d.Ino, []byte("sub"), e.now()))(e)
	_, err := e.rename(meta.Root, "f", sub.Ino, "x", nil)
	e.fails(err, meta.ErrNotExist)
}

func testExchange(e *env) {
	a, b := e.mkdir(meta.Root, "a"), e.mkdir(meta.Root, "b")
	d, v := e.mkdir(a.Ino, "x"), e.written(b.Ino, "y", 1)
	r := get(e.rename(a.Ino, "x", b.Ino, "y", exchange))(e)
	same(e, "moved", r.Moved, e.node(d.Ino))
	same(e, "parent", r.Moved.Parent, b.Ino)
	same(e, "nothing replaced", r.Replaced == nil, true)
	e.sameBytes("file", get(e.s.Path(v.Ino))(e), "/a/x")
	e.sameBytes("directory", get(e.s.Path(d.Ino))(e), "/b/y")
	same(e, "links", [2]uint32{e.node(a.Ino).Nlink, e.node(b.Ino).Nlink}, [2]uint32{2, 3})
	same(e, "change time", e.node(v.Ino).Ctime, e.clock)
	same(e, "current", e.version(v.ID).Retired, 0)
	// Inside one directory, and of two directories.
	c := e.mkdir(b.Ino, "c")
	get(e.rename(b.Ino, "c", b.Ino, "y", exchange))(e)
	same(e, "links", e.node(b.Ino).Nlink, 4)
	e.sameBytes("path", get(e.s.Path(c.Ino))(e), "/b/y")
}
