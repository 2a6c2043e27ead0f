package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"contentfs/meta"
)

// closed makes a volume at a path, with a file in it, and closes it.
func closed(t *testing.T, path string) {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, s)
	must(write(s, meta.Root, "f", 1))(t)
	stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// raw runs a statement on a database as anyone could.
func raw(t *testing.T, path, statement string) {
	t.Helper()
	db := pool(connector{path: path, role: writing, probe: true}, 1)
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	for _, e := range must(os.ReadDir(dir))(t) {
		list = append(list, e.Name())
	}
	return list
}

func TestOpenCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a ?#%&.db")
	if _, err := Open(path, Options{MustExist: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a database that must exist: %v", err)
	}
	if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a database to read: %v", err)
	}
	if list := names(t, filepath.Dir(path)); len(list) != 0 {
		t.Fatalf("created %q", list)
	}
	s := openAt(t, path, Options{})
	run(t, s)
	must(write(s, meta.Root, "f", 1))(t)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if mode := must(os.Stat(path + suffix))(t).Mode(); mode != 0o600 {
			t.Errorf("mode of %q: %v", suffix, mode)
		}
	}
}

func TestOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	closed(t, path)
	if st := must(os.Stat(path + "-wal"))(t); st.Size() != 0 {
		t.Errorf("the log of a closed volume has %d bytes", st.Size())
	}
	s := openAt(t, path, Options{MustExist: true})
	run(t, s)
	first := must(s.Lookup(meta.Root, []byte("f")))(t)
	second := must(write(s, meta.Root, "g", 2))(t)
	if second.Ino <= first.Ino || second.ID <= first.Version {
		t.Errorf("numbers given out twice: %d, %d after %d, %d", second.Ino, second.ID, first.Ino, first.Version)
	}
}

// TestOpenEmpty opens what a crash left of a creation.
func TestOpenEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path, Options{MustExist: true})
	run(t, s)
	must(write(s, meta.Root, "f", 1))(t)
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want error
	}{
		{"text", func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("no database"), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, meta.ErrForeign},
		{"foreign", func(t *testing.T, path string) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			raw(t, path, "CREATE TABLE t (x)")
		}, meta.ErrForeign},
		{"too new", func(t *testing.T, path string) {
			closed(t, path)
			raw(t, path, "PRAGMA user_version = 4")
		}, meta.ErrTooNew},
		{"too old", func(t *testing.T, path string) {
			closed(t, path)
			raw(t, path, "PRAGMA user_version = 0")
		}, meta.ErrTooOld},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "meta.db")
			c.make(t, path)
			before, beside := must(os.ReadFile(path))(t), names(t, filepath.Dir(path))
			for _, o := range []Options{{}, {ReadOnly: true}} {
				if _, err := Open(path, o); !errors.Is(err, c.want) {
					t.Errorf("%+v: %v, not %v", o, err, c.want)
				}
			}
			if list := names(t, filepath.Dir(path)); !slices.Equal(list, beside) {
				t.Errorf("left behind: %q besides %q", list, beside)
			}
			if !bytes.Equal(before, must(os.ReadFile(path))(t)) {
				t.Error("the file was changed")
			}
		})
	}
}

// TestPragmas asks every kind of connection itself.
func TestPragmas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	closed(t, path)
	want := map[string]string{
		"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000", "foreign_keys": "1", "cell_size_check": "1",
		"trusted_schema": "0", "mmap_size": "0", "temp_store": "2", "wal_autocheckpoint": "0",
		"journal_size_limit": "67108864",
	}
	for role, only := range map[role]string{writing: "0", reading: "1", inspecting: "1"} {
		db := pool(connector{path: path, role: role}, 1)
		want["query_only"] = only
		for name, value := range want {
			var got string
			if err := db.QueryRow("PRAGMA " + name).Scan(&got); err != nil || got != value {
				t.Errorf("role %d: %s is %q, not %q (%v)", role, name, got, value, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPragmaReadBack opens a database whose mode a reader cannot set.
func TestPragmaReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	closed(t, path)
	raw(t, path, "PRAGMA journal_mode = DELETE")
	db := pool(connector{path: path, role: reading}, 1)
	defer db.Close()
	if err := db.Ping(); err == nil {
		t.Error("a connection that is not in WAL mode was accepted")
	}
}

// TestDurability records what the writer's connection is set to whenever it is
// told: durable at first, and then as the requests want it.
func TestDurability(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	closed(t, path)
	raw(t, path, "CREATE TABLE told (synchronous)")
	d := dialect()
	const record = "; INSERT INTO told SELECT synchronous FROM pragma_synchronous"
	d.Visible += record
	d.Durable += record
	s, err := meta.New(d, pool(connector{path: path}, 2), pool(connector{path: path, role: reading}, 2), meta.NoKeeper{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	stop := run(t, s)
	must(newFile(s, meta.Root, "a", 10))(t)
	must(newFile(s, meta.Root, "b", 11))(t)
	must(write(s, meta.Root, "c", 12))(t)
	if err := s.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	stop()
	db := pool(connector{path: path, role: reading}, 1)
	defer db.Close()
	var told string
	if err := db.QueryRow("SELECT group_concat(synchronous, ' ' ORDER BY rowid) FROM told").Scan(&told); err != nil {
		t.Fatal(err)
	}
	if told != "2 1 2" {
		t.Errorf("synchronous was set to %s, not 2 1 2", told)
	}
}

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	closed(t, path)
	look := func(t *testing.T, want int64) {
		t.Helper()
		s := must(Open(path, Options{ReadOnly: true}))(t)
		check(t, s)
		if n := must(s.Stats())(t).Nodes.Files; n != want {
			t.Errorf("%d files, not %d", n, want)
		}
		if err := s.SetSetting("k", "v"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a change: %v", err)
		}
		if err := s.Sync(context.Background()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a sync: %v", err)
		}
		run(t, s)() // has nothing to do, and ends
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	beside := names(t, filepath.Dir(path))
	look(t, 1)
	if list := names(t, filepath.Dir(path)); !slices.Equal(list, beside) {
		t.Errorf("left behind: %q besides %q", list, beside)
	}
	live := openAt(t, path, Options{})
	stop := run(t, live)
	must(newFile(live, meta.Root, "g", 2))(t)
	look(t, 2)
	must(newFile(live, meta.Root, "h", 3))(t)
	look(t, 3)
	stop()
}

// TestBusy has another process's transaction in the way: the request waits.
func TestBusy(t *testing.T) {
	s, path := openNew(t)
	run(t, s)
	other := pool(connector{path: path}, 1)
	defer other.Close()
	conn := must(other.Conn(context.Background()))(t)
	defer conn.Close()
	execOn(t, conn, "BEGIN IMMEDIATE")
	execOn(t, conn, "UPDATE counter SET last_ino = 1000")
	answered := make(chan meta.Node, 1)
	go func() {
		n, err := newFile(s, meta.Root, "f", 1)
		if err != nil {
			t.Error(err)
		}
		answered <- n
	}()
	for s.Activity().Requests == 0 {
	}
	execOn(t, conn, "COMMIT")
	if n := <-answered; n.Ino != 1001 {
		t.Errorf("number %d was given without regard to the other process", n.Ino)
	}
}

func execOn(t *testing.T, conn *sql.Conn, statement string) {
	t.Helper()
	if _, err := conn.ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

// TestLinks has a node with as many names as can be.
func TestLinks(t *testing.T) {
	s, path := openNew(t)
	run(t, s)
	n := must(newFile(s, meta.Root, "f", 1))(t)
	raw(t, path, "UPDATE node SET nlink = 65000 WHERE nlink = 1")
	if _, err := s.Link(n.Ino, meta.Root, []byte("g"), 1); !errors.Is(err, meta.ErrLinks) {
		t.Errorf("one more: %v", err)
	}
	raw(t, path, "UPDATE node SET nlink = 1 WHERE nlink = 65000")
}

// A durable transaction that had nothing to write would not be synced, and neither
// would the visible changes before it: it writes something.
func TestDurableWithoutAChange(t *testing.T) {
	s, path := openNew(t)
	run(t, s)
	must(newFile(s, meta.Root, "a", 10))(t)
	size := func() int64 {
		t.Helper()
		return must(os.Stat(path + "-wal"))(t).Size()
	}
	before := size()
	if err := s.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	if size() <= before {
		t.Errorf("a sync wrote nothing to the log of %d bytes", before)
	}
}
