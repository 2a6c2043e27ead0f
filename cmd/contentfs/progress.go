package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/control"
)

// linePause is the time between two lines of progress where there is no terminal.
const linePause = 10 * time.Second

// progress tells how a drain goes on: as a bar on a terminal, as a line from
// time to time elsewhere. It is used by one goroutine.
type progress struct {
	w        io.Writer
	volume   string
	terminal bool
	now      func() time.Time

	last  time.Time
	shown bool // a bar stands on the terminal's line
}

func (p *program) progress(volume string) *progress {
	return &progress{w: p.stderr, volume: volume, terminal: isTerminal(p.stderr), now: p.now}
}

// report shows one step.
func (g *progress) report(s control.Progress) {
	pause := linePause
	if g.terminal {
		pause = 100 * time.Millisecond
	}
	now := g.now()
	if g.last.IsZero() && s.Pending == 0 {
		return // there is nothing to wait for
	}
	if !g.last.IsZero() && now.Sub(g.last) < pause && s.Pending > 0 {
		return
	}
	g.last = now
	if !g.terminal {
		fmt.Fprintf(g.w, "%s: %s\n", g.volume, g.line(s))
		return
	}
	// Back to the start of the line, and clear what is right of the text.
	fmt.Fprintf(g.w, "\r%s %s %s\x1b[K", g.volume, bar(s.Done, s.Done+s.Pending), g.line(s))
	g.shown = true
}

// end leaves the terminal with a line of its own for what comes next.
func (g *progress) end() {
	if g.shown {
		fmt.Fprintln(g.w)
		g.shown = false
	}
}

func (g *progress) line(s control.Progress) string {
	line := fmt.Sprintf("%d of %s sent, %s to go", s.Done, count(s.Done+s.Pending, "file"), formatSize(s.PendingBytes))
	if !s.S3.Reachable && !s.S3.Since.IsZero() {
		line += fmt.Sprintf(", S3 not reachable for %s", formatAge(g.now().Sub(s.S3.Since)))
		if s.S3.Error != "" && !g.terminal {
			line += ": " + printable(s.S3.Error)
		}
	}
	return line
}

// bar draws how much of a whole is done.
func bar(done, whole int64) string {
	const width = 24
	full := width
	if whole > 0 {
		full = int(float64(done) / float64(whole) * width)
	}
	full = min(max(full, 0), width)
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
