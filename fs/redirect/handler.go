package redirect

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"contentfs/fs/content"
)

const (
	// maxBodies is how many responses with content are sent at the same time.
	maxBodies = 256
	// healthPath is the only path that is no file's.
	healthPath = "/healthz"
)

// Config is what a Handler is made of. All fields are required.
type Config struct {
	Engine *content.Engine
	Log    *slog.Logger

	// Mountpoint is where the volume is mounted: absolute symlinks may name it.
	Mountpoint string

	// S3 tells whether the store answered last time, and false for known while
	// nothing was tried.
	S3 func() (reachable, known bool)
}

// Handler answers requests for the files of a volume.
type Handler struct {
	Config
	running chan struct{} // one for each request under way; full once Run has ended
	bodies  chan struct{} // one for each body under way
	queue   glance
	panics  atomic.Int64
}

// New returns a handler. It starts nothing.
func New(c Config) *Handler {
	return &Handler{Config: c, running: make(chan struct{}, maxConnections), bodies: make(chan struct{}, maxBodies)}
}

// Panics returns how many requests ended in a panic.
func (h *Handler) Panics() int64 { return h.panics.Load() }

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := newResponse(rw)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	select {
	case h.running <- struct{}{}:
		defer func() { <-h.running }()
	default:
		w.retry(time.Second)
		return
	}
	begin := time.Now()
	defer func() { h.end(w, r, begin, recover()) }()
	if r.Method == http.MethodHead {
		r.Header.Del("Range") // it means something to GET only
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.refuseBody()
		w.Header().Set("Allow", "GET, HEAD")
		w.answer(http.StatusMethodNotAllowed)
	case r.ContentLength != 0:
		w.refuseBody()
		w.answer(http.StatusBadRequest)
	case r.URL.Path == healthPath:
		h.health(w)
	default:
		h.file(w, r)
	}
}

// end logs a request. After a panic it answers 500, or, where an answer was begun,
// leaves it short, and the connection is cut.
func (h *Handler) end(w *response, r *http.Request, begin time.Time, panicked any) {
	if panicked != nil {
		h.panics.Add(1)
		h.Log.Error("panic in a request over HTTP", "method", r.Method, "path", r.URL.Path, "panic", panicked, "stack", string(debug.Stack()))
		if w.status == 0 {
			w.answer(http.StatusInternalServerError)
		}
	}
	h.Log.Debug("request over HTTP", "method", r.Method, "path", r.URL.Path, "status", w.status, "bytes", w.bytes, "took", time.Since(begin))
}

// file answers a request for a file.
func (h *Handler) file(w *response, r *http.Request) {
	path := r.URL.Path
	if !clean(r.URL) {
		w.answer(http.StatusBadRequest)
		return
	}
	f, err := h.resolve(path)
	if err != nil {
		h.fail(w, r, path, err)
		return
	}
	if !f.node.IsRegular() {
		w.answer(http.StatusNotFound)
		return
	}
	v, err := h.Engine.Meta.Current(f.node.Ino)
	switch {
	case errors.Is(err, fs.ErrNotExist): // never committed, or gone: who opens it will see
	case err != nil:
		h.fail(w, r, path, err)
		return
	default:
		to, err := h.address(r.Context(), &v)
		if err != nil {
			h.fail(w, r, path, err)
			return
		}
		if to.url != "" {
			w.redirect(to)
			return
		}
		if r.Method == http.MethodHead && glanceAt(w, r, f, &v) {
			return
		}
	}
	h.serve(w, r, f)
}

// retry asks the client to come again.
func (w *response) retry(after time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
	w.answer(http.StatusServiceUnavailable)
}
