package meta

import "errors"

// Abandoned is a draft that nobody writes to any more and that was never committed.
type Abandoned struct {
	File FileID
	Ino  Ino    // its node
	Path []byte // where that is, nil if not known

	// Reason is why the file is kept in the quarantine; "": nothing is in it, and it
	// goes to the trash.
	Reason string

	// KeepNames: the node was there before the draft, made without content, and stays.
	KeepNames bool
}

// Abandon ends a draft, and takes its names from a node that never had content: with
// one without the other, a crash would leave an empty file where a new one was being
// written. ErrSuperseded if a version holds the file. Durable.
func (s *Store) Abandon(a Abandoned, now int64) error {
	err := s.durable(func(t *tx) error {
		err := t.free(a.File)
		switch {
		case err != nil:
		case a.Reason == "":
			err = t.trash(a.File, now)
		default:
			err = t.exec(`INSERT INTO quarantine (file, ino, path, reason, since) VALUES ($1, $2, $3, $4, $5)`,
				a.File, a.Ino, a.Path, a.Reason, now)
		}
		if err != nil || a.KeepNames {
			return err
		}
		return t.unnameEmpty(a.Ino, now)
	})
	return fileErr("abandon draft", a.File, err)
}

// unnameEmpty takes all names from a node that never had content.
func (t *tx) unnameEmpty(ino Ino, now int64) error {
	n, err := getNode(t, ino)
	if errors.Is(err, ErrNotExist) || err == nil && (!n.IsRegular() || n.Version != 0) {
		return nil
	}
	if err != nil {
		return err
	}
	type name struct {
		dir  Ino
		name []byte
	}
	names, err := all(t, func(row scanner) (x name, err error) {
		err = row.Scan(&x.dir, &x.name)
		return x, err
	}, `SELECT parent, name FROM name WHERE ino = $1`, ino)
	if err != nil {
		return err
	}
	for _, x := range names {
		if err := t.drop(x.dir, x.name, &n, now); err != nil {
			return err
		}
		if err := t.changedDir(x.dir, 0, now); err != nil {
			return err
		}
	}
	return nil
}
