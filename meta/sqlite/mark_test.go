package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"contentfs/meta"
	"contentfs/meta/sqlite/sqlitetest"
)

var suffixes = []string{"", "-wal", "-shm", "-mark"}

// copyFiles copies a database with all that lies beside it.
func copyFiles(t *testing.T, from, to string, which ...string) {
	t.Helper()
	for _, suffix := range which {
		b, err := os.ReadFile(from + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(to+suffix, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// lives makes a database as three lives left it: ended in order with one file; crashed
// in the middle of more, the log in use; and a copy of the state within that life.
func lives(t *testing.T) (ended, within, crashed string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "meta.db")
	ended, within, crashed = filepath.Join(dir, "ended"), filepath.Join(dir, "within"), filepath.Join(dir, "crashed")
	one := func(name string, i int, to ...string) {
		s := must(Open(path, Options{}))(t)
		stop := run(t, s)
		must(write(s, meta.Root, name, i))(t)
		for n, copied := range to {
			must(write(s, meta.Root, fmt.Sprint(name, n), 100*i+n))(t)
			copyFiles(t, path, copied, suffixes...)
		}
		stop()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	one("f", 1)
	copyFiles(t, path, ended, suffixes...)
	one("g", 2, within, crashed)
	return ended, within, crashed
}

// TestNotAsLeft: what was done to the files between two lives is told apart, nothing
// that is there is changed by that, and nothing is made in place of what is gone.
func TestNotAsLeft(t *testing.T) {
	ended, within, crashed := lives(t)
	remove := func(suffix string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Remove(path + suffix); err != nil {
				t.Fatal(err)
			}
		}
	}
	overwrite := func(suffix string, at, n int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			b := must(os.ReadFile(path + suffix))(t)
			if n < 0 { // cut
				b = b[:at]
			} else {
				copy(b[at:], make([]byte, n))
			}
			if err := os.WriteFile(path+suffix, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	put := func(from string, which ...string) func(*testing.T, string) {
		return func(t *testing.T, path string) { copyFiles(t, from, path, which...) }
	}
	for _, c := range []struct {
		name string
		from string
		do   func(t *testing.T, path string)
		want error
	}{
		{"nothing was done after an orderly end", ended, func(*testing.T, string) {}, nil},
		{"nothing was done after a crash", crashed, func(*testing.T, string) {}, nil},
		{"the mark deleted", crashed, remove("-mark"), nil},
		{"the index of the log deleted", crashed, remove("-shm"), nil},
		{"the log deleted after an orderly end", ended, remove("-wal"), nil},
		{"the database deleted", ended, remove(""), meta.ErrMissing},
		{"the database deleted after a crash", crashed, remove(""), meta.ErrMissing},
		{"the log deleted after a crash", crashed, remove("-wal"), meta.ErrLogMissing},
		{"the log emptied after a crash", crashed, overwrite("-wal", 0, -1), meta.ErrBehind},
		{"the log cut after a crash", crashed, overwrite("-wal", 40*1024, -1), meta.ErrBehind},
		{"the log put back after an orderly end", ended, put(crashed, "-wal"), meta.ErrLogForeign},
		{"an older copy put back", crashed, put(ended, "", "-wal"), meta.ErrBehind},
		{"an older log put back", crashed, put(within, "-wal"), meta.ErrBehind},
		{"the database emptied", ended, overwrite("", 0, -1), meta.ErrDamaged},
		{"the database cut", ended, overwrite("", 100*1024, -1), meta.ErrDamaged},
		{"the header zeroed", ended, overwrite("", 0, 100), meta.ErrDamaged},
		{"a page zeroed", ended, overwrite("", 8192, 4096), meta.ErrDamaged},
		{"the mark zeroed", ended, overwrite("-mark", 0, 8192-3584), meta.ErrMark},
		{"the mark emptied", ended, overwrite("-mark", 0, -1), meta.ErrMark},
		{"another volume's", ended, func(t *testing.T, path string) {
			other := filepath.Join(t.TempDir(), "other.db")
			closed(t, other)
			copyFiles(t, other, path, "", "-wal")
		}, meta.ErrOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "meta.db")
			copyFiles(t, c.from, path, suffixes...)
			c.do(t, path)
			before := contents(t, dir)
			for range 2 { // a refused start changes nothing for the next
				s, err := Open(path, Options{})
				if !errors.Is(err, c.want) {
					t.Errorf("%v, not %v", err, c.want)
				}
				if err != nil {
					continue
				}
				check(t, s)
				if n := must(s.Stats())(t).Nodes.Files; c.from == crashed && n != 4 {
					t.Errorf("%d files", n)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if c.want == nil {
				return
			}
			for name, b := range contents(t, dir) {
				if name != "meta.db-shm" && !bytes.Equal(b, before[name]) {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	for _, name := range names(t, dir) {
		found[name] = must(os.ReadFile(filepath.Join(dir, name)))(t)
	}
	return found
}

// TestFresh: no database is made where there is content that one was about.
func TestFresh(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	full := Options{Holds: func() (bool, error) { return true, nil }}
	if _, err := Open(path, full); !errors.Is(err, meta.ErrMissing) {
		t.Errorf("no database beside content: %v", err)
	}
	if list := names(t, filepath.Dir(path)); len(list) != 0 {
		t.Errorf("made %q", list)
	}
	unsure := errors.New("cannot tell")
	if _, err := Open(path, Options{Holds: func() (bool, error) { return false, unsure }}); !errors.Is(err, unsure) {
		t.Errorf("it cannot be told: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, full); !errors.Is(err, meta.ErrMissing) {
		t.Errorf("an empty database beside content: %v", err)
	}
}

// TestStartKilled: a start that is killed after any of its steps leaves what the next
// start accepts.
func TestStartKilled(t *testing.T) {
	ended, _, crashed := lives(t)
	for _, from := range []string{"", ended, crashed} {
		dir := t.TempDir()
		path := filepath.Join(dir, "meta.db")
		if from != "" {
			copyFiles(t, from, path, suffixes...)
		}
		// After the mark, and before the first connection.
		k := must(begin(path, Options{}))(t)
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
		// After the first connections, and before it is noted that all is there.
		k = must(begin(path, Options{}))(t)
		if err := create(path); err != nil {
			t.Fatal(err)
		}
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
		k = must(begin(path, Options{}))(t)
		db := pool(connector{path: path, role: writing}, 1)
		if err := prepare(db, &Options{}); err != nil {
			t.Fatal(err)
		}
		// The first of them may write: what brings an old schema up to date does.
		must(db.ExecContext(context.Background(), `INSERT INTO setting (key, value) VALUES ('early', '1')`))(t)
		early := filepath.Join(t.TempDir(), "meta.db")
		copyFiles(t, path, early, suffixes...)
		must(openAt(t, early, Options{MustExist: true}).Setting("early"))(t)
		if err := errors.Join(k.Close(), db.Close()); err != nil {
			t.Fatal(err)
		}
		// And at the end, between the mark and the last connection.
		s := must(Open(path, Options{}))(t)
		run(t, s)()
		later := filepath.Join(t.TempDir(), "meta.db")
		copyFiles(t, path, later, suffixes...)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		openAt(t, later, Options{MustExist: true})
	}
}

// TestFrozen: a store that broke leaves the log, and the database as it was.
func TestFrozen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	closed(t, path)
	before := must(os.ReadFile(path))(t)
	var f sqlitetest.Faults
	s, ended := faulty(t, path, &f)
	must(write(s, meta.Root, "g", 2))(t)
	f.FailSync(1)
	if err := s.SetSetting("doubtful", "1"); !meta.InDoubt(err) {
		t.Fatalf("the change whose sync failed: %v", err)
	}
	<-ended
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(before, must(os.ReadFile(path))(t)) {
		t.Error("the log was copied to the database")
	}
	if size := must(logSize(path))(t); size == 0 {
		t.Error("the log was emptied")
	}
	if m := must(peekMark(path))(t); m.State != running {
		t.Errorf("the mark says %q", m.State)
	}
	s = openAt(t, path, Options{})
	run(t, s)
	must(s.Setting("doubtful"))(t)
	must(s.Lookup(meta.Root, []byte("g")))(t)
}

// TestFrozenInVain: where the files cannot be frozen, the store closes all the same.
func TestFrozenInVain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	var f sqlitetest.Faults
	s, ended := faulty(t, path, &f)
	f.FailSync(1)
	if err := s.SetSetting("doubtful", "1"); !meta.InDoubt(err) {
		t.Fatal(err)
	}
	<-ended
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Close: %v", err)
	}
}

// TestTwoAtOnce: the mark of an end is written by the last who has the database open.
func TestTwoAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	a, b := must(Open(path, Options{}))(t), must(Open(path, Options{}))(t)
	stopA, stopB := run(t, a), run(t, b)
	must(write(b, meta.Root, "f", 1))(t)
	stopA()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if m := must(peekMark(path))(t); m.State != running {
		t.Errorf("one is left, and the mark says %q", m.State)
	}
	must(write(b, meta.Root, "g", 2))(t)
	stopB()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if m := must(peekMark(path))(t); m.State != ended {
		t.Errorf("none is left, and the mark says %q", m.State)
	}
	s := openAt(t, path, Options{MustExist: true})
	var syncs int64
	db := pool(connector{path: path, role: reading}, 1)
	defer db.Close()
	if err := db.QueryRowContext(context.Background(), "SELECT syncs FROM counter").Scan(&syncs); err != nil {
		t.Fatal(err)
	}
	if m := must(peekMark(path))(t); m.Syncs != syncs {
		t.Errorf("the mark has %d durable changes, the database %d", m.Syncs, syncs)
	}
	must(s.Lookup(meta.Root, []byte("g")))(t)
}

// TestCheckedBeside: a database that is too large to be read at the start is read beside
// the work. If it is damaged the store ends, and the next start refuses it.
func TestCheckedBeside(t *testing.T) {
	_, _, crashed := lives(t)
	path := filepath.Join(t.TempDir(), "meta.db")
	copyFiles(t, crashed, path, suffixes...)
	large := Options{CheckLimit: 1}
	b := must(os.ReadFile(path))(t)
	clear(b[4*4096 : len(b)/2]) // most of it is not in the log
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s := must(Open(path, large))(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Run(ctx); !errors.Is(err, meta.ErrDamaged) {
		t.Errorf("Run: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(path, large); !errors.Is(err, meta.ErrDamaged) {
		t.Errorf("the next start: %v", err)
	}
	copyFiles(t, crashed, path, "", "-wal")
	run(t, openAt(t, path, large))
}

// TestReadersTellAnOldCopy: who only reads must not take an older copy, or another
// volume's database, for what there is; beside a writer it is never behind.
func TestReadersTellAnOldCopy(t *testing.T) {
	ended, within, crashed := lives(t)
	path := filepath.Join(t.TempDir(), "meta.db")
	look := func() error {
		s, err := Open(path, Options{ReadOnly: true})
		if err == nil {
			err = s.Close()
		}
		return err
	}
	copyFiles(t, crashed, path, suffixes...)
	if err := look(); err != nil {
		t.Errorf("after a crash: %v", err)
	}
	copyFiles(t, within, path, "", "-wal")
	if err := look(); !errors.Is(err, meta.ErrBehind) {
		t.Errorf("an older copy: %v", err)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	closed(t, other)
	copyFiles(t, ended, path, suffixes...)
	copyFiles(t, other, path, "", "-wal")
	if err := look(); !errors.Is(err, meta.ErrOther) {
		t.Errorf("another volume's: %v", err)
	}
	s, beside := openNew(t)
	run(t, s)
	path = beside
	for i := range 30 {
		must(write(s, meta.Root, fmt.Sprint("f", i), i+1))(t)
		if err := look(); err != nil {
			t.Errorf("beside a writer: %v", err)
		}
	}
}

// TestEndAfterAnother: who ends last says so only if all is in the database, and does
// not forget that damage was found.
func TestEndAfterAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	closed(t, path)
	k := must(begin(path, Options{}))(t)
	other := must(begin(path, Options{}))(t)
	if err := errors.Join(other.Suspect(), other.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"-wal", []byte("of one that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.End(true); err != nil || must(peekMark(path))(t).State == ended {
		t.Errorf("%v, %+v", err, must(peekMark(path))(t))
	}
	if err := os.Truncate(path+"-wal", 0); err != nil {
		t.Fatal(err)
	}
	err := errors.Join(k.End(true), k.Close())
	if m := must(peekMark(path))(t); err != nil || m.State != ended || !m.Suspect {
		t.Errorf("%v, %+v", err, m)
	}
}
