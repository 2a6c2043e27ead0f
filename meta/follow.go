package meta

import (
	"strconv"
	"strings"
)

// settingFollow begins the names of the settings that say which directories got
// another name, each with its number, and when.
const settingFollow = "follow/"

// Renaming is a directory that got another name, and below which objects and copies
// may still be where the old one had them.
type Renaming struct {
	Dir  Ino
	when string
}

// followDir puts a directory that got another name on record. What is below it is too
// much for one transaction.
func (t *tx) followDir(dir Ino, due int64) error {
	if due == 0 {
		return nil
	}
	return t.exec(`INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
		settingFollow+strconv.FormatInt(int64(dir), 10), strconv.FormatInt(due, 10))
}

// Renamings lists up to limit directories whose names changed, in no order.
func (s *Store) Renamings(limit int) ([]Renaming, error) {
	list, err := all(s.read, func(row scanner) (r Renaming, err error) {
		var key string
		if err = row.Scan(&key, &r.when); err != nil {
			return r, err
		}
		n, err := strconv.ParseInt(strings.TrimPrefix(key, settingFollow), 10, 64)
		r.Dir = Ino(n)
		return r, err
	}, `SELECT key, value FROM setting WHERE key > $1 AND key < $2 LIMIT $3`, settingFollow, "follow0", limit)
	return list, opErr("directories that got other names", err)
}

// Followed takes one from the list, unless it got another name since. Visible.
func (s *Store) Followed(r Renaming) error {
	err := s.visible(func(t *tx) error {
		return t.exec(`DELETE FROM setting WHERE key = $1 AND value = $2`, settingFollow+strconv.FormatInt(int64(r.Dir), 10), r.when)
	})
	return nodeErr("end the following of", r.Dir, err)
}

// Follow has versions follow the names of their files, as a rename does. Visible.
func (s *Store) Follow(ids []VersionID, due int64) error {
	err := s.visible(func(t *tx) error {
		for _, id := range ids {
			if err := t.followName(id, due); err != nil {
				return err
			}
		}
		return nil
	})
	return opErr("follow names", err)
}
