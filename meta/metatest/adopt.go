package metatest

import (
	"errors"
	"fmt"
	"slices"

	"contentfs/meta"
)

// found is a name as it lies in the fallback.
func found(path, name string, mode uint32) meta.Found {
	return meta.Found{Name: []byte(name), Path: []byte(path + name),
		Node: meta.Node{Mode: mode, UID: 5, GID: 6, Size: 7, Atime: -1, Mtime: -1_000_000_001, Ctime: 3}}
}

// adoptRoot has the root taken in from the fallback.
func (e *env) adoptRoot() {
	e.Helper()
	e.ok(e.s.AdoptFallback("1:2", meta.Node{Mode: 0o2770, UID: 8, GID: 9, Mtime: 10}))
}

// adopt takes names in, and says whether there are more directories since.
func (e *env) adopt(dir meta.Ino, last bool, list ...meta.Found) bool {
	e.Helper()
	return get(e.s.Adopt(dir, list, last, e.now()))(e)
}

// origin wants a directory to be taken in still, or not: "-".
func (e *env) origin(dir meta.Ino, want string) {
	e.Helper()
	got := get(e.s.Origin(dir))(e)
	if (got == nil) != (want == "-") || got != nil && string(got) != want {
		e.Errorf("origin of %d: %q (none: %v), not %q", dir, got, got == nil, want)
	}
}

// testAdopt: every kind of node, in two pieces, and again after a crash between.
func testAdopt(e *env) {
	same(e, "unadopted before", get(e.s.Unadopted())(e), false)
	same(e, "adopted before", get(e.s.AdoptedFallback())(e), "")
	_, err := e.s.Adopt(meta.Root, nil, true, e.now())
	e.fails(err, meta.ErrNotExist)
	e.adoptRoot()
	e.origin(meta.Root, "")
	link := found("", "l", meta.TypeSymlink|0o777)
	link.Target = []byte("to/where")
	closed := found("", "mount", meta.TypeDir|0o700)
	closed.Closed = true
	first := []meta.Found{found("", "f", meta.TypeRegular|0o4755), found("", "d", meta.TypeDir|0o1777), link}
	for range 2 {
		same(e, "more", e.adopt(meta.Root, false, first...), true)
		e.origin(meta.Root, "")
		e.check()
	}
	same(e, "more", e.adopt(meta.Root, true, closed, found("", "p", 0o010622)), false)
	e.origin(meta.Root, "-")
	same(e, "links of the root", e.node(meta.Root).Nlink, 4)

	f := get(e.s.Lookup(meta.Root, []byte("f")))(e)
	v := e.version(f.Version)
	if f.Mode != meta.TypeRegular|0o4755 || f.UID != 5 || f.Size != 7 || f.Mtime != -1_000_000_001 || f.Atime != -1 || f.Ctime != 3 ||
		string(v.Fallback) != "f" || v.Mtime != f.Mtime || v.Local() || v.SHA256 != nil || v.Size != 7 || e.queued(v.ID) {
		e.Errorf("file: %+v, %+v", f, v)
	}
	l := get(e.s.Lookup(meta.Root, []byte("l")))(e)
	e.sameBytes("target", get(e.s.Readlink(l.Ino))(e), "to/where")
	d := get(e.s.Lookup(meta.Root, []byte("d")))(e)
	e.origin(d.Ino, "d")
	_, err = e.s.Rmdir(meta.Root, []byte("d"), e.now())
	e.fails(err, meta.ErrNotEmpty)
	e.origin(get(e.s.Lookup(meta.Root, []byte("mount")))(e).Ino, "-")
	same(e, "unadopted", get(e.s.Unadopted())(e), true)
	e.adopt(d.Ino, true)
	same(e, "unadopted at the end", get(e.s.Unadopted())(e), false)
	same(e, "needed", get(e.s.NeedsFallback())(e), true)
	get(e.s.Rmdir(meta.Root, []byte("d"), e.now()))(e)
	get(e.s.Unlink(meta.Root, []byte("f"), e.now()))(e)
	same(e, "needed without f", get(e.s.NeedsFallback())(e), false)
}

// testAdoptMerges: names in the tree stay, directories are merged, and what lies in
// the fallback for a version is no name.
func testAdoptMerges(e *env) {
	d, f := e.mkdir(meta.Root, "d"), e.written(meta.Root, "f", 3)
	g := e.written(meta.Root, "g", 3)
	e.ok(e.s.SettleFallback(g.ID, []byte("under/another"), nil, nil, 0))
	e.ok(e.s.AddStray([]byte("stray"), 5, e.now()))
	e.adoptRoot()
	more := e.adopt(meta.Root, true, found("", "d", meta.TypeDir|0o700), found("", "f", meta.TypeDir|0o700),
		found("under/", "another", meta.TypeRegular|0o600), found("", "stray", meta.TypeRegular|0o600), found("", "g", meta.TypeRegular|0o600))
	same(e, "more", more, true)
	e.origin(d.Ino, "d")
	same(e, "mode of the directory", e.node(d.Ino).Mode, meta.TypeDir|0o755)
	same(e, "content of the file", e.node(f.Ino).Version, f.ID)
	var names []string
	e.ok(e.s.List(meta.Root, 0, func(x *meta.Entry) bool { names = append(names, string(x.Name)); return true }))
	slices.Sort(names)
	same(e, "names", fmt.Sprint(names), "[d f g]")
}

// testAdoptRoot: the root is like the directory only while it has no names, and is
// taken in once.
func testAdoptRoot(e *env) {
	e.adoptRoot()
	if n := e.node(meta.Root); n.Mode != meta.TypeDir|0o2770 || n.UID != 8 || n.GID != 9 || n.Mtime != 10 || n.Nlink != 2 {
		e.Errorf("root: %+v", n)
	}
	e.adopt(meta.Root, true)
	e.ok(e.s.AdoptFallback("3:4", meta.Node{Mode: 0o700}))
	e.origin(meta.Root, "-")
	same(e, "the directory", get(e.s.AdoptedFallback())(e), "3:4")
	same(e, "mode", e.node(meta.Root).Mode, meta.TypeDir|0o2770)
}

// testUnseen: a name in a directory that is still to be taken in is not known to be
// absent, for none of those who ask by a path.
func testUnseen(e *env) {
	v := e.stored(e.written(meta.Root, "gone", 3), "p/gone")
	get(e.s.Unlink(meta.Root, []byte("gone"), e.now()))(e)
	e.adoptRoot()
	aside := e.newFile()
	e.ok(e.s.Quarantine(aside, 0, nil, "why", e.now()))
	unseen := func(what, dir string, err error) {
		e.Helper()
		var u *meta.UnseenError
		if !errors.Is(err, meta.ErrUnseen) || errors.Is(err, meta.ErrNotExist) || !errors.As(err, &u) || u.Dir != dir {
			e.Errorf("%s: %v", what, err)
		}
	}
	_, err := e.s.Resolve([]byte("/d/x"))
	unseen("resolve in the root", "/", err)
	e.adopt(meta.Root, true, found("", "d", meta.TypeDir|0o755))
	e.ok(e.s.Seen([]byte("/")))
	unseen("seen", "/d", e.s.Seen([]byte("/d")))
	_, err = e.s.Resolve([]byte("/d/x"))
	unseen("resolve", "/d", err)
	_, err = e.s.History([]byte("/d/x"))
	unseen("history", "/d", err)
	for _, path := range []string{"/d/x", "/d/below/x"} {
		_, err = e.s.Undelete(v.ID, []byte(path), e.now())
		unseen("undelete", "/d", err)
		object := []meta.ImportedObject{{Path: []byte(path), Bucket: "b", Key: "k" + path, Size: 1}}
		_, err = e.s.Importable(object)
		unseen("importable", "/d", err)
		_, err = e.s.RestoreQuarantined(meta.ReturnRequest{File: aside, Path: []byte(path), Now: e.now()})
		unseen("restore from the quarantine", "/d", err)
	}
	d := get(e.s.Resolve([]byte("/d")))(e)
	e.adopt(d.Ino, true, found("d/", "y", meta.TypeRegular|0o644))
	_, err = e.s.Resolve([]byte("/d/x"))
	e.fails(err, meta.ErrNotExist)
	get(e.s.Undelete(v.ID, []byte("/d/x"), e.now()))(e)
	get(e.s.RestoreQuarantined(meta.ReturnRequest{File: aside, Path: []byte("/d/z"), Now: e.now()}))(e)
	e.check()
}

// testReadopt: what came to the fallback since it was taken in is taken in; what is on
// record stays, wherever it is by now.
func testReadopt(e *env) {
	e.ok(e.s.ReadoptFallback()) // there is none
	e.origin(meta.Root, "-")
	e.adoptRoot()
	dir := found("", "later", meta.TypeDir|0o755)
	e.adopt(meta.Root, true, found("", "kept", meta.TypeRegular|0o600), found("", "moved", meta.TypeRegular|0o600), dir)
	rename := func(from, to string) {
		e.Helper()
		get(e.s.Rename(meta.RenameRequest{OldParent: meta.Root, OldName: []byte(from), NewParent: meta.Root, NewName: []byte(to), Now: e.now()}))(e)
	}
	rename("moved", "elsewhere")
	rename("later", "waiting")
	e.ok(e.s.ReadoptFallback())
	e.origin(meta.Root, "")
	e.adopt(meta.Root, true, found("", "kept", meta.TypeRegular|0o600), found("", "moved", meta.TypeRegular|0o600), dir,
		found("", "new", meta.TypeRegular|0o600))
	var names []string
	e.ok(e.s.List(meta.Root, 0, func(x *meta.Entry) bool { names = append(names, string(x.Name)); return true }))
	slices.Sort(names)
	same(e, "names", fmt.Sprint(names), "[elsewhere kept later new waiting]")
	e.origin(get(e.s.Resolve([]byte("/waiting")))(e).Ino, "-")
	e.origin(get(e.s.Resolve([]byte("/later")))(e).Ino, "later")
	e.check()
}
