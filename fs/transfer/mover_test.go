package transfer

import (
	"testing"
	"time"

	"contentfs/meta"
)

// TestPatience: a file that takes longer than the pause between two attempts is no
// standstill.
func TestPatience(t *testing.T) {
	const size = 4 << 30 // at 16 Mbit/s more than half an hour
	r := &run{moving: map[meta.VersionID]*Item{1: {Version: meta.Version{Size: size}}}}
	if got := r.patience(); got < 40*time.Minute || got > 24*time.Hour {
		t.Errorf("%v for %d bytes", got, int64(size))
	}
	r.moving = map[meta.VersionID]*Item{1: {Version: meta.Version{Size: 100 << 10}}}
	if got := r.patience(); got != stalledAfter {
		t.Errorf("%v for a small file", got)
	}
}
