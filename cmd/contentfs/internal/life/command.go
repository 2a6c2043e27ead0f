package life

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Result is how a command ended.
type Result struct {
	Args   []string
	Code   int // exit code; -1 for the end by a signal
	Stdout string
	Stderr string
}

// Run runs a command of the program to its end.
func (v *Volume) Run(args ...string) Result {
	v.T.Helper()
	return v.RunAs(nil, args...)
}

// Interrupted runs the program and sends it a signal once a condition holds.
func (v *Volume) Interrupted(sig syscall.Signal, when func() bool, args ...string) Result {
	v.T.Helper()
	cmd := exec.Command(v.Bin, args...)
	var out, errOut bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = v.Env, &out, &errOut
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		v.T.Fatal(err)
	}
	v.Await("the moment for a signal", when)
	if err := cmd.Process.Signal(sig); err != nil {
		v.T.Error(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		v.T.Fatal(err)
	}
	return Result{Args: args, Code: cmd.ProcessState.ExitCode(), Stdout: out.String(), Stderr: errOut.String()}
}

// RunAs is Run behind another program, which gets the command line as its last
// arguments: setpriv, unshare.
func (v *Volume) RunAs(before []string, args ...string) Result {
	v.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*Limit)
	defer cancel()
	line := append(append(append([]string{}, before...), v.Bin), args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	var out, errOut bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = v.Env, &out, &errOut
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// Who inherited the pipes must not keep us.
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	r := Result{Args: args, Stdout: out.String(), Stderr: errOut.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		v.T.Fatalf("%s did not end within %v", r, 2*Limit)
	case err != nil && !errors.As(err, &exit):
		v.T.Fatalf("%s: %v", r, err)
	}
	r.Code = cmd.ProcessState.ExitCode()
	return r
}

// Want returns an error unless the command ended with this exit code and all
// phrases stand in what it wrote.
func (r Result) Want(code int, phrases ...string) error {
	var errs []error
	if r.Code != code {
		errs = append(errs, fmt.Errorf("exit code %d instead of %d", r.Code, code))
	}
	for _, p := range phrases {
		if !strings.Contains(r.Stdout+r.Stderr, p) {
			errs = append(errs, fmt.Errorf("nothing says %q", p))
		}
	}
	if errs == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", r, errors.Join(errs...))
}

// JSON reads the command's stdout, which must be one JSON object and nothing else.
func (r Result) JSON(into any) error {
	if err := json.Unmarshal([]byte(r.Stdout), into); err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	return nil
}

// String shows the command, how it ended and what it wrote.
func (r Result) String() string {
	return fmt.Sprintf("contentfs %s → %d\nstdout: %s\nstderr: %s", strings.Join(r.Args, " "), r.Code, r.Stdout, r.Stderr)
}

// Tally is a number of contents and their size, as the program tells it.
type Tally struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}

// Counts are what `status` counts.
type Counts struct {
	Files       int64     `json:"files"`
	Directories int64     `json:"directories"`
	OnlyLocal   Tally     `json:"only_local"`
	LocalAndS3  Tally     `json:"local_and_s3"`
	OnlyS3      Tally     `json:"only_s3"`
	Fallback    Tally     `json:"fallback"`
	Lost        Tally     `json:"lost"`
	Retired     Tally     `json:"retired"`
	Waiting     Tally     `json:"waiting"`
	Oldest      time.Time `json:"oldest_waiting_since"`
	LastError   string    `json:"last_error"`
	LastErrorAt time.Time `json:"last_error_at"`
	Quarantined int64     `json:"quarantined"`
	Sending     int64     `json:"sending"`
}

// Status is what `status --format json` tells.
type Status struct {
	Volume     string `json:"volume"`
	Mount      string `json:"mount"`
	Mountpoint string `json:"mountpoint"`
	Disk       struct {
		Free    int64  `json:"free"`
		Reserve int64  `json:"reserve"`
		Full    string `json:"full"`
		Refused int64  `json:"refused"`
	} `json:"disk"`
	Problem string `json:"problem"`
	Process *struct {
		PID         int    `json:"pid"`
		Durability  string `json:"durability"`
		Passthrough bool   `json:"passthrough"`
	} `json:"process"`
	S3 *struct {
		Known     bool      `json:"known"`
		Reachable bool      `json:"reachable"`
		Since     time.Time `json:"since"`
		Error     string    `json:"error"`
	} `json:"s3"`
	Counts  *Counts `json:"counts"`
	Verdict string  `json:"verdict"`
}

// Status asks for the volume's status, which always has counts.
func (v *Volume) Status() Status {
	v.T.Helper()
	r := v.Run("status", "--state", v.State, "--format", "json", v.Name)
	var s Status
	if err := errors.Join(r.Want(0), r.JSON(&s)); err != nil {
		v.T.Fatal(err)
	}
	if s.Counts == nil {
		v.T.Fatalf("%s: no counts", r)
	}
	return s
}

// Unmounted is what `unmount --format json` tells.
type Unmounted struct {
	How          string `json:"how"`
	Mountpoint   string `json:"mountpoint"`
	Pending      int64  `json:"pending"`
	PendingBytes int64  `json:"pending_bytes"`
	Known        bool   `json:"pending_known"`
	Verdict      string `json:"verdict"`
}
