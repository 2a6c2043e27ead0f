package volume

import (
	"context"
	"errors"
	"fmt"
	"time"

	"contentfs/fs/content"
	"contentfs/fs/control"
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
	r, err := local.OpenReserve(state, reserveName)
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

// recovered has the engine find out what the last life left. On a disk that has no room
// for what that must put on record it waits for room: to end would help nobody.
func (v *Volume) recovered(ctx context.Context) (found content.Recovered, err error) {
	for first := true; ; first = false {
		if err = v.engine.UseFallback(); err == nil {
			found, err = v.engine.Recover(ctx)
		}
		if !errors.Is(err, meta.ErrNoSpace) {
			return found, err
		}
		if first {
			v.o.Log.Error("the disk is full: the volume cannot start before there is room, and waits for it",
				"try", "make room on the disk of "+v.o.State, "err", err)
		}
		select {
		case <-ctx.Done():
			return found, fmt.Errorf("wait for room on the disk: %w", errors.Join(ctx.Err(), err))
		case <-time.After(startPause):
		}
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
