package metatest

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"contentfs/meta"
)

func testRoot(e *env) {
	n := e.node(meta.Root)
	same(e, "is a directory", n.IsDir(), true)
	same(e, "links", n.Nlink, 2)
	same(e, "parent", n.Parent, meta.Root)
	_, err := e.s.Node(99)
	e.fails(err, meta.ErrNotExist)
	if len(e.s.VolumeID()) != 32 {
		e.Errorf("volume id %q", e.s.VolumeID())
	}
}

func testCreate(e *env) {
	d := e.mkdir(meta.Root, "d")
	same(e, "links of the root", e.node(meta.Root).Nlink, 3)
	same(e, "parent", d.Parent, meta.Root)
	draft := e.newFile()
	now := e.now()
	f := get(e.s.Create(meta.CreateRequest{Parent: d.Ino, Name: []byte("f\xff"), Mode: meta.TypeRegular | 0o640,
		UID: 1, GID: 4294967295, Now: now, Draft: draft}))(e)
	same(e, "created", e.node(f.Ino), f)
	same(e, "looked up", get(e.s.Lookup(d.Ino, []byte("f\xff")))(e), f)
	want := meta.Node{Ino: f.Ino, Mode: 0o100640, UID: 1, GID: 4294967295, Nlink: 1, Atime: now, Mtime: now, Ctime: now}
	same(e, "node", f, want)
	d = e.node(d.Ino)
	same(e, "time of the parent", [2]int64{d.Mtime, d.Ctime}, [2]int64{now, now})
	same(e, "links of the parent", d.Nlink, 2)
	files := get(e.s.Files("", 10))(e)
	if len(files) != 1 || files[0].File != draft || files[0].Kind != meta.FileDraft || files[0].Ino != f.Ino {
		e.Errorf("local files %v", files)
	}
	l := get(e.s.Create(meta.CreateRequest{Parent: d.Ino, Name: []byte("l"), Mode: meta.TypeSymlink | 0o777,
		Target: []byte("../\xfe"), Now: e.now()}))(e)
	same(e, "size of a symlink", l.Size, 4)
	e.sameBytes("target", get(e.s.Readlink(l.Ino))(e), "../\xfe")
	_, err := e.s.Readlink(f.Ino)
	e.fails(err, fs.ErrInvalid)
	_, err = e.s.Readlink(99)
	e.fails(err, meta.ErrNotExist)
	c := get(e.s.Create(meta.CreateRequest{Parent: d.Ino, Name: []byte("c"), Mode: 0o020644, Rdev: 259, Now: e.now()}))(e)
	same(e, "device", e.node(c.Ino).Rdev, 259)
}

func testCreateErrors(e *env) {
	f := e.file(meta.Root, "f")
	for _, c := range []struct {
		parent meta.Ino
		name   string
		want   error
	}{
		{meta.Root, "f", meta.ErrExist},
		{f.Ino, "x", meta.ErrNotDir},
		{99, "x", meta.ErrNotExist},
		{meta.Root, "", fs.ErrInvalid},
		{meta.Root, ".", fs.ErrInvalid},
		{meta.Root, "..", fs.ErrInvalid},
		{meta.Root, "a/b", fs.ErrInvalid},
		{meta.Root, "a\x00b", fs.ErrInvalid},
		{meta.Root, strings.Repeat("x", 256), fs.ErrInvalid},
	} {
		_, err := e.s.Create(meta.CreateRequest{Parent: c.parent, Name: []byte(c.name), Mode: meta.TypeRegular, Now: e.now()})
		e.fails(err, c.want)
	}
	e.file(meta.Root, strings.Repeat("x", 255))
	d := e.mkdir(meta.Root, "d")
	get(e.s.Rmdir(meta.Root, []byte("d"), e.now()))(e)
	_, err := e.s.Create(meta.CreateRequest{Parent: d.Ino, Name: []byte("x"), Mode: meta.TypeRegular, Now: e.now()})
	e.fails(err, meta.ErrNotExist)
	for _, c := range []struct {
		parent meta.Ino
		want   error
	}{{meta.Root, meta.ErrNotExist}, {f.Ino, meta.ErrNotDir}, {99, meta.ErrNotExist}} {
		_, err := e.s.Lookup(c.parent, []byte("absent"))
		e.fails(err, c.want)
	}
	same(e, "an unused number", e.file(meta.Root, "g").Ino > d.Ino, true)
}

func testSetGroupID(e *env) {
	d := get(e.s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("d"), Mode: meta.TypeDir | 0o2775,
		GID: 7, Now: e.now()}))(e)
	sub := e.mkdir(d.Ino, "sub")
	same(e, "group of a directory", sub.GID, 7)
	same(e, "mode of a directory", sub.Mode, meta.TypeDir|0o2755)
	f := e.file(d.Ino, "f")
	same(e, "group of a file", f.GID, 7)
	same(e, "mode of a file", f.Mode, meta.TypeRegular|0o644)
}

func testOrphan(e *env) {
	draft := e.newFile()
	n := get(e.s.CreateOrphan(meta.CreateRequest{Mode: meta.TypeRegular | 0o600, Now: e.now(), Draft: draft}))(e)
	same(e, "links", n.Nlink, 0)
	orphans := get(e.s.Orphans(0, 10))(e)
	if len(orphans) != 1 || orphans[0] != n {
		e.Errorf("orphans %v", orphans)
	}
	same(e, "orphans behind it", len(get(e.s.Orphans(n.Ino, 10))(e)), 0)
	_, err := e.s.Path(n.Ino)
	e.fails(err, meta.ErrNotExist)
	_, err = e.s.CreateOrphan(meta.CreateRequest{Mode: meta.TypeDir, Now: e.now()})
	e.fails(err, meta.ErrIsDir)
	linked := get(e.s.Link(n.Ino, meta.Root, []byte("f"), e.now()))(e)
	same(e, "links", linked.Nlink, 1)
	same(e, "orphans", len(get(e.s.Orphans(0, 10))(e)), 0)
}

func testLink(e *env) {
	f := e.file(meta.Root, "f")
	d := e.mkdir(meta.Root, "d")
	now := e.now()
	n := get(e.s.Link(f.Ino, d.Ino, []byte("g"), now))(e)
	same(e, "links", n.Nlink, 2)
	same(e, "change time", n.Ctime, now)
	same(e, "directory's time", e.node(d.Ino).Mtime, now)
	same(e, "the other name", get(e.s.Lookup(d.Ino, []byte("g")))(e), n)
	paths := get(e.s.Paths(f.Ino))(e)
	slices.SortFunc(paths, bytes.Compare)
	e.sameBytes("paths", bytes.Join(paths, []byte(" ")), "/d/g /f")
	for _, c := range []struct {
		ino, parent meta.Ino
		name        string
		want        error
	}{
		{f.Ino, d.Ino, "g", meta.ErrExist},
		{d.Ino, meta.Root, "e", meta.ErrIsDir},
		{f.Ino, f.Ino, "x", meta.ErrNotDir},
		{99, d.Ino, "x", meta.ErrNotExist},
		{f.Ino, 99, "x", meta.ErrNotExist},
	} {
		_, err := e.s.Link(c.ino, c.parent, []byte(c.name), e.now())
		e.fails(err, c.want)
	}
	same(e, "links after errors", e.node(f.Ino).Nlink, 2)
}

func testUnlink(e *env) {
	d := e.mkdir(meta.Root, "d")
	v := e.written(d.Ino, "f", 5)
	get(e.s.Link(v.Ino, meta.Root, []byte("g"), e.now()))(e)
	now := e.now()
	r := get(e.s.Unlink(meta.Root, []byte("g"), now))(e)
	same(e, "last", r.Last, false)
	same(e, "change time", r.Node.Ctime, now)
	same(e, "retired", e.version(v.ID).Retired, 0)
	now = e.now()
	r = get(e.s.Unlink(d.Ino, []byte("f"), now))(e)
	same(e, "last", r.Last, true)
	same(e, "node", e.node(v.Ino), r.Node)
	same(e, "directory's time", e.node(d.Ino).Mtime, now)
	got := e.version(v.ID)
	same(e, "retired", got.Retired, now)
	same(e, "file", got.File, v.File)
	e.sameBytes("path", got.Path, "/d/f")
	same(e, "queued", e.queued(v.ID), false)
	same(e, "current of the orphan", get(e.s.Current(v.Ino))(e).ID, v.ID)
	same(e, "found by path", get(e.s.RetiredAt([]byte("/d/f")))(e)[0].ID, v.ID)
	for _, c := range []struct {
		parent meta.Ino
		name   string
		want   error
	}{{d.Ino, "f", meta.ErrNotExist}, {meta.Root, "d", meta.ErrIsDir}, {v.Ino, "x", meta.ErrNotDir}, {99, "x", meta.ErrNotExist}} {
		_, err := e.s.Unlink(c.parent, []byte(c.name), e.now())
		e.fails(err, c.want)
	}
}

func testRmdir(e *env) {
	d := e.mkdir(meta.Root, "d")
	e.file(meta.Root, "f")
	e.mkdir(d.Ino, "sub")
	_, err := e.s.Rmdir(meta.Root, []byte("d"), e.now())
	e.fails(err, meta.ErrNotEmpty)
	_, err = e.s.Rmdir(meta.Root, []byte("f"), e.now())
	e.fails(err, meta.ErrNotDir)
	_, err = e.s.Rmdir(meta.Root, []byte("x"), e.now())
	e.fails(err, meta.ErrNotExist)
	r := get(e.s.Rmdir(d.Ino, []byte("sub"), e.now()))(e)
	same(e, "last", r.Last, true)
	same(e, "links", r.Node.Nlink, 0)
	same(e, "links of the parent", e.node(d.Ino).Nlink, 2)
	same(e, "names in what is left", len(listed(e, r.Node.Ino, 0, 0)), 0)
	get(e.s.Rmdir(meta.Root, []byte("d"), e.now()))(e)
	same(e, "links of the root", e.node(meta.Root).Nlink, 2)
	e.ok(e.s.RemoveOrphan(d.Ino, e.now()))
}

func testPath(e *env) {
	d := e.mkdir(e.mkdir(meta.Root, "a").Ino, "b")
	f := e.file(d.Ino, "c")
	e.sameBytes("of the root", get(e.s.Path(meta.Root))(e), "/")
	e.sameBytes("of a file", get(e.s.Path(f.Ino))(e), "/a/b/c")
	e.sameBytes("of a name", get(e.s.PathOf(d.Ino, []byte("new")))(e), "/a/b/new")
	e.sameBytes("of a name at the top", get(e.s.PathOf(meta.Root, []byte("new")))(e), "/new")
	for path, want := range map[string]meta.Ino{"/": meta.Root, "/a/b": d.Ino, "/a//b/c": f.Ino, "/a/b/": d.Ino} {
		same(e, path, get(e.s.Resolve([]byte(path)))(e).Ino, want)
	}
	for path, want := range map[string]error{"/a/x": meta.ErrNotExist, "/a/b/c/d": meta.ErrNotDir, "a": fs.ErrInvalid, "": fs.ErrInvalid} {
		_, err := e.s.Resolve([]byte(path))
		e.fails(err, want)
	}
	get(e.s.Unlink(d.Ino, []byte("c"), e.now()))(e)
	get(e.s.Rmdir(get(e.s.Resolve([]byte("/a")))(e).Ino, []byte("b"), e.now()))(e)
	_, err := e.s.PathOf(d.Ino, []byte("x"))
	e.fails(err, meta.ErrNotExist)
}

func testList(e *env) {
	f := e.file(meta.Root, "f")
	names := []string{"A", "a", "a b", "b", "f", "\x80", "\xff", strings.Repeat("\xff", 255)}
	for _, name := range names {
		if name != "f" {
			e.file(meta.Root, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(e.s.Place([]byte(a)), e.s.Place([]byte(b))) })
	for i, entry := range listed(e, meta.Root, 0, 0) {
		same(e, "name", string(entry.Name), names[i])
		same(e, "node of an entry", entry.Node, e.node(entry.Node.Ino))
		same(e, "place of an entry", entry.Place, e.s.Place(entry.Name))
	}
	for i, name := range names { // from every place on, whether or not the name there is
		place := e.s.Place([]byte(name))
		same(e, "names behind", listedNames(e, meta.Root, place), strings.Join(names[i+1:], "/"))
		get(e.s.Unlink(meta.Root, []byte(name), e.now()))(e)
		same(e, "names behind", listedNames(e, meta.Root, place), strings.Join(names[i+1:], "/"))
	}
	same(e, "names in an empty directory", len(listed(e, meta.Root, 0, 0)), 0)
	e.fails(e.s.List(f.Ino, 0, nil), meta.ErrNotDir)
	e.fails(e.s.List(99, 0, nil), meta.ErrNotExist)
}

// listed gives the entries of a directory behind a place, up to limit if that is
// not 0.
func listed(e *env, dir meta.Ino, after meta.Place, limit int) (list []meta.Entry) {
	e.Helper()
	e.ok(e.s.List(dir, after, func(entry *meta.Entry) bool {
		list = append(list, *entry)
		return len(list) != limit
	}))
	return list
}

func listedNames(e *env, dir meta.Ino, after meta.Place) string {
	e.Helper()
	var names []string
	for _, entry := range listed(e, dir, after, 0) {
		names = append(names, string(entry.Name))
	}
	return strings.Join(names, "/")
}

// testListChanging lists while names before and behind the place come and go.
func testListChanging(e *env) {
	for i := range 100 {
		e.file(meta.Root, fmt.Sprintf("n%03d", i))
	}
	seen := make(map[string]int)
	var after meta.Place
	for i := 0; ; i++ {
		list := listed(e, meta.Root, after, 7)
		if len(list) == 0 {
			break
		}
		for _, entry := range list {
			seen[string(entry.Name)]++
			after = entry.Place
		}
		e.file(meta.Root, fmt.Sprintf("m%03d", i))
		get(e.s.Unlink(meta.Root, list[0].Name, e.now()))(e)
	}
	for i := range 100 {
		same(e, fmt.Sprint("times n", i, " was seen"), seen[fmt.Sprintf("n%03d", i)], 1)
	}
	for name, times := range seen { // those that came meanwhile may be among them
		same(e, "times "+name+" was seen", times, 1)
	}
}
