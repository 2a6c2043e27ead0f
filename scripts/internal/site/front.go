package main

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"contentfs/backend/backendtest"
)

// recovery is how long reading may go on to fail when S3 is back: the program tries
// again after a pause that grows.
const recovery = time.Minute

// front stands where the program sees S3. It counts, and can be taken away.
type front struct {
	counter *backendtest.Counter
	address string

	mu     sync.Mutex // guards what follows
	server *http.Server
	back   time.Time // when it was put back; zero if it was never away
}

func newFront(endpoint string) (*front, error) {
	c, err := backendtest.NewCounter(endpoint)
	if err != nil {
		return nil, err
	}
	f := &front{counter: c, address: "127.0.0.1:0"}
	return f, f.open()
}

// open listens, at the same address each time.
func (f *front) open() error {
	l, err := net.Listen("tcp", f.address)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.address == l.Addr().String() {
		f.back = time.Now()
	}
	f.address = l.Addr().String()
	f.server = &http.Server{Handler: f.counter}
	go func(s *http.Server) { _ = s.Serve(l) }(f.server) // ends with close
	return nil
}

// close breaks all connections; nobody listens any more.
func (f *front) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.server != nil {
		f.server.Close()
		f.server = nil
	}
}

func (f *front) endpoint() string { return "http://" + f.address }

// troubled reports whether S3 is away, or was a moment ago.
func (f *front) troubled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.server == nil || !f.back.IsZero() && time.Since(f.back) < recovery
}

// take returns how many requests came since the last time, by method.
func (f *front) take() map[string]int {
	n := make(map[string]int)
	for _, r := range f.counter.Requests() {
		n[r.Method]++
	}
	f.counter.Reset()
	return n
}
