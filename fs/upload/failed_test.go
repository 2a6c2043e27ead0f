package upload

import (
	"context"
	"errors"
	"testing"
	"time"

	"contentfs/meta"
)

// TestMetadataFailed: nothing can be put on record any more. Who drains, and who closes a
// file that is to be in the store by then, is told so instead of waiting.
func TestMetadataFailed(t *testing.T) {
	e := newEnv(t, time.Hour)
	e.fails = true
	v := e.write("f", "content")
	e.faults.FailSync(1)
	if err := e.meta.SetSetting("any", "1"); !meta.InDoubt(err) {
		t.Fatalf("%v", err)
	}
	e.start()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	if err := e.up.Drain(ctx, func(Progress) {}); !errors.Is(err, meta.ErrClosed) {
		t.Errorf("drain: %v", err)
	}
	if err := e.up.Deliver(ctx, v.ID); !errors.Is(err, meta.ErrClosed) {
		t.Errorf("deliver: %v", err)
	}
	e.stop()
	e.wantObjects(0)
}
