package control

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(dir, "web.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		fi, err := os.Stat(name)
		if err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %o", name, fi.Mode().Perm(), err, want)
		}
	}
}

func TestListenRemovesOnlyDeadSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if _, err := Dial(path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Dial of a dead socket: %v", err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatalf("over a dead socket: %v", err)
	}
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("over a live socket: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := Dial(path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Dial of nothing: %v", err)
	}
}

func TestListenLeavesOtherFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); err == nil {
		t.Error("took the place of a file")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file: %q, %v", b, err)
	}
}

func TestListenRefusesAFolderOthersWriteTo(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(dir, "s")); err == nil {
		t.Error("accepted")
	}
}

func TestListenRefusesAFolderOfOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(dir, "s")); err == nil {
		t.Error("accepted")
	}
}

func TestSecondCloseLeavesASuccessorAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	second, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	first.Close()
	if _, err := Dial(path); err != nil {
		t.Errorf("the successor's socket: %v", err)
	}
}

func TestPathsLongerThanASocketAddress(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("d", 120), "control.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(path); err != nil {
		t.Errorf("Dial: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Dial(path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Dial after Close: %v", err)
	}
	if _, err := Dial(filepath.Join(t.TempDir(), strings.Repeat("e", 120), "s")); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Dial in a missing folder: %v", err)
	}
}
