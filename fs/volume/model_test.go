package volume_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"contentfs/backend/backendtest"
	"contentfs/fs/control"
	"contentfs/fs/internal/model"
	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// TestModel compares a mount with the reference of package model. The cache holds a
// few files only, so that content goes to S3 and comes back all the time.
func TestModel(t *testing.T) {
	small := func(o *volume.Options) {
		o.CacheSize, o.Debounce, o.Drain = 20_000, 20*time.Millisecond, 300*time.Millisecond
	}
	volumetest.EachProxied(t, small, func(v *volumetest.Volume) {
		for _, part := range []string{"the store is away", "the store is back", "not everything is in S3", "upload failed"} {
			v.Log.Expect(part)
		}
		old := unix.Umask(0)
		v.Cleanup(func() { unix.Umask(old) })
		model.Run(v.T, model.Config{Ops: model.Budget(1000), Steps: 200, Every: 60, Rare: true,
			Start: func(rt *rapid.T) (model.System, model.Traits) {
				m := &modelMount{v: v}
				if err := m.enter(); err != nil {
					rt.Fatal(err)
				}
				rt.Cleanup(func() {
					if err := errors.Join(m.Raise(model.OutageEnd), m.Shut()); err != nil {
						rt.Error(err)
					}
				})
				return m, model.Traits{Falloc: model.DiskFalloc, Background: true}
			}})
	})
}

// modelMount is a directory of a mounted volume as a model.System.
type modelMount struct {
	*model.Disk
	v      *volumetest.Volume
	dir    string
	away   bool
	mounts int
}

// enter opens a directory of its own.
func (m *modelMount) enter() (err error) {
	m.Disk, m.dir, err = model.OpenFresh(m.v.Path)
	return err
}

// Events returns all but those that a running process cannot be made to do: eviction
// goes on by itself, and crashes are what the tests of cmd/contentfs are for.
func (m *modelMount) Events() []model.Event {
	return []model.Event{model.Upload, model.OutageBegin, model.OutageEnd, model.LostReply, model.Remount}
}

// Raise lets an event happen.
func (m *modelMount) Raise(e model.Event) error {
	switch e {
	case model.Upload:
		return m.upload()
	case model.OutageBegin:
		m.away = true
		m.v.Faults.Script(nil, -1, backendtest.ErrorReply(http.StatusServiceUnavailable, "SlowDown", "come back later"))
	case model.OutageEnd:
		m.v.Faults.Clear()
		if m.away {
			m.away = false
			m.await()
		}
	case model.LostReply:
		m.v.Faults.Script(backendtest.Method(http.MethodPut), 1, backendtest.LostReply)
	case model.Remount:
		return m.remount()
	}
	return nil
}

// upload drains the queue. Files that are written to stay in it, so that it is not
// waited for for long.
func (m *modelMount) upload() error {
	c, err := control.Dial(m.v.Options.Socket)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := c.Drain(ctx, nil); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// await returns when the volume knows that the store is back.
func (m *modelMount) await() {
	m.v.Await("the store to be found again", func() bool {
		c, err := control.Dial(m.v.Options.Socket)
		if err != nil {
			return false
		}
		s, err := c.Status(context.Background())
		return err == nil && s.S3.Reachable
	})
}

// remount ends the volume and starts it again, every other time with nothing in its
// cache.
func (m *modelMount) remount() error {
	if err := m.Shut(); err != nil {
		return err
	}
	if m.mounts++; m.mounts%2 == 0 && !m.away {
		m.v.EvictAll()
	} else {
		m.v.Unmount()
		m.v.Mount()
	}
	var err error
	m.Disk, err = model.OpenDisk(m.dir)
	return err
}
