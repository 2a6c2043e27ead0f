package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/content"
	"contentfs/meta"
)

// Wake is for a queue that works by itself.
func (e *Engine) Wake() {}

// Deliver sends a version while its writer waits for it, and once more if the store
// is there.
func (e *Engine) Deliver(ctx context.Context, id meta.VersionID) error {
	err := e.send(ctx, id, content.Now)
	if err != nil && !e.away {
		err = e.send(ctx, id, content.Now)
	}
	return err
}

// upload sends what is in the queue, once; it is the uploader without its clock.
// What fails stays there.
func (e *Engine) upload() error {
	ctx := context.Background()
	certain := !e.away && !e.losing
	tried := make(map[meta.VersionID]bool)
	for {
		list, err := e.meta.DueUploads(math.MaxInt64, func(id meta.VersionID) bool { return tried[id] }, 64)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for _, u := range list {
			tried[u.Version] = true
			if err := e.send(ctx, u.Version, content.Quiet); err != nil {
				if certain {
					return err
				}
				at := time.Now().UnixNano()
				if err := e.meta.FailUpload(u.Version, at, err.Error(), at); err != nil && !errors.Is(err, meta.ErrNotExist) {
					return err
				}
			}
		}
	}
	s, err := e.meta.Stats()
	if err == nil && certain && len(e.fds) == 0 && s.Queue.Number > 0 {
		err = fmt.Errorf("%d versions are left in the queue", s.Queue.Number)
	}
	return err
}

// send takes one version to the store, as package upload does.
func (e *Engine) send(ctx context.Context, id meta.VersionID, insist content.Insist) error {
	settled := func(err error) error {
		if errors.Is(err, content.ErrBusy) || errors.Is(err, content.ErrSettled) {
			return nil
		}
		return err
	}
	o, err := e.engine.Outgoing(ctx, id, insist, content.MaxKey)
	if err != nil {
		return settled(err)
	}
	defer o.Close()
	if o.Resumed {
		obj, err := e.faults.Stat(ctx, o.Version.Key)
		if err == nil && obj.Size == o.Version.Size && bytes.Equal(obj.SHA256, o.Version.SHA256) {
			return settled(e.engine.Delivered(o, obj.ETag, insist))
		}
	}
	obj, err := e.faults.Put(ctx, o.Version.Key, o.Body(), o.Version.Size, o.Options)
	if err != nil {
		return err
	}
	return settled(e.engine.Delivered(o, obj.ETag, insist))
}

// oneTurn ends a loop after its first turn: it is over, but what is under way is
// not to be broken off.
type oneTurn struct{ context.Context }

func (oneTurn) Done() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// evict throws away all that may go, and sweeps. What is in somebody's hands for a
// moment, a worker's perhaps, goes in a later turn.
func (e *Engine) evict() error {
	turn := oneTurn{context.Background()}
	size := e.engine.CacheSize
	e.engine.CacheSize = -1
	defer func() { e.engine.CacheSize = size }()
	for limit := time.Now().Add(evictLimit); ; <-time.After(time.Millisecond) {
		if err := errors.Join(e.engine.Evict(turn), e.engine.Sweep(turn)); err != nil || len(e.fds) > 0 {
			return err
		}
		left, err := e.meta.EvictionCandidates(1, nil)
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(limit) {
			return fmt.Errorf("version %d was not evicted", left[0].ID)
		}
	}
}

// evictLimit is generous: it only counts when something is broken.
const evictLimit = 20 * time.Second

// copyState copies what a crash of the process would leave. Nothing is written
// meanwhile but by the metadata's clock, which is why the log is looked at twice.
func copyState(from, to string) error {
	if err := os.MkdirAll(filepath.Join(to, "local"), 0o700); err != nil {
		return err
	}
	const db, wal = "meta.db", "meta.db-wal"
	for range 10 {
		before, err := logHead(filepath.Join(from, wal))
		if err != nil {
			return err
		}
		for _, name := range []string{db, wal} {
			if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
				return err
			}
		}
		after, err := logHead(filepath.Join(to, wal))
		if err != nil {
			return err
		}
		if bytes.Equal(before, after) {
			return copyLocal(filepath.Join(from, "local"), filepath.Join(to, "local"))
		}
	}
	return errors.New("the log of the metadata begins anew all the time")
}

// logHead returns what changes when a log begins anew.
func logHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 32)
	n, err := f.ReadAt(head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

func copyLocal(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := copyFile(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies content, attributes and times.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		return err
	}
	const identity = "user.contentfs"
	value := make([]byte, 64<<10)
	n, err := unix.Lgetxattr(from, identity, value)
	if err == nil {
		err = unix.Lsetxattr(to, identity, value[:n], 0)
	}
	if err != nil && !errors.Is(err, unix.ENODATA) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(from, &st); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, to, []unix.Timespec{st.Atim, st.Mtim}, 0)
}
