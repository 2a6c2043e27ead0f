package crash

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Variable is the environment variable that arms a point; Arm says how.
const Variable = "CONTENTFS_CRASH_POINT"

// armed is what the process is armed with, nil nearly always. A program has one life
// that can end: this is the one place where that can be kept.
var armed atomic.Pointer[trap]

// trap strikes at one point.
type trap struct {
	point  Point
	left   atomic.Int64 // passes until the strike
	strike func(Point)
}

// Here passes a point. Where that is the one and its time has come, it does not return.
func Here(p Point) {
	if t := armed.Load(); t != nil {
		t.pass(p)
	}
}

func (t *trap) pass(p Point) {
	if p == t.point && t.left.Add(-1) == 0 {
		t.strike(p)
	}
}

// Pass returns the function by which a room that cannot import this package passes
// its points; nil if nothing is armed, as it nearly always is.
func Pass(room string) func(step string) {
	if armed.Load() == nil {
		return nil
	}
	return func(step string) { Here(Point(room + "/" + step)) }
}

// Arm arms a point, as text says: NAME, NAME:N for the N-th pass (the first is 1),
// NAME:N:stop to have the process stopped where it stands instead of killed. It tells
// that on w. It is called before anything else runs.
func Arm(text string, w io.Writer) error {
	t, stop, err := parse(text)
	if err != nil {
		return fmt.Errorf("%s=%q: %w", Variable, text, err)
	}
	how := syscall.SIGKILL
	if stop {
		how = syscall.SIGSTOP
	}
	t.strike = func(p Point) { end(p, how) }
	armed.Store(t)
	_, err = fmt.Fprintf(w, "WARNING: %s is set: this process ends itself at crash point %s, at pass %d; unset it on a server\n",
		Variable, t.point, t.left.Load())
	return err
}

func parse(text string) (t *trap, stop bool, err error) {
	part := strings.Split(text, ":")
	t = &trap{point: Point(part[0])}
	t.left.Store(1)
	if !slices.Contains(Points(), t.point) {
		return nil, false, fmt.Errorf("there is no crash point %q", part[0])
	}
	if len(part) > 1 {
		n, err := strconv.ParseInt(part[1], 10, 64)
		if err != nil || n < 1 {
			return nil, false, fmt.Errorf("%q is no number of passes", part[1])
		}
		t.left.Store(n)
	}
	if len(part) > 2 && part[2] != "stop" || len(part) > 3 {
		return nil, false, errors.New(`what follows the number of passes can be "stop"`)
	}
	return t, len(part) == 3, nil
}

// end is the strike. It does not return, also if somebody has a stopped process go on.
func end(p Point, how syscall.Signal) {
	fmt.Fprintf(os.Stderr, "crash point %s struck\n", p)
	// A signal to oneself is only refused where there is no such process.
	_ = syscall.Kill(os.Getpid(), how)
	select {}
}
