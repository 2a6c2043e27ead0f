package upload

import (
	"testing"
	"time"

	"contentfs/meta"
)

// TestDoneOnFullDisk: that there is nothing to do for a queued version cannot be put on
// record, for want of room. It is tried now and then, and not without a pause.
func TestDoneOnFullDisk(t *testing.T) {
	e := newEnv(t, 0)
	e.start()
	e.write("f", "content")
	v := e.awaitStored("f", "content")
	e.restart()
	e.must(e.meta.Follow([]meta.VersionID{v.ID}, time.Now().UnixNano()))
	e.faults.FailFull("COMMIT", -1)
	begun := time.Now()
	e.start()
	e.await("attempts", func() bool { return e.faults.Found() > 1 && time.Since(begun) > 3*roomPause/2 })
	if n, most := e.faults.Found(), 4+2*int(time.Since(begun)/roomPause); n > most {
		t.Errorf("it was tried %d times in %v", n, time.Since(begun))
	}
	e.faults.FailFull("", 0)
	e.await("the queue to be empty", func() bool { _, err := e.meta.QueueEntry(v.ID); return err != nil })
}
