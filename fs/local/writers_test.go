package local

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// childEnv makes the test binary hold a file in the way it names.
const childEnv = "CONTENTFS_TEST_HOLD"

func TestMain(m *testing.M) {
	how := os.Getenv(childEnv)
	if how == "" {
		os.Exit(m.Run())
	}
	if err := hold(how, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// hold opens or maps the file, says so, and keeps it until its input ends.
func hold(how, path string) error {
	flags, protection, mapped := os.O_RDONLY, unix.PROT_READ, false
	switch how {
	case "reading":
	case "writing":
		flags = os.O_RDWR
	case "mapped for reading":
		mapped = true
	case "mapped for writing":
		flags, protection, mapped = os.O_RDWR, unix.PROT_READ|unix.PROT_WRITE, true
	default:
		return errors.New("unknown way to hold a file: " + how)
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if mapped {
		if _, err := unix.Mmap(int(f.Fd()), 0, 1, protection, unix.MAP_SHARED); err != nil {
			return err
		}
		f.Close() // the mapping stays
	}
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// holder starts a child that holds the file until end is called.
func holder(t *testing.T, how, path string) (end func()) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self, path)
	cmd.Env = append(os.Environ(), childEnv+"="+how)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("child said %q, %v", line, err)
	}
	return func() {
		t.Helper()
		in.Close()
		must(t, cmd.Wait())
	}
}

func wantUnwritten(t *testing.T, f *File, when string, want bool) {
	t.Helper()
	got, err := f.Unwritten()
	must(t, err)
	if got != want {
		t.Errorf("%s: Unwritten is %v", when, got)
	}
}

func TestUnwrittenHere(t *testing.T) {
	s := newStore(t)
	w := create(t, s, []byte("x"))
	r, err := s.Reopen(w)
	must(t, err)
	defer r.Close()
	wantUnwritten(t, r, "a writer", false)
	wantUnwritten(t, w, "the writer itself", false)
	mapped, err := unix.Mmap(int(w.Fd()), 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(t, err)
	must(t, w.Close())
	wantUnwritten(t, r, "a mapping without its descriptor", false)
	must(t, unix.Munmap(mapped))
	wantUnwritten(t, r, "readers only", true)
	again, err := s.Open(r.ID)
	must(t, err)
	defer again.Close()
	wantUnwritten(t, r, "two readers", true)
}

// TestUnwrittenElsewhere: descriptors and mappings of another process, which may
// be what is left of a killed daemon's clients.
func TestUnwrittenElsewhere(t *testing.T) {
	for how, want := range map[string]bool{
		"reading": true, "writing": false, "mapped for reading": true, "mapped for writing": false,
	} {
		t.Run(how, func(t *testing.T) {
			s := newStore(t)
			w := create(t, s, []byte("x"))
			r, err := s.Reopen(w)
			must(t, err)
			defer r.Close()
			must(t, w.Close())
			end := holder(t, how, path(s, r.ID))
			wantUnwritten(t, r, "a child "+how, want)
			end()
			wantUnwritten(t, r, "the child ended", true)
		})
	}
}

// TestUnwrittenHoldsNoWriterUp: the lease is dropped at once, so that a writer that
// comes next does not wait for it to be broken.
func TestUnwrittenHoldsNoWriterUp(t *testing.T) {
	s := newStore(t)
	w := create(t, s, []byte("x"))
	r, err := s.Reopen(w)
	must(t, err)
	defer r.Close()
	must(t, w.Close())
	wantUnwritten(t, r, "readers only", true)
	must(t, r.Control(func(fd int) error {
		lease, err := unix.FcntlInt(uintptr(fd), unix.F_GETLEASE, 0)
		if lease != unix.F_UNLCK {
			t.Errorf("lease %d is held", lease)
		}
		return err
	}))
}
