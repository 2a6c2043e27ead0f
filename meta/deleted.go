package meta

import (
	"bytes"
	"context"
	"errors"
)

// Deleted calls use with what was deleted below a directory, given by its absolute
// path: the newest version of each path at which there is no file now, in the order of
// the paths. Where the directory is, or whether, does not matter. An error of use ends
// it and is returned.
func (s *Store) Deleted(dir []byte, use func(*Past) error) error {
	const some = 256
	first := append(bytes.TrimRight(dir, "/"), '/')
	last := append(first[:len(first)-1:len(first)-1], '/'+1) // behind all that begin with first
	for after := first; ; {
		list, next, err := s.deleted(after, last, some)
		if err != nil {
			return pathErr("what was deleted below", dir, err)
		}
		for i := range list {
			if err := use(&list[i]); err != nil {
				return err
			}
		}
		if next == nil {
			return nil
		}
		after = next
	}
}

// deleted gives some of them, and where to go on.
func (s *Store) deleted(after, last []byte, some int) (list []Past, next []byte, err error) {
	err = s.read.view(context.Background(), func(q source) error {
		retired, err := all(q, scanPast, `SELECT v.lost IS NOT NULL, `+versionColumns+` FROM version v
			WHERE v.retired <> 0 AND v.path > $1 AND v.path < $2
				AND v.id = (SELECT max(w.id) FROM version w WHERE w.path = v.path AND w.retired <> 0)
			ORDER BY v.path LIMIT $3`, after, last, some)
		if err != nil {
			return err
		}
		if len(retired) == some {
			next = retired[some-1].Path
		}
		for _, p := range retired {
			n, err := resolve(q, p.Path)
			switch {
			case err == nil && n.IsRegular():
				continue
			case err != nil && !errors.Is(err, ErrNotExist) && !errors.Is(err, ErrNotDir) && !errors.Is(err, ErrUnseen):
				return err
			}
			p.Fate = FateDeleted
			list = append(list, p)
		}
		return nil
	})
	return list, next, err
}
