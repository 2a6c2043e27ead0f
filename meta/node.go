package meta

import (
	"errors"
	"io/fs"
)

const nodeColumns = `n.ino, n.mode, n.uid, n.gid, n.nlink, n.rdev, n.size, n.blocks, n.atime, n.mtime, n.ctime, n.version, n.parent`

// nodeScan takes the columns in integers, which database/sql can set without
// going through text.
type nodeScan struct {
	ino, mode, uid, gid, nlink, rdev, version, parent int64
	node                                              Node
}

func (s *nodeScan) dest() []any {
	n := &s.node
	return []any{&s.ino, &s.mode, &s.uid, &s.gid, &s.nlink, &s.rdev,
		&n.Size, &n.Blocks, &n.Atime, &n.Mtime, &n.Ctime, &s.version, &s.parent}
}

func (s *nodeScan) result() Node {
	n := s.node
	n.Ino, n.Parent, n.Version = Ino(s.ino), Ino(s.parent), VersionID(s.version)
	n.Mode, n.UID, n.GID = uint32(s.mode), uint32(s.uid), uint32(s.gid)
	n.Nlink, n.Rdev = uint32(s.nlink), uint32(s.rdev)
	return n
}

func scanNode(row scanner) (Node, error) {
	var s nodeScan
	if err := one(row, s.dest()...); err != nil {
		return Node{}, err
	}
	return s.result(), nil
}

func getNode(q source, ino Ino) (Node, error) {
	return scanNode(q.row(`SELECT `+nodeColumns+` FROM node n WHERE n.ino = $1`, ino))
}

// getDir is getNode for a directory; another node is ErrNotDir.
func getDir(q source, ino Ino) (Node, error) {
	n, err := getNode(q, ino)
	if err == nil && !n.IsDir() {
		err = ErrNotDir
	}
	return n, err
}

// getEntry looks a name up and does not care why it is not there. It is no join,
// because SQLite prepares a join anew whenever other values are bound to it.
func getEntry(q source, parent Ino, name []byte) (Node, error) {
	return scanNode(q.row(`SELECT `+nodeColumns+` FROM node n
		WHERE n.ino = (SELECT e.ino FROM name e WHERE e.parent = $1 AND e.place = $2 AND e.name = $3)`,
		parent, q.place(name), name))
}

// Node gives a node by its number, orphans too. ErrNotExist.
func (s *Store) Node(ino Ino) (Node, error) {
	n, err := getNode(s.read, ino)
	return n, nodeErr("node", ino, err)
}

// Lookup gives the node a name in a directory binds. ErrNotExist if there is no
// such name or no such directory, ErrNotDir if parent is something else.
func (s *Store) Lookup(parent Ino, name []byte) (Node, error) {
	n, err := lookup(s.read, parent, name)
	return n, nameErr("lookup", parent, name, err)
}

func lookup(q source, parent Ino, name []byte) (Node, error) {
	n, err := getEntry(q, parent, name)
	if errors.Is(err, ErrNotExist) {
		if _, e := getDir(q, parent); e != nil {
			err = e
		}
	}
	return n, err
}

// Readlink gives a symlink's target. ErrNotExist; fs.ErrInvalid for a node that
// is no symlink.
func (s *Store) Readlink(ino Ino) ([]byte, error) {
	var mode int64
	var target []byte
	err := one(s.read.row(`SELECT mode, target FROM node WHERE ino = $1`, ino), &mode, &target)
	if err == nil && mode&TypeMask != TypeSymlink {
		err = fs.ErrInvalid
	}
	if err != nil {
		return nil, nodeErr("readlink", ino, err)
	}
	return target, nil
}

// Orphans lists nodes without a name, behind the number after.
func (s *Store) Orphans(after Ino, limit int) ([]Node, error) {
	list, err := all(s.read, scanNode,
		`SELECT `+nodeColumns+` FROM node n WHERE n.nlink = 0 AND n.ino > $1 ORDER BY n.ino LIMIT $2`, after, limit)
	return list, opErr("orphans", err)
}
