package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// source runs prepared queries: on a reading connection, in one snapshot, or in
// the writer's transaction. Queries are constants, prepared at their first use.
type source interface {
	query(query string, args ...any) (*sql.Rows, error)
	row(query string, args ...any) scanner
	// place gives a name's place in any directory.
	place(name []byte) Place
}

// scanner is a row, or the one row of a result.
type scanner interface {
	Scan(dest ...any) error
}

// noRow is the answer of a query that could not be prepared.
type noRow struct{ err error }

func (r noRow) Scan(...any) error { return r.err }

// reader is a source over the pool of reading connections.
type reader struct {
	db     *sql.DB
	rebind func(string) string
	placer // set before the first name is asked for

	mu       sync.RWMutex // guards prepared
	prepared map[string]*sql.Stmt
}

// ready returns a statement that was prepared before, or nil.
func (r *reader) ready(query string) *sql.Stmt {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.prepared[query]
}

// prepare waits for a connection: never with the lock, which those who have one may
// wait for, and never on behalf of who has one.
func (r *reader) prepare(query string) (*sql.Stmt, error) {
	if stmt := r.ready(query); stmt != nil {
		return stmt, nil
	}
	stmt, err := r.db.Prepare(r.rebind(query))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.prepared[query]; other != nil {
		return other, stmt.Close()
	}
	r.prepared[query] = stmt
	return stmt, nil
}

func (r *reader) query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := r.prepare(query)
	if err != nil {
		return nil, err
	}
	return stmt.Query(args...)
}

func (r *reader) row(query string, args ...any) scanner {
	stmt, err := r.prepare(query)
	if err != nil {
		return noRow{err}
	}
	return stmt.QueryRow(args...)
}

// snapshot is a source whose queries all see the same moment.
type snapshot struct {
	r   *reader
	tx  *sql.Tx
	own map[string]*sql.Stmt // what was not prepared for all: it ends with tx
}

// prepare uses the snapshot's connection alone.
func (s snapshot) prepare(query string) (*sql.Stmt, error) {
	if stmt := s.own[query]; stmt != nil {
		return stmt, nil
	}
	if stmt := s.r.ready(query); stmt != nil {
		return s.tx.Stmt(stmt), nil
	}
	stmt, err := s.tx.Prepare(s.r.rebind(query))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	s.own[query] = stmt
	return stmt, nil
}

func (s snapshot) place(name []byte) Place { return s.r.place(name) }

func (s snapshot) query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.prepare(query)
	if err != nil {
		return nil, err
	}
	return stmt.Query(args...)
}

func (s snapshot) row(query string, args ...any) scanner {
	stmt, err := s.prepare(query)
	if err != nil {
		return noRow{err}
	}
	return stmt.QueryRow(args...)
}

// view calls f with a source that sees one moment.
func (r *reader) view(ctx context.Context, f func(source) error) (err error) {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	s := snapshot{r: r, tx: tx, own: make(map[string]*sql.Stmt)}
	defer func() {
		// Nothing was changed, there is nothing to lose by rolling back.
		if e := tx.Rollback(); e != nil && err == nil && !errors.Is(e, sql.ErrTxDone) {
			err = fmt.Errorf("end of reading: %w", e)
		}
		// For the next one; the connection is free again. It goes without, too.
		for query := range s.own {
			_, _ = r.prepare(query)
		}
	}()
	return f(s)
}

// one scans the single row of a query; no row is ErrNotExist.
func one(row scanner, dest ...any) error {
	err := row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotExist
	}
	return err
}

// exists reports whether the query gives a row. Its one column is an integer.
func exists(q source, query string, args ...any) (bool, error) {
	var n int64
	switch err := q.row(query, args...).Scan(&n); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

// all collects what scan makes of each row.
func all[T any](q source, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// orNull binds an empty local file id as NULL.
func orNull(file FileID) any {
	if file == "" {
		return nil
	}
	return string(file)
}
