package meta

import (
	"bytes"
	"io/fs"
)

// Mode bits that are inherited or dropped.
const (
	modeSetUID     = 0o4000
	modeSetGID     = 0o2000
	modeGroupExec  = 0o010
	modePermission = 0o7777
)

// maxName is the longest name, in bytes, as of the kernel.
const maxName = 255

// CreateRequest describes a new node. Name is ignored for an orphan.
type CreateRequest struct {
	Parent Ino // 0 for an orphan that inherits nothing
	Name   []byte
	Mode   uint32 // type and permissions
	Umask  uint32 // taken from Mode unless the parent has a default access list
	UID    uint32
	GID    uint32
	Rdev   uint32
	Target []byte // of a symlink
	Now    int64
	Draft  FileID // of a regular file: the local file it is being written to, or ""
}

// checkName refuses what the kernel never asks for.
func checkName(name []byte) error {
	if len(name) == 0 || len(name) > maxName || string(name) == "." || string(name) == ".." ||
		bytes.ContainsAny(name, "/\x00") {
		return fs.ErrInvalid
	}
	return nil
}

// Create makes a node and binds it to a name. In a directory with the set-group-ID
// bit the node gets the directory's group, and a directory the bit as well; a
// default access list is inherited. ErrExist, ErrNotDir; ErrNotExist if the parent is gone or has no name itself.
// Visible.
func (s *Store) Create(r CreateRequest) (Node, error) {
	var n Node
	err := s.visible(func(t *tx) (err error) {
		n, err = t.create(r)
		return err
	})
	if err != nil {
		return Node{}, nameErr("create", r.Parent, r.Name, err)
	}
	return n, nil
}

// CreateOrphan makes a node without a name, which Link may give it later; it
// cannot be a directory (ErrIsDir). It inherits from its parent as with Create.
// Visible.
func (s *Store) CreateOrphan(r CreateRequest) (Node, error) {
	var n Node
	err := s.visible(func(t *tx) error {
		if n = newNode(r); n.IsDir() {
			return ErrIsDir
		}
		n.Nlink = 0
		if r.Parent == 0 {
			return t.insertNode(&n, r)
		}
		dir, err := t.liveDir(r.Parent)
		if err != nil {
			return err
		}
		return t.insertIn(&dir, &n, r)
	})
	if err != nil {
		return Node{}, opErr("create without a name", err)
	}
	return n, nil
}

func newNode(r CreateRequest) Node {
	n := Node{Mode: r.Mode, UID: r.UID, GID: r.GID, Rdev: r.Rdev, Nlink: 1,
		Atime: r.Now, Mtime: r.Now, Ctime: r.Now}
	if n.Mode&TypeMask == TypeSymlink {
		n.Size = int64(len(r.Target))
	}
	return n
}

func (t *tx) create(r CreateRequest) (Node, error) {
	if err := checkName(r.Name); err != nil {
		return Node{}, err
	}
	dir, err := t.liveDir(r.Parent)
	if err != nil {
		return Node{}, err
	}
	n := newNode(r)
	subdirs := 0
	if n.IsDir() {
		n.Nlink, n.Parent, subdirs = 2, r.Parent, 1
	}
	if err := t.insertIn(&dir, &n, r); err != nil {
		return Node{}, err
	}
	if err := t.bind(r.Parent, r.Name, n.Ino); err != nil {
		return Node{}, err
	}
	return n, t.changedDir(r.Parent, subdirs, r.Now)
}

// liveDir gives a directory into which names may go: one that has a name.
func (t *tx) liveDir(ino Ino) (Node, error) {
	dir, err := getDir(t, ino)
	if err == nil && dir.Nlink == 0 {
		err = ErrNotExist
	}
	return dir, err
}

// insertIn is insertNode for a node that inherits from dir.
func (t *tx) insertIn(dir, n *Node, r CreateRequest) error {
	access, dflt, err := t.inherit(n, dir, r.Umask)
	if err != nil {
		return err
	}
	if err := t.insertNode(n, r); err != nil {
		return err
	}
	if access != nil {
		err = t.putACL(n.Ino, ACLAccess, access)
	}
	if err == nil && dflt != nil {
		err = t.putACL(n.Ino, ACLDefault, dflt)
	}
	return err
}

// insertNode gives n its number and stores it.
func (t *tx) insertNode(n *Node, r CreateRequest) error {
	n.Ino = t.nextIno()
	var target any
	if n.Mode&TypeMask == TypeSymlink {
		target = append([]byte{}, r.Target...)
	}
	err := t.exec(`INSERT INTO node (ino, mode, uid, gid, nlink, rdev, size, atime, mtime, ctime, parent, target)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, $9, $10)`,
		n.Ino, n.Mode, n.UID, n.GID, n.Nlink, n.Rdev, n.Size, r.Now, n.Parent, target)
	if err != nil || r.Draft == "" {
		return err
	}
	if !n.IsRegular() {
		return fs.ErrInvalid
	}
	return t.insertDraft(r.Draft, n.Ino, 0)
}

// bind makes a name for a node. ErrExist.
func (t *tx) bind(parent Ino, name []byte, ino Ino) error {
	return t.must(ErrExist, `INSERT INTO name (parent, place, name, ino) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		parent, t.place(name), name, ino)
}

// unbind removes a name that is known to be there.
func (t *tx) unbind(parent Ino, name []byte) error {
	return t.must(ErrNotExist, `DELETE FROM name WHERE parent = $1 AND place = $2 AND name = $3`,
		parent, t.place(name), name)
}

// changedDir notes that a directory's names changed, and by how many its
// subdirectories are more.
func (t *tx) changedDir(ino Ino, subdirs int, now int64) error {
	return t.must(ErrNotExist, `UPDATE node SET mtime = $2, ctime = $2, nlink = nlink + $3 WHERE ino = $1`,
		ino, now, subdirs)
}
