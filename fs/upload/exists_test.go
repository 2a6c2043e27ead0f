package upload

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/fs/content"
	"contentfs/meta"
)

// keyOf returns the key under which a version will be sent first.
func (e *env) keyOf(name string, v meta.Version) string {
	e.Helper()
	key, err := content.Key(prefix, []byte("/"+name), v.ID, content.MaxKey)
	e.must(err)
	return key
}

// lay puts an object into the store, past the uploader.
func (e *env) lay(key, text string) {
	e.Helper()
	opts := backend.PutOptions{SHA256: sha256.Sum256([]byte(text))}
	_, err := e.store.mem().Put(context.Background(), key, strings.NewReader(text), int64(len(text)), opts)
	e.must(err)
}

// TestExistsAndIsOurs: 412 for an object with our bytes is a success.
func TestExistsAndIsOurs(t *testing.T) {
	e := newEnv(t, time.Hour)
	v := e.write("f", "content")
	e.lay(e.keyOf("f", v), "content")
	e.start()
	e.due(v)
	e.awaitStored("f", "content")
	e.wantObjects(1)
	if puts, stats := e.store.Calls(fault.Put), e.store.Calls(fault.Stat); puts != 1 || stats != 1 {
		t.Errorf("%d puts and %d stats", puts, stats)
	}
}

// TestExistsAndIsForeign: it is left alone, and the content goes under another key.
func TestExistsAndIsForeign(t *testing.T) {
	for name, theirs := range map[string]string{"other size": "somebody else's", "same size": "CONTENT"} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, time.Hour)
			e.log.expect("not ours")
			e.log.expect("upload failed")
			v := e.write("f", "content")
			key := e.keyOf("f", v)
			e.store.foreign = []string{key}
			e.lay(key, theirs)
			e.start()
			e.due(v)
			e.drain()
			stored := e.awaitStored("f", "content")
			if stored.Key == key {
				t.Errorf("the same key %s", key)
			}
			e.wantObject(key, theirs)
			e.wantObjects(2)
			if slices.Contains(e.lost(), key) {
				t.Error("an object that is not ours is on record as ours to be removed")
			}
		})
	}
}

// TestExistsGarbled: an object of ours that has other bytes by the store's word is on
// record to be removed, whatever it is; one of another life of the database is not.
func TestExistsGarbled(t *testing.T) {
	for name, ours := range map[string]bool{"ours": true, "of another life": false} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, time.Hour)
			e.log.expect(map[bool]string{true: "not what was sent", false: "not ours"}[ours])
			e.log.expect("upload failed")
			v := e.write("f", "content")
			key := e.keyOf("f", v)
			life, err := e.meta.Life(v.ID)
			e.must(err)
			if !ours {
				e.store.foreign = []string{key}
				life = "otherone"
			}
			n, err := e.meta.Node(v.Ino)
			e.must(err)
			m := content.ObjectMetadata([]byte("/f"), n, v)
			origin, value := content.ObjectOrigin(e.meta.VolumeID(), life)
			m[origin] = value
			_, err = e.store.mem().Put(context.Background(), key, strings.NewReader("CONTENT"), 7,
				backend.PutOptions{SHA256: sha256.Sum256([]byte("CONTENT")), Metadata: m})
			e.must(err)
			e.start()
			e.due(v)
			e.drain()
			if stored := e.awaitStored("f", "content"); stored.Key == key {
				t.Errorf("the same key %s", key)
			}
			if slices.Contains(e.lost(), key) != ours {
				t.Errorf("on record to be removed: %v", !ours)
			}
		})
	}
}

// drain sends all there is.
func (e *env) drain() {
	e.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	e.must(e.up.Drain(ctx, func(Progress) {}))
}

// TestForeignObjectAfterARestart: the same, found out by the look before the Put.
func TestForeignObjectAfterARestart(t *testing.T) {
	e := newEnv(t, 0)
	e.log.expect("not ours")
	e.log.expect("upload failed")
	v := e.write("f", "content")
	key := e.keyOf("f", v)
	e.store.foreign = []string{key}
	e.must(e.meta.BeginUpload(v.ID, meta.BeginUpload{Bucket: bucket, Prefix: prefix, Key: key}))
	e.lay(key, "theirs")
	e.start()
	e.drain()
	if stored := e.awaitStored("f", "content"); stored.Key == key {
		t.Errorf("the same key %s", key)
	}
	e.wantObject(key, "theirs")
}
