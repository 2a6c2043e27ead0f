package metatest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"contentfs/meta"
)

// stored brings a version to S3, under a key.
func (e *env) stored(v meta.Version, key string) meta.Version {
	e.Helper()
	e.ok(e.s.BeginUpload(v.ID, meta.BeginUpload{Bucket: "b", Prefix: "p", Key: key, SHA256: bytes.Repeat([]byte{7}, 32)}))
	_, err := e.s.FinishUpload(v.ID, key, "etag", nil, e.now())
	e.ok(err)
	return e.version(v.ID)
}

// testErrands: who is sent where, what is left out, and what a withdrawal leaves.
func testErrands(e *env) {
	here := e.written(meta.Root, "here", 3)
	there := e.stored(e.written(meta.Root, "there", 3), "p/there")
	gone := e.written(meta.Root, "gone", 3)
	_, err := e.s.Unlink(meta.Root, []byte("gone"), e.now())
	e.ok(err)
	all := []meta.VersionID{here.ID, there.ID, gone.ID, 12345}
	for goal, want := range map[meta.Goal][]meta.VersionID{
		meta.GoalS3: {here.ID}, meta.GoalFallback: {here.ID, there.ID}, meta.GoalKey: {there.ID}, meta.GoalRules: nil,
	} {
		got, err := e.s.Enqueue(all, meta.Errand{Goal: goal, Due: 5})
		if !slices.Equal(got, want) || (err != nil) != (goal == meta.GoalRules) {
			e.Errorf("goal %d: queued %d, %v; want %d", goal, got, err, want)
		}
		e.ok(e.s.Withdraw(all))
		if u, err := e.s.QueueEntry(here.ID); err != nil || u.Goal != meta.GoalRules {
			e.Errorf("what is only here left the queue: %+v, %v", u, err)
		}
		if _, err := e.s.QueueEntry(there.ID); !errors.Is(err, meta.ErrNotExist) {
			e.Errorf("what is in S3 is queued still: %v", err)
		}
	}
	e.ok(e.s.Hold(here.ID, []byte("/here"), "why", 77))
	e.fails(e.s.Hold(here.ID, []byte("/before"), "why", 78), meta.ErrSuperseded)
	if u, err := e.s.QueueEntry(here.ID); err != nil || u.Held != "why" || u.Due != 77 {
		e.Errorf("held: %+v, %v", u, err)
	}
	if st, err := e.s.Stats(); err != nil || st.Queue.Number != 0 || st.Held.Number != 1 {
		e.Errorf("counts: %+v, %v", st, err)
	}
	e.ok(e.s.Reconsider(3))
	if u, err := e.s.QueueEntry(here.ID); err != nil || u.Held != "" || u.Due != 3 {
		e.Errorf("reconsidered: %+v, %v", u, err)
	}
}

// testFollow: a file that gets another name is decided anew, and its object follows.
func testFollow(e *env) {
	one, two := e.written(meta.Root, "one", 3), e.written(meta.Root, "two", 3)
	for _, v := range []meta.Version{one, two} {
		e.ok(e.s.SettleFallback(v.ID, fmt.Appendf(nil, "%d", v.ID), nil, nil, 0))
	}
	_, err := e.s.Rename(meta.RenameRequest{OldParent: meta.Root, OldName: []byte("one"),
		NewParent: meta.Root, NewName: []byte("two"), Exchange: true, Now: e.now(), Follow: 9})
	e.ok(err)
	for _, v := range []meta.Version{one, two} {
		if u, err := e.s.QueueEntry(v.ID); err != nil || u.Goal != meta.GoalFallback || u.Due != 9 {
			e.Errorf("in the fallback: %+v, %v", u, err)
		}
		e.ok(e.s.Done(v.ID, nil, 0))
	}
	// What was under way when the name changed stays queued, and follows it.
	sent := e.written(meta.Root, "sent", 3)
	key := e.begin(sent.ID)
	get(e.s.FinishUpload(sent.ID, key, "", []byte("/before"), 7))(e)
	for _, path := range []string{"/before", "/sent"} {
		if u, err := e.s.QueueEntry(sent.ID); err != nil || u.Goal != meta.GoalKey || u.Due != 7 {
			e.Errorf("before %s: %+v, %v", path, u, err)
		}
		e.ok(e.s.Done(sent.ID, []byte(path), 7))
	}
	if _, err := e.s.QueueEntry(sent.ID); !errors.Is(err, meta.ErrNotExist) {
		e.Errorf("where it belongs: %v", err)
	}
	e.ok(e.s.SettleFallback(one.ID, []byte("one"), nil, []byte("/before"), 7))
	if u, err := e.s.QueueEntry(one.ID); err != nil || u.Goal != meta.GoalFallback || u.Due != 7 {
		e.Errorf("settled: %+v, %v", u, err)
	}
	e.check()
	e.ok(e.s.Done(one.ID, nil, 0))

	// So does what gets another errand meanwhile.
	for _, r := range []meta.Errand{{Goal: meta.GoalS3}, {Goal: meta.GoalKey, ToBucket: "b", ToPrefix: "elsewhere"}} {
		v := map[meta.Goal]meta.Version{meta.GoalS3: one, meta.GoalKey: sent}[r.Goal]
		get(e.s.Enqueue([]meta.VersionID{v.ID}, r))(e)
		e.ok(e.s.Done(v.ID, nil, 0))
		if u, err := e.s.QueueEntry(v.ID); err != nil || u.Goal != r.Goal {
			e.Errorf("errand %+v: %+v, %v", r, u, err)
		}
		if r.Goal == meta.GoalS3 {
			e.ok(e.s.SettleFallback(v.ID, []byte("one"), nil, nil, 0))
			if u, err := e.s.QueueEntry(v.ID); err != nil || u.Goal != r.Goal {
				e.Errorf("settled with errand %+v: %+v, %v", r, u, err)
			}
		}
		e.ok(e.s.Withdraw([]meta.VersionID{v.ID}))
	}

	held, there := e.written(meta.Root, "held", 3), e.stored(e.written(meta.Root, "there", 3), "p/there")
	e.ok(e.s.Hold(held.ID, []byte("/held"), "temporary", 1<<60))
	for _, name := range []string{"held", "there"} {
		_, err := e.s.Rename(meta.RenameRequest{OldParent: meta.Root, OldName: []byte(name),
			NewParent: meta.Root, NewName: []byte(name + "2"), Now: e.now(), Follow: 9})
		e.ok(err)
	}
	if u, err := e.s.QueueEntry(held.ID); err != nil || u.Held != "" || u.Due != 9 {
		e.Errorf("held: %+v, %v", u, err)
	}
	u, err := e.s.QueueEntry(there.ID)
	if err != nil || u.Goal != meta.GoalKey {
		e.Fatalf("stored: %+v, %v", u, err)
	}
	to := meta.BeginUpload{Bucket: "b2", Prefix: "q", Key: "q/there2", Private: true}
	e.ok(e.s.LoseObject(to.Bucket, to.Key, e.now()))
	if err := e.s.SwitchObject(there.ID, "p/other", to, "new", nil, e.now()); !errors.Is(err, meta.ErrSuperseded) {
		e.Errorf("switched from a key that it does not have: %v", err)
	}
	e.ok(e.s.SwitchObject(there.ID, "p/there", to, "new", nil, e.now()))
	v := e.version(there.ID)
	if v.Key != to.Key || v.Bucket != "b2" || v.Prefix != "q" || v.ETag != "new" || !v.Private || v.Remote != meta.Stored {
		e.Errorf("switched: %+v", v)
	}
	for key, want := range map[string]bool{"p/there": true, to.Key: false} {
		bucket := map[bool]string{true: "b", false: "b2"}[want]
		same(e, "given up: "+key, get(e.s.GaveUp(bucket, key))(e), want)
	}
	lost, err := e.s.LostObjects(10)
	if err != nil || len(lost) != 1 || lost[0].Key != "p/there" {
		e.Errorf("lost: %+v, %v", lost, err)
	}
	if _, err := e.s.QueueEntry(there.ID); !errors.Is(err, meta.ErrNotExist) {
		e.Errorf("still queued: %v", err)
	}
	// The commit of newer content ends the errand, and does not take its age.
	_, err = e.s.Enqueue([]meta.VersionID{there.ID}, meta.Errand{Goal: meta.GoalKey, Due: 4})
	e.ok(err)
	n, err := e.s.Lookup(meta.Root, []byte("there2"))
	e.ok(err)
	again := e.commit(n.Ino, 3)
	if u, err := e.s.QueueEntry(again.ID); err != nil || u.Since == 4 || u.Goal != meta.GoalRules {
		e.Errorf("newer: %+v, %v", u, err)
	}
	if old := e.version(there.ID); old.Mode != n.Mode || old.UID != n.UID || old.GID != n.GID {
		e.Errorf("retired without its owners: %+v of %+v", old, n)
	}
	if same, err := e.s.SameContent(bytes.Repeat([]byte{7}, 32), there.Size, "b2"); err != nil || same.ID != there.ID {
		e.Errorf("same content: %+v, %v", same, err)
	}
}

// testFallbackPaths: copies in the fallback, where they lie, and what is left of them.
func testFallbackPaths(e *env) {
	v := e.written(meta.Root, "f", 3)
	e.ok(e.s.AddStray([]byte("a/f"), 11, e.now()))
	e.ok(e.s.SettleFallback(v.ID, []byte("a/f"), []byte("sum"), nil, 0))
	if got, err := e.s.InFallback([]byte("a/f")); err != nil || got.ID != v.ID || string(got.SHA256) != "sum" {
		e.Errorf("in the fallback: %+v, %v", got, err)
	}
	if _, err := e.s.QueueEntry(v.ID); !errors.Is(err, meta.ErrNotExist) {
		e.Errorf("still queued: %v", err)
	}
	if err := e.s.AddStray([]byte("a/f"), 11, e.now()); !errors.Is(err, meta.ErrExist) {
		e.Errorf("a version's copy became stray: %v", err)
	}
	if err := e.s.DropFallback(v.ID, []byte("a/f"), 11, e.now()); !errors.Is(err, meta.ErrSuperseded) {
		e.Errorf("the only copy was given up: %v", err)
	}
	e.ok(e.s.MoveFallback(v.ID, []byte("a/f"), []byte("b/f"), 11, e.now()))
	if list, err := e.s.Strays(nil, 9); err != nil || len(list) != 1 || string(list[0].Path) != "a/f" || list[0].Inode != 11 {
		e.Errorf("strays: %+v, %v", list, err)
	}
	e.ok(e.s.ForgetStray([]byte("a/f")))
	e.stored(v, "p/f")
	e.ok(e.s.DropFallback(v.ID, []byte("b/f"), 11, e.now()))
	if got := e.version(v.ID); got.Fallback != nil {
		e.Errorf("given up: %+v", got)
	}
}
