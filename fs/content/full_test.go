package content_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"contentfs/fs/content"
	"contentfs/meta"
)

// TestGoneOnFullDisk: a local file is gone, as one that was evicted blindly, its content
// is in the fallback too, and there is no room to put that on record. It is read
// nevertheless.
func TestGoneOnFullDisk(t *testing.T) {
	l := startDoubtLife(t, t.TempDir(), content.Strict)
	defer l.end()
	l.settled(meta.Root, "f", "one")
	v, err := l.current()
	if err == nil {
		err = os.Remove(filepath.Join(l.dir, "local", string(v.File)))
	}
	if err != nil {
		t.Fatal(err)
	}
	l.faults.FailFull("SET file = NULL", -1)
	l.read(meta.Root, "f", "one")
	c, err := l.engine.OpenCommitted(t.Context(), v.Ino)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	if n, err := c.ReadAt(b, 0); err != nil || string(b[:n]) != "one" {
		t.Errorf("read %q, %v", b[:n], err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if l.faults.Found() == 0 {
		t.Error("there was room")
	}
	l.faults.FailFull("", 0)
	l.onlyThere(meta.Root, "f", "one")
}

// TestBlindlyByAnOldList: what the list of those that may go says is not believed where
// a file goes before that is on record.
func TestBlindlyByAnOldList(t *testing.T) {
	l := startDoubtLife(t, t.TempDir(), content.Strict)
	defer l.end()
	text := strings.Repeat("x", 64<<10)
	h, err := l.openOrCreate()
	if err == nil {
		err = l.save(h, text)
	}
	var v meta.Version
	if err == nil {
		v, err = l.current()
	}
	if err != nil {
		t.Fatal(err)
	}
	old := v
	old.Remote = meta.Stored
	l.faults.FailFull("UPDATE version AS v", 1)
	if gone, err := l.engine.EvictOne(&old); gone || err != nil {
		t.Errorf("evicted: %v, %v", gone, err)
	}
	if l.faults.Found() == 0 {
		t.Error("there was room")
	}
	l.compare(text, text)
}

// TestRoomInSpiteOf: what cannot be swept does not keep that from going which may.
func TestRoomInSpiteOf(t *testing.T) {
	l := startDoubtLife(t, t.TempDir(), content.Strict)
	defer l.end()
	l.settled(meta.Root, "f", "one")
	l.engine.CacheSize = 0
	l.engine.AddChore(func() error { return meta.ErrNoSpace })
	if err := l.engine.MakeRoom(); !errors.Is(err, meta.ErrNoSpace) {
		t.Errorf("%v", err)
	}
	if v, err := l.current(); err != nil || v.Local() {
		t.Errorf("%v, its local file is %q", err, v.File)
	}
}
