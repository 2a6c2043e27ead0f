package meta

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
)

// pathQuery climbs from a node to the root, by the first of its names. A
// directory has one name only.
const pathQuery = `
	WITH RECURSIVE up (parent, name, depth) AS (
		SELECT parent, name, 0 FROM (SELECT parent, name FROM name WHERE ino = $1 LIMIT 1) AS first
		UNION ALL
		SELECT e.parent, e.name, up.depth + 1 FROM up JOIN name e ON e.ino = up.parent
	)
	SELECT parent, name FROM up ORDER BY depth`

type step struct {
	parent Ino
	name   []byte
}

func scanStep(row scanner) (step, error) {
	var s step
	err := row.Scan(&s.parent, &s.name)
	return s, err
}

// getPath gives the absolute path of a node by any one of its names.
func getPath(q source, ino Ino) ([]byte, error) {
	if ino == Root {
		return []byte("/"), nil
	}
	up, err := all(q, scanStep, pathQuery, ino)
	if err != nil {
		return nil, err
	}
	if len(up) == 0 || up[len(up)-1].parent != Root {
		return nil, ErrNotExist
	}
	var path []byte
	for i := len(up) - 1; i >= 0; i-- {
		path = append(append(path, '/'), up[i].name...)
	}
	return path, nil
}

// getPathOf gives the path of a name in a directory, bound or not.
func getPathOf(q source, parent Ino, name []byte) ([]byte, error) {
	path, err := getPath(q, parent)
	if err != nil {
		return nil, err
	}
	if parent != Root {
		path = append(path, '/')
	}
	return append(path, name...), nil
}

// Path gives a node's absolute path, by any one of its names: "/" for the root,
// "/a/b" for others. ErrNotExist for a node without a name.
func (s *Store) Path(ino Ino) ([]byte, error) {
	path, err := getPath(s.read, ino)
	return path, nodeErr("path", ino, err)
}

// Paths gives the absolute paths of all names of a node, which is no directory; none
// for a node without a name.
func (s *Store) Paths(ino Ino) (paths [][]byte, err error) {
	err = s.read.view(context.Background(), func(q source) error {
		names, err := all(q, scanStep, `SELECT parent, name FROM name WHERE ino = $1`, ino)
		for _, n := range names {
			path, err := getPathOf(q, n.parent, n.name)
			if err != nil {
				return err
			}
			paths = append(paths, path)
		}
		return err
	})
	return paths, nodeErr("paths", ino, err)
}

// PathOf gives the absolute path of a name in a directory; whether the name is
// bound does not matter. ErrNotExist for a directory without a name.
func (s *Store) PathOf(parent Ino, name []byte) ([]byte, error) {
	path, err := getPathOf(s.read, parent, name)
	return path, nodeErr("path", parent, err)
}

// Resolve walks an absolute path from the root. Symlinks are not followed.
// ErrNotExist, ErrNotDir; ErrUnseen where the answer may lie in the fallback still;
// fs.ErrInvalid for a path that is not absolute.
func (s *Store) Resolve(path []byte) (Node, error) {
	var n Node
	err := s.read.view(context.Background(), func(q source) (err error) {
		n, err = resolve(q, path)
		return err
	})
	if err != nil {
		return Node{}, pathErr("resolve", path, err)
	}
	return n, nil
}

func resolve(q source, path []byte) (Node, error) {
	if len(path) == 0 || path[0] != '/' {
		return Node{}, fs.ErrInvalid
	}
	n, err := getNode(q, Root)
	if err != nil {
		return Node{}, err
	}
	for name := range bytes.SplitSeq(path, []byte{'/'}) {
		if len(name) == 0 {
			continue
		}
		dir := n.Ino
		if n, err = lookup(q, dir, name); err != nil {
			return Node{}, seen(q, dir, err)
		}
	}
	return n, nil
}

// seen makes ErrNotExist, for a name in a directory that is still to be taken in,
// ErrUnseen. Other errors stay what they are.
func seen(q source, dir Ino, err error) error {
	if !errors.Is(err, ErrNotExist) {
		return err
	}
	origin, oerr := getOrigin(q, dir)
	if oerr != nil || origin == nil {
		return errors.Join(oerr, err)
	}
	path, perr := getPath(q, dir)
	if perr != nil {
		return perr
	}
	return &UnseenError{string(path)}
}

// Seen is nil when all names of the directory at an absolute path are on record, and
// ErrUnseen when they are not. Other errors are those of Resolve.
func (s *Store) Seen(path []byte) error {
	err := s.read.view(context.Background(), func(q source) error {
		n, err := resolve(q, path)
		if err != nil {
			return err
		}
		if err := seen(q, n.Ino, ErrNotExist); errors.Is(err, ErrUnseen) || !errors.Is(err, ErrNotExist) {
			return err
		}
		return nil
	})
	return pathErr("look into", path, err)
}
