package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed" // for schema.sql
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"

	"contentfs/meta"
)

const (
	applicationID = 0x63667331 // "cfs1"
	schemaVersion = 3
)

//go:embed schema.sql
var schema string

// prepare makes the schema in a database that is empty, and checks it again in one
// that is not: two processes may do so at the same time.
func prepare(db *sql.DB, o *Options) error {
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	o.pass("opened")
	empty, err := isEmpty(ctx, conn)
	if err != nil {
		return err
	}
	if !empty {
		return checkFormat(ctx, conn)
	}
	if err := createSchema(ctx, conn, o.Volume); err != nil {
		return err
	}
	o.pass("schema")
	// With the schema in the database itself, a lost log is never taken for a new
	// volume.
	var busy, pages, copied int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &copied)
	if err != nil {
		return fmt.Errorf("create schema: %w", err)
	}
	return nil
}

// queryer is a database or one of its connections.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// isEmpty reports whether nothing was ever stored: a crash can leave a new
// database so.
func isEmpty(ctx context.Context, q queryer) (bool, error) {
	var tables, application, version int64
	err := q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sqlite_schema),
		(SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version)`).
		Scan(&tables, &application, &version)
	return tables == 0 && application == 0 && version == 0, err
}

// checkFormat tells whether the database is ours and of this schema.
func checkFormat(ctx context.Context, q queryer) error {
	var application, version int64
	err := q.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version)`).Scan(&application, &version)
	switch {
	case err != nil:
		return foreign(err)
	case application != applicationID:
		return meta.ErrForeign
	case version > schemaVersion:
		return fmt.Errorf("schema %d, this one knows %d: %w", version, schemaVersion, meta.ErrTooNew)
	case version < schemaVersion:
		return fmt.Errorf("schema %d, this one knows %d: %w", version, schemaVersion, meta.ErrTooOld)
	}
	return nil
}

// onlyTables makes sure that a database, which nobody has open, has no triggers, views
// and virtual tables.
func onlyTables(path string) (err error) {
	db := pool(connector{path: path, role: immutable, probe: true}, 1)
	defer func() { err = errors.Join(err, db.Close()) }()
	var n int64
	err = db.QueryRowContext(context.Background(), `SELECT count(*) FROM sqlite_schema
		WHERE type NOT IN ('table', 'index') OR sql LIKE 'CREATE VIRTUAL%'`).Scan(&n)
	if err == nil && n > 0 {
		err = fmt.Errorf("%w: it has %d triggers, views or virtual tables", meta.ErrForeign, n)
	}
	return foreign(err)
}

// foreign says of a file that SQLite cannot read that it is not ours.
func foreign(err error) error {
	var e sqlite3.Error
	if errors.As(err, &e) && e.Code == sqlite3.ErrNotADB {
		return fmt.Errorf("%w: %w", meta.ErrForeign, err)
	}
	return err
}

// createSchema makes an empty database a volume's, in one durable transaction.
func createSchema(ctx context.Context, conn *sql.Conn, volume string) (err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("create schema: %w", err)
	}
	defer func() {
		if err != nil {
			_, e := conn.ExecContext(ctx, "ROLLBACK")
			err = fmt.Errorf("create schema: %w", errors.Join(err, e))
		}
	}()
	// Another process may have done it while this one waited.
	empty, err := isEmpty(ctx, conn)
	if err != nil {
		return err
	}
	if !empty {
		if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
			return err
		}
		return checkFormat(ctx, conn)
	}
	if _, err := conn.ExecContext(ctx, schema); err != nil {
		return err
	}
	if err := fillSchema(ctx, conn, volume); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// fillSchema writes the rows a volume begins with: its id, the counters, the root.
func fillSchema(ctx context.Context, conn *sql.Conn, volume string) error {
	if volume == "" {
		id := make([]byte, 16)
		if _, err := rand.Read(id); err != nil {
			return fmt.Errorf("volume id: %w", err)
		}
		volume = hex.EncodeToString(id)
	}
	for _, s := range []struct {
		text string
		args []any
	}{
		{fmt.Sprintf("PRAGMA application_id = %d", applicationID), nil},
		{fmt.Sprintf("PRAGMA user_version = %d", schemaVersion), nil},
		{`INSERT INTO setting (key, value) VALUES ('volume', ?1)`, []any{volume}},
		{`INSERT INTO counter (id, last_ino, last_version, syncs) VALUES (1, ?1, 0, 0)`, []any{int64(meta.Root)}},
		{`INSERT INTO node (ino, mode, uid, gid, nlink, rdev, size, atime, mtime, ctime, parent)
			VALUES (?1, ?2, 0, 0, 2, 0, 0, ?3, ?3, ?3, ?1)`,
			[]any{int64(meta.Root), meta.TypeDir | 0o755, time.Now().UnixNano()}},
	} {
		if _, err := conn.ExecContext(ctx, s.text, s.args...); err != nil {
			return err
		}
	}
	return nil
}
