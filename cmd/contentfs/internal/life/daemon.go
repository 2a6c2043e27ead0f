package life

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// daemon is a running `contentfs mount` in the foreground.
type daemon struct {
	cmd    *exec.Cmd
	gone   chan struct{} // closed when the process has ended
	line   chan string   // the first line of its stdout; closed with stdout
	killed atomic.Bool
}

// Ready is what a mount prints once it answers.
type Ready struct {
	Volume     string `json:"volume"`
	Mountpoint string `json:"mountpoint"`
	Bucket     string `json:"bucket"`
	PID        int    `json:"pid"`
	Verdict    string `json:"verdict"`
}

// Mount starts a daemon and returns when its mount answers. more are options
// behind those of every mount.
func (v *Volume) Mount(more ...string) Ready {
	v.T.Helper()
	r, err := v.Attempt(more...)
	if err != nil {
		v.T.Fatalf("the mount does not answer: %v; it logged:\n%s", err, v.Log.Tail())
	}
	if _, err := os.ReadDir(v.Point); err != nil {
		v.T.Fatalf("the mount said that it answers: %v", err)
	}
	return r
}

// Attempt is Mount for a start that may fail. The daemon is then to be waited for
// with ReapAny or Exit, and may serve a mount all the same.
func (v *Volume) Attempt(more ...string) (r Ready, err error) {
	v.T.Helper()
	if v.daemon != nil {
		v.T.Fatal("a daemon is running already")
	}
	d, err := v.start(more)
	if err != nil {
		v.T.Fatal(err)
	}
	v.daemon = d
	select {
	case line := <-d.line:
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return r, fmt.Errorf("it wrote %q: %w", line, err)
		}
	case <-time.After(Limit):
		v.T.Fatalf("no mount after %v; the log:\n%s", Limit, v.Log.Tail())
	}
	return r, nil
}

func (v *Volume) start(more []string) (*daemon, error) {
	log, err := v.Log.open()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{"mount", "--state", v.State, "--log-format", "json", "--format", "json"}
	args = slices.Concat(args, v.Store(), v.Args, more, []string{v.Name, v.Point})
	cmd := exec.Command(v.Bin, args...)
	cmd.Env, cmd.Stderr = v.Env, log
	trap := v.Trap
	if v.Trap = nil; trap != nil {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd.Path, cmd.Args = self, append([]string{self}, cmd.Args...)
		cmd.Env = append(slices.Clone(v.Env), trappedEnv+"="+trap.numbers())
		cmd.ExtraFiles = []*os.File{trap.theirs}
	}
	// A test that is killed must not leave a daemon; a signal from the terminal
	// is for the test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d := &daemon{cmd: cmd, gone: make(chan struct{}), line: make(chan string, 1)}
	started := make(chan error, 1)
	go func() {
		// The death signal comes when the thread that started the process ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil && trap != nil {
			trap.attach()
		}
		started <- err
		if err != nil {
			return
		}
		in := bufio.NewReader(out)
		line, _ := in.ReadString('\n') // an empty line tells as much as an error
		d.line <- line
		_, _ = io.Copy(io.Discard, in)
		_ = cmd.Wait() // how it ended is read from cmd.ProcessState
		if trap != nil {
			trap.wait()
		}
		close(d.gone)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start contentfs: %w", err)
	}
	return d, nil
}

// Kill sends SIGKILL to the daemon. It may be called from any goroutine while the
// daemon runs; Reap must follow.
func (v *Volume) Kill() {
	v.daemon.killed.Store(true)
	// An error means that the process is gone already, which Reap tells.
	_ = v.daemon.cmd.Process.Kill()
}

// Reap waits for the end of a daemon that was killed. That it ended otherwise
// fails the test.
func (v *Volume) Reap() {
	v.T.Helper()
	d := v.daemon
	v.ReapAny()
	ws, _ := d.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !d.killed.Load() || !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
		v.T.Errorf("the daemon ended by itself: %v; the log:\n%s", d.cmd.ProcessState, v.Log.Tail())
	}
}

// ReapAny waits for the end of a daemon that was killed, or ended before that.
func (v *Volume) ReapAny() {
	v.T.Helper()
	v.wait(v.daemon)
}

// Signal sends a signal to the daemon.
func (v *Volume) Signal(sig syscall.Signal) {
	v.T.Helper()
	if err := v.daemon.cmd.Process.Signal(sig); err != nil {
		v.T.Fatal(err)
	}
}

// Exit waits until the daemon has ended by itself and returns its exit code, -1
// for the end by a signal.
func (v *Volume) Exit() int {
	v.T.Helper()
	d := v.daemon
	v.wait(d)
	return d.cmd.ProcessState.ExitCode()
}

// Terminate ends the daemon with SIGTERM and returns its exit code.
func (v *Volume) Terminate() int {
	v.T.Helper()
	v.Signal(syscall.SIGTERM)
	return v.Exit()
}

func (v *Volume) wait(d *daemon) {
	v.T.Helper()
	select {
	case <-d.gone:
		v.daemon = nil
	case <-time.After(2 * Limit):
		// The goroutines' stacks go to the log.
		v.T.Errorf("the daemon does not end: %v; the log:\n%s", d.cmd.Process.Signal(syscall.SIGQUIT), v.Log.Tail())
		<-d.gone
		v.daemon = nil
	}
	v.Log.check()
}

// Running reports whether the daemon's process is there.
func (v *Volume) Running() bool {
	if v.daemon == nil {
		return false
	}
	select {
	case <-v.daemon.gone:
		return false
	default:
		return true
	}
}

// Unmount ends the daemon with `contentfs unmount`, which drains, and returns what
// it told.
func (v *Volume) Unmount(more ...string) Unmounted {
	v.T.Helper()
	args := append([]string{"unmount", "--state", v.State, "--format", "json"}, more...)
	r := v.Run(append(args, v.Name)...)
	var u Unmounted
	if err := errors.Join(r.JSON(&u), r.Want(0)); err != nil {
		v.T.Fatalf("unmount: %v", err)
	}
	if code := v.Exit(); code != 0 {
		v.T.Errorf("the daemon ended with exit code %d; the log:\n%s", code, v.Log.Tail())
	}
	return u
}
