package meta

import (
	"context"
	"errors"
)

// CopyTo writes a copy of the whole database, as it is at one moment and without what
// is deleted in it, to a file that is empty. Changes go on meanwhile; the log grows
// until the copy is whole. The copy is not on stable storage when it returns. After an
// error, that of ctx too, the file is of no use. Only for a store that may write.
func (s *Store) CopyTo(ctx context.Context, path string) (err error) {
	if s.writes == nil || s.dialect.CopyTo == "" {
		return opErr("copy database", errors.ErrUnsupported)
	}
	conn, err := s.writes.Conn(ctx)
	if err != nil {
		return opErr("copy database", err)
	}
	defer func() { err = opErr("copy database", errors.Join(err, conn.Close())) }()
	_, err = conn.ExecContext(ctx, s.dialect.Rebind(s.dialect.CopyTo), path)
	return err
}

// Counters gives the last numbers that were given out.
func (s *Store) Counters() (ino Ino, version VersionID, err error) {
	err = s.read.row(`SELECT last_ino, last_version FROM counter`).Scan(&ino, &version)
	return ino, version, opErr("counters", err)
}

// Advance makes sure that no number up to these is ever given out. Durable.
func (s *Store) Advance(ino Ino, version VersionID) error {
	err := s.durable(func(t *tx) error {
		t.lastIno, t.lastVersion = max(t.lastIno, ino), max(t.lastVersion, version)
		t.counted = true
		return nil
	})
	return opErr("advance counters", err)
}
