package metatest

import "contentfs/meta"

// testTaken: what happens to a local file after somebody began to read it.
func testTaken(e *env) {
	taken := func(v meta.Version) bool {
		e.Helper()
		return get(e.s.Taken(v.File, v.ID))(e)
	}
	v := e.written(meta.Root, "f", 1)
	same(e, "taken from the start", taken(v), false)
	next := e.commit(v.Ino, 2)
	same(e, "taken when it was replaced", taken(v), false)
	e.store(next.ID)
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: v.Ino, File: next.File, Base: next.ID, Detach: true, Now: e.now()}))
	same(e, "taken by a draft", taken(next), true)
	e.ok(e.s.DropDraft(next.File, true, e.now()))
	same(e, "taken by a draft that nobody wrote to", taken(next), false)
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: v.Ino, File: next.File, Base: next.ID, Detach: true, Now: e.now()}))
	now := e.now()
	e.ok(second(e.s.Commit(meta.CommitRequest{Ino: v.Ino, File: next.File, Size: 3, Mtime: now, Now: now})))
	same(e, "taken by the next version", taken(next), true)

	q := e.written(meta.Root, "q", 1)
	e.store(q.ID)
	e.ok(e.s.OpenDraft(meta.DraftRequest{Ino: q.Ino, File: q.File, Base: q.ID, Detach: true, Now: e.now()}))
	e.ok(e.s.Quarantine(q.File, q.Ino, []byte("/q"), "test", e.now()))
	same(e, "taken by the quarantine", taken(q), true)

	ev := e.written(meta.Root, "evicted", 1)
	e.store(ev.ID)
	e.ok(e.s.Evict(ev.ID, ev.File))
	same(e, "taken by its eviction", taken(ev), false)
}

// testWaiting: what a glance at the queue tells is what the count of all tells.
func testWaiting(e *env) {
	agree := func() {
		e.Helper()
		number, oldest, err := e.s.Waiting()
		e.ok(err)
		st := get(e.s.Stats())(e)
		same(e, "waiting", [2]int64{number, oldest}, [2]int64{st.Queue.Number, st.Oldest})
	}
	agree()
	a, b := e.written(meta.Root, "a", 1), e.written(meta.Root, "b", 2)
	number, oldest, err := e.s.Waiting()
	e.ok(err)
	same(e, "waiting", [2]int64{number, oldest}, [2]int64{2, a.Used})
	e.store(a.ID)
	agree()
	e.store(b.ID)
	agree()
}

func second[T any](_ T, err error) error { return err }
