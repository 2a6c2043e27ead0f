package redirect

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	maxConnections    = 512
	maxHeader         = 16 << 10 // a path of 4,096 bytes takes 12 KiB when all of it is encoded
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 75 * time.Second // longer than what nginx keeps, so that it closes first
	// closing is how long responses that are under way may take when the server ends.
	closing = 5 * time.Second
)

// Run answers requests until ctx ends: then it accepts no more, lets the responses that
// are under way go on for some seconds, and cuts off what is left. When it returns no
// request is under way. It closes l. An error says that the listener failed before that.
func (h *Handler) Run(ctx context.Context, l net.Listener) error {
	requests, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		BaseContext:       func(net.Listener) context.Context { return requests },
		MaxHeaderBytes:    maxHeader,
		// What clients do wrong interests only who looks for it.
		ErrorLog: slog.NewLogLogger(h.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(limit(l, maxConnections)) }()
	select {
	case err := <-failed:
		s.Close()
		giveUp()
		h.retire()
		return fmt.Errorf("serve HTTP at %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if err := s.Shutdown(grace); err != nil {
		h.Log.Info("cut off responses over HTTP that were still under way", "address", l.Addr().String(), "reason", err)
		s.Close()
		giveUp()
	}
	<-failed
	h.retire()
	return nil
}

// retire waits until no request is under way, and sees to it that none begins. Those
// whose connection was closed end soon.
func (h *Handler) retire() {
	for range cap(h.running) {
		h.running <- struct{}{}
	}
}
