package redirect

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// patience is how long a client may take what is written at once (32 KiB of
	// content) before the connection is cut.
	patience = 30 * time.Second
	// bodyPatience is how long a body is waited for that nobody wants.
	bodyPatience = 2 * time.Second
)

// response is a http.ResponseWriter that cuts off who does not read, and remembers
// what was sent. It has Write only, so that all content passes there.
type response struct {
	w       http.ResponseWriter
	control *http.ResponseController
	status  int // 0: nothing was sent
	bytes   int64
}

func newResponse(w http.ResponseWriter) *response {
	return &response{w: w, control: http.NewResponseController(w)}
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.w.Header() }

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	w.progress()
	if w.status == 0 {
		w.status = status
	}
	w.w.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.progress()
	n, err := w.w.Write(p)
	w.bytes += int64(n)
	w.progress() // what net/http keeps is sent after the handler
	return n, err
}

// progress moves the deadline. Where the connection knows none it is not ours.
func (w *response) progress() { _ = w.control.SetWriteDeadline(time.Now().Add(patience)) }

// refuseBody has the connection closed after the answer, and does not wait for what
// the client may still send.
func (w *response) refuseBody() {
	w.Header().Set("Connection", "close")
	_ = w.control.SetReadDeadline(time.Now().Add(bodyPatience))
}

// answer sends a status and its text, which nobody may keep.
func (w *response) answer(status int) {
	body := strconv.Itoa(status) + " " + strings.ToLower(http.StatusText(status)) + "\n"
	hd := w.Header()
	for _, name := range []string{"Content-Disposition", "ETag", "Last-Modified"} {
		hd.Del(name)
	}
	hd.Set("Cache-Control", "no-store")
	hd.Set("Content-Type", "text/plain; charset=utf-8")
	hd.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.text(body)
}

// text sends a short body. That the client did not take it changes nothing.
func (w *response) text(body string) { _, _ = io.WriteString(w, body) }
