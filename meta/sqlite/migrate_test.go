package sqlite

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"contentfs/meta"
)

// fixture unpacks a database that an older contentfs wrote.
func fixture(t *testing.T, name string) string {
	t.Helper()
	z := must(gzip.NewReader(bytes.NewReader(must(os.ReadFile(filepath.Join("testdata", name+".gz")))(t))))(t)
	path := filepath.Join(t.TempDir(), "meta.db")
	if err := os.WriteFile(path, must(io.ReadAll(z))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMigrate opens what every older schema left and finds all that was in it.
func TestMigrate(t *testing.T) {
	for _, old := range []string{"schema1", "schema2"} {
		t.Run(old, func(t *testing.T) { migrates(t, old) })
	}
}

func migrates(t *testing.T, schema string) {
	path := fixture(t, schema+".db")
	before := must(os.ReadFile(path))(t)
	for what, o := range map[string]Options{"writing": {}, "reading": {ReadOnly: true}} {
		if _, err := Open(path, o); !errors.Is(err, meta.ErrTooOld) {
			t.Errorf("%s without a migration: %v", what, err)
		}
	}
	if !bytes.Equal(before, must(os.ReadFile(path))(t)) {
		t.Error("who may not migrate changed the database")
	}
	s := openAt(t, path, Options{Migrate: true})
	run(t, s)
	wantOldContent(t, s)
	if m := must(peekMark(path))(t); m == nil || m.State != running || m.Volume != s.VolumeID() {
		t.Errorf("the mark is %+v", m)
	}
	// And what the new schema is for works.
	if err := s.SetFallback(must(s.Current(must(s.Resolve([]byte(oldDir+"stored.jpg")))(t).Ino))(t).ID, []byte("a")); err != nil {
		t.Error(err)
	}
	if m := must(os.Stat(path + "." + schema))(t).Mode(); m != 0o600 {
		t.Errorf("the copy has mode %v", m)
	}
	backup := filepath.Join(t.TempDir(), "again.db")
	if err := os.WriteFile(backup, must(os.ReadFile(path+"."+schema))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	wantOldContent(t, openAt(t, backup, Options{Migrate: true}))
}

const oldDir = "/003d34b5ba832f753ad91a6cdac1921f/image/large/"

func wantOldContent(t *testing.T, s *meta.Store) {
	t.Helper()
	for name, want := range map[string]meta.Remote{"stored.jpg": meta.Stored, "waiting.jpg": meta.NotSent, "overflow.jpg": meta.NotSent} {
		n, err := s.Resolve([]byte(oldDir + name))
		if err != nil || n.UID != 33 || n.Size != 9 {
			t.Errorf("%s: %+v, %v", name, n, err)
			continue
		}
		if v, err := s.Current(n.Ino); err != nil || v.Remote != want {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	old, err := s.RetiredAt([]byte(oldDir + "removed.jpg"))
	if err != nil || len(old) != 1 || old[0].Key != "p/k3" {
		t.Errorf("removed: %+v, %v", old, err)
	}
	st, err := s.Stats()
	if err != nil || st.Queue.Number != 2 || st.Quarantined != 1 || st.Fallback.Number != 1 {
		t.Errorf("counts: %+v, %v", st, err)
	}
}

// TestMigratedIsAsNew compares the schema of a migrated database with that of a new
// one: the same columns, constraints and indexes, whatever the order.
func TestMigratedIsAsNew(t *testing.T) {
	for _, old := range []string{"schema1.db", "schema2.db"} {
		t.Run(old, func(t *testing.T) { becomesAsNew(t, old) })
	}
}

func becomesAsNew(t *testing.T, name string) {
	old := fixture(t, name)
	must(Open(old, Options{Migrate: true}))(t).Close()
	fresh := filepath.Join(t.TempDir(), "new.db")
	must(Open(fresh, Options{}))(t).Close()
	a, b := described(t, old), described(t, fresh)
	for line := range a {
		if !b[line] {
			t.Errorf("only migrated: %s", line)
		}
	}
	for line := range b {
		if !a[line] {
			t.Errorf("only new: %s", line)
		}
	}
}

func described(t *testing.T, path string) map[string]bool {
	t.Helper()
	db := pool(connector{path: path, role: reading}, 1)
	defer db.Close()
	found := make(map[string]bool)
	for _, query := range []string{
		`SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '-') || ' ' || c.pk
			FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'`,
		`SELECT coalesce(sql, name) FROM sqlite_schema WHERE type = 'index'`,
	} {
		rows := must(db.QueryContext(context.Background(), query))(t)
		for rows.Next() {
			var line sql.NullString
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			found[strings.Join(strings.Fields(line.String), " ")] = true
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestMigrateBreaksOff: a migration that fails leaves the old database.
func TestMigrateBreaksOff(t *testing.T) {
	path := fixture(t, "schema1.db")
	raw(t, path, "CREATE TABLE stray (x INTEGER)")
	if _, err := Open(path, Options{Migrate: true}); err == nil {
		t.Fatal("a migration that cannot be made succeeded")
	}
	raw(t, path, "DROP TABLE stray")
	s := openAt(t, path, Options{Migrate: true})
	wantOldContent(t, s)
}
