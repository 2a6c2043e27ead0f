package volume

import (
	"context"
	"time"

	"contentfs/fs/snapshot"
)

// lastCopyTime bounds what the end of a volume waits for a copy of the metadata.
const lastCopyTime = 30 * time.Second

// openCopies makes who takes copies of the metadata, unless nobody shall.
func (v *Volume) openCopies() error {
	if v.o.SnapshotEvery < 0 || v.o.ReadOnly {
		return nil
	}
	b, err := v.stores.bucket(v.o.Bucket)
	if err != nil {
		return err
	}
	every := v.o.SnapshotEvery
	if every == 0 {
		every = snapshot.Every
	}
	v.copies = snapshot.New(snapshot.Config{Meta: v.meta, Objects: b, Prefix: v.o.Prefix, Dir: v.o.State,
		Every: every, Log: v.o.Log, Wanted: v.engine.Offloading})
	return nil
}

// lastCopy takes a copy of the metadata as they are in the end, if S3 is there and
// nobody is in a hurry. What is owed then the next mount takes.
func (v *Volume) lastCopy() {
	wait := min(v.o.Drain, lastCopyTime)
	if st := v.breaker.State(); v.copies == nil || wait <= 0 || st.Known && !st.Reachable {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	go func() {
		select {
		case <-v.hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	v.copies.Last(ctx)
}
