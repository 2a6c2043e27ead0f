package upload

import (
	"errors"
	"slices"
	"testing"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/meta"
)

// dieAt runs the uploader until a Put, ends it there, and leaves a new one that is
// not started.
func (e *env) dieAt(before, after func(key string) error) {
	e.Helper()
	reached, gone := make(chan struct{}), make(chan struct{})
	die := func(then func(string) error) func(string) error {
		if then == nil {
			return nil
		}
		return once(func(key string) error {
			close(reached)
			<-gone
			return then(key)
		})
	}
	e.store.hook(die(before), die(after))
	e.start()
	<-reached
	stopped := make(chan struct{})
	stop := e.stop
	e.stop = func() {}
	go func() { stop(); close(stopped) }()
	close(gone)
	<-stopped
	e.store.hook(nil, nil)
	e.restart()
}

var errKilled = errors.New("the process is gone")

func killed(string) error { return errKilled }

// TestKilledBeforePut: key on record, no object.
func TestKilledBeforePut(t *testing.T) {
	e := newEnv(t, 0)
	v := e.write("f", "content")
	e.log.expect("upload failed") // the end may come after the answer
	e.dieAt(killed, nil)
	if got := e.current("f"); got.Remote != meta.Sending || got.Key != e.keyOf("f", v) {
		t.Errorf("on record: %+v", got)
	}
	e.wantObjects(0)
	e.start()
	e.awaitStored("f", "content")
	e.wantObjects(1)
	if n := e.store.Calls(fault.Stat); n != 1 {
		t.Errorf("%d looks before the second Put", n)
	}
}

// TestKilledAfterPut: the object is there, and nobody put it on record.
func TestKilledAfterPut(t *testing.T) {
	e := newEnv(t, 0)
	e.write("f", "content")
	e.log.expect("upload failed")
	e.dieAt(nil, killed)
	if got := e.current("f"); got.Remote != meta.Sending {
		t.Errorf("on record: %+v", got)
	}
	e.wantObjects(1)
	e.start()
	e.awaitStored("f", "content")
	e.wantObjects(1)
	if n := e.store.Calls(fault.Put); n != 1 {
		t.Errorf("%d Puts", n)
	}
}

// TestKilledIsNoFailure: being broken off does not make the next attempt wait.
func TestKilledIsNoFailure(t *testing.T) {
	e := newEnv(t, 0)
	entered := make(chan struct{})
	e.store.Add(fault.Rule{Op: fault.Put, Times: 1, Hang: true, Before: func() { close(entered) }})
	v := e.write("f", "content")
	e.start()
	<-entered
	e.restart()
	if u, err := e.meta.QueueEntry(v.ID); err != nil || u.Attempts != 0 {
		t.Errorf("on record: %+v, %v", u, err)
	}
	e.start()
	e.awaitStored("f", "content")
}

// TestKilledInMultipart: the parts of the broken upload are discarded before the
// next one begins, and an upload that cannot be discarded stays on record.
func TestKilledInMultipart(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	e.store.multipart = true
	e.store.abort = fails(backend.Transient)
	v := e.write("f", "content")
	e.dieAt(killed, nil)
	if got := e.current("f"); got.UploadID != "upload-1" {
		t.Fatalf("on record: %+v", got)
	}
	before, err := e.meta.QueueEntry(v.ID)
	e.must(err)
	e.start()
	e.awaitFailed(v, before.Attempts+1)
	if got := e.current("f"); got.UploadID != "upload-1" || len(e.store.keys()) != 1 {
		t.Errorf("on record: %q; puts %q", got.UploadID, e.store.keys())
	}
	e.store.mu.Lock()
	e.store.abort = nil
	e.store.mu.Unlock()
	e.due(v)
	stored := e.awaitStored("f", "content")
	if stored.UploadID != "" {
		t.Errorf("upload %s is still on record", stored.UploadID)
	}
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	if n := len(e.store.aborted); n < 2 || e.store.aborted[n-1] != stored.Key+" upload-1" {
		t.Errorf("aborted: %q", e.store.aborted)
	}
}

// TestKilledAfterMultipart: an upload that was completed is not discarded.
func TestKilledAfterMultipart(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	e.store.multipart = true
	e.write("f", "content")
	e.dieAt(nil, killed)
	e.start()
	e.awaitStored("f", "content")
	if len(e.store.aborted) != 0 {
		t.Errorf("aborted: %q", e.store.aborted)
	}
}

// TestKilledWhileReplaced: an upload that was broken off by the end, of a version
// that was replaced meanwhile, does not leave an object that nobody knows.
func TestKilledWhileReplaced(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("upload failed")
	old := e.write("f", "older")
	e.dieAt(nil, killed)
	e.write("f", "newer content")
	e.start()
	e.awaitStored("f", "newer content")
	v, err := e.meta.Version(old.ID)
	known := err == nil && v.Remote == meta.Sending && v.Retired != 0
	if key := e.store.keys()[0]; !known && !slices.Contains(e.lost(), key) {
		t.Errorf("object %s of %+v, %v is not on record", key, v, err)
	}
	e.wantObjects(2)
}
