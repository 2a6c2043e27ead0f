package meta

import "errors"

// Getxattr gives an extended attribute. ErrNoAttr, also for a node that does
// not exist.
func (s *Store) Getxattr(ino Ino, name []byte) ([]byte, error) {
	var value []byte
	err := one(s.read.row(`SELECT value FROM xattr WHERE ino = $1 AND name = $2`, ino, name), &value)
	if errors.Is(err, ErrNotExist) {
		err = ErrNoAttr
	}
	if err != nil {
		return nil, nameErr("get attribute", ino, name, err)
	}
	return value, nil
}

// Listxattr gives the names of a node's extended attributes.
func (s *Store) Listxattr(ino Ino) ([][]byte, error) {
	list, err := all(s.read, scanBytes, `SELECT name FROM xattr WHERE ino = $1 ORDER BY name`, ino)
	return list, nodeErr("list attributes of", ino, err)
}

func scanBytes(row scanner) ([]byte, error) {
	var b []byte
	err := row.Scan(&b)
	return b, err
}

// Setxattr sets an extended attribute other than an access control list, which is
// SetACL's: with create only a new one (ErrExist),
// with replace only an old one (ErrNoAttr). ErrNotExist. Visible.
func (s *Store) Setxattr(ino Ino, name, value []byte, create, replace bool, now int64) error {
	err := s.visible(func(t *tx) error {
		if err := t.changed(ino, now); err != nil {
			return err
		}
		value := append([]byte{}, value...) // an empty value is not NULL
		switch {
		case create:
			return t.must(ErrExist, `INSERT INTO xattr (ino, name, value) VALUES ($1, $2, $3)
				ON CONFLICT DO NOTHING`, ino, name, value)
		case replace:
			return t.must(ErrNoAttr, `UPDATE xattr SET value = $3 WHERE ino = $1 AND name = $2`, ino, name, value)
		}
		return t.putXattr(ino, name, value)
	})
	return nameErr("set attribute", ino, name, err)
}

func (t *tx) putXattr(ino Ino, name, value []byte) error {
	return t.exec(`INSERT INTO xattr (ino, name, value) VALUES ($1, $2, $3)
		ON CONFLICT (ino, name) DO UPDATE SET value = excluded.value`, ino, name, value)
}

// Removexattr removes an extended attribute. ErrNoAttr, ErrNotExist. Visible.
func (s *Store) Removexattr(ino Ino, name []byte, now int64) error {
	err := s.visible(func(t *tx) error {
		if err := t.changed(ino, now); err != nil {
			return err
		}
		return t.must(ErrNoAttr, `DELETE FROM xattr WHERE ino = $1 AND name = $2`, ino, name)
	})
	return nameErr("remove attribute", ino, name, err)
}

// changed sets a node's change time.
func (t *tx) changed(ino Ino, now int64) error {
	return t.must(ErrNotExist, `UPDATE node SET ctime = $2 WHERE ino = $1`, ino, now)
}
