package meta

import (
	"errors"
	"io/fs"
)

// settingFallback is the setting that says which directory was taken in.
const settingFallback = "fallback"

// Found is a name that lies in a directory of the fallback. Of Node everything
// counts but Ino, Nlink, Version and Parent.
type Found struct {
	Name   []byte
	Path   []byte // relative to the fallback
	Node   Node
	Target []byte // of a symlink
	Class  int    // of a regular file's version
	Closed bool   // a directory that is not looked into: it stays empty
	Xattrs []Xattr
}

// Xattr is an extended attribute.
type Xattr struct{ Name, Value []byte }

// AdoptFallback records which directory the fallback is, and, the first time, that
// all of it is still to be taken in. A root without names is then like top, in mode,
// owners and times. Durable.
func (s *Store) AdoptFallback(id string, top Node) error {
	err := s.durable(func(t *tx) error {
		known, err := exists(t, `SELECT 1 FROM setting WHERE key = $1`, settingFallback)
		if err == nil && !known {
			err = t.adoptRoot(&top)
		}
		if err != nil {
			return err
		}
		return t.exec(`INSERT INTO setting (key, value) VALUES ($1, $2)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value`, settingFallback, id)
	})
	return opErr("adopt the fallback", err)
}

func (t *tx) adoptRoot(top *Node) error {
	root, err := getNode(t, Root)
	if err != nil {
		return err
	}
	named, err := exists(t, `SELECT 1 FROM name WHERE parent = $1 LIMIT 1`, Root)
	if err != nil {
		return err
	}
	if !named {
		root.Mode = root.Mode&TypeMask | top.Mode&modePermission
		root.UID, root.GID = top.UID, top.GID
		root.Atime, root.Mtime, root.Ctime = top.Atime, top.Mtime, top.Ctime
		if err := t.updateNode(&root); err != nil {
			return err
		}
	}
	return t.exec(`UPDATE node SET origin = $2 WHERE ino = $1`, Root, []byte{})
}

// ReadoptFallback has all of the fallback taken in once more, if there ever was one: for
// who makes a database again of a copy, since when content may have come to the fallback.
// What is on record stays as it is. What was still to be taken into a directory that has
// another name by now comes under its old name. Durable.
func (s *Store) ReadoptFallback() error {
	err := s.durable(func(t *tx) error {
		known, err := exists(t, `SELECT 1 FROM setting WHERE key = $1`, settingFallback)
		if err != nil || !known {
			return err
		}
		if err := t.exec(`UPDATE node SET origin = NULL WHERE origin IS NOT NULL`); err != nil {
			return err
		}
		return t.exec(`UPDATE node SET origin = $2 WHERE ino = $1`, Root, []byte{})
	})
	return opErr("take in the fallback again", err)
}

// AdoptedFallback tells which directory the fallback is, "" if there never was one.
func (s *Store) AdoptedFallback() (string, error) {
	id, err := s.Setting(settingFallback)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return id, err
}

// NeedsFallback reports whether the fallback is needed: for names that are still to be
// taken in, or for content that is at most on this server besides, and may leave it.
func (s *Store) NeedsFallback() (bool, error) {
	needs, err := s.Unadopted()
	if err == nil && !needs {
		needs, err = exists(s.read, `SELECT 1 FROM version
			WHERE fallback IS NOT NULL AND retired = 0 AND remote <> 2 LIMIT 1`)
	}
	return needs, opErr("what is in the fallback", err)
}

// Unadopted reports whether there is any directory that is still to be taken in.
func (s *Store) Unadopted() (bool, error) {
	some, err := exists(s.read, `SELECT 1 FROM node WHERE origin IS NOT NULL LIMIT 1`)
	return some, opErr("directories to be taken in", err)
}

// Origin gives the path in the fallback of the directory whose names are still to be
// taken into this one: nil if none are, or if there is no such node; empty for the
// fallback itself.
func (s *Store) Origin(dir Ino) ([]byte, error) {
	origin, err := getOrigin(s.read, dir)
	return origin, nodeErr("origin of", dir, err)
}

func getOrigin(q source, dir Ino) ([]byte, error) {
	var origin []byte
	err := one(q.row(`SELECT origin FROM node WHERE ino = $1 AND origin IS NOT NULL`, dir), &origin)
	switch {
	case errors.Is(err, ErrNotExist):
		return nil, nil
	case err == nil && origin == nil:
		origin = []byte{}
	}
	return origin, err
}

// IsOrigin reports whether the names of a directory of the fallback are still to be
// taken into one of the volume.
func (s *Store) IsOrigin(path []byte) (bool, error) {
	is, err := exists(s.read, `SELECT 1 FROM node WHERE origin IS NOT NULL AND origin = $1 LIMIT 1`, path)
	return is, pathErr("directory to be taken in", path, err)
}

// Adopt takes names into a directory as they were found in the fallback, and with
// the last of them ends it. A name that is there stays what it is; where both are
// directories, that one is still to be taken into this one. What lies in the fallback
// for a version of another name, or as a stray, is no name. It says whether there are
// more directories to be taken in than before. ErrNotExist unless the directory is
// still to be taken in. Visible.
func (s *Store) Adopt(dir Ino, found []Found, last bool, now int64) (more bool, err error) {
	err = s.visible(func(t *tx) error {
		more = false
		origin, err := getOrigin(t, dir)
		if err == nil && origin == nil {
			err = ErrNotExist
		}
		if err != nil {
			return err
		}
		subdirs := 0
		for i := range found {
			taken, below, err := t.adopt(dir, &found[i], now)
			if err != nil {
				return nameErr("adopt", dir, found[i].Name, err)
			}
			if taken && found[i].Node.IsDir() {
				subdirs++
			}
			more = more || below
		}
		if subdirs > 0 {
			if err := t.exec(`UPDATE node SET nlink = nlink + $2 WHERE ino = $1`, dir, subdirs); err != nil {
				return err
			}
		}
		if !last {
			return nil
		}
		return t.exec(`UPDATE node SET origin = NULL WHERE ino = $1`, dir)
	})
	return more, nodeErr("adopt into", dir, err)
}

// adopt takes in one name. below: there is a directory more to be taken in.
func (t *tx) adopt(dir Ino, f *Found, now int64) (taken, below bool, err error) {
	if err := checkName(f.Name); err != nil {
		return false, false, err
	}
	below = f.Node.IsDir() && !f.Closed
	// One question for all: there may be a hundred thousand names.
	var ino int64
	var ours bool
	err = one(t.row(`SELECT coalesce((SELECT ino FROM name WHERE parent = $1 AND place = $2 AND name = $3), 0),
		EXISTS (SELECT 1 FROM version WHERE fallback = $4) OR EXISTS (SELECT 1 FROM stray WHERE path = $4)`,
		dir, t.place(f.Name), f.Name, f.Path), &ino, &ours)
	switch {
	case err != nil:
		return false, false, err
	case ino != 0:
		below, err = t.merge(Ino(ino), f, below)
		return false, below, err
	case ours:
		return false, false, nil
	}
	if err := t.adoptNode(dir, f, below, now); err != nil {
		return false, false, err
	}
	return true, below, t.bind(dir, f.Name, f.Node.Ino)
}

// merge has a directory taken into one that is there.
func (t *tx) merge(ino Ino, f *Found, below bool) (bool, error) {
	if !below {
		return false, nil
	}
	if _, err := getDir(t, ino); err != nil {
		if errors.Is(err, ErrNotDir) {
			err = nil
		}
		return false, err
	}
	return true, t.exec(`UPDATE node SET origin = $2 WHERE ino = $1`, ino, f.Path)
}

// adoptNode stores the node, and the version of a regular file, which is where it
// belongs: nothing queues it.
func (t *tx) adoptNode(dir Ino, f *Found, below bool, now int64) error {
	n := &f.Node
	n.Ino, n.Nlink, n.Version, n.Parent = t.nextIno(), 1, 0, 0
	var target, origin any
	switch {
	case n.IsDir():
		n.Nlink, n.Parent, n.Size = 2, dir, 0
		if below {
			origin = f.Path
		}
	case n.Mode&TypeMask == TypeSymlink:
		target, n.Size = append([]byte{}, f.Target...), int64(len(f.Target))
	case n.IsRegular():
		n.Version = t.nextVersion(now)
		err := t.exec(`INSERT INTO version (id, ino, size, class, used, mtime, fallback) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			n.Version, n.Ino, n.Size, f.Class, now, n.Mtime, f.Path)
		if err != nil {
			return err
		}
	default:
		n.Size = 0
	}
	err := t.exec(`INSERT INTO node (ino, mode, uid, gid, nlink, rdev, size, blocks, atime, mtime, ctime, version, parent, target, origin)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		n.Ino, n.Mode, n.UID, n.GID, n.Nlink, n.Rdev, n.Size, n.Blocks, n.Atime, n.Mtime, n.Ctime, n.Version, n.Parent, target, origin)
	for i := range f.Xattrs {
		if err == nil {
			err = t.adoptXattr(n, &f.Xattrs[i])
		}
	}
	return err
}

// adoptXattr stores an attribute of a node. An access list that is none, or says no more
// than the mode, is left out.
func (t *tx) adoptXattr(n *Node, x *Xattr) error {
	name := string(x.Name)
	if name != ACLAccess && name != ACLDefault {
		return t.putXattr(n.Ino, x.Name, append([]byte{}, x.Value...))
	}
	a, err := parseACL(x.Value)
	if err != nil || name == ACLDefault && !n.IsDir() || name == ACLAccess && !a.extended() {
		return nil
	}
	if name == ACLAccess {
		a.chmod(n.Mode)
	}
	return t.putACL(n.Ino, name, a)
}
