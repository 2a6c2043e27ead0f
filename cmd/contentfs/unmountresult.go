package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// How an unmount came about.
const (
	ended         = "unmounted"
	releasedDead  = "released"
	wasNotMounted = "not mounted"
)

// unmountResult is what unmount tells.
type unmountResult struct {
	Volume       string `json:"volume"`
	How          string `json:"how"`
	Mountpoint   string `json:"mountpoint,omitempty"`
	State        string `json:"state"`
	Pending      int64  `json:"pending"`
	PendingBytes int64  `json:"pending_bytes"`
	Known        bool   `json:"pending_known"`
}

// pending records what goes to S3 with the next mount.
func (r *unmountResult) pending(n, bytes int64) {
	r.Pending, r.PendingBytes, r.Known = n, bytes, true
}

func (r *unmountResult) table(w io.Writer) {
	if r.How == releasedDead {
		row(w, "The process of the mount was gone. Its mount point was released; nothing is lost.")
	}
}

func (r *unmountResult) verdict() string {
	how := map[string]string{
		ended:         "unmounted from " + r.Mountpoint,
		releasedDead:  "released " + r.Mountpoint,
		wasNotMounted: "not mounted, nothing to do",
	}[r.How]
	switch {
	case !r.Known:
		return fmt.Sprintf("%s: %s", r.Volume, how)
	case r.Pending == 0:
		return fmt.Sprintf("%s: %s, nothing is waiting for S3", r.Volume, how)
	}
	return fmt.Sprintf("%s: %s, %s kept in %s and uploaded by the next mount", r.Volume, how, amount(r.Pending, r.PendingBytes), r.State)
}

// endWait bounds how long the process of an unmounted volume may take to end.
const endWait = time.Minute

// processWatch tells when a process has ended: a volume that is mounted again
// right after must not find the old process in its way.
type processWatch struct{ fd int }

// watchProcess begins to watch. A process that is gone already is no error.
func watchProcess(pid int) (*processWatch, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return &processWatch{-1}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	return &processWatch{fd}, nil
}

// wait returns when the process has ended. That it does not end in time is an
// error although the volume is unmounted.
func (w *processWatch) wait(ctx context.Context) error {
	if w.fd < 0 {
		return nil
	}
	deadline := time.Now().Add(endWait)
	for {
		// In slices, so that an interrupt is noticed.
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}, 200)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("wait for the process of the mount: %w", err)
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("not done after %v", endWait)
		}
	}
}

func (w *processWatch) close() {
	if w.fd >= 0 {
		unix.Close(w.fd)
	}
}
