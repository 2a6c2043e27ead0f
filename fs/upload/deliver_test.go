package upload

import (
	"context"
	"errors"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/fs/content"
	"contentfs/meta"
)

// TestDeliver: content goes to the store while its writer still has it open.
func TestDeliver(t *testing.T) {
	e := newEnv(t, time.Hour)
	e.start()
	h := e.create("f")
	e.fill(h, "content")
	v := e.current("f")
	e.must(e.up.Deliver(context.Background(), v.ID))
	if got := e.current("f"); got.ID != v.ID || got.Remote != meta.Stored {
		t.Errorf("on record: %+v", got)
	}
	e.must(e.up.Deliver(context.Background(), v.ID)) // at every flush
	if now, done := e.up.InFlight(); now != 0 || done != 1 {
		t.Errorf("%d under way, %d delivered", now, done)
	}
	e.engine.Release(h)
	e.wantObjects(1)
}

// TestDeliverTriesAgain, as long as the caller waits.
func TestDeliverTriesAgain(t *testing.T) {
	e := newEnv(t, time.Hour)
	e.store.Add(fault.Rule{Op: fault.Put, Times: 2, Fail: true, Class: backend.Transient})
	v := e.write("f", "content")
	e.must(e.up.Deliver(context.Background(), v.ID))
	e.awaitStored("f", "content")
}

// TestDeliverGivesUp with its context, and leaves the version in the queue.
func TestDeliverGivesUp(t *testing.T) {
	e := newEnv(t, time.Hour)
	e.log.expect("upload failed")
	ctx, cancel := context.WithCancel(context.Background())
	e.store.Add(fault.Rule{Op: fault.Put, Times: 1, Hang: true, Before: cancel})
	v := e.write("f", "content")
	if err := e.up.Deliver(ctx, v.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := e.meta.QueueEntry(v.ID); err != nil {
		t.Error(err)
	}
	e.start()
	e.drain()
	e.awaitStored("f", "content")
}

// TestDeliverOfWhatIsLost: bytes that are nowhere are not delivered, although the
// reason is that something does not exist.
func TestDeliverOfWhatIsLost(t *testing.T) {
	e := newEnv(t, time.Hour)
	e.log.expect("content is lost")
	open := e.gate.shut() // Deliver has less patience then
	defer open()
	v := e.write("f", "content")
	e.must(e.local.Remove(localIDs(v)))
	if err := e.up.Deliver(context.Background(), v.ID); !errors.Is(err, content.ErrLost) {
		t.Errorf("%v", err)
	}
}

// TestDeliverBesideWorker waits for the worker that has the version.
func TestDeliverBesideWorker(t *testing.T) {
	e := newEnv(t, 0)
	entered, goOn := make(chan struct{}), make(chan struct{})
	e.store.hook(once(func(string) error {
		close(entered)
		<-goOn
		return nil
	}), nil)
	v := e.write("f", "content")
	e.start()
	<-entered
	done := make(chan error, 1)
	go func() { done <- e.up.Deliver(context.Background(), v.ID) }()
	select {
	case err := <-done:
		t.Errorf("returned %v before the content was in the store", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(goOn)
	e.must(<-done)
	e.wantObjects(1)
}

// TestDeliverReplaced: a version that was replaced meanwhile is in the store only
// when what replaced it is.
func TestDeliverReplaced(t *testing.T) {
	e := newEnv(t, time.Hour)
	v := e.write("f", "older")
	e.store.hook(once(func(string) error {
		e.write("f", "newer content")
		return fails(backend.Transient)
	}), nil)
	e.must(e.up.Deliver(context.Background(), v.ID))
	if got := e.current("f"); got.Remote != meta.Stored {
		t.Errorf("Deliver returned, and on record is %+v", got)
	}
	e.startAndDrain()
}

// startAndDrain sends the rest with an uploader that is started for it.
func (e *env) startAndDrain() {
	e.Helper()
	e.start()
	e.drain()
}

// TestDeliverRemoved: there is nothing to wait for.
func TestDeliverRemoved(t *testing.T) {
	e := newEnv(t, time.Hour)
	v := e.write("f", "content")
	e.must(e.engine.Unlink(meta.Root, []byte("f")))
	e.must(e.up.Deliver(context.Background(), v.ID))
	e.must(e.up.Deliver(context.Background(), v.ID+1)) // never was
	e.wantObjects(0)
}

// TestDeliverWhatChanges waits until the content stands still.
func TestDeliverWhatChanges(t *testing.T) {
	e := newEnv(t, time.Hour)
	h := e.create("f")
	e.fill(h, "first")
	v := e.current("f")
	wrote := make(chan struct{})
	e.store.hook(nil, once(func(string) error {
		defer close(wrote)
		_, err := e.engine.Write(h, []byte("second"), 0)
		return err
	}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.up.Deliver(ctx, v.ID) }()
	<-wrote // or the commit below may come before it
	e.fill(h, "second")
	e.must(<-done)
	cancel()
	e.awaitStored("f", "second")
	e.engine.Release(h)
}
