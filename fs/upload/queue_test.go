package upload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/fs/content"
	"contentfs/meta"
)

// putTimes returns when each Put of a key began.
func (s *store) putTimes(key string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var at []time.Time
	for i, k := range s.puts {
		if k == key {
			at = append(at, s.times[i])
		}
	}
	return at
}

// TestDebounce: nothing is sent before its time, and one save after another is one
// upload.
func TestDebounce(t *testing.T) {
	const debounce = 400 * time.Millisecond
	e := newEnv(t, debounce)
	e.start()
	var last time.Time
	for i := range 5 {
		last = time.Now()
		e.write("f", fmt.Sprint("content ", i))
	}
	v := e.awaitStored("f", "content 4")
	if at := e.store.putTimes(v.Key); len(at) != 1 || at[0].Sub(last) < debounce {
		t.Errorf("sent at %v, written last at %v", at, last)
	}
	e.wantObjects(1)
}

// TestRenameIntoPlace: the temporary file's content is one upload, under the name
// it got.
func TestRenameIntoPlace(t *testing.T) {
	e := newEnv(t, 200*time.Millisecond)
	e.start()
	e.write("f.tmp", "content")
	e.must(e.engine.Rename(meta.RenameRequest{OldParent: meta.Root, OldName: []byte("f.tmp"), NewParent: meta.Root, NewName: []byte("f")}))
	if v := e.awaitStored("f", "content"); v.Key != e.keyOf("f", v) {
		t.Errorf("key %s", v.Key)
	}
	e.wantObjects(1)
}

// TestGate: while the store is away nobody tries; when it is back, all is sent.
func TestGate(t *testing.T) {
	e := newEnv(t, 0)
	open := e.gate.shut()
	v := e.write("f", "content")
	e.start()
	e.due(v)
	for range 2 { // to take the second token it has to be done with the first
		e.up.Wake()
		e.await("the uploader to have looked", func() bool { return len(e.up.wake) == 0 })
	}
	if n := e.store.Calls(""); n != 0 {
		t.Errorf("%d requests to a store that is away", n)
	}
	if u, err := e.meta.QueueEntry(v.ID); err != nil || u.Attempts != 0 {
		t.Errorf("waiting counts as failing: %+v, %v", u, err)
	}
	open()
	e.awaitStored("f", "content")
}

// TestQuietWhileAway: what fails because the store went away is told by the
// breaker, once, and not for every version.
func TestQuietWhileAway(t *testing.T) {
	e := newEnv(t, 0)
	v := e.write("f", "content")
	var open func()
	e.store.hook(once(func(string) error {
		open = e.gate.shut()
		return fails(backend.Transient)
	}), nil)
	e.start()
	e.awaitFailed(v, 1)
	e.await("the worker to have said all", func() bool { now, _ := e.up.InFlight(); return now == 0 })
	open()
	e.awaitStored("f", "content")
	if n := e.log.seen("upload failed"); n != 0 {
		t.Errorf("%d lines", n)
	}
}

// TestDrain ignores the debounce, and tells how far it is.
func TestDrain(t *testing.T) {
	e := newEnv(t, time.Hour)
	e.start()
	const files = 40
	for i := range files {
		e.write(fmt.Sprint("f", i), "content")
	}
	if n := e.store.Calls(""); n != 0 {
		t.Errorf("%d requests before the drain", n)
	}
	var seen []Progress
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	e.must(e.up.Drain(ctx, func(p Progress) { seen = append(seen, p) }))
	for i, p := range seen {
		if p.PendingBytes != p.Pending*int64(len("content")) || p.Pending+p.Done > files || (p.Pending == 0) != (i == len(seen)-1) {
			t.Errorf("progress %d: %+v", i, seen)
		}
	}
	e.await("all to be counted", func() bool { _, done := e.up.InFlight(); return done == files })
	e.wantObjects(files)
	later := e.write("later", "content")
	if u, err := e.meta.QueueEntry(later.ID); err != nil || time.Until(time.Unix(0, u.Due)) < time.Minute {
		t.Errorf("after the drain: %+v, %v", u, err)
	}
}

// TestDrainEnds with its context, and says nothing but that.
func TestDrainEnds(t *testing.T) {
	e := newEnv(t, 0)
	e.write("f", "content") // nobody sends it: the uploader does not run
	ctx, cancel := context.WithCancel(context.Background())
	err := e.up.Drain(ctx, func(Progress) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestDrainKeepsPauses: a version that failed is not tried again before its time.
func TestDrainKeepsPauses(t *testing.T) {
	e := newEnv(t, time.Hour)
	e.log.expect("upload failed")
	e.store.Add(fault.Rule{Op: fault.Put, Times: 3, Fail: true, Class: backend.Invalid})
	v := e.write("f", "content")
	e.start()
	e.drain()
	at := e.store.putTimes(e.keyOf("f", v))
	if len(at) != 4 {
		t.Fatalf("%d attempts", len(at))
	}
	for i := 1; i < len(at); i++ {
		if pause := at[i].Sub(at[i-1]); pause < 200*time.Millisecond {
			t.Errorf("pause %d is %v", i, pause)
		}
	}
}

// TestStaleList: a list of the queue read before a failure was put down does not
// have the version tried again at once.
func TestStaleList(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	v := e.write("f", "content")
	stale, err := e.meta.QueueEntry(v.ID)
	e.must(err)
	if !e.up.claim(stale) {
		t.Fatal("nobody has it, and it is due")
	}
	e.up.settle(t.Context(), stale, fails(backend.Invalid))
	if e.up.claim(stale) {
		t.Error("claimed before its pause was over")
	}
	if !e.up.claimNow(v.ID) {
		t.Error("its writer may have it sent at any time")
	}
}

// TestDrainPastFailures: versions that fail and wait do not stand in the way of
// those behind them, and nobody spins meanwhile.
func TestDrainPastFailures(t *testing.T) {
	e := newEnv(t, time.Hour)
	e.log.expect("upload failed")
	const failing = 8 * Workers
	remove := e.store.Add(fault.Rule{
		Op: fault.Put, Key: func(k string) bool { return strings.Contains(k, "bad") }, Fail: true, Class: backend.Invalid,
	})
	for i := range failing {
		v := e.write(fmt.Sprint("bad", i), "content")
		for range 7 { // each pause is long by now, and shorter than the debounce
			e.must(e.meta.FailUpload(v.ID, time.Now().Add(30*time.Second).UnixNano(), "before", 1))
		}
	}
	e.write("good", "content")
	e.start()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- e.up.Drain(ctx, func(Progress) {}) }()
	e.awaitStored("good", "content")
	cancel()
	<-drained
	remove()
}

// TestBackoff: between 0.2 s and a bound that doubles from 0.4 s to a minute.
func TestBackoff(t *testing.T) {
	const first, most = 400 * time.Millisecond, time.Minute
	bound := first
	for attempts := range 40 {
		var all []time.Duration
		for range 2000 {
			all = append(all, backoff(attempts))
		}
		low, high := slices.Min(all), slices.Max(all)
		if low < first/2 || high > bound {
			t.Errorf("attempt %d: pauses from %v to %v, the bound is %v", attempts, low, high, bound)
		}
		if high < bound*9/10 || low > first/2+bound/10 {
			t.Errorf("attempt %d: pauses from %v to %v are no full jitter up to %v", attempts, low, high, bound)
		}
		bound = min(2*bound, most)
	}
	if d := backoff(1 << 40); d > most {
		t.Errorf("pause %v", d)
	}
}

// TestForget: what was learned about versions goes when the queue is empty.
func TestForget(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	e.store.Add(fault.Rule{Op: fault.Put, Times: 3, Fail: true})
	h := e.create("open")
	e.fill(h, "content")
	for i := range 5 {
		e.write(fmt.Sprint("f", i), "content")
	}
	e.start()
	e.await("the open one to be set aside", func() bool { return e.setAside(e.current("open")) })
	e.must(e.up.Deliver(context.Background(), e.current("open").ID))
	e.engine.Release(h)
	e.drain()
	e.up.Wake()
	e.await("nothing to be remembered", func() bool {
		e.up.mu.Lock()
		defer e.up.mu.Unlock()
		return len(e.up.items) == 0
	})
}

// TestFallback: content that is kept in the fallback directory only is sent from
// there.
func TestFallback(t *testing.T) {
	e := newEnv(t, time.Hour)
	dir := t.TempDir()
	fallback, err := content.OpenFallback(dir)
	e.must(err)
	defer fallback.Close()
	e.engine.Fallback = fallback
	v := e.write("f", "content")
	e.must(os.WriteFile(dir+"/copy", []byte("content"), 0o600))
	e.must(os.Chtimes(dir+"/copy", time.Time{}, time.Unix(0, v.Mtime))) // as what was taken in
	e.must(e.meta.SetFallback(v.ID, []byte("copy")))
	e.await("the local file to go", func() bool {
		err := e.meta.Evict(v.ID, v.File)
		return err == nil
	})
	e.start()
	e.must(e.up.Deliver(context.Background(), v.ID))
	e.awaitStored("f", "content")
}
