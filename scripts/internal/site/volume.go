package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	bucket = "site-files"
	prefix = "old/site"
	name   = "site-run"
)

// site is the volume, and how the program is called for it.
type site struct {
	ctx                    context.Context
	binary, config         string
	point, state, fallback string
	mounted                bool
}

// tally, status, survey and moved are what commands print, as far as it is needed.
type tally struct{ Count, Bytes int64 }

type counts struct {
	Files                                    int64
	OnlyLocal                                tally `json:"only_local"`
	LocalAndS3                               tally `json:"local_and_s3"`
	OnlyS3                                   tally `json:"only_s3"`
	Fallback, Lost, Waiting, Moving, Retired tally
	Quarantined, Sending                     int64
	LastError                                string `json:"last_error"`
}

type group struct {
	Name  string
	Files int64
}

type survey struct {
	Files, Bytes int64
	ByField      []group `json:"by_field"`
}

type moved struct {
	Moved, Bytes, Skipped, Failed int64
	Complete                      bool
	Failures                      []struct{ Path, Why string }
}

func newSite(ctx context.Context, o *options, endpoint string) (*site, error) {
	s := &site{ctx: ctx, binary: o.binary, config: filepath.Join(o.dir, name+".toml"), point: filepath.Join(o.dir, "mnt"),
		state: filepath.Join(o.dir, "state"), fallback: filepath.Join(o.dir, "files")}
	for _, dir := range []string{s.point, s.fallback} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	text := fmt.Sprintf("bucket = %q\nprefix = %q\nendpoint = %q\npath_style = true\nstate = %q\nmountpoint = %q\nfallback = %q\n",
		bucket, prefix, endpoint, s.state, s.point, s.fallback)
	return s, os.WriteFile(s.config, []byte(text), 0o600)
}

// start begins a command, which ends with the run.
func (s *site) start(command string, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer, error) {
	cmd := exec.CommandContext(s.ctx, s.binary, append([]string{command, "--config", s.config}, append(args, name)...)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	return cmd, &out, &complaint, cmd.Start()
}

// do runs a command that must succeed and reads its JSON.
func (s *site) do(into any, command string, args ...string) error {
	code, err := s.try(into, command, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("contentfs %s %q: exit code %d", command, args, code)
	}
	return err
}

// try is do for a command that may fail in part. It returns the exit code.
func (s *site) try(into any, command string, args ...string) (int, error) {
	cmd, out, complaint, err := s.start(command, append(args, "--format", "json")...)
	if err != nil {
		return 0, err
	}
	return ended(cmd, out, complaint, into)
}

func ended(cmd *exec.Cmd, out, complaint *bytes.Buffer, into any) (int, error) {
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	code := cmd.ProcessState.ExitCode()
	if into == nil {
		if code != 0 {
			return code, fmt.Errorf("%q: exit code %d: %s", cmd.Args[1:], code, bytes.TrimSpace(complaint.Bytes()))
		}
		return code, nil
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		return code, fmt.Errorf("%q: exit code %d, %q: %w: %s", cmd.Args[1:], code, out.Bytes(), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return code, nil
}

// interrupt runs a command and sends it SIGINT once a condition holds.
func (s *site) interrupt(into any, when func() (bool, error), command string, args ...string) (int, error) {
	cmd, out, complaint, err := s.start(command, append(args, "--format", "json")...)
	if err != nil {
		return 0, err
	}
	werr := s.await("the moment to interrupt", when)
	_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended: its exit code tells
	code, err := ended(cmd, out, complaint, into)
	return code, errors.Join(werr, err)
}

func (s *site) counts() (counts, error) {
	var st struct{ Counts counts }
	err := s.do(&st, "status")
	return st.Counts, err
}

// limit bounds every wait. It only counts when something is broken.
const limit = 20 * time.Minute

// await waits until a condition holds.
func (s *site) await(what string, condition func() (bool, error)) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for {
		if ok, err := condition(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-end:
			return fmt.Errorf("waited %v in vain for %s", limit, what)
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

// drained waits until nothing is queued.
func (s *site) drained() error {
	return s.await("the queue to drain", func() (bool, error) {
		c, err := s.counts()
		return c.Waiting.Count+c.Moving.Count+c.Sending == 0, err
	})
}

func (s *site) mount(more ...string) error {
	err := s.do(nil, "mount", append(more, "--background")...)
	s.mounted = s.mounted || err == nil
	return err
}

func (s *site) unmount() error {
	if !s.mounted {
		return nil
	}
	err := s.do(nil, "unmount")
	s.mounted = err != nil
	return err
}

// forget throws away all local files of the volume, which is not mounted.
func (s *site) forget() error {
	dir := filepath.Join(s.state, "local")
	list, err := os.ReadDir(dir)
	for _, e := range list {
		err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
	}
	return err
}
