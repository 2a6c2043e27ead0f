package redirect

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"contentfs/fs/content"
	"contentfs/meta"
)

// sniffed is how much of the content tells its type.
const sniffed = 512

// serve sends the content of a file itself.
func (h *Handler) serve(w *response, r *http.Request, f found) {
	select {
	case h.bodies <- struct{}{}:
		defer func() { <-h.bodies }()
	default:
		w.retry(time.Second)
		return
	}
	c, err := h.Engine.OpenCommitted(r.Context(), f.node.Ino)
	if err != nil {
		h.fail(w, r, string(f.path), err)
		return
	}
	defer c.Close()
	v := &c.Version
	head := make([]byte, min(v.Size, sniffed))
	if _, err := c.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		h.fail(w, r, string(f.path), err)
		return
	}
	describe(w.Header(), f.name(), head, v)
	body := &body{h: h, from: c}
	http.ServeContent(w, r, "", modified(v, time.Now()), io.NewSectionReader(body, 0, v.Size))
	if err := body.failed(); err != nil && !errors.Is(err, content.ErrChanging) {
		h.logError(r, string(f.path), err)
	}
}

// glanceAt answers a HEAD from what is on record of the content, and reports false where
// that does not tell its type.
func glanceAt(w *response, r *http.Request, f found, v *meta.Version) bool {
	ct := content.ContentType(f.name(), nil)
	if strings.HasPrefix(ct, "text/") || ct == content.ContentType("", nil) {
		return false
	}
	describe(w.Header(), f.name(), nil, v)
	http.ServeContent(w, r, "", modified(v, time.Now()), io.NewSectionReader(strings.NewReader(""), 0, v.Size))
	return true
}

// describe sets the headers that the object would have, and those of a content that
// will soon have another address.
func describe(hd http.Header, name string, head []byte, v *meta.Version) {
	ct := content.ContentType(name, head)
	hd.Set("Content-Type", ct)
	hd.Set("Content-Disposition", content.ContentDisposition(ct, name))
	hd.Set("Cache-Control", "no-cache")
	hd.Set("ETag", etag(v))
}

// etag is a strong one: no two versions of a volume share an id.
func etag(v *meta.Version) string {
	return `"` + strconv.FormatInt(int64(v.ID), 36) + "-" + strconv.FormatInt(v.Size, 36) + `"`
}

// modified returns what Last-Modified says of a version, zero while that is still to
// come. See the package's comment.
func modified(v *meta.Version, now time.Time) time.Time {
	t := time.UnixMicro(int64(v.ID)).Add(time.Second - 1).Truncate(time.Second)
	if v.ID == 0 || now.Before(t) {
		return time.Time{}
	}
	return t
}

// body reads a response's content and keeps what went wrong: the answer has begun, and
// can only be left short.
type body struct {
	h    *Handler
	from io.ReaderAt

	mu  sync.Mutex // guards err: several ranges are read by another goroutine
	err error
}

// ReadAt implements io.ReaderAt. A panic is an error like others, since nobody would
// catch it in that goroutine.
func (b *body) ReadAt(p []byte, off int64) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			b.h.panics.Add(1)
			n, err = 0, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		if err != nil && !errors.Is(err, io.EOF) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.err = err
		}
	}()
	return b.from.ReadAt(p, off)
}

func (b *body) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
