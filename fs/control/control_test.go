package control

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"testing"
	"time"
)

// handler is a Handler made of functions; those that are not set answer with
// zero values.
type handler struct {
	status  func(context.Context) (Status, error)
	drain   func(context.Context, func(Progress)) error
	wake    func(context.Context) error
	unmount func(context.Context, bool, func(Progress)) (Result, error)
}

func (h *handler) Wake(ctx context.Context) error {
	if h.wake == nil {
		return nil
	}
	return h.wake(ctx)
}

func (h *handler) Status(ctx context.Context) (Status, error) {
	if h.status == nil {
		return Status{}, nil
	}
	return h.status(ctx)
}

func (h *handler) Drain(ctx context.Context, report func(Progress)) error {
	if h.drain == nil {
		return nil
	}
	return h.drain(ctx, report)
}

func (h *handler) Unmount(ctx context.Context, drain bool, report func(Progress)) (Result, error) {
	if h.unmount == nil {
		return Result{}, nil
	}
	return h.unmount(ctx, drain, report)
}

// serving starts a server on a socket in a temporary folder and returns the
// socket's path. stop ends the server and returns what Serve returned; the end
// of the test calls it too.
func serving(t *testing.T, s *Server) (path string, stop func() error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "run", "control.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	var stopped atomic.Bool
	stop = func() error {
		if stopped.Swap(true) {
			return nil
		}
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return path, stop
}

// dial connects a Client.
func dial(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStatusRoundTrip(t *testing.T) {
	want := Status{
		Name: "web", Mountpoint: "/srv/w\x01eb", State: "/var/lib/contentfs/web", PID: 42,
		Started: time.Unix(1700000000, 5).UTC(), ReadOnly: true, Passthrough: true, Durability: "strict",
		S3:       S3Status{Since: time.Unix(1700000001, 0).UTC(), Error: "dial\nrefused", Checksums: true},
		InFlight: 3,
	}
	path, _ := serving(t, &Server{Handler: &handler{status: func(context.Context) (Status, error) { return want, nil }}})
	got, err := dial(t, path).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDrainReportsThenEnds(t *testing.T) {
	path, _ := serving(t, &Server{Handler: &handler{drain: func(_ context.Context, report func(Progress)) error {
		for i := range int64(100) {
			report(Progress{Pending: 99 - i, Done: i})
		}
		return nil
	}}})
	var seen []Progress
	if err := dial(t, path).Drain(t.Context(), func(p Progress) { seen = append(seen, p) }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 100 || seen[99] != (Progress{Done: 99}) {
		t.Errorf("%d reports, the last %+v", len(seen), seen[len(seen)-1])
	}
}

func TestUnmountPassesDrainAndResult(t *testing.T) {
	path, _ := serving(t, &Server{Handler: &handler{unmount: func(_ context.Context, drain bool, report func(Progress)) (Result, error) {
		if drain {
			report(Progress{Pending: 1})
			return Result{}, nil
		}
		return Result{Pending: 7, PendingBytes: 9, Error: "busy"}, nil
	}}})
	c := dial(t, path)
	reports := 0
	res, err := c.Unmount(t.Context(), true, func(Progress) { reports++ })
	if err != nil || res != (Result{}) || reports != 1 {
		t.Errorf("with drain: %+v, %v, %d reports", res, err, reports)
	}
	res, err = c.Unmount(t.Context(), false, nil)
	if err != nil || res != (Result{Pending: 7, PendingBytes: 9, Error: "busy"}) {
		t.Errorf("without drain: %+v, %v", res, err)
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	h := &handler{
		status:  func(context.Context) (Status, error) { panic("boom") },
		drain:   func(context.Context, func(Progress)) error { return errors.New("no room") },
		unmount: func(context.Context, bool, func(Progress)) (Result, error) { return Result{}, context.Canceled },
	}
	path, _ := serving(t, &Server{Handler: h})
	c := dial(t, path)
	_, statusErr := c.Status(t.Context())
	drainErr := c.Drain(t.Context(), nil)
	_, unmountErr := c.Unmount(t.Context(), true, nil)
	for _, tc := range []struct {
		err  error
		code Code
	}{{statusErr, Internal}, {drainErr, Failed}, {unmountErr, Canceled}} {
		var e *Error
		if !errors.As(tc.err, &e) || e.Code != tc.code {
			t.Errorf("got %v, want code %s", tc.err, tc.code)
		}
	}
	h.status = nil
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("after a panic the server is gone: %v", err)
	}
}

func TestClientThatGoesAwayEndsTheRequest(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	path, _ := serving(t, &Server{Handler: &handler{drain: func(ctx context.Context, _ func(Progress)) error {
		close(began)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	if err := dial(t, path).Drain(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("client: %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("handler: %v", err)
	}
}

func TestStopAnswersWhatIsUnderWay(t *testing.T) {
	began := make(chan struct{})
	path, stop := serving(t, &Server{Handler: &handler{unmount: func(ctx context.Context, _ bool, _ func(Progress)) (Result, error) {
		close(began)
		<-ctx.Done() // the mount ends while the request waits
		return Result{Pending: 5}, nil
	}}})
	c := dial(t, path)
	stopped := make(chan error, 1)
	go func() { <-began; stopped <- stop() }()
	res, err := c.Unmount(t.Context(), false, nil)
	if err != nil || res.Pending != 5 {
		t.Errorf("got %+v, %v", res, err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("socket after the end: %v", err)
	}
}

func TestStopGivesUpOnAHandlerThatHangs(t *testing.T) {
	release, began := make(chan struct{}), make(chan struct{})
	tm := usual()
	tm.closing = 50 * time.Millisecond
	path, stop := serving(t, &Server{timing: tm, Handler: &handler{drain: func(context.Context, func(Progress)) error {
		close(began)
		<-release
		return nil
	}}})
	defer close(release)
	c, res := dial(t, path), make(chan error, 1)
	go func() { res <- c.Drain(t.Context(), nil) }()
	<-began
	if err := stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := <-res; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("client: %v", err)
	}
}

func TestServeFailsWithItsListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), l, &handler{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestWake: the verb reaches the handler, and its failure the client.
func TestWake(t *testing.T) {
	called := 0
	h := &handler{wake: func(context.Context) error {
		called++
		if called == 2 {
			return errors.New("cannot look")
		}
		return nil
	}}
	path, _ := serving(t, &Server{Handler: h})
	c := dial(t, path)
	if err := c.Wake(t.Context()); err != nil {
		t.Error(err)
	}
	var e *Error
	if err := c.Wake(t.Context()); !errors.As(err, &e) || e.Code != Failed || called != 2 {
		t.Errorf("%d calls, %v", called, err)
	}
}
