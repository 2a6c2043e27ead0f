package volume_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixLocks(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "locks", func(p *place) {
			p.make("f", "content")
			lockers := map[string]*locker{"A": newLocker(p, "A"), "B": newLocker(p, "B")}
			for _, step := range lockSteps {
				l := lockers[step[:1]]
				p.note("%s: %s", step, name(lockers, l.ask(step[2:])))
			}
			waitForLocks(p, lockers["A"], lockers["B"])
		})
	})
}

// lockSteps are what processes A and B do in turn. Kinds of locks are flock, that
// of fcntl, and that of open file descriptions.
var lockSteps = []string{
	"A open", "B open",
	"A flock shared", "B flock shared", "B flock exclusive", "A flock exclusive", "A flock unlock", "B flock exclusive",
	"A flock shared", "B flock shared", "A flock shared", "A flock unlock", "B flock unlock",
	// Locks of the three kinds do not see each other, but those of fcntl do.
	"A flock exclusive", "B posix write 0 0", "A posix read 0 1", "A flock unlock", "B posix unlock 0 0",
	"A posix write 10 10", "B get write 0 5", "B get read 0 11", "B get write 19 1", "B get write 20 0",
	"B posix write 15 1", "B posix write 20 10", "A posix unlock 12 3", "B posix write 12 3", "A get write 0 0",
	"B ofd write 30 10", "A posix read 30 1", "A getofd write 30 1", "B posix read 30 1", "B ofd unlock 30 10",
	"B posix unlock 0 0", "A posix unlock 0 0",
	"A posix read 0 0", "B posix read 5 5", "A posix write 0 5", "A posix write 5 1", "B posix unlock 0 0", "A posix write 0 0",
	// Closing any descriptor of a file ends a process's locks on it; those of an open
	// description and of flock end with their own.
	"A reopen", "B posix write 0 0", "B posix unlock 0 0",
	"A ofd write 0 0", "A flock exclusive", "A reopen", "B ofd read 0 1", "B flock shared", "A close", "B ofd read 0 1", "B flock shared",
	"B ofd unlock 0 0", "B flock unlock",
	"A open", "A readonly", "A posix write 0 1", "A posix read 0 1", "A close",
	"A open", "B posix read -1 5", "B get write 0 0", "A posix write 9223372036854775807 1", "A posix unlock 0 0",
}

// waitForLocks lets B wait for what A has, of each kind: until A gives it up,
// closes the file, or ends.
func waitForLocks(p *place, a, b *locker) {
	b.ask("close")
	b.ask("open")
	for _, kind := range []string{"flock exclusive", "posix write 0 100", "ofd write 0 100"} {
		unlock := strings.Fields(kind)[0] + " unlock 0 100"
		for _, end := range []string{unlock, "close", "exit"} {
			if end == "exit" && !strings.HasPrefix(kind, "flock") {
				continue // once is enough: A has to be started again
			}
			p.note("%s by A: %s", kind, a.ask(kind))
			b.tell("wait " + kind)
			b.waits(p)
			if end == "exit" {
				a.end()
			} else {
				p.note("%s by A: %s", end, a.ask(end))
			}
			p.note("%s by B after %s: %s", kind, end, b.answer())
			p.note("%s by B: %s", unlock, b.ask(unlock))
			switch end {
			case "close":
				a.ask("open")
			case "exit":
				*a = *newLocker(p, "A")
				a.ask("open")
			}
		}
	}
	// Each waits for what the other has.
	p.note("A: %s, B: %s", a.ask("posix write 0 1"), b.ask("posix write 1 1"))
	b.tell("wait posix write 0 1")
	b.waits(p)
	p.note("deadlock: %s", a.ask("wait posix write 1 1"))
	p.note("A: %s, B: %s", a.ask("posix unlock 0 1"), b.answer())
	a.end()
	b.end()
}

// locker is a process that takes locks on f.
type locker struct{ *speaker }

func newLocker(p *place, name string) *locker {
	return &locker{speak(p.T, "lock", p.path("f"), name)}
}

// waits returns when the process waits for a lock, and not for anything else.
func (l *locker) waits(p *place) {
	p.Helper()
	limit := time.Now().Add(time.Minute)
	waiting := fmt.Sprintf(" %d ", l.cmd.Process.Pid)
	for time.Now().Before(limit) {
		b, err := os.ReadFile("/proc/locks")
		must(p.T, err)
		for line := range bytes.Lines(b) {
			// An open description's lock has no owner but its file.
			if bytes.Contains(line, []byte("->")) && (bytes.Contains(line, []byte(waiting)) || bytes.Contains(line, []byte("OFDLCK"))) {
				return
			}
		}
	}
	p.Fatal("the process does not wait for the lock")
}

// name puts the processes' names in the place of their numbers.
func name(lockers map[string]*locker, answer string) string {
	for name, l := range lockers {
		answer = strings.ReplaceAll(answer, fmt.Sprintf("process %d", l.cmd.Process.Pid), "process "+name)
	}
	return answer
}

// childLock does with the file in args[0] what it is told; see lockSteps.
func childLock(args []string) error {
	var f *os.File
	return replies(func(step string) string {
		var err error
		words := strings.Fields(step)
		switch words[0] {
		case "open":
			f, err = os.OpenFile(args[0], os.O_RDWR, 0)
		case "readonly":
			if err = f.Close(); err == nil {
				f, err = os.Open(args[0])
			}
		case "close":
			err = f.Close()
		case "reopen": // for a moment
			var g *os.File
			if g, err = os.Open(args[0]); err == nil {
				err = g.Close()
			}
		case "wait":
			return lock(f, words[1:], true)
		default:
			return lock(f, words, false)
		}
		return ending(err)
	})
}

var lockTypes = map[string]int16{"read": unix.F_RDLCK, "write": unix.F_WRLCK, "unlock": unix.F_UNLCK}

// lock takes or asks for a lock and says what came of it.
func lock(f *os.File, words []string, wait bool) string {
	if words[0] == "flock" {
		how := map[string]int{"shared": unix.LOCK_SH, "exclusive": unix.LOCK_EX, "unlock": unix.LOCK_UN}[words[1]]
		if !wait {
			how |= unix.LOCK_NB
		}
		return ending(unix.Flock(int(f.Fd()), how))
	}
	l := unix.Flock_t{Type: lockTypes[words[1]]}
	if _, err := fmt.Sscan(words[2]+" "+words[3], &l.Start, &l.Len); err != nil {
		return err.Error()
	}
	command := map[string]int{"posix": unix.F_SETLK, "ofd": unix.F_OFD_SETLK, "get": unix.F_GETLK, "getofd": unix.F_OFD_GETLK}[words[0]]
	if wait {
		command++ // F_SETLKW, F_OFD_SETLKW
	}
	err := unix.FcntlFlock(f.Fd(), command, &l)
	if err == nil && strings.HasPrefix(words[0], "get") {
		return fmt.Sprintf("type %d from %d for %d by process %d", l.Type, l.Start, l.Len, l.Pid)
	}
	return ending(err)
}
