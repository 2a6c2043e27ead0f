package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
)

// badDays is a loop of lives between which somebody or something lays hands on the
// files of the database. The mount that follows either refuses, and says what to do, or
// has everything that was promised.
type badDays struct {
	*bout
	*life.Volume
	tree map[string][]byte // what was answered

	copies  []string // of the database's files at the ends of former lives
	orderly bool     // the end of the last life
	told    map[string]int
}

var databaseFiles = []string{"meta.db", "meta.db-wal", "meta.db-shm", "meta.db-mark"}

func TestDatabaseLoop(t *testing.T) {
	b := &badDays{bout: newBout(t, 12, 1), Volume: start(t), tree: make(map[string][]byte), told: make(map[string]int)}
	b.Log.Expect("released a mount point whose process was gone", "recovered after a crash",
		"contentfs: mount ", "try: ") // the refusals, which are looked at by themselves
	b.Mount()
	for ; b.more(); b.done++ {
		b.live()
		saved := b.save()
		what := b.spoil(b.done)
		b.next(what, saved)
	}
	if code := b.Terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	t.Logf("outcomes: %v", b.told)
}

// live changes the tree for a while, every change of it durable, and ends the daemon.
func (b *badDays) live() {
	for range 5 + b.rng.IntN(60) {
		name := fmt.Sprintf("d%d/f%d", b.rng.IntN(3), b.rng.IntN(20))
		switch b.rng.IntN(5) {
		case 0:
			if _, ok := b.tree[name]; ok {
				b.try(os.Remove(b.Join(name)))
				b.syncDir(filepath.Dir(name))
				delete(b.tree, name)
			}
		case 1:
			if content, ok := b.tree[name]; ok {
				to := fmt.Sprintf("d%d/f%d", b.rng.IntN(3), b.rng.IntN(20))
				b.try(os.MkdirAll(filepath.Dir(b.Join(to)), 0o755))
				b.try(os.Rename(b.Join(name), b.Join(to)))
				delete(b.tree, name)
				b.tree[to] = content
			}
		default:
			content := bytes.Repeat(fmt.Appendf(nil, "%s %d ", name, b.rng.Uint64()), 1+b.rng.IntN(400))
			b.Write(name, content)
			b.tree[name] = content
		}
	}
	if b.orderly = b.rng.IntN(3) == 0; b.orderly {
		if code := b.Terminate(); code != 0 {
			b.T.Errorf("exit code %d", code)
		}
		return
	}
	b.Kill()
	b.Reap()
}

func (b *badDays) try(err error) {
	b.T.Helper()
	if err != nil {
		b.T.Fatal(err)
	}
}

func (b *badDays) syncDir(rel string) {
	d, err := os.Open(b.Join(rel))
	b.try(err)
	b.try(errors.Join(d.Sync(), d.Close()))
}

// save copies the database's files and returns where they are.
func (b *badDays) save() string {
	to := b.T.TempDir()
	b.put(b.State, to, databaseFiles...)
	b.copies = append(b.copies, to)
	if len(b.copies) > 6 {
		b.copies = slices.Delete(b.copies, 1, 2) // the first stays: the oldest there can be
	}
	return to
}

// put copies files from one directory to another; what is not in the one goes from the
// other.
func (b *badDays) put(from, to string, names ...string) {
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			if err := os.Remove(filepath.Join(to, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				b.T.Fatal(err)
			}
			continue
		}
		b.try(err)
		b.try(os.WriteFile(filepath.Join(to, name), content, 0o600))
	}
}

// spoil does something to the database's files, and says what.
func (b *badDays) spoil(n int) string {
	db, log := filepath.Join(b.State, "meta.db"), filepath.Join(b.State, "meta.db-wal")
	old := b.copies[b.rng.IntN(len(b.copies))]
	ways := []struct {
		what string
		do   func()
	}{
		{"nothing", func() {}},
		{"index of the log deleted", func() { b.try(os.Remove(db + "-shm")) }},
		{"database deleted", func() { b.try(os.Remove(db)) }},
		{"log deleted", func() { b.try(os.Remove(log)) }},
		{"both deleted", func() { b.try(errors.Join(os.Remove(db), os.Remove(log))) }},
		{"all deleted", func() {
			b.try(errors.Join(os.Remove(db), os.Remove(log), os.Remove(db+"-shm"), os.Remove(db+"-mark")))
		}},
		{"database cut", func() { b.cut(db) }},
		{"log cut", func() { b.cut(log) }},
		{"pages of the database zeroed", func() { b.zero(db) }},
		{"pieces of the log zeroed", func() { b.zero(log) }},
		{"pieces of the mark zeroed", func() { b.zero(db + "-mark") }},
		{"old database put back", func() { b.put(old, b.State, "meta.db") }},
		{"old log put back", func() { b.put(old, b.State, "meta.db-wal") }},
		{"old database and log put back", func() { b.put(old, b.State, "meta.db", "meta.db-wal") }},
		{"database emptied", func() { b.try(os.Truncate(db, 0)) }},
	}
	w := ways[n%len(ways)]
	if b.until.IsZero() {
		w = ways[b.rng.IntN(len(ways))]
	}
	w.do()
	return w.what
}

func (b *badDays) cut(path string) {
	st, err := os.Stat(path)
	b.try(err)
	if st.Size() > 0 {
		b.try(os.Truncate(path, b.rng.Int64N(st.Size())))
	}
}

// zero overwrites some pages.
func (b *badDays) zero(path string) {
	const page = 4096
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	b.try(err)
	st, err := f.Stat()
	b.try(err)
	for range 1 + b.rng.IntN(3) {
		if pages := st.Size() / page; pages > 0 {
			_, err = f.WriteAt(make([]byte, page), b.rng.Int64N(pages)*page)
			b.try(err)
		}
	}
	b.try(f.Close())
}

// next mounts the volume. After a refusal the right files are put back.
func (b *badDays) next(what, saved string) {
	end := "after a crash"
	if b.orderly {
		end = "after an orderly end"
	}
	said := b.Log.Since()
	if _, err := b.Attempt(); err == nil {
		b.told[what+": mounted"]++
		b.compare(what + " " + end)
		return
	}
	b.told[what+": refused"]++
	code, stderr := b.Exit(), said()
	if code != 3 || !strings.Contains(stderr, "contentfs: mount ") ||
		!strings.Contains(stderr, "contentfs rebuild "+b.Name) && !strings.Contains(stderr, "try: move") {
		b.T.Errorf("%s %s: exit code %d: %s", what, end, code, stderr)
	}
	if what == "nothing" || what == "index of the log deleted" {
		b.T.Errorf("%s %s, and it was refused: %s", what, end, stderr)
	}
	b.put(saved, b.State, databaseFiles...)
	b.Mount()
	b.compare("the right files put back, " + end)
}

// compare wants the tree to be what was answered.
func (b *badDays) compare(when string) {
	found := make(map[string]bool)
	err := filepath.WalkDir(b.Point, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(b.Point, path)
		found[rel] = true
		if content, known := b.tree[rel]; !known {
			b.T.Errorf("%s: %s is there and was removed", when, rel)
		} else if got := b.Read(rel); !bytes.Equal(got, content) {
			b.T.Errorf("%s: %s has %d bytes that are not the last %d", when, rel, len(got), len(content))
		}
		return err
	})
	if err != nil {
		b.T.Errorf("%s: %v", when, err)
	}
	for name := range b.tree {
		if !found[name] {
			b.T.Errorf("%s: %s is missing", when, name)
		}
	}
}
