package content

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// Handle is one open of a regular file.
type Handle struct {
	l       *live
	write   bool
	guarded bool // each of its writes may take privileges away, and must pass through us
	flushed bool // a descriptor of it was closed; guarded by l's lock
}

// Ino returns the node the handle is open on.
func (h *Handle) Ino() meta.Ino { return h.l.ino }

// Writes reports whether the handle is open for writing.
func (h *Handle) Writes() bool { return h.write }

// Guarded reports whether each write through the handle must come to us, because the
// file gave privileges to who runs it when the handle was opened. Of a file that gets
// them later the kernel tells before it writes, but not what it is about.
func (h *Handle) Guarded() bool { return h.guarded }

// File returns the local file when it holds the whole content, so that the
// kernel may use it by itself, and nil when it is fetched while it is read. All
// handles that are open on a node at the same time get the same answer. The file
// is open for reading only and stays open until the handle's Release.
func (h *Handle) File() *local.File {
	if h.l.stream != nil {
		return nil
	}
	return h.l.file
}

// Open opens a regular file with the flags of open(2). Content that is not on
// this server is fetched first, or, when it is large and only read, from now on;
// only that waits for S3.
func (e *Engine) Open(ctx context.Context, ino meta.Ino, flags int) (*Handle, error) {
	write := flags&unix.O_ACCMODE != unix.O_RDONLY
	trunc := flags&unix.O_TRUNC != 0
	if write || trunc {
		if err := e.admitWriter(); err != nil {
			return nil, err
		}
	}
	h := &Handle{l: e.live.hold(ino), write: write || trunc}
	if err := h.l.acquire(ctx); err != nil {
		e.live.drop(h.l)
		return nil, err
	}
	defer h.l.release()
	if err := e.enter(ctx, h.l, h.write, trunc); err != nil {
		e.closeIdle(h.l)
		e.live.drop(h.l)
		return nil, fmt.Errorf("open node %d: %w", ino, err)
	}
	if reads(flags) {
		e.watch(h.l)
	}
	h.l.opens++
	if h.write {
		h.guarded = privileged(e.identity(h.l, local.Draft, h.l.version, 0).Mode)
		h.l.writers++
		h.l.unflushed++
		h.l.publish()
	}
	return h, nil
}

// Create makes a regular file and opens it for reading and writing.
func (e *Engine) Create(r meta.CreateRequest) (meta.Node, *Handle, error) {
	err := e.takeIn(r.Parent)
	var path []byte
	if err == nil {
		path, err = e.Meta.PathOf(r.Parent, r.Name)
	}
	if err != nil {
		return meta.Node{}, nil, fmt.Errorf("create %q: %w", r.Name, err)
	}
	n, h, err := e.create(r, path, e.Meta.Create)
	if err != nil {
		return meta.Node{}, nil, fmt.Errorf("create %q: %w", r.Name, err)
	}
	return n, h, nil
}

// Tmpfile makes a regular file without a name, as if in r's parent, and opens it
// for reading and writing. Unless Link gives it a name it is gone with the last
// handle.
func (e *Engine) Tmpfile(r meta.CreateRequest) (meta.Node, *Handle, error) {
	n, h, err := e.create(r, nil, func(r meta.CreateRequest) (meta.Node, error) {
		n, err := e.Meta.CreateOrphan(r)
		if err == nil {
			e.orphans.add(n.Ino)
		}
		return n, err
	})
	if err != nil {
		return meta.Node{}, nil, fmt.Errorf("create without a name: %w", err)
	}
	return n, h, nil
}

// create makes a node with record, and its first local file.
func (e *Engine) create(r meta.CreateRequest, path []byte, record func(meta.CreateRequest) (meta.Node, error)) (meta.Node, *Handle, error) {
	if err := e.admitWriter(); err != nil {
		return meta.Node{}, nil, err
	}
	if err := e.uncrowded(); err != nil {
		return meta.Node{}, nil, err
	}
	e.own(&r)
	who := local.Identity{Kind: local.Draft, Path: path, Mode: r.Mode, UID: r.UID, GID: r.GID}
	f, err := e.Local.Create(who)
	if err != nil {
		return meta.Node{}, nil, err
	}
	crash.Here(crash.CreateFile)
	r.Draft = meta.FileID(f.ID)
	node := meta.Node{}
	// The node's times are the file's: a close without a write must not move them.
	if err = f.SetTimes(r.Now, r.Now); err == nil {
		node, err = record(r)
	}
	if err != nil {
		f.Close()
		return meta.Node{}, nil, e.undo(err, f.ID)
	}
	crash.Here(crash.CreateRecorded)
	h := &Handle{l: e.live.hold(node.Ino), write: true}
	_ = h.l.acquire(context.Background()) // cannot fail: never cancelled
	defer h.l.release()
	who.Ino, who.Mode, who.GID = uint64(node.Ino), node.Mode, node.GID
	h.l.who.Store(&who)
	h.l.bare.Store(true)
	if h.l.file != nil {
		// Somebody found the new name and opened it before us: that open's file
		// is the node's, ours is not needed.
		f.Close()
		err = errors.Join(e.Meta.DropDraft(r.Draft, false, now()), e.enter(context.Background(), h.l, true, false))
		signal(e.sweep)
	} else {
		err = e.adopt(h.l, f, 0)
	}
	if err != nil {
		e.closeIdle(h.l)
		e.live.drop(h.l)
		return meta.Node{}, nil, err
	}
	h.guarded = privileged(node.Mode)
	e.watch(h.l)
	h.l.opens++
	h.l.writers++
	h.l.unflushed++
	h.l.publish()
	return node, h, nil
}

// adopt makes f, which is open for writing and whose draft is on record, the
// node's file.
func (e *Engine) adopt(l *live, f *local.File, base meta.VersionID) error {
	r, err := e.Local.Reopen(f)
	if err != nil {
		f.Close()
		return err
	}
	st, err := r.Stamp()
	if err != nil {
		r.Close()
		f.Close()
		return err
	}
	l.file, l.rw = r, f
	l.version, l.draft, l.fresh, l.stamp = base, true, true, st
	return nil
}

// enter makes the node's file ready for a handle: there, complete or on its way,
// and free to be written to if write is set. The caller holds l's lock.
func (e *Engine) enter(ctx context.Context, l *live, write, trunc bool) error {
	switch {
	case write && l.passing > 0:
		return ErrFull // the kernel keeps to the readers' file, which nobody can keep
	case l.file == nil:
		if err := e.uncrowded(); err != nil {
			return err
		}
		err := e.load(ctx, l, write, trunc)
		if errors.Is(err, meta.ErrSuperseded) {
			err = e.load(ctx, l, write, trunc) // a command changed where the content is
		}
		if err != nil {
			return err
		}
	case write && l.unflushed == 0 && !l.draft:
		if err := e.share(ctx, l); err != nil {
			return err
		}
	}
	if !write {
		return nil
	}
	if l.rw == nil {
		rw, err := e.Local.OpenWrite(l.file.ID)
		if err != nil {
			return err
		}
		l.rw = rw
	}
	if trunc {
		if err := l.rw.Truncate(0); err != nil {
			return err
		}
		crash.Here(crash.TruncateDone)
		l.written.Store(true)
	}
	return nil
}

// load opens the node's first file.
func (e *Engine) load(ctx context.Context, l *live, write, trunc bool) error {
	v, err := e.Meta.Current(l.ino)
	if gone(err) {
		return e.loadEmpty(l, trunc)
	}
	if err != nil {
		return err
	}
	if write && (trunc || v.Size == 0) {
		if err := e.begin(l, v.ID); err != nil || trunc {
			return err
		}
		l.fresh = false // as empty as v, and as old: no change until somebody writes
		if err := l.rw.SetTimes(v.Mtime, v.Mtime); err != nil {
			return err
		}
		return l.mark()
	}
	f, later, err := e.openChecked(ctx, &v, !write)
	if noRoom(err) && !write && safe(&v) {
		// That its file is no good could not be put on record: nothing can be kept.
		return e.loadPassing(ctx, l, &v)
	}
	if err != nil {
		return err
	}
	e.used(&v)
	if !write {
		if f == nil {
			return e.fetchForReading(ctx, l, &v)
		}
		l.file, l.version = f, v.ID
		if later {
			l.stream = e.checkStream(&v, f)
		}
		return nil
	}
	return e.loadForWriting(ctx, l, &v, f)
}

// loadEmpty begins a node that was made without content and never committed.
func (e *Engine) loadEmpty(l *live, trunc bool) error {
	n, err := e.Meta.Node(l.ino)
	if err != nil {
		return err
	}
	if err := e.begin(l, 0); err != nil || trunc {
		return err
	}
	return l.rw.SetTimes(n.Atime, n.Mtime) // to open it is no change
}

// closeIdle closes the files of a node that nobody has open.
func (e *Engine) closeIdle(l *live) {
	if l.opens > 0 {
		return
	}
	if l.draft {
		e.abandon(l)
	}
	if l.stream != nil {
		l.stream.stop()
	}
	if l.rw != nil {
		l.rw.Close()
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.rw, l.stream = nil, nil, nil
	l.writing.Store(nil)
	l.reading.Store(nil)
	l.version, l.draft, l.fresh = 0, false, false
	l.poisoned, l.cramped = false, false
	e.space.passing.Add(-l.passing)
	l.passing = 0
	l.written.Store(false)
}
