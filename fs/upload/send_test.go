package upload

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/fs/content"
	"contentfs/meta"
)

func TestSend(t *testing.T) {
	e := newEnv(t, 0)
	e.write("f.jpg", "content")
	e.start()
	v := e.awaitStored("f.jpg", "content")
	sum := sha256.Sum256([]byte("content"))
	if v.ETag == "" || string(v.SHA256) != string(sum[:]) || v.Bucket != bucket || v.Prefix != prefix || v.UploadID != "" {
		t.Errorf("on record: %+v", v)
	}
	if n := e.store.Calls(""); n != 1 {
		t.Errorf("%d requests for one file", n)
	}
	e.await("the delivery to be counted", func() bool { now, done := e.up.InFlight(); return now == 0 && done == 1 })
	if s, err := e.meta.Stats(); err != nil || s.Queue.Number != 0 {
		t.Errorf("queue %+v, %v", s.Queue, err)
	}
}

// TestFailureClasses: whatever one attempt failed with, it is on record, and the
// next one succeeds, under the same key and without a second object.
func TestFailureClasses(t *testing.T) {
	for _, class := range []backend.Class{
		backend.Transient, backend.Denied, backend.Missing, backend.Corrupt, backend.Invalid, backend.Absent,
	} {
		t.Run(class.String(), func(t *testing.T) {
			e := newEnv(t, 0)
			e.log.expect("upload failed")
			e.store.Add(fault.Rule{Op: fault.Put, Times: 1, Fail: true, Class: class})
			v := e.write("f", "content")
			e.start()
			u := e.awaitFailed(v, 1)
			if !strings.Contains(u.Error, "/f") || !strings.Contains(u.Error, "injected fault") {
				t.Errorf("error on record: %q", u.Error)
			}
			if pause := time.Until(time.Unix(0, u.Due)); pause > time.Second {
				t.Errorf("the first pause is %v", pause)
			}
			stored := e.awaitStored("f", "content")
			if stored.ID != v.ID {
				t.Errorf("version %d became %d", v.ID, stored.ID)
			}
			if keys := e.store.keys(); len(keys) != 2 || keys[0] != keys[1] {
				t.Errorf("keys %q", keys)
			}
			e.wantObjects(1)
			if n := e.log.seen("upload failed"); n != 1 {
				t.Errorf("%d lines about one failure", n)
			}
		})
	}
}

// TestLostReply: the object was written, and nobody said so.
func TestLostReply(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	e.store.Add(fault.Rule{Op: fault.Put, Times: 1, Lose: true})
	v := e.write("f", "content")
	e.start()
	if stored := e.awaitStored("f", "content"); stored.ID != v.ID {
		t.Errorf("version %d became %d", v.ID, stored.ID)
	}
	if puts, stats := e.store.Calls(fault.Put), e.store.Calls(fault.Stat); puts != 1 || stats != 1 {
		t.Errorf("%d puts and %d stats", puts, stats)
	}
	e.wantObjects(1)
}

// TestUnansweredQuestion: while nobody knows what became of the first attempt,
// there is no second.
func TestUnansweredQuestion(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	e.store.Add(fault.Rule{Op: fault.Put, Times: 1, Lose: true})
	e.store.Add(fault.Rule{Op: fault.Stat, Times: 2, Fail: true, Class: backend.Denied})
	v := e.write("f", "content")
	e.start()
	for n := 1; n <= 3; n++ {
		e.awaitFailed(v, n)
		e.due(v)
	}
	e.awaitStored("f", "content")
	if puts, stats := e.store.Calls(fault.Put), e.store.Calls(fault.Stat); puts != 1 || stats != 3 {
		t.Errorf("%d puts and %d stats", puts, stats)
	}
}

// TestTooLong: a store that refuses the key for its length gets a shorter one.
func TestTooLong(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	name := strings.Repeat("long", 60) + ".jpg"
	e.store.Add(fault.Rule{
		Op: fault.Put, Key: func(k string) bool { return len(k) > len(prefix)+1+content.MaxSegment },
		Fail: true, Class: backend.TooLong,
	})
	v := e.write(name, "content")
	if key := e.keyOf(name, v); len(key) <= len(prefix)+1+content.MaxSegment {
		t.Fatalf("key %s of %d bytes is not long enough for this test", key, len(key))
	}
	e.start()
	stored := e.awaitStored(name, "content")
	if !strings.HasSuffix(stored.Key, ".jpg") || !strings.HasPrefix(stored.Key, prefix+"/") {
		t.Errorf("key %s", stored.Key)
	}
	e.wantObjects(1)
}

// TestAlwaysTooLong: a store that refuses the shortest key too is asked again and
// again, with pauses, and nothing is lost.
func TestAlwaysTooLong(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	remove := e.store.Add(fault.Rule{Op: fault.Put, Fail: true, Class: backend.TooLong})
	e.write("f", "content")
	e.start()
	for n := 1; n <= 4; n++ {
		u := e.awaitFailed(e.current("f"), n)
		if !strings.Contains(u.Error, "injected fault") {
			t.Errorf("error on record: %q", u.Error)
		}
		e.due(e.current("f"))
	}
	remove()
	e.due(e.current("f"))
	e.awaitStored("f", "content")
}

// TestExistsAndIsGone: a Put that says Exists although nothing is there is tried
// again.
func TestExistsAndIsGone(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	e.store.hook(once(func(string) error { return fails(backend.Exists) }), nil)
	e.write("f", "content")
	e.start()
	e.awaitStored("f", "content")
	e.wantObjects(1)
}

// TestContentIsGone: bytes that are nowhere are told, are on record as lost, and hold
// up nobody.
func TestContentIsGone(t *testing.T) {
	e := newEnv(t, time.Hour)
	e.log.expect("content is lost")
	v := e.write("bad", "content")
	e.must(e.local.Remove(localIDs(v)))
	w := e.write("good", "content")
	e.start()
	e.due(v)
	e.due(w)
	e.awaitStored("good", "content")
	e.await("the loss on record", func() bool {
		lost, err := e.meta.LostVersions(0, 9)
		e.must(err)
		return len(lost) == 1 && lost[0].ID == v.ID
	})
	if got := e.current("bad"); got.Remote == meta.Stored {
		t.Errorf("on record: %+v", got)
	}
}

// TestManyFiles: each is one Put, and no more are under way than there are workers.
func TestManyFiles(t *testing.T) {
	e := newEnv(t, 0)
	const files = 100
	var most int
	e.store.hook(func(string) error {
		now, _ := e.up.InFlight()
		e.log.mu.Lock()
		defer e.log.mu.Unlock()
		most = max(most, now)
		return nil
	}, nil)
	for i := range files {
		e.write(fmt.Sprint("f", i), fmt.Sprint("content ", i))
	}
	e.start()
	e.drain()
	for i := range files {
		e.awaitStored(fmt.Sprint("f", i), fmt.Sprint("content ", i))
	}
	e.wantObjects(files)
	if n := e.store.Calls(""); n != files || most > Workers {
		t.Errorf("%d requests, at most %d at a time", n, most)
	}
}

// TestNoBackend: a bucket that cannot be opened is a failure like any other.
func TestNoBackend(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	objects := e.engine.Objects
	failed := false // Objects is called by one worker at a time here
	e.engine.Objects = func(b string) (backend.Backend, error) {
		if !failed {
			failed = true
			return nil, errors.New("no such profile")
		}
		return objects(b)
	}
	e.write("f", "content")
	e.start()
	e.awaitStored("f", "content")
	if !failed || e.log.seen("no such profile") != 1 {
		t.Errorf("lines about it: %d", e.log.seen("no such profile"))
	}
}
