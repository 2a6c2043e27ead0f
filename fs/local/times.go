package local

import (
	"errors"
	"fmt"
)

// FineTimes reports whether the file system's clock tells two writes apart that
// follow each other at once (Linux 6.13 and later on ext4, XFS, Btrfs and tmpfs).
func (s *Store) FineTimes() bool { return s.fine }

// probeTimes finds out what FineTimes answers. A coarse clock passes all rounds
// by chance only if a tick falls between every two writes.
func (s *Store) probeTimes() (bool, error) {
	f, err := s.Create(Identity{Kind: Copy})
	if err != nil {
		return false, fmt.Errorf("probe local store: %w", err)
	}
	defer f.Close()
	fine, err := distinctTimes(f)
	return fine, errors.Join(err, s.unlink(f.ID))
}

func distinctTimes(f *File) (bool, error) {
	const rounds = 16
	var last Stamp
	for i := range rounds {
		if _, err := f.WriteAt([]byte{1}, 0); err != nil {
			return false, fmt.Errorf("probe local store: %w", err)
		}
		st, err := f.Stamp()
		if err != nil {
			return false, err
		}
		if i > 0 && st.Mtime == last.Mtime {
			return false, nil
		}
		last = st
	}
	return true, nil
}
