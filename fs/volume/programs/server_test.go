package programs_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// freeAddress returns an address of loopback that nobody listens on.
func (p *place) freeAddress() string {
	p.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(p.T, err)
	defer l.Close()
	return l.Addr().String()
}

// serve starts a server that stays in the foreground, and returns when it listens
// at address. It ends with the test.
func (p *place) serve(address, command string, args ...string) {
	p.Helper()
	log := p.background(command, args...)
	p.await(command+" at "+address, func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			if log.ended() {
				p.Fatalf("%s does not start: %s", command, log.text())
			}
			return false
		}
		c.Close()
		return true
	})
}

// process is one that runs beside the test.
type process struct {
	cmd  *exec.Cmd
	log  string        // its output goes to this file
	done chan struct{} // closed when it ended
}

// background starts a program in the place. It ends with the test.
func (p *place) background(command string, args ...string) *process {
	p.Helper()
	return p.start(p.inside(exec.Command("/bin/bash"), `exec "$@"`, append([]string{command}, args...)...))
}

// start is background for a command that inside prepared.
func (p *place) start(cmd *exec.Cmd) *process {
	p.Helper()
	out, err := os.CreateTemp(p.aside, "log")
	must(p.T, err)
	defer out.Close()
	r := &process{cmd: cmd, log: out.Name(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	must(p.T, cmd.Start())
	go func() {
		defer close(r.done)
		_ = cmd.Wait() // how it ended is seen in what it did
	}()
	p.Cleanup(r.stop)
	return r
}

// stop ends the process and waits for that.
func (r *process) stop() {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := r.cmd.Process.Signal(sig); errors.Is(err, os.ErrProcessDone) {
			break
		}
		select {
		case <-r.done:
		case <-time.After(limit / 6):
		}
	}
	<-r.done
}

func (r *process) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// text returns what the process printed so far.
func (r *process) text() string {
	b, err := os.ReadFile(r.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// config makes a file beside the place. DIR and ASIDE in it are the two folders.
func (p *place) config(name, content string) (path string) {
	p.Helper()
	path = filepath.Join(p.aside, name)
	content = strings.NewReplacer("ASIDE", p.aside, "DIR", p.dir).Replace(content)
	must(p.T, writeFile(path, []byte(content)))
	return path
}
