package life

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Call is a system call of a daemon about a file, before it is made.
type Call struct {
	Name string // "fsync"
	Path string // the file; "" where that cannot be told
}

// String is how reports name it.
func (c Call) String() string { return c.Name + " " + c.Path }

// Blow is what happens to a Call. The zero Blow is nothing.
type Blow struct {
	Errno syscall.Errno // the call is not made, and answered with this
	Kill  bool          // the daemon is killed instead of making the call
}

// Trap holds up system calls of a daemon, of all its threads in the order in which
// they come, one after the other, and decides about each. It serves one daemon,
// whose Volume.Trap it is.
//
// The kernel asks it (seccomp's notifications): no call is missed, and the others
// take no longer.
type Trap struct {
	t      testing.TB
	names  map[uint32]string
	decide func(Call) Blow

	ours, theirs *os.File // ends of a pair of sockets
	wg           sync.WaitGroup
}

// NewTrap prepares a trap for calls of these names. decide is called by one
// goroutine.
func NewTrap(t testing.TB, decide func(Call) Blow, names ...string) *Trap {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	trap := &Trap{
		t: t, decide: decide, names: make(map[uint32]string),
		ours: os.NewFile(uintptr(pair[0]), "trap"), theirs: os.NewFile(uintptr(pair[1]), "trapped"),
	}
	for _, name := range names {
		if c, ok := lookUpCall(name); ok {
			trap.names[c.number] = name
		}
	}
	return trap
}

func lookUpCall(name string) (syscallOf, bool) {
	if c, ok := calls[name]; ok {
		return c, true
	}
	c, ok := olderCalls[name]
	return c, ok
}

// numbers is what the child is told.
func (trap *Trap) numbers() string {
	var list []string
	for n := range trap.names {
		list = append(list, fmt.Sprint(n))
	}
	return strings.Join(list, ",")
}

// attach follows the start of the daemon's process.
func (trap *Trap) attach() {
	trap.theirs.Close()
	trap.wg.Go(func() {
		listener, err := trap.receive()
		trap.ours.Close()
		if err != nil {
			trap.t.Errorf("the trap's end did not come: %v", err)
			return
		}
		defer unix.Close(listener)
		trap.serve(listener)
	})
}

// wait returns when nobody is left who could make a call.
func (trap *Trap) wait() { trap.wg.Wait() }

// receive gets the kernel's end from the child.
func (trap *Trap) receive() (int, error) {
	var b [1]byte
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(trap.ours.Fd()), b[:], oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	list, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(list) != 1 {
		return 0, errors.Join(err, errors.New("the child sent none"))
	}
	fds, err := unix.ParseUnixRights(&list[0])
	if err != nil {
		return 0, err
	}
	return fds[0], nil
}

// notification and response are struct seccomp_notif and seccomp_notif_resp.
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    uint32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

type response struct {
	id    uint64
	val   int64
	errno int32
	flags uint32
}

const (
	notifRecv     = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	notifSend     = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	notifContinue = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

func (trap *Trap) serve(listener int) {
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); errors.Is(err, unix.EINTR) {
			continue
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			return // nobody is left
		}
		var n notification
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), notifRecv, uintptr(unsafe.Pointer(&n))); e != 0 {
			continue // it was killed meanwhile, or a signal came first and it asks again
		}
		blow := trap.decide(n.call(trap.names[n.nr]))
		r := response{id: n.id, flags: notifContinue}
		switch {
		case blow.Kill:
			// An error means that it is gone already.
			_ = unix.Kill(int(n.pid), unix.SIGKILL)
			continue
		case blow.Errno != 0:
			r.errno, r.flags = -int32(blow.Errno), 0
		}
		// An error means that it is gone.
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), notifSend, uintptr(unsafe.Pointer(&r)))
	}
}

// call says what the notification is about.
func (n *notification) call(name string) Call {
	c := Call{Name: name}
	s, _ := lookUpCall(name)
	link := func(what any) string {
		p, _ := os.Readlink(fmt.Sprintf("/proc/%d/%v", n.pid, what)) // "" says as much
		return p
	}
	switch s.shape {
	case byFD:
		c.Path = link(fmt.Sprintf("fd/%d", int32(n.args[0])))
	case byPath:
		c.Path = n.text(n.args[0])
	case byAt:
		c.Path = n.text(n.args[1])
		if filepath.IsAbs(c.Path) {
			break
		}
		dir := "cwd"
		if fd := int32(n.args[0]); fd != unix.AT_FDCWD {
			dir = fmt.Sprintf("fd/%d", fd)
		}
		c.Path = filepath.Join(link(dir), c.Path)
	}
	return c
}

// text reads a string of the caller.
func (n *notification) text(at uint64) string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", n.pid))
	if err != nil || at == 0 {
		return ""
	}
	defer f.Close()
	b := make([]byte, unix.PathMax)
	got, _ := f.ReadAt(b, int64(at)) // up to the end of what is mapped
	text, _, _ := bytes.Cut(b[:got], []byte{0})
	return string(text)
}
