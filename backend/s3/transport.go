package s3

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// errStalled ends a request on which no byte moved for too long.
var errStalled = errors.New("no progress")

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   false, // S3 speaks HTTP/1.1, and one stuck connection must not hold many requests
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     60 * time.Second,
		DisableCompression:  true, // bytes are stored and delivered as they are
	}
}

func newHTTPClient(transport http.RoundTripper, stall time.Duration) *http.Client {
	return &http.Client{
		Transport: &watchdog{next: transport, stall: stall},
		// A redirect means the wrong region; following it would break the signature.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// notStalled keeps the SDK from repeating what has just been waited for in vain.
func notStalled(err error) aws.Ternary {
	if errors.Is(err, errStalled) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

type stallKey struct{}

// withStall lets the requests of ctx go longer without progress than others.
func withStall(ctx context.Context, stall time.Duration) context.Context {
	return context.WithValue(ctx, stallKey{}, stall)
}

// watchdog ends requests on which no byte moves. While a request is being sent
// and its answer awaited, the clock starts anew with every byte taken from the
// body; while the answer's body is read, only the time spent waiting counts, not
// the reader's own pauses.
type watchdog struct {
	next  http.RoundTripper
	stall time.Duration
}

// RoundTrip implements http.RoundTripper.
func (w *watchdog) RoundTrip(req *http.Request) (*http.Response, error) {
	stall := w.stall
	if d, ok := req.Context().Value(stallKey{}).(time.Duration); ok && d > stall {
		stall = d
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	c := &clock{stall: stall, timer: time.AfterFunc(stall, func() { cancel(errStalled) })}
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &sentBody{ReadCloser: req.Body, clock: c}
	}
	resp, err := w.next.RoundTrip(req)
	c.answered()
	if err != nil {
		err = causeOf(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &receivedBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, timer: c.timer, stall: stall}
	return resp, nil
}

// clock is the time left for the next byte of a request to leave.
type clock struct {
	stall time.Duration

	mu    sync.Mutex // guards what follows while the request is being sent
	timer *time.Timer
	over  bool // the answer came; the timer belongs to the receiving side
}

func (c *clock) moved() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.timer.Reset(c.stall)
	}
}

func (c *clock) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.timer.Stop()
}

// causeOf tells a stall from other ends of a request.
func causeOf(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// sentBody restarts the clock when bytes leave. The transport may go on reading
// it after a server has answered early.
type sentBody struct {
	io.ReadCloser
	clock *clock
}

func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.clock.moved()
	}
	return n, err
}

// receivedBody runs the clock while a read waits.
type receivedBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (b *receivedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.stall)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = causeOf(b.ctx, err)
	}
	return n, err
}

func (b *receivedBody) Close() error {
	err := b.ReadCloser.Close()
	b.timer.Stop()
	b.cancel(nil)
	return err
}
