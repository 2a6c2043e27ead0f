package sqlite

import (
	"context"
	"strings"
	"testing"

	"contentfs/meta"
)

// TestCheckFinds breaks one invariant after the other behind the store's back.
func TestCheckFinds(t *testing.T) {
	for _, c := range []struct{ harm, repair, want string }{
		{"UPDATE node SET nlink = 3 WHERE mode & 32768", "UPDATE node SET nlink = 1 WHERE mode & 32768", "number of names"},
		{"UPDATE node SET nlink = 9 WHERE ino = 1", "UPDATE node SET nlink = 2 WHERE ino = 1", "links of a directory"},
		{"UPDATE node SET version = 5 WHERE mode & 32768", "UPDATE node SET version = 100 WHERE mode & 32768", "does not exist"},
		{"UPDATE version SET retired = 1", "UPDATE version SET retired = 0", "is retired"},
		{"INSERT INTO trash SELECT file, 1 FROM version", "DELETE FROM trash", "more than once"},
		{"UPDATE version SET file = NULL", "UPDATE version SET file = printf('%032x', 1)", "is nowhere"},
		{"DELETE FROM upload", "INSERT INTO upload (version, due, since) VALUES (100, 1, 1)", "not queued"},
		{"UPDATE version SET remote = 2", "UPDATE version SET remote = 0", "was not sent"},
		{"UPDATE counter SET last_version = 99", "UPDATE counter SET last_version = 100", "not counted"},
		{"UPDATE node SET parent = 7 WHERE mode & 32768", "UPDATE node SET parent = 0 WHERE mode & 32768", "has a parent"},
		{"INSERT INTO draft (file, ino) VALUES ('d', 1)", "DELETE FROM draft", "no regular file"},
		{"UPDATE name SET place = place - 1", "UPDATE name SET place = place + 1", "place of another"},
		{"UPDATE name SET name = x'2e2e'", "UPDATE name SET name = x'66'", "can be called that"},
		{"UPDATE name SET name = x'662f'", "UPDATE name SET name = x'66'", "can be called that"},
		{"INSERT INTO name VALUES (1, 20, x'61', 77)", "DELETE FROM name WHERE ino = 77", "does not exist"},
		{"INSERT INTO node VALUES (9, 16877, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, NULL, NULL)", "DELETE FROM node WHERE ino = 9", "cannot be reached"},
	} {
		t.Run(c.want, func(t *testing.T) {
			s, path := openNew(t)
			stop := run(t, s)
			must(write(s, meta.Root, "f", 1))(t)
			stop()
			raw(t, path, "PRAGMA foreign_keys = OFF; UPDATE node SET version = 100 WHERE version <> 0;"+
				"UPDATE version SET id = 100; UPDATE upload SET version = 100; UPDATE counter SET last_version = 100")
			check(t, s)
			raw(t, path, "PRAGMA foreign_keys = OFF; "+c.harm)
			found := must(s.Check(context.Background()))(t)
			if text := strings.Join(found, "\n"); !strings.Contains(text, c.want) {
				t.Errorf("%s: not %q but %q", c.harm, c.want, text)
			}
			raw(t, path, "PRAGMA foreign_keys = OFF; "+c.repair)
		})
	}
}
