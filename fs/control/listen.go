package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrInUse is returned by Listen when another process answers on the socket.
var ErrInUse = errors.New("another process answers on the control socket")

// ErrNotRunning is returned by Dial when nobody answers on the socket.
var ErrNotRunning = errors.New("no running mount answers")

// maxSocketPath is the longest path that fits a unix socket address, with the
// NUL behind it.
const maxSocketPath = 107

// Listen opens the control socket at path for Serve, with mode 0600. The folder
// is created with mode 0700 when it is missing, and refused when it belongs to
// others or they may write to it. A socket that is there already is removed only when nobody
// answers on it; ErrInUse otherwise. Closing the listener removes the socket.
func Listen(path string) (net.Listener, error) {
	if err := prepareFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	addr, done, err := address(path)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	defer done()
	l, err := net.ListenUnix("unix", addr)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false) // the address may be a passing name of the file
	// Until the mode is set, the check of the peer alone guards the socket.
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		os.Remove(path)
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return &listener{UnixListener: l, path: path}, nil
}

// listener removes its socket by the name it was asked for.
type listener struct {
	*net.UnixListener
	path string

	closing sync.Mutex // held while the socket is removed: who closes it too returns after that
}

// Close stops listening and removes the socket.
func (l *listener) Close() error {
	l.closing.Lock()
	defer l.closing.Unlock()
	err := l.UnixListener.Close()
	if errors.Is(err, net.ErrClosed) {
		return err // closed before: the name may be another's by now
	}
	if rerr := os.Remove(l.path); err == nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = rerr
	}
	return err
}

func prepareFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && !allowed(int(st.Uid), os.Geteuid()) {
		return fmt.Errorf("the folder %s belongs to user %d, who could put another socket in the place of this one", dir, st.Uid)
	}
	if fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write to the folder %s (mode %04o)", dir, fi.Mode().Perm())
	}
	return nil
}

// removeStale removes what a dead process left at path. Whatever is no socket,
// and whatever may still be served, stays.
func removeStale(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode().Type() != fs.ModeSocket {
		return errors.New("something that is no socket is in its place")
	}
	conn, err := connect(path)
	if err == nil {
		conn.Close()
		return ErrInUse
	}
	if !errors.Is(err, ErrNotRunning) {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// connect opens a connection to the socket at path; ErrNotRunning when there is
// no socket, or none that anybody listens on.
func connect(path string) (net.Conn, error) {
	addr, done, err := address(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	defer done()
	conn, err := (&net.Dialer{Timeout: usual().request}).Dial("unix", addr.Name)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	// Whoever may write to the folder may have put a socket of their own there.
	uid, err := peerUID(conn)
	if err == nil && !allowed(uid, os.Geteuid()) {
		err = fmt.Errorf("user %d answers, who is neither root nor who asks", uid)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// address returns an address for path. A path that is too long for one is
// reached through a descriptor of its folder, which done closes.
func address(path string) (addr *net.UnixAddr, done func(), err error) {
	if len(path) <= maxSocketPath {
		return &net.UnixAddr{Net: "unix", Name: path}, func() {}, nil
	}
	fd, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, &fs.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	name := fmt.Sprintf("/proc/self/fd/%d/%s", fd, filepath.Base(path))
	return &net.UnixAddr{Net: "unix", Name: name}, func() { unix.Close(fd) }, nil
}

// deadline is when something that may take d has to be over.
func deadline(d time.Duration) time.Time { return time.Now().Add(d) }
