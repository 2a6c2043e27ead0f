package metatest

import (
	"fmt"

	"contentfs/meta"
)

// testUndelete: a deleted file comes back as it was, also where its directories are
// gone, and who works on it knows where it is to go.
func testUndelete(e *env) {
	n := get(e.s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("f"), Mode: meta.TypeRegular | 0o600,
		UID: 3, GID: 4, Now: e.now()}))(e)
	v := e.stored(e.commit(n.Ino, 5), "p/f")
	get(e.s.Unlink(meta.Root, []byte("f"), e.now()))(e)
	back := get(e.s.Undelete(v.ID, []byte("/a/b/f"), e.now()))(e)
	same(e, "node", [5]any{back.Mode, back.UID, back.GID, back.Size, back.Mtime}, [5]any{n.Mode, n.UID, n.GID, int64(5), v.Mtime})
	if back.Ino == n.Ino || back.Version <= v.ID {
		e.Errorf("node %d and version %d are those that there were", back.Ino, back.Version)
	}
	same(e, "found", get(e.s.Resolve([]byte("/a/b/f")))(e), back)
	got := e.version(back.Version)
	same(e, "version", [6]any{got.Ino, got.Key, got.File, got.Retired, got.Mode, len(got.Path)},
		[6]any{back.Ino, "p/f", v.File, int64(0), uint32(0), 0})
	_, err := e.s.Version(v.ID)
	e.fails(err, meta.ErrNotExist)
	same(e, "goal", get(e.s.QueueEntry(got.ID))(e).Goal, meta.GoalKey)
	e.ok(e.s.RemoveOrphan(n.Ino, e.now())) // of the name that it had, which was just deleted
	var told string
	for _, a := range get(e.s.Alterations(9))(e) {
		told += string(a.Name) + " "
	}
	same(e, "told", told, "a b f ")

	// What was never sent is sent, and what was being sent is sent anew.
	w := e.written(meta.Root, "g", 2)
	key := e.begin(w.ID)
	get(e.s.Unlink(meta.Root, []byte("g"), e.now()))(e)
	again := get(e.s.Undelete(w.ID, []byte("/g"), e.now()))(e)
	got = e.version(again.Version)
	same(e, "not sent", [3]any{got.Remote, got.Key, got.File}, [3]any{meta.NotSent, "", w.File})
	same(e, "goal", get(e.s.QueueEntry(got.ID))(e).Goal, meta.GoalRules)
	same(e, "lost", get(e.s.LostObjects(9))(e)[0].Key, key)
	_, err = e.s.FinishUpload(w.ID, key, "", nil, e.now())
	e.fails(err, meta.ErrSuperseded)
}

// testUndeleteReplaces: what has the name goes, as with a rename, and can come back
// itself.
func testUndeleteReplaces(e *env) {
	one := e.stored(e.written(meta.Root, "f", 1), "p/1")
	two := e.stored(e.commit(one.Ino, 2), "p/2")
	back := get(e.s.Undelete(one.ID, []byte("/f"), e.now()))(e)
	same(e, "size", get(e.s.Lookup(meta.Root, []byte("f")))(e).Size, 1)
	replaced := e.version(two.ID)
	if replaced.Retired == 0 || string(replaced.Path) != "/f" {
		e.Errorf("replaced: %+v", replaced)
	}
	e.check()
	get(e.s.Undelete(two.ID, []byte("/f"), e.now()))(e)
	same(e, "size", get(e.s.Lookup(meta.Root, []byte("f")))(e).Size, 2)
	if v := e.version(back.Version); v.Retired == 0 {
		e.Errorf("replaced: %+v", v)
	}
}

func testUndeleteErrors(e *env) {
	v := e.written(meta.Root, "f", 1)
	_, err := e.s.Undelete(v.ID, []byte("/g"), e.now())
	e.fails(err, meta.ErrCurrent)
	get(e.s.Unlink(meta.Root, []byte("f"), e.now()))(e)
	e.mkdir(meta.Root, "dir")
	e.file(meta.Root, "file")
	for path, want := range map[string]error{"/dir": meta.ErrIsDir, "/file/f": meta.ErrNotDir} {
		_, err = e.s.Undelete(v.ID, []byte(path), e.now())
		e.fails(err, want)
	}
	for _, path := range []string{"", "/", "f", "/a//f", "/../f"} {
		if n, err := e.s.Undelete(v.ID, []byte(path), e.now()); err == nil {
			e.Errorf("path %q: node %+v", path, n)
		}
	}
	_, err = e.s.Resolve([]byte("/a"))
	e.fails(err, meta.ErrNotExist) // nothing is left of attempts
	_, err = e.s.Undelete(12345, []byte("/f"), e.now())
	e.fails(err, meta.ErrSuperseded)
	e.ok(e.s.Lost(v.ID, "gone", e.now()))
	_, err = e.s.Undelete(v.ID, []byte("/f"), e.now())
	e.fails(err, meta.ErrNowhere)
}

// testHistory tells replaced and deleted content of a path apart.
func testHistory(e *env) {
	history := func(path string) (text string) {
		e.Helper()
		for _, p := range get(e.s.History([]byte(path)))(e) {
			text += fmt.Sprintf("%d:%s ", p.Size, [...]string{"current", "replaced", "deleted"}[p.Fate])
		}
		return text
	}
	same(e, "of what never was", history("/f"), "")
	one := e.stored(e.written(meta.Root, "before", 1), "p/1")
	get(e.s.Rename(meta.RenameRequest{OldParent: meta.Root, OldName: []byte("before"),
		NewParent: meta.Root, NewName: []byte("f"), Now: e.now()}))(e)
	e.stored(e.commit(one.Ino, 2), "p/2")
	same(e, "overwritten", history("/f"), "2:current 1:replaced ")
	get(e.s.Unlink(meta.Root, []byte("f"), e.now()))(e)
	same(e, "deleted", history("/f"), "2:deleted 1:replaced ")
	e.stored(e.written(meta.Root, "f", 3), "p/3")
	e.written(meta.Root, "tmp", 4)
	get(e.s.Rename(meta.RenameRequest{OldParent: meta.Root, OldName: []byte("tmp"),
		NewParent: meta.Root, NewName: []byte("f"), Now: e.now()}))(e)
	same(e, "made again, then saved over", history("/f"), "4:current 3:replaced 2:deleted 1:replaced ")
}
