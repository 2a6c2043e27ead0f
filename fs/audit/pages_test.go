package audit

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/s3"
)

// paged serves the attic's bucket as S3 does: in pages, with the time of its own clock.
type paged struct {
	a    *attic
	size int // of a page

	mu      sync.Mutex // guards what follows
	bend    func(page int, p *page) (status int)
	deleted []string
}

// page is one answer to a listing.
type page struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []pageItem

	cut   bool // the connection breaks in its middle
	alien bool // it comes from a portal
}

type pageItem struct {
	Key, LastModified, ETag string
	Size                    int64
}

func (p *paged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Date", time.Now().Add(p.a.far).UTC().Format(http.TimeFormat))
	key := strings.TrimPrefix(r.URL.Path, "/a/")
	switch {
	case r.Method == http.MethodGet:
		p.list(w, r)
	case r.Method == http.MethodDelete:
		p.deleted = append(p.deleted, key)
		_ = p.a.store.Delete(context.Background(), key)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodHead && r.URL.Path == "/a":
	default:
		o, err := p.a.store.Stat(context.Background(), key)
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		for k, v := range o.Metadata {
			w.Header().Set("X-Amz-Meta-"+k, v)
		}
		w.Header().Set("ETag", `"`+o.ETag+`"`)
		w.Header().Set("Content-Length", strconv.FormatInt(o.Size, 10))
		w.Header().Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(o.SHA256))
	}
}

func (p *paged) list(w http.ResponseWriter, r *http.Request) {
	var all []pageItem
	_ = p.a.store.List(context.Background(), r.URL.Query().Get("prefix"), "", func(o backend.Object) error {
		all = append(all, pageItem{Key: o.Key, LastModified: o.Modified.UTC().Format(time.RFC3339), ETag: `"` + o.ETag + `"`, Size: o.Size})
		return nil
	})
	from, _ := strconv.Atoi(r.URL.Query().Get("continuation-token"))
	out := page{Name: "a", Contents: all[from:]}
	if len(out.Contents) > p.size {
		out.Contents, out.IsTruncated, out.NextContinuationToken = out.Contents[:p.size], true, strconv.Itoa(from+p.size)
	}
	status := 0
	if p.bend != nil {
		status = p.bend(from/p.size, &out)
	}
	if status != 0 {
		w.WriteHeader(status)
		fmt.Fprint(w, `<Error><Code>AccessDenied</Code></Error>`)
		return
	}
	b, _ := xml.Marshal(&out)
	if out.alien {
		b = []byte("<html><body>Please log in</body></html>")
	}
	if out.cut {
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		_, _ = w.Write(b[:len(b)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(b)
}

func newPaged(t *testing.T) *paged {
	p := &paged{a: newAttic(t), size: 3}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	store, err := s3.Open(context.Background(), s3.Config{Bucket: "a", Region: "us-east-1", Endpoint: server.URL, PathStyle: true,
		Credentials: s3.StaticCredentials("AK", "SK")})
	p.a.ok(err)
	for i := range 4 {
		p.a.file(fmt.Sprint("kept", i))
		p.a.orphan(fmt.Sprint("orphan", i))
	}
	p.a.objects = func(string) (backend.Backend, error) { return store, nil }
	return p
}

// at sets the store's clock.
func (p *paged) at(far time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.a.far = far
}

func (p *paged) script(bend func(n int, p *page) int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bend = bend
}

// TestPages: a listing that goes wrong on any page, in any way, is no ground to delete
// anything, and nothing is remembered of it.
func TestPages(t *testing.T) {
	for name, bend := range map[string]func(p *page) int{
		"error":          func(*page) int { return http.StatusForbidden },
		"cut":            func(p *page) int { p.cut = true; return 0 },
		"no listing":     func(p *page) int { p.alien = true; return 0 },
		"token loop":     func(p *page) int { p.IsTruncated, p.NextContinuationToken = true, "0"; return 0 },
		"no token":       func(p *page) int { p.IsTruncated, p.NextContinuationToken = true, ""; return 0 },
		"keys twice":     func(p *page) int { p.Contents = slices.Concat(p.Contents, p.Contents); return 0 },
		"backwards":      func(p *page) int { slices.Reverse(p.Contents); return 0 },
		"another prefix": func(p *page) int { p.Contents[0].Key = "q/x"; return 0 },
		"no times":       func(p *page) int { p.Contents[0].LastModified = ""; return 0 },
	} {
		for k := range 2 {
			t.Run(fmt.Sprintf("%s on page %d", name, k), func(t *testing.T) {
				t.Parallel()
				p := newPaged(t)
				broken := func(n int, pg *page) int {
					if n != k {
						return 0
					}
					return bend(pg)
				}
				p.script(broken)
				if f, err := p.a.orphans().Survey(context.Background()); err == nil {
					t.Fatalf("%+v", f)
				}
				p.script(nil)
				p.at(3 * day)
				if f := p.a.survey(); f.Orphans != 4 || f.Young != 4 {
					t.Errorf("the failed survey left sightings: %+v", f)
				}
				p.at(6 * day)
				p.script(broken)
				f, err := p.a.orphans().Survey(context.Background())
				if err == nil || len(f.Ripe) != 0 || len(p.deleted) != 0 {
					t.Errorf("%+v, %v, deleted %q", f, err, p.deleted)
				}
			})
		}
	}
}

// TestTruncatedWithoutSayingSo: what a listing left out is not deleted, and was not
// seen twice.
func TestTruncatedWithoutSayingSo(t *testing.T) {
	p := newPaged(t)
	p.a.survey()
	p.at(3 * day)
	p.script(func(n int, pg *page) int { pg.IsTruncated, pg.NextContinuationToken = false, ""; return 0 })
	seen := p.a.survey()
	p.script(nil)
	p.at(6 * day)
	f := p.a.survey()
	if f.Orphans != 4 || len(f.Ripe) != len(seen.Ripe) || f.Young != int64(4-len(seen.Ripe)) {
		t.Errorf("first %+v, then %+v", seen, f)
	}
	if r, err := p.a.orphans().Remove(context.Background(), &f); err != nil || r.Objects != int64(len(f.Ripe)) || len(p.deleted) != len(f.Ripe) {
		t.Errorf("%+v, %v, deleted %q", r, err, p.deleted)
	}
}
