package volume_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// speaker is a child process that does one step for each line it is given, and
// tells when it has.
type speaker struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func speak(t *testing.T, name string, args ...string) *speaker {
	t.Helper()
	s := &speaker{t: t, cmd: child(t, name, args...)}
	var err error
	s.in, err = s.cmd.StdinPipe()
	must(t, err)
	out, err := s.cmd.StdoutPipe()
	must(t, err)
	s.lines = bufio.NewScanner(out)
	must(t, s.cmd.Start())
	s.answer()
	return s
}

// answer waits for the child's next line.
func (s *speaker) answer() string {
	s.t.Helper()
	if !s.lines.Scan() {
		s.t.Fatalf("the child process said nothing: %v", s.lines.Err())
	}
	return s.lines.Text()
}

func (s *speaker) do(step string) {
	s.t.Helper()
	_, err := fmt.Fprintln(s.in, step)
	must(s.t, err)
	s.answer()
}

// end closes the child's input and waits for it.
func (s *speaker) end() {
	s.t.Helper()
	must(s.t, s.in.Close())
	must(s.t, s.cmd.Wait())
}

// steps calls do for each line of the input, with an answer to each, and to being
// ready.
func steps(do func(step string) error) error {
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := do(lines.Text()); err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		fmt.Println("done")
	}
	return lines.Err()
}

// childMmap maps the file in args[0] shared and does what it is told: "store N
// TEXT", "msync", "close" (the descriptor), "unmap".
func childMmap(args []string) error {
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return steps(func(step string) error {
		switch step {
		case "msync":
			return unix.Msync(m, unix.MS_SYNC)
		case "close":
			return f.Close()
		case "unmap":
			return unix.Munmap(m)
		}
		var at int
		var text string
		if _, err := fmt.Sscanf(step, "store %d %s", &at, &text); err != nil {
			return err
		}
		copy(m[at:], text)
		return nil
	})
}

// childRead reads the first byte of a file and says so.
func childRead(args []string) error {
	fmt.Println("ready")
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Read(make([]byte, 1))
	fmt.Println("read")
	return err
}

// childInherit writes to the descriptor it inherited, at the offset in args[1].
func childInherit(args []string) error {
	at, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	f := os.NewFile(3, "inherited")
	if _, err := f.WriteAt([]byte(args[0]), at); err != nil {
		return err
	}
	return f.Close()
}
