package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"

	"contentfs/meta"
)

// recorder opens connections that note every statement they prepare.
type recorder struct {
	connector
	log *statements
}

type statements struct {
	mu   sync.Mutex // guards list
	list []string
}

func (r recorder) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := r.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return recorded{conn.(*sqlite3.SQLiteConn), r.log}, nil
}

type recorded struct {
	*sqlite3.SQLiteConn
	log *statements
}

func (c recorded) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.log.mu.Lock()
	c.log.list = append(c.log.list, query)
	c.log.mu.Unlock()
	return c.SQLiteConn.PrepareContext(ctx, query)
}

// TestNamePlans: whatever is done with names finds its rows by an index, and in the
// order in which it needs them.
func TestNamePlans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	if err := must(Open(path, Options{}))(t).Close(); err != nil {
		t.Fatal(err)
	}
	var log statements
	open := func(r role, size int) *sql.DB {
		db := sql.OpenDB(recorder{connector{path: path, role: r}, &log})
		db.SetMaxOpenConns(size)
		db.SetMaxIdleConns(size)
		return db
	}
	s := must(newStore(dialect(), open(writing, 2), open(reading, 1), meta.NoKeeper{}))(t)
	defer s.Close()
	stop := run(t, s)
	everyNameOperation(t, s)
	stop()

	db := pool(connector{path: path, role: reading}, 1)
	defer db.Close()
	slices.Sort(log.list)
	for _, query := range slices.Compact(log.list) {
		for _, word := range []string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"} {
			if strings.HasPrefix(strings.TrimSpace(query), word) {
				checkPlan(t, db, query)
			}
		}
	}
	if n := len(log.list); n < 20 {
		t.Errorf("%d statements were prepared: too few to be all", n)
	}
}

// checkPlan allows a scan of what has one row, of drafts, which are few by design,
// and of the steps of a path, which are few too, and sorted by depth.
func checkPlan(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	ofPath := strings.Contains(query, "RECURSIVE up")
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		table, scans := strings.CutPrefix(step, "SCAN ")
		allowed := table == "counter" || table == "draft" || table == "CONSTANT ROW" || ofPath && (table == "up" || table == "first")
		if scans && !allowed || strings.Contains(step, "TEMP B-TREE") && !ofPath {
			t.Errorf("%s: %s", step, query)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// everyNameOperation does everything that can be done with names, to each kind of
// node that makes a difference.
func everyNameOperation(t *testing.T, s *meta.Store) {
	t.Helper()
	dir := must(s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("dir"), Mode: meta.TypeDir | 0o755}))(t).Ino
	for i, name := range []string{"a", "b", "c", "d"} {
		must(write(s, dir, name, i+1))(t)
	}
	link := must(s.Create(meta.CreateRequest{Parent: dir, Name: []byte("link"), Mode: meta.TypeSymlink | 0o777, Target: []byte("a")}))(t).Ino
	must(s.Readlink(link))(t)
	a := must(s.Lookup(dir, []byte("a")))(t)
	if _, err := s.Lookup(dir, []byte("absent")); err == nil {
		t.Error("found what is not there")
	}
	must(s.Node(a.Ino))(t)
	must(s.Path(a.Ino))(t)
	must(s.PathOf(dir, []byte("new")))(t)
	must(s.Resolve([]byte("/dir/a")))(t)
	must(listed(s, dir, 0, 10))(t)
	must(s.SetAttr(a.Ino, meta.AttrChange{Valid: meta.AttrMode, Mode: 0o600}))(t)
	must(s.Link(a.Ino, meta.Root, []byte("a2"), 2))(t)
	must(s.Rename(meta.RenameRequest{OldParent: dir, OldName: []byte("b"), NewParent: dir, NewName: []byte("c")}))(t)
	must(s.Rename(meta.RenameRequest{OldParent: dir, OldName: []byte("c"), NewParent: dir, NewName: []byte("d"), Exchange: true}))(t)
	must(s.Rename(meta.RenameRequest{OldParent: meta.Root, OldName: []byte("dir"), NewParent: meta.Root, NewName: []byte("moved")}))(t)
	sub := must(s.Create(meta.CreateRequest{Parent: dir, Name: []byte("sub"), Mode: meta.TypeDir | 0o755}))(t).Ino
	must(s.Rmdir(dir, []byte("sub"), 3))(t)
	gone := must(s.Unlink(dir, []byte("d"), 3))(t).Node.Ino
	must(s.Orphans(0, 10))(t)
	for _, ino := range []meta.Ino{sub, gone} {
		if err := s.RemoveOrphan(ino, 4); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkNames is what must take as long in a directory of a million names as in
// one of ten. Changes do not wait for the disk.
func BenchmarkNames(b *testing.B) {
	for _, size := range []int{10, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { benchmarkNames(b, size) })
	}
}

func benchmarkNames(b *testing.B, size int) {
	s := openAt(b, filled(b, []string{
		fmt.Sprintf(`CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n`, size-1),
		`INSERT INTO node (ino, mode, uid, gid, nlink, rdev, size, atime, mtime, ctime)
			SELECT i + 2, 33188, 0, 0, 1, 0, 0, 0, 0, 0 FROM n`,
		`INSERT INTO name (parent, place, name, ino) SELECT 1, place('f' || i), CAST('f' || i AS BLOB), i + 2 FROM n`,
		`UPDATE counter SET last_ino = 2000000`,
	}), Options{})
	run(b, s)
	name := func(i int) []byte { return fmt.Append(nil, "f", i*7919%size) }
	b.Run("Lookup", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			must(s.Lookup(meta.Root, name(i)))(b)
		}
	})
	b.Run("Node", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			must(s.Node(meta.Ino(i*7919%size + 2)))(b)
		}
	})
	b.Run("List10", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			var after meta.Place
			if size > 10 {
				after = meta.Place(i%100) << 56 // anywhere, and never the end
			}
			must(listed(s, meta.Root, after, 10))(b)
		}
	})
	b.Run("Rename", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			r := meta.RenameRequest{OldParent: meta.Root, OldName: name(0), NewParent: meta.Root, NewName: []byte("g"), Relaxed: true}
			if i%2 == 1 {
				r.OldName, r.NewName = r.NewName, r.OldName
			}
			must(s.Rename(r))(b)
		}
	})
	b.Run("CreateUnlink", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			n := fmt.Append(nil, "new", i)
			must(s.Create(meta.CreateRequest{Parent: meta.Root, Name: n, Mode: meta.TypeRegular | 0o644}))(b)
			must(s.Unlink(meta.Root, n, 1))(b)
		}
	})
}
