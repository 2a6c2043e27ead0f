package life

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// trappedEnv is set for the process that becomes a daemon in a trap. It holds the
// numbers of the calls.
const trappedEnv = "CONTENTFS_TEST_TRAPPED"

// trappedSocket is its descriptor of the trap's socket.
const trappedSocket = 3

// Trapped is called first in a test binary's TestMain: the binary is also the
// process that sets the trap for itself and becomes the daemon. It returns where
// this is an ordinary run of tests.
func Trapped() {
	numbers := os.Getenv(trappedEnv)
	if numbers == "" {
		return
	}
	err := becomeTrapped(numbers)
	fmt.Fprintln(os.Stderr, "set the trap:", err)
	os.Exit(1)
}

func becomeTrapped(numbers string) error {
	// The filter belongs to this thread, which is the one that remains.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	listener, err := setFilter(filterFor(numbers))
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(trappedSocket, []byte{0}, unix.UnixRights(listener), nil, 0); err != nil {
		return err
	}
	unix.CloseOnExec(trappedSocket)
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, trappedEnv+"=") })
	return syscall.Exec(os.Args[1], os.Args[1:], env)
}

// filterFor asks the trap about calls of these numbers and lets pass all others.
func filterFor(numbers string) []unix.SockFilter {
	const (
		allow  = 0x7fff0000
		notify = 0x7fc00000
		atNr   = 0
		atArch = 4
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		ret    = unix.BPF_RET | unix.BPF_K
	)
	list := strings.Split(numbers, ",")
	f := []unix.SockFilter{
		{Code: load, K: atArch},
		{Code: equal, K: auditArch, Jt: 1},
		{Code: ret, K: allow},
		{Code: load, K: atNr},
	}
	for i, s := range list {
		var nr uint32
		fmt.Sscan(s, &nr)
		f = append(f, unix.SockFilter{Code: equal, K: nr, Jt: uint8(len(list) - i)})
	}
	return append(f, unix.SockFilter{Code: ret, K: allow}, unix.SockFilter{Code: ret, K: notify})
}

// setFilter returns the kernel's end of the trap.
func setFilter(f []unix.SockFilter) (int, error) {
	const (
		setModeFilter    = 1
		newListener      = 1 << 3
		waitKillableRecv = 1 << 5 // Go's own signals do not make it ask twice
	)
	prog := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	fd, _, e := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, newListener|waitKillableRecv, uintptr(unsafe.Pointer(&prog)))
	if e != 0 {
		return 0, fmt.Errorf("seccomp: %w", e)
	}
	return int(fd), nil
}
