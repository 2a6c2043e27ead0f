package volume_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// replies answers each line of the input with what answer returns.
func replies(answer func(step string) string) error {
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(answer(lines.Text()))
	}
	return lines.Err()
}

// tell gives the child a step without waiting for the answer.
func (s *speaker) tell(step string) {
	s.t.Helper()
	_, err := fmt.Fprintln(s.in, step)
	must(s.t, err)
}

// ask gives the child a step and returns its answer.
func (s *speaker) ask(step string) string {
	s.t.Helper()
	s.tell(step)
	return s.answer()
}

// shell runs a command line. Programs of the mount are started by a shell only:
// between fork and exec, Go stops the process that would have to serve them.
func shell(p *place, line string) (string, error) {
	cmd := exec.CommandContext(p.Context(), "/bin/sh", "-c", line)
	cmd.Env = append(os.Environ(), "DIR="+p.dir, "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func setGroups(groups []uint32) error {
	_, _, e := syscall.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0)
	if e != 0 {
		return e
	}
	return nil
}
