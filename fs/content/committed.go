package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"contentfs/fs/local"
	"contentfs/meta"
)

// ErrChanging: the file is being written to, and what was committed cannot be told
// from that, or not any more.
var ErrChanging = errors.New("content is being changed")

// committedWait is how long OpenCommitted waits for a writer to let go: close returns
// to the application before the kernel tells us of the release.
const committedWait = 256 * time.Millisecond

// Committed is one version, read by somebody who is not in the tree. It is no open of
// the node: a writer who comes meanwhile need not share a file with it and does not
// know of it, and no access time moves. Its methods may be called concurrently.
type Committed struct {
	Version meta.Version // the zero ID: nothing was ever committed, and nobody writes

	e    *Engine
	file *local.File // nil: empty

	passing int64       // bytes of file in memory, which the disk has no room for
	stamp   local.Stamp // of file as it was opened
}

// OpenCommitted opens the current version of a node for reading. Content that is not
// on this server is fetched whole first. While somebody holds the very file of the
// version open for writing, as after an fsync, and while a new file was not committed
// yet, it fails with ErrChanging; a writer with a file of its own is not in the way.
// The caller closes what it gets.
func (e *Engine) OpenCommitted(ctx context.Context, ino meta.Ino) (*Committed, error) {
	for pause := time.Millisecond; ; pause *= 2 {
		c, err := e.openCommitted(ctx, ino)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, ErrChanging) || pause > committedWait {
			return nil, fmt.Errorf("open committed content of node %d: %w", ino, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (e *Engine) openCommitted(ctx context.Context, ino meta.Ino) (*Committed, error) {
	l := e.live.hold(ino)
	defer e.live.drop(l)
	if err := l.acquire(ctx); err != nil {
		return nil, err
	}
	defer l.release()
	v, err := e.Meta.Current(ino)
	if gone(err) {
		return e.committedNothing(l)
	}
	if err != nil {
		return nil, err
	}
	var passing int64
	f, _, err := e.openChecked(ctx, &v, false)
	if err == nil && f == nil {
		f, err = e.fetchAndKeep(ctx, &v)
	}
	if noRoom(err) && (safe(&v) || !v.Local()) {
		if f, err = e.fetchPassing(ctx, &v); err == nil {
			passing = v.Size
		}
	}
	if err != nil {
		return nil, err
	}
	c := &Committed{Version: v, e: e, file: f, passing: passing}
	if err := c.begin(l); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	e.used(&v)
	return c, nil
}

// committedNothing is the content of a node that never had any.
func (e *Engine) committedNothing(l *live) (*Committed, error) {
	n, err := e.Meta.Node(l.ino)
	if err != nil {
		return nil, err
	}
	if l.writers > 0 || l.draft {
		return nil, ErrChanging
	}
	return &Committed{Version: meta.Version{Ino: n.Ino, Mtime: n.Mtime}, e: e}, nil
}

// begin makes sure that the file holds what is on record and that nobody writes to
// it, seen or unseen. The caller holds l's lock.
func (c *Committed) begin(l *live) error {
	if l.writers > 0 && l.file.ID == c.file.ID {
		return ErrChanging
	}
	if err := c.file.Quiet(); err != nil {
		return err
	}
	free, err := c.file.Unwritten()
	if err != nil {
		return err
	}
	if !free {
		return ErrChanging
	}
	if c.stamp, err = c.file.Stamp(); err != nil {
		return err
	}
	if c.stamp.Size == c.Version.Size && c.stamp.Mtime == c.Version.Mtime {
		return nil
	}
	// Written to after its close, by a mapping for example: that is to be committed.
	if _, err := c.e.Recheck(c.Version.ID); err != nil {
		return err
	}
	return ErrChanging
}

// ReadAt reads as io.ReaderAt has it. Every byte that it returns is one of the
// version's: it looks after the read whether somebody may have written to the file
// before, and then fails with ErrChanging.
func (c *Committed) ReadAt(p []byte, off int64) (int, error) {
	left := c.Version.Size - off
	if left <= 0 {
		return 0, io.EOF
	}
	want := int(min(left, int64(len(p))))
	n, err := c.file.ReadAt(p[:want], off)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read version %d: %w", c.Version.ID, err)
	}
	if err := c.unchanged(); err != nil {
		return 0, fmt.Errorf("read version %d: %w", c.Version.ID, err)
	}
	if n < want {
		return 0, fmt.Errorf("read version %d: %w", c.Version.ID, ErrChanging)
	}
	if want < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// unchanged looks for writers in this order: a writer is in the table before its open
// returns, and leaves it after its commit is on record. What neither shows, such as a
// write that was given up, the file's time does.
func (c *Committed) unchanged() error {
	if w := c.e.live.writing(c.Version.Ino); w != nil && w.file.ID == c.file.ID {
		return ErrChanging
	}
	taken, err := c.e.Meta.Taken(meta.FileID(c.file.ID), c.Version.ID)
	if err != nil {
		return err
	}
	st, err := c.file.Stamp()
	if err != nil {
		return err
	}
	if taken || !st.SameContent(c.stamp) {
		return ErrChanging
	}
	return nil
}

// Close ends the reading.
func (c *Committed) Close() error {
	if c.file == nil {
		return nil
	}
	c.e.space.passing.Add(-c.passing)
	c.passing = 0
	return c.file.Close()
}
