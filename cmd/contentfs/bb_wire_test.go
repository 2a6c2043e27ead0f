package main_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"contentfs/fs/content"
)

// stage is a moment in the life of an upload.
type stage int

const (
	nowhere stage = iota
	arrived       // the store got the request and has done nothing
	stored        // the store has the object and has not answered
)

// wire lies between the program and S3: it shows when an upload is at a stage, and
// holds it there until the fault came.
type wire struct {
	*httptest.Server
	next http.Handler

	sending atomic.Int32 // uploads under way

	mu     sync.Mutex // guards what follows
	hunted stage
	late   bool // what was held on arrival reaches the store after the fault, else never
	caught chan struct{}
	ended  chan struct{} // closed when the fault came
}

// holdLimit ends the holding of a request whose fault never comes.
const holdLimit = 5 * time.Second

func newWire(t *testing.T, endpoint string) *wire {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ended: make(chan struct{})}
	w.next = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // it is part of what was signed
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

// hunt holds the next upload at a stage and tells through the channel.
func (w *wire) hunt(s stage, late bool) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hunted, w.late, w.caught = s, late, make(chan struct{}, 1)
	return w.caught
}

// cut tells that the fault came: what is held goes on, or ends.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.ended)
	w.ended, w.hunted = make(chan struct{}), nowhere
}

// hold waits for the fault if the stage is hunted.
func (w *wire) hold(s stage) (held, late bool) {
	w.mu.Lock()
	held, late = w.hunted == s, w.late
	caught, ended := w.caught, w.ended
	w.mu.Unlock()
	if !held {
		return false, false
	}
	select {
	case caught <- struct{}{}:
	default:
	}
	select {
	case <-ended:
	case <-time.After(holdLimit):
	}
	return true, late
}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || strings.HasSuffix(r.URL.Path, "/.contentfs-probe") || content.IsReserved(r.URL.Path) {
		w.next.ServeHTTP(rw, r)
		return
	}
	w.sending.Add(1)
	defer w.sending.Add(-1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // who sent it has gone
	}
	// The store gets what was sent whole, whatever becomes of who sent it.
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	if held, late := w.hold(arrived); held && !late {
		panic(http.ErrAbortHandler)
	}
	answer := httptest.NewRecorder()
	w.next.ServeHTTP(answer, r)
	w.hold(stored)
	for k, v := range answer.Header() {
		rw.Header()[k] = v
	}
	rw.WriteHeader(answer.Code)
	_, _ = rw.Write(answer.Body.Bytes()) // nobody may be listening
}
