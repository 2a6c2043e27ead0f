package meta

import (
	"context"
	"errors"
	"fmt"
)

// beginTries is how often the busy timeout of the database is waited for when
// another process holds the lock: a command in the middle of its change.
const beginTries = 12

// begin starts a transaction, and waits for a command that is in one.
func (w *writer) begin(durable bool) error {
	if durable != w.full {
		if err := w.setDurable(durable); err != nil {
			return err
		}
	}
	var err error
	for range beginTries {
		err = w.tx.exec(w.s.dialect.Begin)
		if err == nil {
			return nil
		}
		if w.s.dialect.Classify(err) != ClassBusy {
			break
		}
	}
	return fmt.Errorf("begin: %w", err)
}

// setDurable has the next commits wait for the disk, or not. It is no statement to
// prepare: SQLite runs this one while it prepares it.
func (w *writer) setDurable(durable bool) error {
	mode := w.s.dialect.Visible
	if durable {
		mode = w.s.dialect.Durable
	}
	if _, err := w.conn.ExecContext(context.Background(), mode); err != nil {
		return fmt.Errorf("durability: %w", err)
	}
	w.full = durable
	return nil
}

// rollback ends the transaction and gives back why.
func (w *writer) rollback(why error) error {
	if err := w.tx.exec("ROLLBACK"); err != nil && w.fatal(err) != nil {
		// SQLite says "no transaction" when it has rolled back by itself.
		return errors.Join(why, err)
	}
	return why
}
