package meta

import (
	"context"
	"database/sql"
	"fmt"
)

// tx is what a request sees of the writer's transaction. It is a source that
// sees the transaction's own changes.
type tx struct {
	placer
	w        *writer
	prepared map[string]*sql.Stmt

	lastIno     Ino
	lastVersion VersionID
	syncs       int64 // durable transactions ever
	counted     bool  // one of them was advanced

	had   VersionID // lastVersion before this transaction
	first VersionID // the first id that it gave out; 0: none
}

func (t *tx) prepare(query string) (*sql.Stmt, error) {
	if stmt := t.prepared[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := t.w.conn.PrepareContext(context.Background(), t.w.s.dialect.Rebind(query))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	t.prepared[query] = stmt
	return stmt, nil
}

func (t *tx) query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	return stmt.Query(args...)
}

func (t *tx) row(query string, args ...any) scanner {
	stmt, err := t.prepare(query)
	if err != nil {
		return noRow{err}
	}
	return stmt.QueryRow(args...)
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.affect(query, args...)
	return err
}

// affect runs a statement and reports whether it changed a row.
func (t *tx) affect(query string, args ...any) (bool, error) {
	n, err := t.affected(query, args...)
	return n > 0, err
}

// affected is affect that tells how many rows.
func (t *tx) affected(query string, args ...any) (int64, error) {
	stmt, err := t.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.Exec(args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// must is affect where no row to change means why.
func (t *tx) must(why error, query string, args ...any) error {
	ok, err := t.affect(query, args...)
	if err == nil && !ok {
		err = why
	}
	return err
}

// loadCounters reads what another process may have advanced.
func (t *tx) loadCounters() error {
	t.counted, t.first = false, 0
	err := t.row(`SELECT last_ino, last_version, syncs FROM counter`).Scan(&t.lastIno, &t.lastVersion, &t.syncs)
	t.had = t.lastVersion
	return err
}

// storeCounters writes them down. For a durable transaction it always does: a
// transaction that changes nothing is not synced, and neither are those before it.
func (t *tx) storeCounters(durable bool) error {
	if !durable && !t.counted {
		return nil
	}
	if durable {
		t.syncs++
	}
	err := t.exec(`UPDATE counter SET last_ino = $1, last_version = $2, syncs = $3`,
		t.lastIno, t.lastVersion, t.syncs)
	if err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	if t.first != 0 && !t.w.issued {
		err := t.exec(`INSERT INTO life (first, had, token) VALUES ($1, $2, $3)`, t.first, t.had, t.w.token)
		if err != nil {
			return fmt.Errorf("life: %w", err)
		}
	}
	return nil
}

// nextIno gives a number no node ever had.
func (t *tx) nextIno() Ino {
	t.lastIno++
	t.counted = true
	return t.lastIno
}

// nextVersion gives an id above all others, now in microseconds if that is.
func (t *tx) nextVersion(now int64) VersionID {
	t.lastVersion = max(t.lastVersion+1, VersionID(now/1000))
	t.counted = true
	if t.first == 0 {
		t.first = t.lastVersion
	}
	return t.lastVersion
}
