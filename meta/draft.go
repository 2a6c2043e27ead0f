package meta

import "io/fs"

// DraftRequest is a local file that is about to be written to.
type DraftRequest struct {
	Ino  Ino
	File FileID
	Base VersionID // what the content begins from, 0 for nothing

	// Detach: the file is Base's own, which loses it and stays in S3 or the
	// fallback.
	Detach bool
	// Preserve: the file is Base's own, which gets this copy of it instead.
	Preserve FileID

	Now int64
}

// OpenDraft records a draft before the first write. The base keeps its content:
// it is untouched, or detached, or preserved; in the last two cases it is not open
// any more, because no writer holds what remains of it. ErrNotExist if the node or
// the base is gone, ErrExist if the file is a draft or another version's;
// ErrSuperseded if the base's file is another, or if detaching it would lose it;
// fs.ErrInvalid if the node is no regular file. Durable with Detach or Preserve,
// else visible.
func (s *Store) OpenDraft(r DraftRequest) error {
	err := s.change(r.Detach || r.Preserve != "", func(t *tx) error { return t.openDraft(&r) })
	return nodeErr("open draft of", r.Ino, err)
}

func (t *tx) openDraft(r *DraftRequest) error {
	n, err := getNode(t, r.Ino)
	if err != nil {
		return err
	}
	if !n.IsRegular() || r.File == "" || r.Detach && r.Preserve != "" {
		return fs.ErrInvalid
	}
	if r.Detach || r.Preserve != "" {
		base, err := getVersion(t, r.Base)
		if err != nil {
			return err
		}
		kept := r.Preserve != "" || base.Remote == Stored || base.Fallback != nil
		if base.File != r.File || base.Ino != r.Ino || !kept {
			return ErrSuperseded
		}
		if err := t.exec(`UPDATE version SET file = $2, open = 0 WHERE id = $1`, r.Base, orNull(r.Preserve)); err != nil {
			return err
		}
	}
	if err := t.unheld(ErrExist, r.File); err != nil {
		return err
	}
	// A file of the quarantine that is opened again is judged by that.
	if err := t.exec(`DELETE FROM quarantine WHERE file = $1`, r.File); err != nil {
		return err
	}
	return t.insertDraft(r.File, r.Ino, r.Base)
}

func (t *tx) insertDraft(file FileID, ino Ino, base VersionID) error {
	return t.must(ErrExist, `INSERT INTO draft (file, ino, base) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		file, ino, base)
}

// unheld is why if a version holds the file.
func (t *tx) unheld(why error, file FileID) error {
	held, err := exists(t, `SELECT 1 FROM version WHERE file = $1`, file)
	if err == nil && held {
		err = why
	}
	return err
}

// DropDraft ends a draft that was not written to (reattach: the file is the
// base's content still and goes back to it, if the base has none) or whose content
// is not wanted. A file that is not taken back goes to the trash. ErrNotExist.
// Visible.
func (s *Store) DropDraft(file FileID, reattach bool, now int64) error {
	err := s.visible(func(t *tx) error {
		var base VersionID
		if err := one(t.row(`SELECT base FROM draft WHERE file = $1`, file), &base); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM draft WHERE file = $1`, file); err != nil {
			return err
		}
		if reattach && base != 0 {
			taken, err := t.affect(`UPDATE version SET file = $2 WHERE id = $1 AND file IS NULL`, base, file)
			if err != nil || taken {
				return err
			}
		}
		return t.trash(file, now)
	})
	return fileErr("drop draft", file, err)
}

// RemoveOrphan forgets a node without a name that nobody has open any more, with
// its attributes and drafts, whose files go to the trash. Its versions stay as
// retired ones, closed. ErrNotExist; ErrExist if the node has a name. Visible.
func (s *Store) RemoveOrphan(ino Ino, now int64) error {
	err := s.visible(func(t *tx) error { return t.removeOrphan(ino, now) })
	return nodeErr("remove orphan", ino, err)
}

func (t *tx) removeOrphan(ino Ino, now int64) error {
	n, err := getNode(t, ino)
	if err != nil {
		return err
	}
	if n.Nlink != 0 {
		return ErrExist
	}
	err = t.exec(`INSERT INTO trash (file, since) SELECT file, $2 FROM draft WHERE ino = $1`, ino, now)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`UPDATE version SET open = 0 WHERE ino = $1 AND open <> 0`,
		`DELETE FROM draft WHERE ino = $1`,
		`DELETE FROM xattr WHERE ino = $1`,
		`DELETE FROM node WHERE ino = $1`,
	} {
		if err := t.exec(statement, ino); err != nil {
			return err
		}
	}
	return nil
}
