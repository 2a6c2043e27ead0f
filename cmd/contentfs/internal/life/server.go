package life

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// server is the device of a disk that can fail: nbdkit has the bytes, nbdfuse makes
// a file of it.
type server struct {
	path   string // the file
	sign   string // while this file is there, writes fail
	folder string // where nbdfuse is mounted
	cmd    *exec.Cmd
	gone   chan struct{}
}

func newServer(t testing.TB, size int64, rate string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{sign: filepath.Join(dir, "fail"), folder: filepath.Join(dir, "nbd"), gone: make(chan struct{})}
	s.path = filepath.Join(s.folder, "disk")
	if err := os.Mkdir(s.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command("nbdfuse", s.path, "[", "nbdkit", "--exit-with-parent", "--filter=error", "memory",
		"size="+strconv.FormatInt(size, 10), "error-pwrite=EIO", "error-pwrite-rate="+rate, "error-pwrite-file="+s.sign,
		"error-zero=EIO", "error-zero-rate="+rate, "error-zero-file="+s.sign, "]")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("nbdfuse: %v", err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.gone)
	}()
	t.Cleanup(func() { s.stop(t) })
	limit := time.Now().Add(Limit)
	for {
		if st, err := os.Stat(s.path); err == nil && st.Size() == size {
			return s
		}
		select {
		case <-s.gone:
			b, _ := os.ReadFile(log.Name())
			t.Fatalf("nbdfuse ended: %s", b)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(limit) {
			t.Fatal("nbdfuse does not serve its file")
		}
	}
}

func (s *server) fail() error { return os.WriteFile(s.sign, nil, 0o600) }

func (s *server) heal() error { return os.Remove(s.sign) }

// stop ends it: the last unmount does.
func (s *server) stop(t testing.TB) {
	err := unix.Unmount(s.folder, unix.UMOUNT_NOFOLLOW)
	for limit := time.Now().Add(Limit); errors.Is(err, unix.EBUSY) && time.Now().Before(limit); {
		<-time.After(10 * time.Millisecond)
		err = unix.Unmount(s.folder, unix.UMOUNT_NOFOLLOW)
	}
	if err != nil {
		t.Errorf("unmount nbdfuse: %v", err)
	}
	select {
	case <-s.gone:
	case <-time.After(Limit):
		t.Error("nbdfuse does not end")
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
}
