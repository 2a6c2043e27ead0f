package dir_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"contentfs/backend"
	"contentfs/backend/backendtest"
	"contentfs/backend/dir"
)

func open(t testing.TB, path string) *dir.Store {
	t.Helper()
	s, err := dir.New(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *dir.Store, key, body string) {
	t.Helper()
	opts := backend.PutOptions{SHA256: sha256.Sum256([]byte(body)), IfAbsent: true}
	if _, err := s.Put(context.Background(), key, bytes.NewReader([]byte(body)), int64(len(body)), opts); err != nil {
		t.Fatal(err)
	}
}

func wantClass(t *testing.T, err error, want backend.Class) {
	t.Helper()
	if err == nil || backend.ClassOf(err) != want {
		t.Errorf("error %v, want class %v", err, want)
	}
}

func TestConformance(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backend.Backend { return open(t, t.TempDir()) })
}

func TestPlainFile(t *testing.T) {
	root := t.TempDir()
	put(t, open(t, root), "p/uid_1_file_name.jpg", "bytes")
	got, err := os.ReadFile(filepath.Join(root, "p%2Fuid_1_file_name.jpg"))
	if err != nil || string(got) != "bytes" {
		t.Fatalf("file holds %q, %v", got, err)
	}
	left, err := os.ReadDir(filepath.Join(root, ".tmp"))
	if err != nil || len(left) != 0 {
		t.Fatalf("left in .tmp: %v, %v", left, err)
	}
}

func TestDamagedFileIsCorrupt(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	put(t, s, "k", "bytes")
	if err := os.WriteFile(filepath.Join(root, "k"), []byte("bytez"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(context.Background(), "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, err = io.ReadAll(r)
	wantClass(t, err, backend.Corrupt)
}

func TestUnmountedIsNotAbsent(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	put(t, s, "k", "bytes")
	if err := os.Rename(root, root+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root + ".away") })
	ctx := context.Background()
	_, err := s.Stat(ctx, "k")
	wantClass(t, err, backend.Missing)
	_, err = s.Get(ctx, "k", 0, -1)
	wantClass(t, err, backend.Missing)
	wantClass(t, s.Delete(ctx, "k"), backend.Missing)
	wantClass(t, s.List(ctx, "", "", func(backend.Object) error { return nil }), backend.Missing)
	_, err = s.Put(ctx, "k", bytes.NewReader(nil), 0, backend.PutOptions{SHA256: sha256.Sum256(nil)})
	wantClass(t, err, backend.Missing)
}

func TestNewNeedsTheDirectory(t *testing.T) {
	_, err := dir.New(filepath.Join(t.TempDir(), "none"))
	wantClass(t, err, backend.Missing)
}

func TestSymlinkIsNotFollowed(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	if err := os.Symlink("/etc/passwd", filepath.Join(root, "k")); err != nil {
		t.Fatal(err)
	}
	_, err := s.Get(context.Background(), "k", 0, -1)
	wantClass(t, err, backend.Invalid)
}

func TestStrayFilesAreNotListed(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	put(t, s, "k", "bytes")
	for _, name := range []string{"bad%zz", "lower%2f", ".hidden"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	err := s.List(context.Background(), "", "", func(o backend.Object) error {
		keys = append(keys, o.Key)
		return nil
	})
	if err != nil || len(keys) != 1 || keys[0] != "k" {
		t.Fatalf("listed %q, %v", keys, err)
	}
}

// blocked is a body whose reading waits until the test says so.
type blocked struct {
	entered chan struct{}
	leave   chan struct{}
}

func (b *blocked) ReadAt(p []byte, off int64) (int, error) {
	close(b.entered)
	<-b.leave
	return copy(p, "x"), nil
}

func TestNewSweepsOnlyWhatNobodyHolds(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	stale := filepath.Join(root, ".tmp", "stale")
	if err := os.WriteFile(stale, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	body := &blocked{entered: make(chan struct{}), leave: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		_, err := s.Put(context.Background(), "k", body, 1, backend.PutOptions{SHA256: sha256.Sum256([]byte("x"))})
		done <- err
	}()
	<-body.entered
	open(t, root)
	close(body.leave)
	if err := <-done; err != nil {
		t.Errorf("a second store broke the put in progress: %v", err)
	}
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stale file is still there: %v", err)
	}
}

func BenchmarkPut100KiB(b *testing.B) {
	backendtest.BenchmarkPut100KiB(b, open(b, b.TempDir()))
}
