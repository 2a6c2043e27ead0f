package content

import (
	"fmt"
	"time"

	"contentfs/meta"
)

// Lookup finds a name in a directory.
func (e *Engine) Lookup(parent meta.Ino, name []byte) (meta.Node, error) {
	n, err := e.Meta.Lookup(parent, name)
	if err != nil {
		return meta.Node{}, fmt.Errorf("look up %q: %w", name, err)
	}
	return e.attr(n), nil
}

// Entry is a name in a directory with what stat tells about it.
type Entry struct {
	Name []byte
	Attr meta.Node
}

// ReadDir returns up to limit entries behind the name after, in byte order; nil
// begins at the start. Names that come or go meanwhile make no other appear twice
// or be left out.
func (e *Engine) ReadDir(dir meta.Ino, after []byte, limit int) ([]Entry, error) {
	list, err := e.Meta.ReadDir(dir, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list directory %d: %w", dir, err)
	}
	entries := make([]Entry, len(list))
	for i, m := range list {
		entries[i] = Entry{Name: m.Name, Attr: e.attr(m.Node)}
	}
	return entries, nil
}

// Mknod makes a node that is not opened: a directory, symlink, special file, or
// an empty regular file.
func (e *Engine) Mknod(r meta.CreateRequest) (meta.Node, error) {
	if e.ReadOnly {
		return meta.Node{}, ErrReadOnly
	}
	e.own(&r)
	n, err := e.Meta.Create(r)
	if err != nil {
		return meta.Node{}, fmt.Errorf("create %q: %w", r.Name, err)
	}
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
	if err != nil {
		return nil, fmt.Errorf("read link %d: %w", ino, err)
	}
	return t, nil
}

// Link gives a node another name.
func (e *Engine) Link(ino, parent meta.Ino, name []byte) (meta.Node, error) {
	if e.ReadOnly {
		return meta.Node{}, ErrReadOnly
	}
	n, err := e.Meta.Link(ino, parent, name, now())
	if err != nil {
		return meta.Node{}, fmt.Errorf("link %q: %w", name, err)
	}
	e.orphans.remove(ino)
	if err := e.commitNode(ino); err != nil {
		return meta.Node{}, fmt.Errorf("link %q: %w", name, err)
	}
	return e.attr(n), nil
}

// Unlink removes a name that is not a directory's. What is open goes on working.
func (e *Engine) Unlink(parent meta.Ino, name []byte) error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	r, err := e.Meta.Unlink(parent, name, now())
	if err != nil {
		return fmt.Errorf("unlink %q: %w", name, err)
	}
	e.removed(r.Node.Ino, r.Last)
	return nil
}

// Rmdir removes an empty directory.
func (e *Engine) Rmdir(parent meta.Ino, name []byte) error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	r, err := e.Meta.Rmdir(parent, name, now())
	if err != nil {
		return fmt.Errorf("remove directory %q: %w", name, err)
	}
	e.removed(r.Node.Ino, r.Last)
	return nil
}

// Rename moves a name. What is written to is committed first, so that the new
// name never stands for less than was written.
func (e *Engine) Rename(r meta.RenameRequest) error {
	if e.ReadOnly {
		return ErrReadOnly
	}
	n, err := e.Meta.Lookup(r.OldParent, r.OldName)
	if err == nil && n.IsRegular() {
		err = e.commitNode(n.Ino)
	}
	if err != nil {
		return fmt.Errorf("rename %q to %q: %w", r.OldName, r.NewName, err)
	}
	r.Now = now()
	done, err := e.Meta.Rename(r)
	if err != nil {
		return fmt.Errorf("rename %q to %q: %w", r.OldName, r.NewName, err)
	}
	e.live.renamed(done.Moved.Ino)
	if done.Replaced != nil {
		e.removed(done.Replaced.Ino, done.ReplacedLast)
	}
	return nil
}

// removed notes that a node lost a name.
func (e *Engine) removed(ino meta.Ino, last bool) {
	if last {
		e.orphans.add(ino)
	}
}

// Forget tells that the kernel does not know the node any more.
func (e *Engine) Forget(ino meta.Ino) {
	if e.orphans.has(ino) {
		signal(e.sweep)
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
