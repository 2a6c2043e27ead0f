package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

// acceptPause is how long a Server waits when it cannot accept for the moment.
const acceptPause = 100 * time.Millisecond

// Server answers requests on a control socket. It serves one listener in its life.
type Server struct {
	Handler Handler

	// Log hears of refused callers and of panics; nil discards them.
	Log *slog.Logger

	timing timing // zero: the usual one
}

// Serve answers requests on l by h until ctx ends, as Server.Serve does,
// without a log.
func Serve(ctx context.Context, l net.Listener, h Handler) error {
	return (&Server{Handler: h}).Serve(ctx, l)
}

// Serve answers requests on l until ctx ends. Then it closes l, ends the
// contexts of the requests under way, and waits up to 10 seconds until they are
// answered. Whoever waits for Serve inside a Handler's method waits in vain. It returns nil when ctx ended, and an error when l failed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if s.timing == (timing{}) {
		s.timing = usual()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopClosing := context.AfterFunc(ctx, func() { l.Close() })
	defer stopClosing()

	open := connections{conns: make(map[net.Conn]struct{})}
	failed := s.accept(ctx, l, log, &open)
	cancel()
	l.Close()
	if !open.wait(s.timing.closing) {
		log.Warn("control requests did not end in time", "wait", s.timing.closing)
	}
	return failed
}

// accept serves connections until ctx ends or l fails for good.
func (s *Server) accept(ctx context.Context, l net.Listener, log *slog.Logger, open *connections) error {
	slots := make(chan struct{}, maxConcurrent)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := l.Accept()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil
		case passing(err):
			<-slots
			log.Warn("control socket", "error", err)
			pause(ctx, acceptPause)
			continue
		default:
			return fmt.Errorf("control socket: %w", err)
		}
		open.add(conn)
		// One goroutine a connection, so that a slow client delays nobody.
		go func() {
			defer func() { <-slots; open.remove(conn) }()
			(&session{conn: conn, handler: s.Handler, log: log, own: os.Geteuid(), timing: s.timing}).serve(ctx)
		}()
	}
}

// passing reports whether an error of accept(2) goes away by itself: the mount
// must not end because descriptors ran short for a moment.
func passing(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// connections knows the connections that are being served.
type connections struct {
	wg sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

func (c *connections) add(conn net.Conn) {
	c.wg.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = struct{}{}
}

func (c *connections) remove(conn net.Conn) {
	conn.Close()
	c.mu.Lock()
	delete(c.conns, conn)
	c.mu.Unlock()
	c.wg.Done()
}

// wait returns true when all connections are done. After d it closes those that
// are not under their clients, and returns false.
func (c *connections) wait(d time.Duration) bool {
	done := make(chan struct{})
	go func() { c.wg.Wait(); close(done) }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		conn.Close()
	}
	return false
}

// call runs one request by the handler. A panic becomes an Internal error.
func call(ctx context.Context, h Handler, r request, report func(Progress), log *slog.Logger) (last reply) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic in a control request", "verb", r.Verb, "panic", p, "stack", string(debug.Stack()))
			last = reply{Error: &Error{Code: Internal, Text: fmt.Sprintf("%s: internal error, see the log of the mount", r.Verb)}}
		}
	}()
	switch r.Verb {
	case verbStatus:
		st, err := h.Status(ctx)
		return finish(reply{Status: &st}, err)
	case verbDrain:
		return finish(reply{Done: true}, h.Drain(ctx, report))
	case verbWake:
		return finish(reply{Done: true}, h.Wake(ctx))
	case verbUnmount:
		res, err := h.Unmount(ctx, r.Drain, report)
		return finish(reply{Result: &res}, err)
	}
	return reply{Error: &Error{Code: BadRequest, Text: fmt.Sprintf("unknown verb %q", string(r.Verb))}}
}

// finish returns the last line of a request.
func finish(ok reply, err error) reply {
	switch {
	case err == nil:
		return ok
	case errors.Is(err, context.Canceled):
		return reply{Error: &Error{Code: Canceled, Text: "given up: " + err.Error()}}
	}
	return reply{Error: &Error{Code: Failed, Text: err.Error()}}
}
