package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

// logName is the log of a mount in the background, in the volume's state.
const logName = "contentfs.log"

// maxLog is the size in bytes from which on the log of the mount before is put
// aside when a new one begins.
const maxLog = 16 << 20

// background starts the same command line as a process of its own, and returns
// when its mount answers, or with the reason why it does not.
func (p *program) background(ctx context.Context, cfg *config, asJSON bool) error {
	logFile, err := openLog(cfg.state)
	if err != nil {
		return configError("state "+cfg.state, "", "%w", err)
	}
	defer logFile.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	defer r.Close()

	// The option is the first one, so that it stands before every argument.
	args := append([]string{p.args[1], "--" + readyOption + "=3"}, p.args[2:]...)
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = "contentfs"
	cmd.Stderr = logFile
	cmd.ExtraFiles = []*os.File{w} // becomes descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}

	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err = cmd.Start()
	w.Close()
	if err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	// Until it answers the mount is ours to take back; it closes the pipe either way.
	halt := context.AfterFunc(ctx, func() { cmd.Process.Signal(syscall.SIGTERM) })
	var m readyMessage
	err = json.NewDecoder(r).Decode(&m)
	halt()
	switch {
	case ctx.Err() != nil && (err != nil || m.Ready == nil):
		return ctx.Err()
	case err != nil:
		return &failure{code: exitFailed, what: "mount " + cfg.name, try: "tail " + logFile.Name(),
			err: errors.New("the process ended before the mount answered")}
	case m.Ready == nil:
		return &failure{code: m.Code, what: m.What, err: errors.New(m.Why), try: m.Try}
	}
	return p.print(asJSON, m.Ready)
}

// openLog opens the log of a mount in the background for appending.
func openLog(state string) (*os.File, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(state, logName)
	if fi, err := os.Lstat(name); err == nil && fi.Size() > maxLog {
		if err := os.Rename(name, name+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
}

// readyOption names the descriptor on which a mount in the background tells the
// process that started it how it went.
const readyOption = "ready-fd"

// readyMessage is the one line that is told.
type readyMessage struct {
	Ready *mountResult `json:"ready,omitempty"` // the mount answers; else why not:
	Code  int          `json:"code,omitempty"`
	What  string       `json:"what,omitempty"`
	Why   string       `json:"why,omitempty"`
	Try   string       `json:"try,omitempty"`
}

// readyPipe is the end of the pipe in the background. Once something was told
// it is closed, and nothing more is told.
type readyPipe struct{ f *os.File }

// openReady takes over the descriptor and lets go of the folder that the process
// was started in.
func openReady(fd int) (*readyPipe, error) {
	if fd < 3 {
		return nil, usageError("option --"+readyOption, "", "%d is no descriptor for it", fd)
	}
	syscall.CloseOnExec(fd)
	if err := os.Chdir("/"); err != nil {
		return nil, fmt.Errorf("start in the background: %w", err)
	}
	return &readyPipe{os.NewFile(uintptr(fd), "ready")}, nil
}

func (r *readyPipe) ready(m *mountResult) error { return r.tell(readyMessage{Ready: m}) }

// failed tells why there is no mount; nil tells nothing.
func (r *readyPipe) failed(err error) {
	if err == nil {
		return
	}
	m := readyMessage{Code: exitCode(err), What: "mount", Why: err.Error()}
	var f *failure
	if errors.As(err, &f) && f.err != nil {
		m.What, m.Why, m.Try = f.what, f.err.Error(), f.try
	}
	r.tell(m) // a reader that has gone does not want to know
}

func (r *readyPipe) tell(m readyMessage) error {
	if r.f == nil {
		return nil
	}
	err := json.NewEncoder(r.f).Encode(m)
	r.close()
	return err
}

func (r *readyPipe) close() {
	if r.f != nil {
		r.f.Close()
		r.f = nil
	}
}
