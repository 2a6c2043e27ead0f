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
	"time"
)

// volumes makes volumes by the real program.
type volumes struct {
	binary      string
	endpoint    string
	dir         string
	passthrough bool
}

// mounted is one volume, mounted.
type mounted struct {
	volumes
	name       string
	prefix     string // of its keys
	durability string
	point      string
	state      string
	pid        int
}

// status is what the program tells about a volume, as far as it is needed.
type status struct {
	Process struct {
		PID         int  `json:"pid"`
		Passthrough bool `json:"passthrough"`
	} `json:"process"`
	Counts struct {
		Waiting struct {
			Count int64 `json:"count"`
		} `json:"waiting"`
		Sending int64 `json:"sending"`
		Files   int64 `json:"files"`
	} `json:"counts"`
}

// mount makes a volume and mounts it.
func (v volumes) mount(ctx context.Context, name, durability string) (*mounted, error) {
	m := &mounted{volumes: v, name: "bench-" + name, prefix: name, durability: durability,
		point: filepath.Join(v.dir, name+"-mount"), state: filepath.Join(v.dir, name+"-state")}
	if m.durability == "" {
		m.durability = "strict"
	}
	if err := os.Mkdir(m.point, 0o755); err != nil {
		return nil, err
	}
	if err := m.attach(ctx, "--create-bucket"); err != nil {
		return nil, err
	}
	return m, nil
}

// attach mounts the volume, with more arguments than it always has.
func (m *mounted) attach(ctx context.Context, more ...string) error {
	args := append(more, "--background", "--bucket", "bench-files", "--prefix", m.prefix,
		"--endpoint", m.endpoint, "--path-style", "--durability", m.durability, "--cache-size", "100GiB",
		fmt.Sprintf("--passthrough=%t", m.passthrough), m.name, m.point)
	if _, err := m.contentfs(ctx, "mount", args...); err != nil {
		return err
	}
	st, err := m.status(ctx)
	if err == nil && st.Process.Passthrough != m.passthrough {
		err = errors.New("the mount has no passthrough; is this kernel older than 6.9, or the disk a stacked file system?")
	}
	if err != nil {
		m.destroy()
		return err
	}
	m.pid = st.Process.PID
	return nil
}

// remount ends the process of the volume and begins another.
func (m *mounted) remount(ctx context.Context) error {
	if _, err := m.contentfs(ctx, "unmount", "--no-drain", m.name); err != nil {
		return err
	}
	return m.attach(ctx)
}

// contentfs runs the program for the volume and returns what it printed.
func (m *mounted) contentfs(ctx context.Context, command string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, m.binary, append([]string{command, "--state", m.state}, args...)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("contentfs %s: %w: %s", command, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out, nil
}

func (m *mounted) status(ctx context.Context) (status, error) {
	var st status
	out, err := m.contentfs(ctx, "status", "--format", "json", m.name)
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal(out, &st)
}

// localFiles is the folder of what is on this server.
func (m *mounted) localFiles() string { return filepath.Join(m.state, "local") }

// drained returns when everything is in S3.
func (m *mounted) drained(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := m.status(ctx)
		if err != nil || st.Counts.Waiting.Count+st.Counts.Sending == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// destroy unmounts the volume, whatever was begun, and removes what is left of it.
func (m *mounted) destroy() {
	// The context of the run may have ended.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := m.contentfs(ctx, "unmount", "--no-drain", m.name); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return
	}
	if err := errors.Join(os.RemoveAll(m.state), os.Remove(m.point)); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}
