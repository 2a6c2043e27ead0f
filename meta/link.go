package meta

import "io/fs"

// maxLinks is the most names a node can have, as on ext4.
const maxLinks = 65000

// Removed is what Unlink and Rmdir leave.
type Removed struct {
	Node Node // as it is without the name
	Last bool // it was the last name: the node is an orphan
}

// Link binds one more name to a node that is no directory (ErrIsDir); the first
// one if it was created as an orphan, whose content becomes current with it.
// ErrExist, ErrNotDir, ErrLinks; ErrNotExist for either node. Durable.
func (s *Store) Link(ino, parent Ino, name []byte, now int64) (Node, error) {
	var n Node
	err := s.durable(func(t *tx) (err error) {
		n, err = t.link(ino, parent, name, now)
		return err
	})
	if err != nil {
		return Node{}, nameErr("link", parent, name, err)
	}
	return n, nil
}

func (t *tx) link(ino, parent Ino, name []byte, now int64) (Node, error) {
	if err := checkName(name); err != nil {
		return Node{}, err
	}
	n, err := getNode(t, ino)
	switch {
	case err != nil:
		return Node{}, err
	case n.IsDir():
		return Node{}, ErrIsDir
	case n.Nlink >= maxLinks:
		return Node{}, ErrLinks
	}
	if _, err := t.liveDir(parent); err != nil {
		return Node{}, err
	}
	if err := t.bind(parent, name, ino); err != nil {
		return Node{}, err
	}
	if n.Nlink == 0 && n.Version != 0 {
		if err := t.revive(n.Version, now); err != nil {
			return Node{}, err
		}
	}
	n.Nlink++
	n.Ctime = now
	if err := t.updateNode(&n); err != nil {
		return Node{}, err
	}
	return n, t.changedDir(parent, 0, now)
}

// Unlink removes a name of a node that is no directory (ErrIsDir). With the last
// name of a regular file its version is retired and leaves the upload queue.
// ErrNotExist, ErrNotDir. Visible.
func (s *Store) Unlink(parent Ino, name []byte, now int64) (Removed, error) {
	return s.remove("unlink", parent, name, now, func(_ *tx, n *Node) error {
		if n.IsDir() {
			return ErrIsDir
		}
		return nil
	})
}

// Rmdir removes an empty directory. ErrNotExist, ErrNotDir, ErrNotEmpty. Visible.
func (s *Store) Rmdir(parent Ino, name []byte, now int64) (Removed, error) {
	return s.remove("rmdir", parent, name, now, func(t *tx, n *Node) error {
		if !n.IsDir() {
			return ErrNotDir
		}
		return t.emptyDir(n.Ino)
	})
}

func (s *Store) remove(op string, parent Ino, name []byte, now int64, allowed func(*tx, *Node) error) (Removed, error) {
	var n Node
	err := s.visible(func(t *tx) (err error) {
		if err := checkName(name); err != nil {
			return err
		}
		if n, err = lookup(t, parent, name); err != nil {
			return err
		}
		if err := allowed(t, &n); err != nil {
			return err
		}
		subdirs := 0
		if n.IsDir() {
			subdirs = -1
		}
		if err := t.drop(parent, name, &n, now); err != nil {
			return err
		}
		return t.changedDir(parent, subdirs, now)
	})
	if err != nil {
		return Removed{}, nameErr(op, parent, name, err)
	}
	return Removed{Node: n, Last: n.Nlink == 0}, nil
}

// emptyDir is nil for a directory without names, else ErrNotEmpty. One whose names
// are still to be taken in is not known to be empty.
func (t *tx) emptyDir(ino Ino) error {
	full, err := exists(t, `SELECT 1 FROM name WHERE parent = $1 LIMIT 1`, ino)
	if err == nil && !full {
		full, err = exists(t, `SELECT 1 FROM node WHERE ino = $1 AND origin IS NOT NULL`, ino)
	}
	if err == nil && full {
		err = ErrNotEmpty
	}
	return err
}

// drop takes one of its names from n; the directory is the caller's. What loses
// its last name becomes an orphan.
func (t *tx) drop(parent Ino, name []byte, n *Node, now int64) error {
	if n.IsDir() {
		n.Nlink = 0
	} else {
		n.Nlink--
	}
	if n.Nlink == 0 && n.Version != 0 {
		path, err := getPathOf(t, parent, name)
		if err != nil {
			return err
		}
		if err := t.retire(n.Version, path, now); err != nil {
			return err
		}
	}
	n.Ctime = now
	if err := t.updateNode(n); err != nil {
		return err
	}
	return t.unbind(parent, name)
}

// retire ends a version's time as the current one. A nil path is none.
func (t *tx) retire(id VersionID, path []byte, now int64) error {
	if _, err := t.dequeue(id); err != nil {
		return err
	}
	return t.must(fs.ErrNotExist, `UPDATE version SET retired = $2, path = $3, `+ownersOfNode+` WHERE id = $1`, id, now, path)
}

// ownersOfNode keeps with a version what its node would take with it.
const ownersOfNode = `
	mode = coalesce((SELECT n.mode FROM node n WHERE n.ino = version.ino), 0),
	uid = coalesce((SELECT n.uid FROM node n WHERE n.ino = version.ino), 0),
	gid = coalesce((SELECT n.gid FROM node n WHERE n.ino = version.ino), 0)`

// revive makes the version of a node that gets a name again current.
func (t *tx) revive(id VersionID, now int64) error {
	err := t.must(fs.ErrNotExist, `UPDATE version SET retired = 0, path = NULL WHERE id = $1`, id)
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO upload (version, due, since)
		SELECT id, $2, $2 FROM version WHERE id = $1 AND remote <> 2 AND lost IS NULL`, id, now)
}
