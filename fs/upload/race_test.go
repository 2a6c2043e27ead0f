package upload

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
)

func localIDs(v meta.Version) []local.ID { return []local.ID{local.ID(v.File)} }

// leftover opens a version's local file behind everybody's back, as a mapping or a
// descriptor that outlived its daemon does.
func (e *env) leftover(v meta.Version) *os.File {
	e.Helper()
	f, err := os.OpenFile(filepath.Join(e.dir, "local", string(v.File)), os.O_RDWR, 0)
	e.must(err)
	e.Cleanup(func() { f.Close() })
	return f
}

// setAside reports whether the uploader left a version alone because of a writer.
func (e *env) setAside(v meta.Version) bool {
	e.up.mu.Lock()
	defer e.up.mu.Unlock()
	it := e.up.items[v.ID]
	return it != nil && !it.refused.IsZero()
}

// TestNewerVersionWhileSending: the older one's object is garbage on record, and
// the newer one is sent.
func TestNewerVersionWhileSending(t *testing.T) {
	for name, answer := range map[string]error{"sent": nil, "failed": fails(backend.Transient)} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, 0)
			old := e.write("f", "older")
			e.store.hook(nil, once(func(string) error {
				e.write("f", "newer content")
				return answer
			}))
			e.start()
			v := e.awaitStored("f", "newer content")
			if v.ID == old.ID {
				t.Fatal("no newer version")
			}
			e.drain()
			e.wantObjects(2)
			e.wantSettled(old)
		})
	}
}

// wantSettled wants a version that was replaced or removed while it was sent to be
// no business of the queue any more, and its object to be on record as garbage.
func (e *env) wantSettled(old meta.Version) {
	e.Helper()
	key := e.store.keys()[0]
	e.await("the older version's object to be garbage on record", func() bool {
		v, err := e.meta.Version(old.ID)
		return err == nil && v.Remote == meta.Stored && v.Retired != 0 && v.Key == key ||
			slices.Contains(e.lost(), key)
	})
	if _, err := e.meta.QueueEntry(old.ID); err == nil {
		e.Error("the older version is still queued")
	}
}

// TestUnlinkWhileSending: as a newer version, without the newer version.
func TestUnlinkWhileSending(t *testing.T) {
	for name, answer := range map[string]error{"sent": nil, "failed": fails(backend.Transient)} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, 0)
			old := e.write("f", "content")
			e.store.hook(nil, once(func(string) error {
				if err := e.engine.Unlink(meta.Root, []byte("f")); err != nil {
					t.Error(err)
				}
				return answer
			}))
			e.start()
			e.await("the upload to end", func() bool { now, _ := e.up.InFlight(); return now == 0 && len(e.store.keys()) > 0 })
			e.wantSettled(old)
			e.wantObjects(1)
		})
	}
}

// TestUnlinkBeforeSending: nothing is sent.
func TestUnlinkBeforeSending(t *testing.T) {
	e := newEnv(t, 0)
	e.write("f", "content")
	e.must(e.engine.Unlink(meta.Root, []byte("f")))
	e.write("g", "other")
	e.start()
	e.awaitStored("g", "other")
	e.wantObjects(1)
}

// TestRenameWhileSending: uploads belong to versions, not to paths; the object follows
// when it is there.
func TestRenameWhileSending(t *testing.T) {
	e := newEnv(t, 0)
	v := e.write("old", "content")
	e.store.hook(once(func(string) error {
		return e.engine.Rename(meta.RenameRequest{OldParent: meta.Root, OldName: []byte("old"), NewParent: meta.Root, NewName: []byte("new")})
	}), nil)
	e.start()
	e.await("the rename", func() bool { _, err := e.meta.Lookup(meta.Root, []byte("new")); return err == nil })
	if stored := e.awaitStored("new", "content"); stored.ID != v.ID {
		t.Errorf("version %d became %d", v.ID, stored.ID)
	}
	e.await("the object to follow", func() bool {
		v = e.current("new")
		return content.Fits(&v, v.Bucket, v.Prefix, []byte("/new"))
	})
	e.wantObject(v.Key, "content")
	e.wantObjects(2) // the old one is lost, which the audit wants to be on record
}

// TestWriterOpen: what somebody writes to is not sent before the release.
func TestWriterOpen(t *testing.T) {
	e := newEnv(t, 0)
	h := e.create("f")
	e.fill(h, "first")
	e.start()
	e.await("the version to be set aside", func() bool { return e.setAside(e.current("f")) })
	e.fill(h, "second")
	e.await("the newer version to be set aside", func() bool { return e.setAside(e.current("f")) })
	if n := e.store.Calls(""); n != 0 {
		t.Errorf("%d requests while the file was being written to", n)
	}
	if u, err := e.meta.QueueEntry(e.current("f").ID); err != nil || u.Attempts != 0 {
		t.Errorf("waiting counts as failing: %+v, %v", u, err)
	}
	e.engine.Release(h)
	e.awaitStored("f", "second")
	e.wantObjects(1)
}

// TestUnseenWriter: nor is it while a descriptor that we know nothing of is open.
func TestUnseenWriter(t *testing.T) {
	e := newEnv(t, 0)
	v := e.write("f", "content")
	w := e.leftover(v)
	e.start()
	e.await("the version to be set aside", func() bool { return e.setAside(v) })
	if n := e.store.Calls(""); n != 0 {
		t.Errorf("%d requests while the file could be written to", n)
	}
	e.must(w.Close())
	e.awaitStored("f", "content")
}

// TestUnseenWriteBeforeSending: what it wrote is what is sent.
func TestUnseenWriteBeforeSending(t *testing.T) {
	e := newEnv(t, 0)
	v := e.write("f", "content")
	w := e.leftover(v)
	_, err := w.WriteAt([]byte("written later"), 0)
	e.must(err)
	e.must(w.Close())
	e.start()
	e.awaitStored("f", "written later")
	e.drain()
	e.wantObjects(1)
}

// TestLingeringWriter: a descriptor that nobody closes does not keep content out of
// the store for ever; what is written after all is sent too.
func TestLingeringWriter(t *testing.T) {
	e := newEnv(t, 0)
	v := e.write("f", "content")
	e.leftover(v)
	e.start()
	e.await("the version to be set aside", func() bool { return e.setAside(v) })
	e.up.mu.Lock()
	e.up.items[v.ID].refused = time.Now().Add(-time.Hour)
	e.up.mu.Unlock()
	e.awaitStored("f", "content")
}

// TestChangedWhileSending: an object of which nobody knows what it holds is given
// up, and the content as it is gets another key.
func TestChangedWhileSending(t *testing.T) {
	for name, hold := range map[string]bool{"closed again": false, "still open": true} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, 0)
			v := e.write("f", "content")
			opened := make(chan *os.File, 1)
			e.store.hook(nil, once(func(string) error {
				w := e.leftover(v)
				_, err := w.WriteAt([]byte("written later"), 0)
				if !hold {
					w.Close()
				}
				opened <- w
				return err
			}))
			e.start()
			w := <-opened
			e.await("the first attempt to be set aside", func() bool { return e.setAside(v) })
			if hold {
				e.must(w.Close())
			}
			stored := e.awaitStored("f", "written later")
			if keys := e.store.keys(); stored.Key == keys[0] || !slices.Contains(e.lost(), keys[0]) {
				t.Errorf("stored under %s, sent under %q, lost %q", stored.Key, keys, e.lost())
			}
			e.drain()
			e.wantObjects(2)
		})
	}
}

// TestOpenedWhileSending: a writer that comes and writes nothing yet costs the
// object, because what it will do is not known; the content is sent when it is gone.
func TestOpenedWhileSending(t *testing.T) {
	e := newEnv(t, 0)
	v := e.write("f", "content")
	opened := make(chan *content.Handle, 1)
	e.store.hook(nil, once(func(string) error {
		h, err := e.engine.Open(context.Background(), v.Ino, os.O_RDWR)
		opened <- h
		return err
	}))
	e.start()
	h := <-opened
	e.engine.Release(h)
	e.awaitStored("f", "content")
	if n := e.store.Calls(fault.Put); n != len(e.objects()) {
		t.Errorf("%d puts, %d objects", n, len(e.objects()))
	}
}

// TestReplacedAfterDoubt: a version whose object was in doubt because of an unseen
// writer, and which was then replaced, is settled without a restart.
func TestReplacedAfterDoubt(t *testing.T) {
	e := newEnv(t, 0)
	old := e.write("f", "older")
	e.store.hook(nil, once(func(string) error {
		e.leftover(old)
		return nil
	}))
	e.start()
	e.await("the version to be set aside", func() bool { return e.setAside(old) })
	e.write("f", "newer content")
	e.awaitStored("f", "newer content")
	e.wantSettled(old)
	e.wantObjects(2)
}
