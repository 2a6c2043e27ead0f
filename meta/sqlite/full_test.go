package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"contentfs/meta"
)

// connections opens all connections of a pool.
func connections(t *testing.T, db *sql.DB, n int) []*sql.Conn {
	t.Helper()
	var list []*sql.Conn
	for range n {
		list = append(list, must(db.Conn(context.Background()))(t))
	}
	return list
}

// TestDiskFull fills the file system under a running store and makes room again.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatalf("a file system of its own to fill: %v (run as root, as scripts/test does)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	s := openAt(t, filepath.Join(dir, "meta.db"), Options{})
	run(t, s)
	must(write(s, meta.Root, "before", 1))(t)
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	var err error
	i := 2
	for ; err == nil && i < 5000; i++ {
		_, err = write(s, meta.Root, fmt.Sprint("f", i), i)
	}
	if !errors.Is(err, meta.ErrNoSpace) {
		t.Fatalf("file %d: %v", i, err)
	}
	must(s.Lookup(meta.Root, []byte("before")))(t)
	if _, err := write(s, meta.Root, "full", i); !errors.Is(err, meta.ErrNoSpace) {
		t.Errorf("still full: %v", err)
	}
	check(t, s)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	must(write(s, meta.Root, "after", i+1))(t)
}

// fill writes a file until nothing fits any more.
func fill(t *testing.T, path string) {
	t.Helper()
	f := must(os.Create(path))(t)
	defer f.Close()
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFullForLazyChanges: what the clock finds no room for is written down when
// there is room.
func TestDiskFullForLazyChanges(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatalf("a file system of its own to fill: %v (run as root, as scripts/test does)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	s := openAt(t, filepath.Join(dir, "meta.db"), Options{})
	run(t, s)
	n := must(newFile(s, meta.Root, "f", 1))(t)
	v := must(s.Commit(meta.CommitRequest{Ino: n.Ino, File: fileID(1), Size: 1, Mtime: 1, Now: 1, Open: true}))(t)
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	var err error
	for i := 0; err == nil && i < 5000; i++ { // as few pages in each as there can be
		err = s.SetSetting("x", fmt.Sprint(i))
	}
	if !errors.Is(err, meta.ErrNoSpace) {
		t.Fatalf("it is not full: %v", err)
	}
	before := s.Activity().Requests
	if err := errors.Join(s.SettleSoon(v.ID), s.Touch(n.Ino, 7), s.Used(v.ID, 8)); err != nil {
		t.Fatal(err)
	}
	await(t, "the clock to have tried", func() bool { return s.Activity().Requests > before })
	if !must(s.Version(v.ID))(t).Open {
		t.Fatal("there was room")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	await(t, "the changes", func() bool {
		now := must(s.Version(v.ID))(t)
		return !now.Open && now.Used == 8 && must(s.Node(n.Ino))(t).Atime == 7
	})
}
