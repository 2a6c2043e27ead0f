package life

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"contentfs/fs/crash"
)

// Victim is a process of the program that ends itself at a crash point: killed, or
// stopped so that the power can be cut before it is killed.
type Victim struct {
	v      *Volume
	cmd    *exec.Cmd
	gone   <-chan struct{} // closed when the process has ended
	daemon bool
	stderr bytes.Buffer // of a command; valid when it has ended
	before int          // strikes in the log of the daemon before it
	point  crash.Point
}

// arm has the processes that are started before the returned function is called end
// themselves at the given pass of a point.
func (v *Volume) arm(point crash.Point, pass int, stop bool) (disarm func()) {
	text := fmt.Sprintf("%s=%s:%d", crash.Variable, point, pass)
	if stop {
		text += ":stop"
	}
	plain := v.Env
	v.Env = append(append([]string{}, plain...), text)
	return func() { v.Env = plain }
}

// MountVictim starts a daemon that ends itself at a point. Its mount may never answer:
// answered gets what it prints once it does, or an empty line.
func (v *Volume) MountVictim(point crash.Point, pass int, stop bool, more ...string) (p *Victim, answered <-chan string) {
	v.T.Helper()
	if v.daemon != nil {
		v.T.Fatal("a daemon is running already")
	}
	defer v.arm(point, pass, stop)()
	d, err := v.start(more)
	if err != nil {
		v.T.Fatal(err)
	}
	v.daemon = d
	return &Victim{v: v, cmd: d.cmd, gone: d.gone, daemon: true, point: point, before: v.Log.Count(struck(point))}, d.line
}

// RunVictim starts a command that ends itself at a point.
func (v *Volume) RunVictim(point crash.Point, pass int, stop bool, args ...string) *Victim {
	v.T.Helper()
	defer v.arm(point, pass, stop)()
	gone := make(chan struct{})
	p := &Victim{v: v, cmd: exec.Command(v.Bin, args...), gone: gone, point: point}
	p.cmd.Env, p.cmd.Stderr = v.Env, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		v.T.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is read from cmd.ProcessState
		close(gone)
	}()
	return p
}

func struck(point crash.Point) string { return fmt.Sprintf("crash point %s struck", point) }

// Await returns when the process has struck, or with an error if it ended otherwise
// or did not end in time.
func (p *Victim) Await() error {
	limit := time.Now().Add(Limit / 2)
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		select {
		case <-p.gone:
			return p.ended()
		case <-time.After(pause):
		}
		if stopped(p.cmd.Process.Pid) {
			return p.ended()
		}
		if time.Now().After(limit) {
			return fmt.Errorf("crash point %s was not reached within %v; the log:\n%s", p.point, Limit, p.v.Log.Tail())
		}
	}
}

// ended reports an end that was no strike.
func (p *Victim) ended() error {
	if p.daemon {
		if p.v.Log.Count(struck(p.point)) == p.before+1 {
			return nil
		}
		return fmt.Errorf("the daemon ended without passing crash point %s: %v; the log:\n%s", p.point, p.cmd.ProcessState, p.v.Log.Tail())
	}
	if stopped(p.cmd.Process.Pid) {
		return nil // its stderr is still being read
	}
	if !strings.Contains(p.stderr.String(), struck(p.point)) {
		return fmt.Errorf("%q ended without passing crash point %s: %v: %s", p.cmd.Args, p.point, p.cmd.ProcessState, p.stderr.String())
	}
	return nil
}

// Signal sends a signal to the process. An error means that it has ended.
func (p *Victim) Signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

// Kill ends the process, which may have ended already, and waits for that.
func (p *Victim) Kill() {
	p.v.T.Helper()
	if p.daemon {
		p.v.Kill()
		p.v.ReapAny()
		return
	}
	_ = p.cmd.Process.Kill() // an error means that it is gone already
	<-p.gone
}

// stopped reports whether a process is stopped by a signal.
func stopped(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, ok := bytes.Cut(b, []byte(") "))
	return ok && len(rest) > 0 && rest[0] == 'T'
}
