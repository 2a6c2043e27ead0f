package meta

import (
	"database/sql"
	"errors"
)

// Entry is one name in a directory with the node it binds.
type Entry struct {
	Name []byte
	Node Node
	// Place is where a listing goes on behind this entry. Of names that share a
	// place, which no two in a directory of a million ever may, all but the last
	// have the place before: they are then listed once more, and none is left out.
	Place Place
}

// Place gives the place of a name in any directory.
func (s *Store) Place(name []byte) Place { return s.read.place(name) }

// List gives use one entry of a directory after the other, in the order of their
// places, from behind a place on (0: from the start) and until it returns false.
// use must not keep the pointer, nor use the store. What is created or removed between
// two calls changes nothing for the other names. The names "." and ".." are not
// among them. Errors as of Lookup.
func (s *Store) List(parent Ino, after Place, use func(*Entry) bool) error {
	return nodeErr("list", parent, s.list(parent, after, use))
}

func (s *Store) list(parent Ino, after Place, use func(*Entry) bool) error {
	rows, err := s.read.query(`SELECT e.place, e.name, `+nodeColumns+` FROM name e JOIN node n ON n.ino = e.ino
		WHERE e.parent = $1 AND e.place > $2 ORDER BY e.place`, parent, after)
	if err != nil {
		return err
	}
	found, err := each(rows, use)
	if err := errors.Join(err, rows.Close()); err != nil || found {
		return err
	}
	_, err = getDir(s.read, parent)
	return err
}

// each scans rows and gives use the entries, one row behind: an entry's place
// depends on the next one. It reports whether there was any.
func each(rows *sql.Rows, use func(*Entry) bool) (found bool, err error) {
	var scan nodeScan
	var name []byte
	var place int64
	dest := append([]any{&place, &name}, scan.dest()...)
	var entry Entry
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return found, err
		}
		if found {
			if entry.Place == Place(place) {
				entry.Place--
			}
			if !use(&entry) {
				return true, nil
			}
		}
		found = true
		entry = Entry{Name: name, Node: scan.result(), Place: Place(place)}
		name = nil
	}
	if err := rows.Err(); err != nil {
		return found, err
	}
	if found {
		use(&entry)
	}
	return found, nil
}
