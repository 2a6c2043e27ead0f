package meta

// QuarantineEntry is a local file whose content was never committed, or is not what
// was.
type QuarantineEntry struct {
	File   FileID
	Ino    Ino    // of the node it was written for, as far as known
	Path   []byte // where that was, nil if not known
	Reason string
	Since  int64
}

// Quarantine sets a local file aside for a person to judge, and ends its draft if
// it was one. ErrSuperseded if a version holds it. Durable.
func (s *Store) Quarantine(file FileID, ino Ino, path []byte, reason string, now int64) error {
	err := s.durable(func(t *tx) error {
		if err := t.free(file); err != nil {
			return err
		}
		return t.quarantine(file, ino, path, reason, now)
	})
	return fileErr("quarantine", file, err)
}

// free takes a file from wherever it is recorded, but for a version: that is
// ErrSuperseded.
func (t *tx) free(file FileID) error {
	if err := t.unheld(ErrSuperseded, file); err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM draft WHERE file = $1`,
		`DELETE FROM trash WHERE file = $1`,
		`DELETE FROM quarantine WHERE file = $1`,
	} {
		if err := t.exec(statement, file); err != nil {
			return err
		}
	}
	return nil
}

// Quarantined lists up to limit files of the quarantine, behind the file after.
func (s *Store) Quarantined(limit int, after FileID) ([]QuarantineEntry, error) {
	list, err := all(s.read, scanQuarantined, `SELECT file, ino, path, reason, since FROM quarantine WHERE file > $1 ORDER BY file LIMIT $2`, after, limit)
	return list, opErr("quarantine", err)
}

// AddTrash records a local file that is to be unlinked, whether it was known
// before as a draft, in the quarantine, or not at all. ErrSuperseded if a version
// holds it. Visible.
func (s *Store) AddTrash(file FileID, now int64) error {
	err := s.visible(func(t *tx) error {
		if err := t.free(file); err != nil {
			return err
		}
		return t.trash(file, now)
	})
	return fileErr("trash", file, err)
}

func (t *tx) trash(file FileID, now int64) error {
	return t.exec(`INSERT INTO trash (file, since) VALUES ($1, $2) ON CONFLICT DO NOTHING`, file, now)
}

// Trash lists up to limit local files to unlink.
func (s *Store) Trash(limit int) ([]FileID, error) {
	list, err := all(s.read, func(row scanner) (file FileID, err error) {
		err = row.Scan(&file)
		return file, err
	}, `SELECT file FROM trash ORDER BY file LIMIT $1`, limit)
	return list, opErr("trash", err)
}

// EmptyTrash forgets local files whose unlinking is durable. Visible.
func (s *Store) EmptyTrash(files []FileID) error {
	err := s.visible(func(t *tx) error {
		for _, file := range files {
			if err := t.exec(`DELETE FROM trash WHERE file = $1`, file); err != nil {
				return err
			}
		}
		return nil
	})
	return opErr("empty trash", err)
}
