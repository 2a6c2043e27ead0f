package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"contentfs/fs/control"
)

// hurryWait is how long a mount may take to end after a second signal.
const hurryWait = 5 * time.Second

// runner is a volume as far as a mount serves it.
type runner interface {
	Run(ctx context.Context, ready func()) error
}

// stopping turns signals into the end of a mount: the first one ends ctx, so
// that the volume drains and closes; the second one ends the wait.
type stopping struct {
	ctx     context.Context
	cancel  context.CancelFunc
	sigs    chan os.Signal
	cfg     *config
	log     *slog.Logger
	notify  func(state string)
	release func(point string) error
}

// stopping begins to listen for signals. The caller calls end.
func (p *program) stopping(ctx context.Context, cfg *config, log *slog.Logger) *stopping {
	s := &stopping{
		sigs: make(chan os.Signal, 4), cfg: cfg, log: log, release: p.release,
		notify: func(state string) { p.notify(log, state) },
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	signal.Notify(s.sigs, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	// Who reads the log may go away; the mount stays.
	signal.Ignore(syscall.SIGPIPE)
	return s
}

func (s *stopping) end() {
	signal.Stop(s.sigs)
	s.cancel()
}

// run serves the volume until it ends.
func (s *stopping) run(v runner, ready func()) error {
	ended := make(chan error, 1)
	go func() { ended <- v.Run(s.ctx, ready) }()
	select {
	case err := <-ended:
		return err
	case sig := <-s.sigs:
		s.log.Info("stopping: uploading what is waiting", "signal", sig.String(), "deadline", s.cfg.drain)
		// The drain is bounded, and so is what systemd has to wait for it.
		s.notify(fmt.Sprintf("STOPPING=1\nEXTEND_TIMEOUT_USEC=%d", (s.cfg.drain + time.Minute).Microseconds()))
		s.cancel()
	}
	select {
	case err := <-ended:
		return err
	case sig := <-s.sigs:
		s.log.Warn("stopping at once; the next mount goes on with what is waiting", "signal", sig.String())
	}
	return s.hurry(ended)
}

// hurry ends a mount that is draining. When it does not end soon, the mount point
// is released and the process is left to end: a crash at any moment is safe.
func (s *stopping) hurry(ended <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), hurryWait)
	defer cancel()
	go func() {
		c, err := control.Dial(s.cfg.socket)
		if err == nil {
			_, err = c.Unmount(ctx, false, nil)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Debug("ending the drain", "error", err)
		}
	}()
	select {
	case err := <-ended:
		return err
	case <-s.sigs:
	case <-ctx.Done():
	}
	if err := s.release(s.cfg.mountpoint); err != nil {
		s.log.Warn("the mount point stays behind; the next mount releases it", "error", err)
	}
	return &failure{code: exitInterrupted, what: "mount " + s.cfg.name,
		err: errors.New("ended by a second signal before it was closed; the next mount goes on where it stopped")}
}
