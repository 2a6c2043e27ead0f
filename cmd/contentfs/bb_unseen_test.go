package main_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestNotTakenIn: commands that are asked for a path that nobody has looked at yet say
// so, name the directory and do nothing; a transfer that nothing answers says that, at
// once where there is no mount.
func TestNotTakenIn(t *testing.T) {
	s := newSite(t)
	if err := os.MkdirAll(filepath.Join(s.fallback, "uid", "file"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.fallback, "uid", "file", "x"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Mount()
	s.Write("top", []byte("first"))
	s.Await("an upload", func() bool { return s.Status().Counts.Waiting.Count == 0 })
	if err := os.Remove(s.Join("top")); err != nil {
		t.Fatal(err)
	}
	const told = `directory "/uid" is not taken in from the fallback yet: list it in the mount first`
	for _, args := range [][]string{
		{"url", "--volume", s.Name, "/uid/file/x"},
		{"url", "--volume", s.Name, "--uid", "uid", "--field", "file"},
		{"history", s.Name, "/uid/file/x"},
		{"policy", "explain", s.Name, "/uid/file/x"},
		{"undelete", s.Name, "/top", "--as", "/uid/file/x"},
	} {
		want(t, s.Run(append(args, "--state", s.State)...), 1, told)
	}
	if got := string(s.Read("uid/file/x")); got != "x" { // which takes it in
		t.Errorf("read %q", got)
	}
	want(t, s.Run("history", s.Name, "/uid/file/x", "--state", s.State), 0, "1 version")

	// What it replaces in a live mount is gone for the application, and swept up.
	f, err := os.Open(s.Join("uid/file/x"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, s.Run("undelete", s.Name, "/top", "--as", "/uid/file/x", "--state", s.State), 0, "is back")
	s.Await("the other content", func() bool { return string(s.Read("uid/file/x")) == "first" })
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		t.Error(err)
	}
	f.Close()
	s.Unmount()

	s.Gateway.Stop()
	want(t, s.do("restore", "--all"), 4, "bucket ", "again later")
	want(t, s.do("restore", "--all", "--dry-run"), 0, "1 file")
}
