package content_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/content"
	"contentfs/meta"
)

// settled makes a file below a directory, with its content in the fallback.
func (l *doubtLife) settled(dir meta.Ino, name, text string) {
	l.t.Helper()
	n, h, err := l.engine.Create(meta.CreateRequest{Parent: dir, Name: []byte(name), Mode: meta.TypeRegular | 0o644, Now: 1})
	if err == nil {
		err = l.save(h, text)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.toFallback(n.Ino)
}

// toFallback brings a file's content to its path in the fallback.
func (l *doubtLife) toFallback(ino meta.Ino) {
	l.t.Helper()
	v, err := l.meta.Current(ino)
	if err == nil {
		err = l.meta.Settled(v.ID)
	}
	if err == nil {
		err = l.engine.Settle(l.t.Context(), v.ID, content.Quiet)
	}
	if err != nil && !errors.Is(err, content.ErrSettled) {
		l.t.Fatal(err)
	}
}

// onlyThere is read for a file whose content is taken from this server before.
func (l *doubtLife) onlyThere(dir meta.Ino, name, text string) {
	l.t.Helper()
	n, err := l.meta.Lookup(dir, []byte(name))
	var v meta.Version
	if err == nil {
		v, err = l.meta.Current(n.Ino)
	}
	if err == nil && v.Local() {
		err = l.meta.Evict(v.ID, v.File)
	}
	if err == nil {
		err = l.engine.SweepNow()
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.read(dir, name, text)
}

// read wants a file to be read.
func (l *doubtLife) read(dir meta.Ino, name, text string) {
	l.t.Helper()
	n, err := l.meta.Lookup(dir, []byte(name))
	var h *content.Handle
	if err == nil {
		h, err = l.engine.Open(l.t.Context(), n.Ino, unix.O_RDONLY)
	}
	if err != nil {
		l.t.Errorf("%s: %v", name, err)
		return
	}
	defer l.engine.Release(h)
	b := make([]byte, 100)
	k, err := l.engine.Read(l.t.Context(), h, b, 0)
	if err != nil || string(b[:k]) != text {
		l.t.Errorf("%s: read %q, %v", name, b[:k], err)
	}
}

func (l *doubtLife) mkdir(name string) meta.Ino {
	l.t.Helper()
	n, err := l.engine.Mknod(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: meta.TypeDir | 0o755, Now: 1})
	if err != nil {
		l.t.Fatal(err)
	}
	return n.Ino
}

func (l *doubtLife) rename(from, to string) {
	l.t.Helper()
	err := l.engine.Rename(meta.RenameRequest{OldParent: meta.Root, OldName: []byte(from), NewParent: meta.Root, NewName: []byte(to), Now: 2})
	if err != nil {
		l.t.Fatal(err)
	}
}

// TestDirectoryInTheWay: a copy in the fallback cannot follow its file's new name where
// a directory lies that had the name before. It stays where it is.
func TestDirectoryInTheWay(t *testing.T) {
	l := startDoubtLife(t, t.TempDir(), content.Strict)
	defer l.end()
	dir := l.mkdir("a")
	l.settled(dir, "x", "in the directory")
	l.settled(meta.Root, "g", "beside it")
	l.rename("a", "z")
	l.rename("g", "a")
	n, err := l.meta.Lookup(meta.Root, []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	l.toFallback(n.Ino)
	l.onlyThere(meta.Root, "a", "beside it")
	l.onlyThere(dir, "x", "in the directory")

	// When nobody uses the volume both get their paths.
	if _, err := l.engine.Arrange(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"a": "beside it", "z/x": "in the directory"} {
		if b, err := os.ReadFile(filepath.Join(l.dir, "fallback", path)); err != nil || string(b) != text {
			t.Errorf("%s in the fallback: %q, %v", path, b, err)
		}
	}
	l.onlyThere(meta.Root, "a", "beside it")
}

// TestFileInTheWay: a directory got the name of a file whose copy did not follow the new
// one yet.
func TestFileInTheWay(t *testing.T) {
	l := startDoubtLife(t, t.TempDir(), content.Strict)
	defer l.end()
	l.settled(meta.Root, "a", "moved")
	l.rename("a", "z")
	l.mkdir("a")
	if _, err := l.engine.Arrange(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.onlyThere(meta.Root, "z", "moved")
	if b, err := os.ReadFile(filepath.Join(l.dir, "fallback", "z")); err != nil || string(b) != "moved" {
		t.Errorf("in the fallback: %q, %v", b, err)
	}
}
