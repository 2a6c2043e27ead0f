package redirect

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"contentfs/meta"
)

// keepRedirect is how a redirect to an object that everybody may read is kept; see
// the package's comment.
const keepRedirect = "public, max-age=60"

// signedFor is how long the address of private content is valid: long enough for a
// slow visitor to begin, and the redirect to it is never kept.
const signedFor = 15 * time.Minute

// target is where a request is sent.
type target struct {
	url          string // "" when there is nowhere to send it
	cacheControl string // of the redirect
}

// address returns where visitors get a version, or nothing while it is not in S3. It
// is the only place that decides on that.
func (h *Handler) address(ctx context.Context, v *meta.Version) (target, error) {
	if v.Remote != meta.Stored {
		return target{}, nil
	}
	if v.Private {
		url, err := h.Engine.SignedURL(ctx, v, signedFor)
		return target{url: url, cacheControl: "private, no-store"}, err
	}
	url, err := h.Engine.URL(v)
	return target{url: url, cacheControl: keepRedirect}, err
}

// redirect sends the client to another address.
func (w *response) redirect(to target) {
	body := "The content is at " + to.url + "\n"
	hd := w.Header()
	hd.Set("Location", to.url)
	hd.Set("Cache-Control", to.cacheControl)
	hd.Set("Content-Type", "text/plain; charset=utf-8")
	hd.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusFound)
	w.text(body)
}
