package sqlite

import (
	"errors"
	"path/filepath"
	"testing"

	"contentfs/meta"
)

// TestUntrusted: nothing acts or answers in the place of a database's tables, before the
// first statement of ours is carried out.
func TestUntrusted(t *testing.T) {
	for _, c := range []struct {
		harm string
		want error
	}{
		{"PRAGMA user_version", nil},
		{"CREATE TRIGGER t AFTER UPDATE ON node BEGIN UPDATE node SET mode = mode | 2048; END", meta.ErrForeign},
		{"ALTER TABLE trash RENAME TO t; CREATE VIEW trash AS SELECT * FROM t", meta.ErrForeign},
	} {
		path := filepath.Join(t.TempDir(), "meta.db")
		closed(t, path)
		raw(t, path, c.harm)
		s, err := Open(path, Options{MustExist: true, Migrate: true, Untrusted: true})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.harm, err)
		}
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
