package redirect

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"contentfs/meta"
)

// glanceAge is for how long a look at the queue holds.
const glanceAge = 5 * time.Second

// Health is what /healthz tells.
type Health struct {
	Status      string `json:"status"` // "ok": the volume serves
	Mounted     bool   `json:"mounted"`
	S3Known     bool   `json:"s3_known"` // something was tried
	S3Reachable bool   `json:"s3_reachable"`

	// Pending counts the contents that are not in S3; the oldest is not there since
	// so long.
	Pending                 int64   `json:"pending"`
	OldestUnuploadedSeconds float64 `json:"oldest_unuploaded_seconds"`

	Panics int64  `json:"panics"`
	Note   string `json:"note,omitempty"`
}

// glance remembers the last look at the queue.
type glance struct {
	mu      sync.Mutex // guards what follows
	at      time.Time
	pending int64
	oldest  int64
	err     error
}

// look returns what is waiting, as it was some seconds ago at most.
func (g *glance) look(m *meta.Store, now time.Time) (pending, oldest int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if age := now.Sub(g.at); age < 0 || age >= glanceAge {
		g.pending, g.oldest, g.err = m.Waiting()
		g.at = now
	}
	return g.pending, g.oldest, g.err
}

// health answers /healthz.
func (h *Handler) health(w *response) {
	now := time.Now()
	pending, oldest, err := h.queue.look(h.Engine.Meta, now)
	if err != nil {
		h.Log.Error("cannot tell how the volume is", "err", err)
		w.answer(http.StatusInternalServerError)
		return
	}
	a := Health{Status: "ok", Mounted: true, Pending: pending, Panics: h.Panics()}
	a.S3Reachable, a.S3Known = h.S3()
	if oldest != 0 {
		a.OldestUnuploadedSeconds = max(0, now.Sub(time.Unix(0, oldest)).Round(time.Millisecond).Seconds())
	}
	if a.S3Known && !a.S3Reachable {
		a.Note = "S3 is away; the volume serves what is on this server and takes what is written, so this is no reason to take it out"
	}
	b, err := json.Marshal(&a)
	if err != nil {
		h.Log.Error("cannot tell how the volume is", "err", err)
		w.answer(http.StatusInternalServerError)
		return
	}
	b = append(b, '\n')
	hd := w.Header()
	hd.Set("Cache-Control", "no-store")
	hd.Set("Content-Type", "application/json")
	hd.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	w.text(string(b))
}
