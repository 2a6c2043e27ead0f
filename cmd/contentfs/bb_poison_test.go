package main_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
)

// TestFailedSync: the disk refuses one sync of a file and takes the next. What the
// kernel shows may be lost by then, so that neither that sync nor the close is answered
// as done; the content of before stays, and who opens the file anew can write.
func TestFailedSync(t *testing.T) {
	v := start(t)
	v.Log.Expect("request failed", "kept in the quarantine")
	h := &hand{state: v.State, places: []place{bytesOf}, nth: 1, blow: eio, once: make(chan struct{})}
	v.Trap = life.NewTrap(t, h.decide, "fsync", "fdatasync")
	v.Mount()
	v.Write("f", []byte("before"))
	f, err := os.OpenFile(v.Join("f"), os.O_RDWR|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("lost"); err != nil {
		t.Fatal(err)
	}
	h.armed.Store(true)
	for i := range 3 {
		if err := f.Sync(); !errors.Is(err, syscall.EIO) {
			t.Errorf("sync %d: %v", i, err)
		}
	}
	if err := f.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("close: %v", err)
	}
	<-h.once
	if got := string(v.Read("f")); got != "before" {
		t.Errorf("f has %q after that", got)
	}
	v.Write("f", []byte("after"))
	if got := string(v.Read("f")); got != "after" {
		t.Errorf("f has %q in the end", got)
	}
	v.Unmount()
}
