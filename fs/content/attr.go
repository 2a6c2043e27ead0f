package content

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// GetAttr describes a node. It never waits for S3.
func (e *Engine) GetAttr(ino meta.Ino) (meta.Node, error) {
	r := e.live.reading(ino) // before the node: what is not there any more is on record
	n, err := e.Meta.Node(ino)
	if err == nil && r != nil && r.complete(&n) != nil {
		n, err = e.Meta.Node(ino) // closed meanwhile, and recorded before that
	}
	if err != nil {
		return meta.Node{}, fmt.Errorf("stat node %d: %w", ino, err)
	}
	return e.attr(n), nil
}

// attr completes a node from the file that is being written to or read.
func (e *Engine) attr(n meta.Node) meta.Node {
	if !n.IsRegular() {
		return n
	}
	l := e.live.find(n.Ino)
	if l == nil {
		return n
	}
	if w := l.writing.Load(); w != nil {
		w.complete(&n)
	}
	if r := l.reading.Load(); r != nil {
		_ = r.complete(&n) // closed meanwhile
	}
	return n
}

// complete gives a node what its file tells.
func (w *writing) complete(n *meta.Node) {
	st, err := w.file.Stamp()
	if err != nil || !w.fresh && st.SameContent(w.stamp) {
		return // closed meanwhile, or as on record
	}
	n.Size, n.Blocks, n.Mtime = st.Size, st.Blocks, st.Mtime
	n.Ctime = max(n.Ctime, min(st.Mtime, st.Ctime)) // the former may have been set, to any time
}

// SetAttr changes what c.Valid says. h is the handle the call came through, nil
// when it came by name. Changing the size by name of a file that nobody writes to
// commits it.
func (e *Engine) SetAttr(ctx context.Context, ino meta.Ino, h *Handle, c meta.AttrChange) (meta.Node, error) {
	if e.ReadOnly {
		return meta.Node{}, ErrReadOnly
	}
	if c.Valid&meta.AttrSize != 0 {
		if err := e.resize(ctx, ino, h, c.Size); err != nil {
			return meta.Node{}, fmt.Errorf("truncate node %d: %w", ino, err)
		}
		c.Valid &^= meta.AttrSize
	}
	if c.Valid&(meta.AttrAtime|meta.AttrMtime) != 0 {
		if err := e.setTimes(ino, c); err != nil {
			return meta.Node{}, fmt.Errorf("set times of node %d: %w", ino, err)
		}
	}
	if c.Valid&(meta.AttrUID|meta.AttrGID) != 0 {
		if err := e.DropPrivileges(ino); err != nil {
			return meta.Node{}, err
		}
	}
	n, err := e.Meta.SetAttr(ino, c)
	if err != nil {
		return meta.Node{}, fmt.Errorf("change node %d: %w", ino, err)
	}
	e.live.renamed(ino)
	e.alterations.add(ino)
	return e.attr(n), nil
}

func (e *Engine) resize(ctx context.Context, ino meta.Ino, h *Handle, size int64) error {
	if h != nil && h.write {
		return e.truncate(ctx, h, size, false)
	}
	flags := unix.O_WRONLY
	if size == 0 {
		flags |= unix.O_TRUNC
	}
	h, err := e.Open(ctx, ino, flags)
	if err != nil {
		return err
	}
	defer e.Release(h)
	return e.truncate(ctx, h, size, true)
}

// setTimes gives a file with uncommitted changes the times as well: its commit
// would take them from there. Reads up to now do not count any more.
func (e *Engine) setTimes(ino meta.Ino, c meta.AttrChange) error {
	l := e.live.peek(ino)
	if l == nil {
		return nil
	}
	defer e.live.drop(l)
	_ = l.acquire(context.Background()) // cannot fail: never cancelled
	defer l.release()
	if l.file == nil {
		return nil
	}
	defer l.watchAnew()
	if l.writers == 0 && !l.draft {
		return nil
	}
	st, err := l.file.Stamp()
	if err != nil || !e.changed(l, st) {
		return err
	}
	atime, mtime := c.Atime, c.Mtime
	if c.Valid&meta.AttrMtime == 0 {
		mtime = st.Mtime
	}
	if c.Valid&meta.AttrAtime == 0 {
		atime = st.Mtime
	}
	if err := l.file.SetTimes(atime, mtime); err != nil {
		return err
	}
	l.written.Store(true) // even if the time is by chance the one on record
	return nil
}

// StatFS describes the room on the volume.
type StatFS struct {
	BlockSize               int64
	Blocks, Free, Available int64 // in blocks
	Files, FilesFree        uint64
}

// StatFS tells what can be written now: the disk's free space without the reserve
// that writers are kept out of.
func (e *Engine) StatFS() (StatFS, error) {
	r, err := e.room()
	if err != nil {
		return StatFS{}, err
	}
	free := max(0, r.spare-r.hard) / r.BlockSize
	s := StatFS{
		BlockSize: r.BlockSize, Blocks: r.Size / r.BlockSize,
		Free: free, Available: free,
		Files: r.Files,
	}
	if r.FilesFree > r.hardFiles {
		s.FilesFree = r.FilesFree - r.hardFiles
	}
	return s, nil
}
