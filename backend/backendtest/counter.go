package backendtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Request is one HTTP request, as it was sent.
type Request struct {
	Method string
	Path   string // percent-encoded
	Query  string
}

// String returns "PUT /bucket/key?query".
func (r Request) String() string {
	if r.Query == "" {
		return r.Method + " " + r.Path
	}
	return r.Method + " " + r.Path + "?" + r.Query
}

// Counter is a reverse proxy that records the requests it passes on. It leaves
// the Host header alone, so that signatures stay valid.
type Counter struct {
	proxy *httputil.ReverseProxy

	mu       sync.Mutex // guards requests
	requests []Request
}

// NewCounter returns a handler in front of the server at endpoint. It is one to
// serve with httptest.NewServer, or to put behind a FaultServer.
func NewCounter(endpoint string) (*Counter, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("counter in front of %s: %w", endpoint, err)
	}
	return &Counter{proxy: &httputil.ReverseProxy{
		// No "Accept-Encoding: gzip" that the client did not send.
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // to the client: a connection that broke
		},
	}}, nil
}

// StartCounter serves a Counter in front of endpoint until the test ends, and
// returns it with its own endpoint.
func StartCounter(t testing.TB, endpoint string) (*Counter, string) {
	t.Helper()
	c, err := NewCounter(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server.URL
}

// ServeHTTP implements http.Handler.
func (c *Counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.requests = append(c.requests, Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery})
	c.mu.Unlock()
	c.proxy.ServeHTTP(w, r)
}

// Requests returns what came since the start or the last Reset, in order.
func (c *Counter) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// Count returns how many requests had this method ("" for any) and a path that
// begins with prefix.
func (c *Counter) Count(method, prefix string) int {
	n := 0
	for _, r := range c.Requests() {
		if (method == "" || r.Method == method) && strings.HasPrefix(r.Path, prefix) {
			n++
		}
	}
	return n
}

// Reset forgets what came so far.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = nil
}
