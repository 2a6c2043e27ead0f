package meta

import (
	"errors"
	"io/fs"
)

// RenameRequest names what moves and where to.
type RenameRequest struct {
	OldParent Ino
	OldName   []byte
	NewParent Ino
	NewName   []byte
	NoReplace bool // fail with ErrExist if the new name is taken
	Exchange  bool // swap the two, which must both exist
	Relaxed   bool // visible is enough
	Now       int64

	// Follow is when a file's object is to get a key that fits its new name, and those
	// of the files in a directory; 0: they keep what they have.
	Follow int64
}

// Renamed is the outcome of a Rename.
type Renamed struct {
	Moved        Node  // as it is now
	Replaced     *Node // what had the new name, without it; nil if nothing, or exchanged
	ReplacedLast bool  // that was its last name: it is an orphan
}

// Rename moves a name, and what it binds with it. Two names of one node are left
// as they are, which is success. A directory replaces an empty directory only.
// ErrNotExist, ErrExist, ErrNotDir (a directory over something else), ErrIsDir
// (something else over a directory), ErrNotEmpty, ErrLoop; fs.ErrInvalid for
// NoReplace and Exchange together. Durable, visible if Relaxed.
func (s *Store) Rename(r RenameRequest) (Renamed, error) {
	var done Renamed
	err := s.change(!r.Relaxed, func(t *tx) (err error) {
		done, err = t.rename(&r)
		return err
	})
	if err != nil {
		return Renamed{}, nameErr("rename", r.OldParent, r.OldName, err)
	}
	return done, nil
}

func (t *tx) rename(r *RenameRequest) (Renamed, error) {
	moved, other, err := t.renamed(r)
	if err != nil {
		return Renamed{}, err
	}
	if other != nil && other.Ino == moved.Ino {
		return Renamed{Moved: moved}, nil
	}
	if moved.IsDir() {
		if err := t.notBelow(r.NewParent, moved.Ino); err != nil {
			return Renamed{}, err
		}
	}
	if r.Exchange {
		err := t.exchange(r, &moved, other)
		return Renamed{Moved: moved}, err
	}
	done := Renamed{Replaced: other}
	if other != nil {
		if err := t.replace(r, &moved, other); err != nil {
			return Renamed{}, err
		}
		done.ReplacedLast = other.Nlink == 0
	}
	if err := t.move(r, &moved); err != nil {
		return Renamed{}, err
	}
	done.Moved = moved
	return done, nil
}

// renamed finds what has the old name and what has the new one, nil if nothing.
func (t *tx) renamed(r *RenameRequest) (moved Node, other *Node, err error) {
	if err := errors.Join(checkName(r.OldName), checkName(r.NewName)); err != nil {
		return Node{}, nil, err
	}
	if r.NoReplace && r.Exchange {
		return Node{}, nil, fs.ErrInvalid
	}
	if moved, err = lookup(t, r.OldParent, r.OldName); err != nil {
		return Node{}, nil, err
	}
	if _, err := t.liveDir(r.NewParent); err != nil {
		return Node{}, nil, err
	}
	n, err := getEntry(t, r.NewParent, r.NewName)
	switch {
	case errors.Is(err, ErrNotExist):
		if r.Exchange {
			return Node{}, nil, err
		}
		return moved, nil, nil
	case err != nil:
		return Node{}, nil, err
	case r.NoReplace:
		return Node{}, nil, ErrExist
	}
	return moved, &n, nil
}

// notBelow is ErrLoop if dir is top or lies below it.
func (t *tx) notBelow(dir, top Ino) error {
	for dir != top {
		if dir == Root {
			return nil
		}
		n, err := getNode(t, dir)
		if err != nil {
			return err
		}
		dir = n.Parent
	}
	return ErrLoop
}

// replace takes the new name from other.
func (t *tx) replace(r *RenameRequest, moved, other *Node) error {
	switch {
	case moved.IsDir() && !other.IsDir():
		return ErrNotDir
	case !moved.IsDir() && other.IsDir():
		return ErrIsDir
	case other.IsDir():
		if err := t.emptyDir(other.Ino); err != nil {
			return err
		}
		if err := t.changedDir(r.NewParent, -1, r.Now); err != nil {
			return err
		}
	}
	return t.drop(r.NewParent, r.NewName, other, r.Now)
}

// move gives moved the new name, which is free.
func (t *tx) move(r *RenameRequest, moved *Node) error {
	if err := t.unbind(r.OldParent, r.OldName); err != nil {
		return err
	}
	if err := t.bind(r.NewParent, r.NewName, moved.Ino); err != nil {
		return err
	}
	subdirs := 0
	if moved.IsDir() {
		moved.Parent, subdirs = r.NewParent, 1
	}
	return t.moved(r, moved, subdirs)
}

// follow has what a node holds follow its new name.
func (t *tx) follow(n *Node, due int64) error {
	if n.IsDir() {
		return t.followDir(n.Ino, due)
	}
	return t.followName(n.Version, due)
}

// exchange swaps the nodes of the two names.
func (t *tx) exchange(r *RenameRequest, moved, other *Node) error {
	if other.IsDir() {
		if err := t.notBelow(r.OldParent, other.Ino); err != nil {
			return err
		}
	}
	const rebind = `UPDATE name SET ino = $4 WHERE parent = $1 AND place = $2 AND name = $3`
	if err := t.must(ErrNotExist, rebind, r.OldParent, t.place(r.OldName), r.OldName, other.Ino); err != nil {
		return err
	}
	if err := t.must(ErrNotExist, rebind, r.NewParent, t.place(r.NewName), r.NewName, moved.Ino); err != nil {
		return err
	}
	subdirs := 0 // more in the new directory, fewer in the old
	if moved.IsDir() {
		moved.Parent = r.NewParent
		subdirs++
	}
	if other.IsDir() {
		other.Parent = r.OldParent
		subdirs--
	}
	other.Ctime = r.Now
	if err := t.updateNode(other); err != nil {
		return err
	}
	if err := t.follow(other, r.Follow); err != nil {
		return err
	}
	return t.moved(r, moved, subdirs)
}

// moved stores the node, and what the move means for the two directories.
func (t *tx) moved(r *RenameRequest, n *Node, subdirs int) error {
	n.Ctime = r.Now
	if err := t.updateNode(n); err != nil {
		return err
	}
	if err := t.follow(n, r.Follow); err != nil {
		return err
	}
	if err := t.changedDir(r.OldParent, -subdirs, r.Now); err != nil {
		return err
	}
	return t.changedDir(r.NewParent, subdirs, r.Now)
}
