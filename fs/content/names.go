package content

import (
	"fmt"
	"time"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// Lookup finds a name in a directory.
func (e *Engine) Lookup(parent meta.Ino, name []byte) (meta.Node, error) {
	if err := e.takeIn(parent); err != nil {
		return meta.Node{}, fmt.Errorf("look up %q: %w", name, err)
	}
	n, err := e.Meta.Lookup(parent, name)
	if err != nil {
		return meta.Node{}, fmt.Errorf("look up %q: %w", name, err)
	}
	return e.attr(n), nil
}

// List gives use the entries of a directory behind a place, one after the other,
// until it returns false. What it may do is said at meta.Store.List. To begin at the
// start is a read of the directory.
func (e *Engine) List(dir meta.Ino, after meta.Place, use func(*meta.Entry) bool) error {
	err := e.takeIn(dir)
	if err == nil {
		err = e.Meta.List(dir, after, func(m *meta.Entry) bool {
			m.Node = e.attr(m.Node)
			return use(m)
		})
	}
	if err == nil && after == 0 {
		err = e.readAt(dir, now())
	}
	if err != nil {
		return fmt.Errorf("list directory %d: %w", dir, err)
	}
	return nil
}

// Mknod makes a node that is not opened: a directory, symlink, special file, or
// an empty regular file.
func (e *Engine) Mknod(r meta.CreateRequest) (meta.Node, error) {
	if err := e.admitWriter(); err != nil {
		return meta.Node{}, fmt.Errorf("create %q: %w", r.Name, err)
	}
	e.own(&r)
	err := e.takeIn(r.Parent)
	var n meta.Node
	if err == nil {
		n, err = e.Meta.Create(r)
	}
	if err != nil {
		return meta.Node{}, fmt.Errorf("create %q: %w", r.Name, err)
	}
	crash.Here(crash.MknodRecorded)
	return e.attr(n), nil
}

// own applies the volume's owner, group and mask to a node that is to be made.
func (e *Engine) own(r *meta.CreateRequest) {
	r.Now = now()
	if r.Mode&meta.TypeMask != meta.TypeSymlink {
		r.Mode &^= e.Umask & 0o777
	}
	if e.Owner != nil {
		r.UID = *e.Owner
	}
	if e.Group != nil {
		r.GID = *e.Group
	}
}

// Readlink returns a symlink's target.
func (e *Engine) Readlink(ino meta.Ino) ([]byte, error) {
	t, err := e.Meta.Readlink(ino)
	if err == nil {
		err = e.readAt(ino, now())
	}
	if err != nil {
		return nil, fmt.Errorf("read link %d: %w", ino, err)
	}
	return t, nil
}

// Link gives a node another name.
func (e *Engine) Link(ino, parent meta.Ino, name []byte) (meta.Node, error) {
	if err := e.admitWriter(); err != nil {
		return meta.Node{}, fmt.Errorf("link %q: %w", name, err)
	}
	if err := e.takeIn(parent); err != nil {
		return meta.Node{}, fmt.Errorf("link %q: %w", name, err)
	}
	if _, err := e.Meta.Link(ino, parent, name, now()); err != nil {
		return meta.Node{}, fmt.Errorf("link %q: %w", name, err)
	}
	crash.Here(crash.LinkRecorded)
	e.orphans.remove(ino)
	e.alterations.add(ino)
	if err := e.commitNode(ino); err != nil {
		return meta.Node{}, fmt.Errorf("link %q: %w", name, err)
	}
	return e.GetAttr(ino) // after the commit: the kernel keeps what it is told
}

// Unlink removes a name that is not a directory's. What is open goes on working.
func (e *Engine) Unlink(parent meta.Ino, name []byte) error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	if err := e.takeIn(parent); err != nil {
		return fmt.Errorf("unlink %q: %w", name, err)
	}
	r, err := e.Meta.Unlink(parent, name, now())
	if err != nil {
		return fmt.Errorf("unlink %q: %w", name, err)
	}
	crash.Here(crash.UnlinkRecorded)
	e.removed(r.Node.Ino, r.Last)
	return nil
}

// Rmdir removes an empty directory.
func (e *Engine) Rmdir(parent meta.Ino, name []byte) error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	if err := e.takeInTarget(parent, name); err != nil {
		return fmt.Errorf("remove directory %q: %w", name, err)
	}
	r, err := e.Meta.Rmdir(parent, name, now())
	if err != nil {
		return fmt.Errorf("remove directory %q: %w", name, err)
	}
	crash.Here(crash.RmdirRecorded)
	e.removed(r.Node.Ino, r.Last)
	return nil
}

// Rename moves a name, or swaps two. What is written to is committed first, so that
// a name never comes to stand for less than was written.
func (e *Engine) Rename(r meta.RenameRequest) error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	err := e.takeIn(r.OldParent)
	if err == nil {
		err = e.takeInTarget(r.NewParent, r.NewName)
	}
	if err == nil {
		err = e.commitName(r.OldParent, r.OldName)
	}
	if err == nil && r.Exchange {
		err = e.commitName(r.NewParent, r.NewName)
	}
	if err != nil {
		return fmt.Errorf("rename %q to %q: %w", r.OldName, r.NewName, err)
	}
	crash.Here(crash.RenameCommitted)
	r.Now, r.Relaxed = now(), e.Durability == Relaxed
	r.Follow = r.Now + int64(e.Debounce)
	done, err := e.Meta.Rename(r)
	if err != nil {
		return fmt.Errorf("rename %q to %q: %w", r.OldName, r.NewName, err)
	}
	crash.Here(crash.RenameRecorded)
	e.live.renamed(done.Moved.Ino)
	e.alterations.add(done.Moved.Ino)
	e.tellName(&done.Moved)
	e.queue.Wake()
	if done.Moved.IsDir() || r.Exchange {
		signal(e.renamedDirs)
	}
	if r.Exchange {
		if n, err := e.Meta.Lookup(r.OldParent, r.OldName); err == nil {
			e.live.renamed(n.Ino)
			e.alterations.add(n.Ino)
			e.tellName(&n)
		}
	}
	if done.Replaced != nil {
		e.removed(done.Replaced.Ino, done.ReplacedLast)
	}
	return nil
}

// commitName is commitNode for what has a name.
func (e *Engine) commitName(parent meta.Ino, name []byte) error {
	n, err := e.Meta.Lookup(parent, name)
	if err != nil || !n.IsRegular() {
		return err
	}
	return e.commitNode(n.Ino)
}

// removed notes that a node lost a name.
func (e *Engine) removed(ino meta.Ino, last bool) {
	e.alterations.add(ino)
	if last {
		e.orphans.add(ino)
	}
}

// SyncAll makes every change that was answered durable: fsync of a directory,
// syncfs.
func (e *Engine) SyncAll() error {
	if e.Durability == Relaxed {
		return nil
	}
	ctx, cancel := timeoutContext(time.Minute)
	defer cancel()
	return e.Meta.Sync(ctx)
}
