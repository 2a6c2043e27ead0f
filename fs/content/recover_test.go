package content

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"contentfs/fs/local"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// recoverEnv is an engine without a volume, whose files a test lays out itself.
type recoverEnv struct {
	*testing.T
	*Engine
	dir string // of the local files
}

func newRecoverEnv(t *testing.T) *recoverEnv {
	t.Helper()
	dir := t.TempDir()
	m, err := sqlite.Open(filepath.Join(dir, "meta.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := local.Open(filepath.Join(dir, "local"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, m.Close(), files.Close()); err != nil {
			t.Error(err)
		}
	})
	e := New(Config{Meta: m, Local: files, Log: slog.New(slog.DiscardHandler)})
	return &recoverEnv{T: t, Engine: e, dir: filepath.Join(dir, "local")}
}

// committed puts a file on record that is only here.
func (e *recoverEnv) committed(name string, file meta.FileID, size, mtime int64) meta.Version {
	e.Helper()
	n, err := e.Meta.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: meta.TypeRegular | 0o644, Now: now()})
	if err != nil {
		e.Fatal(err)
	}
	v, err := e.Meta.Commit(meta.CommitRequest{Ino: n.Ino, File: file, Size: size, Mtime: mtime, Now: now()})
	if err != nil {
		e.Fatal(err)
	}
	return v
}

// TestRecoverCannotTell: a local file that cannot be looked at is not gone. It stays on
// record and in the queue, and the next start finds it.
func TestRecoverCannotTell(t *testing.T) {
	e := newRecoverEnv(t)
	loop := filepath.Join(e.dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	mtime := time.Unix(1000, 0)
	v := e.committed("f", "loop/f", 5, mtime.UnixNano()) // every look at it ends with ELOOP
	gone := e.committed("gone", "0123456789abcdef0123456789abcdef", 5, 1)
	for range 2 {
		r, err := e.Recover(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if w, err := e.Meta.Version(v.ID); err != nil || w.File != v.File {
			t.Fatalf("%+v, %v, recovered %+v", w, err, r)
		}
		if _, err := e.Meta.QueueEntry(v.ID); err != nil {
			t.Error(err)
		}
	}
	lost, err := e.Meta.LostVersions(0, 9)
	if err != nil || len(lost) != 1 || lost[0].ID != gone.ID {
		t.Errorf("lost: %+v, %v", lost, err)
	}
	if err := errors.Join(os.Remove(loop), os.Mkdir(loop, 0o700), os.WriteFile(filepath.Join(loop, "f"), []byte("bytes"), 0o600),
		os.Chtimes(filepath.Join(loop, "f"), mtime, mtime)); err != nil {
		t.Fatal(err)
	}
	if r, err := e.Recover(context.Background()); err != nil || r.Lost+r.Missing+r.Taken != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestCannotTellAtOpen: an error that is no absence leaves the version as it is, and
// the next open tries again.
func TestCannotTellAtOpen(t *testing.T) {
	for err, want := range map[error]bool{os.ErrNotExist: true, local.ErrNotRegular: true, os.ErrPermission: false, errors.New("other"): false} {
		d, uerr := unopened(&meta.Version{}, err)
		if got := d.why != ""; got != want || got != (uerr == nil) {
			t.Errorf("%v: damage %+v, %v", err, d, uerr)
		}
	}
	e := newRecoverEnv(t)
	v := e.committed("f", "notvalid", 5, 1)
	for range 2 {
		_, err := e.Open(context.Background(), v.Ino, os.O_RDONLY)
		if err == nil || errors.Is(err, ErrLost) {
			t.Errorf("open: %v", err)
		}
		if w, err := e.Meta.Version(v.ID); err != nil || w.File != v.File {
			t.Errorf("%+v, %v", w, err)
		}
	}
}

// TestTrust: what lay there at the start is looked at once, and what is made in this
// life never.
func TestTrust(t *testing.T) {
	var x trust
	if !x.has(7, 0) {
		t.Error("an engine that did not recover opens nothing, and trusts")
	}
	const begin = int64(time.Hour)
	x.begin(100, begin)
	has := func(id meta.VersionID, ctime int64, want bool) {
		t.Helper()
		if x.has(id, ctime) != want {
			t.Errorf("has(%d, %d) is %v", id, ctime, !want)
		}
	}
	has(7, begin+5, false)  // old
	has(101, begin+5, true) // new
	has(101, 5, false)      // a new name for something old
	x.add(101)
	has(101, 5, true)
	x.fetched(7)
	has(7, 5, true)
	x.doubt(7)
	has(7, 5, false)
	x.reached(50)
	has(49, 5, true)
	has(7, 5, false)
	has(51, 5, false)
	x.add(7)
	has(7, 5, true)
	x.reached(200)
	has(100, 5, true)
	has(102, 5, false)
}

// TestRecoverDraftReplaced: something else lies in the place of a draft. The volume starts.
func TestRecoverDraftReplaced(t *testing.T) {
	e := newRecoverEnv(t)
	const file = "0123456789abcdef0123456789abcdef"
	n, err := e.Meta.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("f"), Mode: meta.TypeRegular | 0o644, Draft: file, Now: now()})
	if err == nil {
		err = os.Mkdir(filepath.Join(e.dir, file), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := e.Recover(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := e.Meta.Node(n.Ino); err == nil {
		t.Errorf("of what was never committed there is %+v", n)
	}
}
