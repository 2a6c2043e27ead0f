package volume

import (
	"context"
	"errors"
	"fmt"
	"time"

	"contentfs/fs/content"
	"contentfs/fs/control"
	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// reserveName is the file in the state that holds room for the metadata.
const reserveName = "reserve"

// startRoom is what a start needs at least, in bytes: the index of the database's log,
// and the changes of a recovery.
const startRoom = 2 << 20

// openReserve opens the reserve of a state, and gives of it what the start needs where
// the disk is full.
func openReserve(state string) (*local.Reserve, error) {
	r, err := local.OpenReserve(state, reserveName, crash.Pass("reserve"))
	if err != nil {
		return nil, err
	}
	before, err := local.SpaceAt(state)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if before.Free < startRoom {
		r.ReleaseUpTo(startRoom)
	}
	return r, nil
}

// startPause is the time between two attempts to start on a full disk.
const startPause = 2 * time.Second

// recovered has the engine find out what the last life left.
func (v *Volume) recovered(ctx context.Context) (found content.Recovered, err error) {
	err = v.awaitRoom(ctx, func() (err error) {
		if err = v.engine.UseFallback(); err == nil {
			found, err = v.engine.Recover(ctx)
		}
		return err
	})
	return found, err
}

// awaitRoom does a step of the start. On a disk that has no room for what it must put
// on record it waits for room and does it again: to end would help nobody.
func (v *Volume) awaitRoom(ctx context.Context, step func() error) error {
	for first := true; ; first = false {
		err := step()
		if !errors.Is(err, meta.ErrNoSpace) {
			return err
		}
		if first {
			v.o.Log.Error("the disk is full: the volume cannot start before there is room, and waits for it",
				"try", "make room on the disk of "+v.o.State, "err", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for room on the disk: %w", errors.Join(ctx.Err(), err))
		case <-time.After(startPause):
		}
	}
}

// roomToEnd gives the last changes of a life, and the next start, room on a full disk.
func (v *Volume) roomToEnd() {
	if s, err := v.local.Space(); err == nil && s.Free < startRoom {
		v.reserve.ReleaseUpTo(startRoom)
	}
}

// space describes the disk for the control socket.
func (v *Volume) space() control.SpaceStatus {
	r, err := v.engine.Room()
	if err != nil {
		return control.SpaceStatus{}
	}
	s := control.SpaceStatus{
		Size: r.Size, Free: r.Free, Inodes: r.Files, InodesFree: r.FilesFree,
		Reserve: r.Reserve, Refused: r.Refused,
	}
	if r.Full != nil {
		s.Full, s.Since = r.Full.Why, r.Full.Since
	}
	return s
}
