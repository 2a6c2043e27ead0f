package redirect

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"contentfs/fs/content"
	"contentfs/meta"
)

// answers maps what the engine answers to what the client sees. The first match
// counts. What is not in it is 500 and logged.
var answers = []struct {
	err    error
	status int
	retry  time.Duration // of a 503
}{
	// Of content before what is wrong with it: the name is there even if the bytes are
	// not.
	{context.Canceled, http.StatusServiceUnavailable, time.Second}, // the client is gone, or the server ends
	{content.ErrAway, http.StatusServiceUnavailable, 15 * time.Second},
	{content.ErrChanging, http.StatusServiceUnavailable, time.Second},
	{content.ErrFull, http.StatusServiceUnavailable, time.Minute},
	{content.ErrLost, http.StatusInternalServerError, 0},
	{fs.ErrNotExist, http.StatusNotFound, 0},
	{meta.ErrNotDir, http.StatusNotFound, 0},
	{errNowhere, http.StatusNotFound, 0},
}

// fail answers an error. Those that nobody expects are logged here, once.
func (h *Handler) fail(w *response, r *http.Request, path string, err error) {
	status, retry := http.StatusInternalServerError, time.Duration(0)
	for _, a := range answers {
		if errors.Is(err, a.err) {
			status, retry = a.status, a.retry
			break
		}
	}
	switch status {
	case http.StatusServiceUnavailable:
		w.retry(retry)
		return
	case http.StatusInternalServerError:
		h.logError(r, path, err)
	}
	w.answer(status)
}

// logError says which content an error is about.
func (h *Handler) logError(r *http.Request, path string, err error) {
	args := []any{"method", r.Method, "path", path}
	if a, ok := content.ParseAddress([]byte(path)); ok {
		args = append(args, "uid", a.UID, "field", a.Field, "scale", a.Scale)
	}
	if f, rerr := h.resolve(path); rerr == nil {
		if v, verr := h.Engine.Meta.Current(f.node.Ino); verr == nil {
			args = append(args, "version", v.ID, "key", v.Key)
		}
	}
	h.Log.Error("request over HTTP failed", append(args, "err", err)...)
}
