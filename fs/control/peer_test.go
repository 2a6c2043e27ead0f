package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAllowed(t *testing.T) {
	for _, tc := range []struct {
		peer, own int
		want      bool
	}{{0, 0, true}, {0, 1000, true}, {1000, 1000, true}, {1001, 1000, false}, {1000, 0, false}} {
		if got := allowed(tc.peer, tc.own); got != tc.want {
			t.Errorf("allowed(%d, %d) = %v", tc.peer, tc.own, got)
		}
	}
}

// TestStrangersAreRefused uses an abstract socket, which has no file modes, so
// that only the check of the peer stands between a stranger and the handler.
func TestStrangersAreRefused(t *testing.T) {
	l, err := net.Listen("unix", fmt.Sprintf("@contentfs-test-%d", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := &handler{status: func(context.Context) (Status, error) {
		t.Error("a stranger reached the handler")
		return Status{}, nil
	}}

	// Root can become a stranger; anybody else plays against another's daemon.
	user, own := 65534, 0
	if os.Geteuid() != 0 {
		user, own = os.Geteuid(), os.Geteuid()+1
	}
	answered := make(chan error, 1)
	go func() { answered <- askAs(l.Addr().String(), user) }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	(&session{conn: conn, handler: h, log: slog.New(slog.DiscardHandler), own: own, timing: usual()}).serve(t.Context())
	conn.Close()
	var e *Error
	if err := <-answered; !errors.As(err, &e) || e.Code != Denied {
		t.Errorf("user %d at the socket of user %d: %v", user, own, err)
	}
}

// askAs asks for the status as another user and returns the error it got. The
// thread that changed its user is never given back: it ends with its goroutine.
func askAs(addr string, user int) error {
	runtime.LockOSThread()
	const keep = ^uintptr(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(user), keep); errno != 0 {
		return errno
	}
	conn, err := net.Dial("unix", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		return err
	}
	var r reply
	if err := json.Unmarshal(line, &r); err != nil || r.Error == nil {
		return fmt.Errorf("answer %q", line)
	}
	return r.Error
}

// TestServerOfAStranger: a socket that another user put in the daemon's place is told
// nothing and believed nothing. The kernel notes who listens when that begins.
func TestServerOfAStranger(t *testing.T) {
	path := fmt.Sprintf("@contentfs-stranger-%d", os.Getpid())
	listening := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with its goroutine
		const keep = ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, 65534, keep); errno != 0 {
			listening <- errno
			return
		}
		l, err := net.Listen("unix", path)
		listening <- err
		if err == nil {
			<-t.Context().Done()
			l.Close()
		}
	}()
	if err := <-listening; err != nil {
		t.Fatal(err)
	}
	if c, err := Dial(path); err == nil || errors.Is(err, ErrNotRunning) {
		t.Errorf("%v, %v", c, err)
	}
}

func TestPeerOfOtherConnectionsIsUnknown(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if uid, err := peerUID(a); err == nil {
		t.Errorf("user %d", uid)
	}
}
