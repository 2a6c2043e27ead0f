package sqlite

import (
	"context"
	"database/sql"
	_ "embed" // for the migrations
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"contentfs/meta"
)

//go:embed migrate2.sql
var toSchema2 string

//go:embed migrate3.sql
var toSchema3 string

// migration changes a database of the schema before into the next.
type migration struct {
	to   int64 // the schema it leaves
	text string
}

// migrations are all there are, in order. None is ever changed once a database may
// have gone through it.
func migrations() []migration {
	return []migration{{to: 2, text: toSchema2}, {to: 3, text: toSchema3}}
}

// migrate brings the database at path to the present schema, in one durable
// transaction. Before that it keeps a copy beside it, named after the old schema: a
// contentfs of before can go on with that. A crash leaves the old database, and
// perhaps a copy that the next attempt makes anew.
func migrate(path string, db *sql.DB, o *Options) error {
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	from, err := schemaOf(ctx, conn)
	if err != nil || from >= schemaVersion {
		return err
	}
	first := 0
	for _, m := range migrations() {
		if m.to <= from {
			first++
		}
	}
	if steps := migrations()[first:]; len(steps) == 0 || steps[0].to != from+1 {
		return fmt.Errorf("schema %d, this one knows %d: %w", from, schemaVersion, meta.ErrTooOld)
	}
	if err := backUp(ctx, conn, fmt.Sprintf("%s.schema%d", path, from), o); err != nil {
		return fmt.Errorf("keep a copy of schema %d: %w", from, err)
	}
	o.pass("migrate-kept")
	return apply(ctx, conn, from, o)
}

func schemaOf(ctx context.Context, q queryer) (version int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT user_version FROM pragma_user_version`).Scan(&version)
	return version, err
}

// apply runs what leads on from a schema. Another process may have done it while
// this one waited for its turn.
func apply(ctx context.Context, conn *sql.Conn, from int64, o *Options) (err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer func() {
		if err != nil {
			_, e := conn.ExecContext(ctx, "ROLLBACK")
			err = fmt.Errorf("migrate: %w", errors.Join(err, e))
		}
	}()
	now, err := schemaOf(ctx, conn)
	if err != nil {
		return err
	}
	for _, m := range migrations() {
		if m.to <= max(from, now) {
			continue
		}
		if _, err := conn.ExecContext(ctx, m.text); err != nil {
			return fmt.Errorf("to schema %d: %w", m.to, err)
		}
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", m.to)); err != nil {
			return fmt.Errorf("to schema %d: %w", m.to, err)
		}
	}
	o.pass("migrate-applied")
	_, err = conn.ExecContext(ctx, "COMMIT")
	o.pass("migrate-complete")
	return err
}

// backUp copies the database to a file that is whole and durable, or not there
// under its name.
func backUp(ctx context.Context, conn *sql.Conn, to string, o *Options) error {
	part := to + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	// Into an empty file, so that its mode is ours.
	if _, err := conn.ExecContext(ctx, "VACUUM INTO ?1", part); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	o.pass("migrate-copied")
	if err := os.Rename(part, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}
