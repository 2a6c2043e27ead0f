package meta

import (
	"context"
	"fmt"
)

// Alteration is a name that a command changed, of which the kernel of a live mount
// does not know.
type Alteration struct {
	ID     int64
	Parent Ino
	Name   []byte
}

// alter notes that a name was changed by another process than the mount's.
func (t *tx) alter(parent Ino, name []byte) error {
	return t.exec(`INSERT INTO alteration (parent, name) VALUES ($1, $2)`, parent, name)
}

// Alterations lists up to limit of them, in order.
func (s *Store) Alterations(limit int) ([]Alteration, error) {
	list, err := all(s.read, func(row scanner) (a Alteration, err error) {
		err = row.Scan(&a.ID, &a.Parent, &a.Name)
		return a, err
	}, `SELECT id, parent, name FROM alteration ORDER BY id LIMIT $1`, limit)
	return list, opErr("alterations", err)
}

// ForgetAlterations drops those up to an id, which the kernel was told. Visible.
func (s *Store) ForgetAlterations(upTo int64) error {
	err := s.visible(func(t *tx) error { return t.exec(`DELETE FROM alteration WHERE id <= $1`, upTo) })
	return opErr("forget alterations", err)
}

// Elsewhere returns a channel that gets a token some time after another process
// changed the database.
func (s *Store) Elsewhere() <-chan struct{} { return s.elsewhere }

// listen finds out whether another process changed the database since the last call.
func (w *writer) listen() error {
	if w.s.dialect.Others == "" {
		return nil
	}
	var now int64
	if err := w.conn.QueryRowContext(context.Background(), w.s.dialect.Others).Scan(&now); err != nil {
		return fmt.Errorf("look for changes of others: %w", err)
	}
	if now != w.others && w.others != 0 {
		select {
		case w.s.elsewhere <- struct{}{}:
		default:
		}
	}
	w.others = now
	return nil
}
