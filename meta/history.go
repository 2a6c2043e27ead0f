package meta

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
)

// Fate is what became of a version.
type Fate int

const (
	// FateCurrent: it is the content of a file.
	FateCurrent Fate = iota
	// FateReplaced: newer content took its place.
	FateReplaced
	// FateDeleted: its file was deleted.
	FateDeleted
)

// Past is a version of a path.
type Past struct {
	Version
	Fate Fate
	Lost bool // its bytes are not where they should be
}

// History lists the versions of an absolute path, newest first: of the file that is
// there now, under names that it had before too, and those that were replaced or
// deleted under that path.
func (s *Store) History(path []byte) ([]Past, error) {
	var list []Past
	err := s.read.view(context.Background(), func(q source) error {
		n, err := resolve(q, path)
		if err != nil && !errors.Is(err, ErrNotExist) && !errors.Is(err, ErrNotDir) {
			return err
		}
		if err != nil || !n.IsRegular() {
			n.Ino = 0
		}
		list, err = all(q, scanPast, `SELECT v.lost IS NOT NULL, `+versionColumns+` FROM version v WHERE v.ino = $1
			UNION SELECT v.lost IS NOT NULL, `+versionColumns+` FROM version v WHERE v.path = $2 AND v.retired <> 0`, n.Ino, path)
		return err
	})
	if err != nil {
		return nil, pathErr("history of", path, err)
	}
	slices.SortFunc(list, func(a, b Past) int { return int(min(1, max(-1, b.ID-a.ID))) })
	for i := range list {
		list[i].Fate = fate(list, i)
	}
	return list, nil
}

// scanPast reads a version with its loss in front.
func scanPast(row scanner) (p Past, err error) {
	p.Version, err = scanVersion(behind{row, &p.Lost})
	return p, err
}

// behind is a row that has one more column in front.
type behind struct {
	row   scanner
	first any
}

func (b behind) Scan(dest ...any) error { return b.row.Scan(append([]any{b.first}, dest...)...) }

// fate tells what became of one version of a path, by the others: replaced if another
// was there when it went.
func fate(list []Past, i int) Fate {
	v := &list[i]
	if v.Retired == 0 {
		return FateCurrent
	}
	for j := range list {
		w := &list[j]
		sameFile := w.Ino == v.Ino && w.ID > v.ID
		there := w.ID != v.ID && int64(w.ID)*1000 <= v.Retired && (w.Retired == 0 || w.Retired > v.Retired)
		if sameFile || there {
			return FateReplaced
		}
	}
	return FateDeleted
}

// Undelete makes the content of a retired version a file of its own, under an
// absolute path: a new node with a new version, which takes over all that the old one
// had. Mode and owners are those that the file had, where they are known, else 0644
// and the directory's. Directories that are missing are made. What has the name is
// replaced, as by a rename, and its version is kept as those of deleted files are.
//
// A node without a name that has the version still, since somebody has it open or had
// a moment ago, loses it: who has it open reads on, and cannot open it again.
//
// ErrCurrent; ErrNowhere if its bytes are gone; ErrSuperseded if a writer has it open,
// or the version is not on record any more; ErrIsDir if the name is a directory's;
// ErrNotDir; ErrUnseen if something may have the name in the fallback. Durable.
func (s *Store) Undelete(id VersionID, path []byte, now int64) (Node, error) {
	var n Node
	err := s.durable(func(t *tx) (err error) {
		n, err = t.undelete(id, path, now)
		return err
	})
	if err != nil {
		return Node{}, versionErr("undelete", id, err)
	}
	return n, nil
}

func (t *tx) undelete(id VersionID, path []byte, now int64) (Node, error) {
	v, err := t.restorable(id)
	if err != nil {
		return Node{}, err
	}
	parent, name, err := t.makeParents(path, now)
	if err != nil {
		return Node{}, err
	}
	other, err := getEntry(t, parent.Ino, name)
	switch {
	case err == nil && other.IsDir():
		return Node{}, ErrIsDir
	case err == nil:
		if err := t.drop(parent.Ino, name, &other, now); err != nil {
			return Node{}, err
		}
	default:
		if err = seen(t, parent.Ino, err); !errors.Is(err, ErrNotExist) {
			return Node{}, err
		}
	}
	n := Node{Mode: TypeRegular | 0o644, UID: parent.UID, GID: parent.GID, Nlink: 1}
	if v.Mode != 0 {
		n.Mode, n.UID, n.GID = v.Mode, v.UID, v.GID
	}
	if err := t.insertNode(&n, CreateRequest{Now: now}); err != nil {
		return Node{}, err
	}
	if err := t.bind(parent.Ino, name, n.Ino); err != nil {
		return Node{}, err
	}
	n.Version, n.Size, n.Blocks = t.nextVersion(now), v.Size, (v.Size+511)/512
	n.Atime, n.Mtime, n.Ctime = v.Mtime, v.Mtime, now
	if err := t.updateNode(&n); err != nil {
		return Node{}, err
	}
	if err := t.takeOver(&v, &n, now); err != nil {
		return Node{}, err
	}
	if err := t.changedDir(parent.Ino, 0, now); err != nil {
		return Node{}, err
	}
	return n, t.alter(parent.Ino, name)
}

// restorable gives a version that may be brought back.
func (t *tx) restorable(id VersionID) (Version, error) {
	v, err := t.changing(id)
	switch {
	case err != nil:
		return v, err
	case v.Retired == 0:
		return v, ErrCurrent
	case v.Open:
		return v, ErrSuperseded
	}
	lost, err := exists(t, `SELECT 1 FROM version WHERE id = $1 AND lost IS NOT NULL`, id)
	if err == nil && (lost || v.File == "" && v.Fallback == nil && v.Remote != Stored) {
		err = ErrNowhere
	}
	return v, err
}

// makeParents walks to the directory of a path and makes what is missing, with the
// owner and the permissions of the directory above.
func (t *tx) makeParents(path []byte, now int64) (dir Node, name []byte, err error) {
	if len(path) == 0 || path[0] != '/' {
		return dir, nil, fs.ErrInvalid
	}
	if dir, err = getNode(t, Root); err != nil {
		return dir, nil, err
	}
	names := bytes.Split(path[1:], []byte{'/'})
	name = names[len(names)-1]
	for _, one := range names {
		if err := checkName(one); err != nil {
			return dir, nil, err
		}
	}
	for _, one := range names[:len(names)-1] {
		next, err := lookup(t, dir.Ino, one)
		err = seen(t, dir.Ino, err)
		if errors.Is(err, ErrNotExist) {
			next, err = t.create(CreateRequest{Parent: dir.Ino, Name: one, Mode: TypeDir | dir.Mode&modePermission,
				UID: dir.UID, GID: dir.GID, Now: now})
			if err == nil {
				err = t.alter(dir.Ino, one)
			}
		}
		if err == nil && !next.IsDir() {
			err = ErrNotDir
		}
		if err != nil {
			return dir, nil, err
		}
		dir = next
	}
	return dir, name, nil
}

// takeOver makes a retired version the current one of a new node, under the node's
// version id. An object that was being sent for it is lost: its sender finds no
// version any more.
func (t *tx) takeOver(v *Version, n *Node, now int64) error {
	if err := t.exec(`UPDATE node SET version = 0 WHERE ino = $1 AND version = $2`, v.Ino, v.ID); err != nil {
		return err
	}
	if err := t.exec(`UPDATE draft SET base = 0 WHERE base = $1`, v.ID); err != nil {
		return err
	}
	err := t.must(ErrSuperseded, `UPDATE version SET id = $2, ino = $3, retired = 0, used = $4, path = NULL,
		mode = 0, uid = 0, gid = 0 WHERE id = $1`, v.ID, n.Version, n.Ino, now)
	if err != nil {
		return err
	}
	if v.Remote == Sending {
		err = t.exec(`UPDATE version SET remote = 0, bucket = '', prefix = '', key = '', upload_id = '' WHERE id = $1`, n.Version)
		if err == nil {
			err = t.loseObject(v.Bucket, v.Key, now)
		}
		if err != nil {
			return err
		}
	}
	goal := GoalRules
	switch {
	case v.Remote == Stored:
		goal = GoalKey
	case v.Fallback != nil:
		return nil // it is where it belongs
	}
	return t.exec(`INSERT INTO upload (version, due, since, goal) VALUES ($1, $2, $2, $3)`, n.Version, now, goal)
}
