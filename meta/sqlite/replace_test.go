package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"contentfs/meta"
)

// made makes a closed database with a name in it.
func makeWith(t *testing.T, path, name string) {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, s)
	_, err = s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: meta.TypeRegular, Now: 1})
	stop()
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// has returns the names in a database.
func has(t *testing.T, path string, o Options) (names string) {
	t.Helper()
	s := openAt(t, path, o)
	if err := s.List(meta.Root, 0, func(e *meta.Entry) bool { names += string(e.Name); return true }); err != nil {
		t.Fatal(err)
	}
	return names
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	makeWith(t, path+".new", "new")
	if kept, err := Replace(path, path+".new", nil); err != nil || kept != "" {
		t.Fatalf("over nothing: %q, %v", kept, err)
	}
	if got := has(t, path, Options{ReadOnly: true}); got != "new" {
		t.Errorf("it has %q", got)
	}
	makeWith(t, path+".new", "newer")
	for _, tail := range []string{"-wal", "-shm"} { // of a crash
		if err := os.WriteFile(path+tail, []byte("log"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := Replace(path, path+".new", nil)
	if err != nil || !strings.HasPrefix(kept, path+".before-rebuild-") {
		t.Fatalf("%q, %v", kept, err)
	}
	if got := has(t, path, Options{ReadOnly: true}); got != "newer" {
		t.Errorf("it has %q", got)
	}
	for _, tail := range []string{"-wal", "-shm"} {
		if b, err := os.ReadFile(kept + tail); err != nil || string(b) != "log" {
			t.Errorf("old %s: %q, %v", tail, b, err)
		}
		if err := os.Remove(kept + tail); err != nil {
			t.Fatal(err)
		}
	}
	if got := has(t, kept, Options{ReadOnly: true}); got != "new" {
		t.Errorf("the old one has %q", got)
	}
	if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new-wal", []byte("log"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Replace(path, path+".new", nil); err == nil {
		t.Error("a database that is in use took the place")
	}
	if _, err := Replace(path, filepath.Join(t.TempDir(), "x"), nil); err == nil {
		t.Error("a database elsewhere took the place")
	}
}

// TestReplaceCutOff: whatever step a crash comes after, there is the old database or
// the new one, and the old is kept with its log.
func TestReplaceCutOff(t *testing.T) {
	for moved := range 4 {
		path := filepath.Join(t.TempDir(), "meta.db")
		makeWith(t, path, "old")
		if err := os.WriteFile(path+"-wal", []byte("log"), 0o600); err != nil {
			t.Fatal(err)
		}
		makeWith(t, path+".new", "new")
		if err := os.Rename(path+".new", replacement(path)); err != nil { // it is decided
			t.Fatal(err)
		}
		fi, err := os.Stat(replacement(path))
		if err != nil {
			t.Fatal(err)
		}
		aside := path + ".before-rebuild-" + fi.ModTime().UTC().Format("20060102T150405.000000000Z")
		if moved > 0 {
			err = os.Rename(path+"-wal", aside+"-wal")
		}
		if moved > 1 {
			err = errors.Join(err, os.Rename(path, aside))
		}
		if err != nil {
			t.Fatal(err)
		}
		if moved < 3 {
			for _, o := range []Options{{ReadOnly: true}, {MustExist: true}, {}} {
				if _, err := Open(path, o); !errors.Is(err, ErrReplacing) {
					t.Errorf("%d moved: a command gets %v", moved, err)
				}
			}
		}
		if moved == 3 {
			if err := errors.Join(FinishReplacing(path), FinishReplacing(path)); err != nil {
				t.Fatal(err)
			}
		}
		if got := has(t, path, Options{Migrate: true}); got != "new" {
			t.Errorf("%d moved: it has %q", moved, got)
		}
		if b, err := os.ReadFile(aside + "-wal"); err != nil || string(b) != "log" {
			t.Errorf("%d moved: old log %q, %v", moved, b, err)
		}
		if err := os.Remove(aside + "-wal"); err != nil {
			t.Fatal(err)
		}
		if got := has(t, aside, Options{ReadOnly: true}); got != "old" {
			t.Errorf("%d moved: the old one has %q", moved, got)
		}
	}
}

// TestCopyTo: a copy is whole although changes go on.
func TestCopyTo(t *testing.T) {
	s, path := openNew(t)
	run(t, s)
	for i := range 200 {
		if _, err := s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte{byte('a' + i%26), byte('a' + i/26)}, Mode: meta.TypeRegular, Now: 1}); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	changes := make(chan error)
	stop := make(chan struct{})
	go func() {
		var err error
		for i := 0; err == nil; i++ {
			select {
			case <-stop:
				changes <- nil
				return
			default:
			}
			err = s.SetSetting("x", strings.Repeat("x", i%100))
		}
		changes <- err
	}()
	to := path + ".copy"
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), s.CopyTo(ctx, to))
	}
	close(stop)
	if err := errors.Join(err, <-changes); err != nil {
		t.Fatal(err)
	}
	if got := has(t, to, Options{MustExist: true}); len(got) != 400 {
		t.Errorf("the copy has %d bytes of names", len(got))
	}
	if c, err := Open(to, Options{MustExist: true}); err != nil || c.VolumeID() != s.VolumeID() {
		t.Errorf("%v", err)
	} else if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := s.CopyTo(ctx, to); err == nil {
		t.Error("a copy replaced a file that is not empty")
	}
}
