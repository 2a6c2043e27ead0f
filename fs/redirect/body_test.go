package redirect

import (
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
)

type localID = local.ID

// TestModified: no two versions of a file have the same Last-Modified.
func TestModified(t *testing.T) {
	at := time.Date(2024, 3, 4, 5, 6, 7, 300_000_000, time.UTC)
	v := &meta.Version{ID: meta.VersionID(at.UnixMicro())}
	next := at.Add(700 * time.Millisecond)
	for now, want := range map[time.Time]time.Time{
		at: {}, next.Add(-1): {}, next: next, at.Add(time.Hour): next,
	} {
		if got := modified(v, now); !got.Equal(want) {
			t.Errorf("at %v: %v, not %v", now, got, want)
		}
	}
	if got := modified(&meta.Version{}, at); !got.IsZero() {
		t.Errorf("of nothing: %v", got)
	}
}

// TestHeaders: they are the object's, but for what is only true for now.
func TestHeaders(t *testing.T) {
	e := newEnv(t, "")
	for name, want := range map[string][2]string{
		"a.jpg":    {"image/jpeg", "inline"},
		"a.html":   {"text/html; charset=utf-8", "attachment"},
		"a.svg":    {"image/svg+xml", "attachment"},
		"a.js":     {"text/javascript; charset=utf-8", "attachment"},
		"a.xml":    {"application/xml", "attachment"},
		"unknown":  {"text/plain; charset=utf-8", "inline"},
		"ä \".pdf": {"application/pdf", "inline"},
	} {
		const text = "<b>some</b> text"
		v := e.save("/uid/file/"+name, text)
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r := e.want(e.ask(method, "/uid/file/"+strings.NewReplacer(" ", "%20", `"`, "%22", "ä", "%C3%A4").Replace(name)), http.StatusOK)
			e.header(r, "Content-Type", want[0])
			e.header(r, "Content-Disposition", content.ContentDisposition(want[0], name))
			e.header(r, "Content-Length", strconv.Itoa(len(text)))
			e.header(r, "Cache-Control", "no-cache")
			e.header(r, "Accept-Ranges", "bytes")
			e.header(r, "X-Content-Type-Options", "nosniff")
			e.header(r, "ETag", etag(&v))
			if d := r.Header.Get("Content-Disposition"); !strings.HasPrefix(d, want[1]+";") {
				t.Errorf("%s: %s", name, d)
			}
		}
	}
}

// TestHead: where the name tells the type nothing is opened.
func TestHead(t *testing.T) {
	e := newEnv(t, "")
	v := e.save("/a.jpg", "content")
	e.must(e.Engine.Local.Remove([]local.ID{local.ID(v.File)}))
	r := e.want(e.ask(http.MethodHead, "/a.jpg", "Range: bytes=0-1"), http.StatusOK)
	e.header(r, "Content-Length", "7")
	e.want(e.ask(http.MethodHead, "/a.jpg", "If-None-Match: "+etag(&v)), http.StatusNotModified)
}

// TestConditions: of one version, and of the one before.
func TestConditions(t *testing.T) {
	e := newEnv(t, "")
	old := e.save("/f.txt", "0123456789")
	v := e.save("/f.txt", "abcdefghij")
	if etag(&old) == etag(&v) {
		t.Fatal("two versions have one ETag")
	}
	e.lastModified("/f.txt", &v)
	date := modified(&v, time.Now())
	same, before, after := date.Format(http.TimeFormat), date.Add(-time.Second).Format(http.TimeFormat), date.Add(time.Hour).Format(http.TimeFormat)
	for _, c := range []struct {
		header string
		status int
		body   string
	}{
		{"Range: bytes=2-4", 206, "cde"},
		{"Range: bytes=-3", 206, "hij"},
		{"Range: bytes=8-", 206, "ij"},
		{"Range: bytes=0-99", 206, "abcdefghij"},
		{"Range: bytes=10-", 416, ""},
		{"Range: lines=1-2", 416, ""},
		{"Range: bytes=2-4|If-Range: " + etag(&v), 206, "cde"},
		{"Range: bytes=2-4|If-Range: " + etag(&old), 200, "abcdefghij"},
		{"Range: bytes=2-4|If-Range: W/" + etag(&v), 200, "abcdefghij"},
		{"Range: bytes=2-4|If-Range: " + same, 206, "cde"},
		{"Range: bytes=2-4|If-Range: " + before, 200, "abcdefghij"},
		{"If-None-Match: " + etag(&v), 304, ""},
		{"If-None-Match: W/" + etag(&v), 304, ""},
		{`If-None-Match: "x", ` + etag(&v), 304, ""},
		{"If-None-Match: *", 304, ""},
		{"If-None-Match: " + etag(&old), 200, "abcdefghij"},
		{"If-None-Match: " + etag(&old) + "|If-Modified-Since: " + after, 200, "abcdefghij"},
		{"If-Modified-Since: " + same, 304, ""},
		{"If-Modified-Since: " + before, 200, "abcdefghij"},
		{"If-Match: " + etag(&v), 200, "abcdefghij"},
		{"If-Match: *", 200, "abcdefghij"},
		{"If-Match: " + etag(&old), 412, ""},
		{"If-Unmodified-Since: " + same, 200, "abcdefghij"},
		{"If-Unmodified-Since: " + before, 412, ""},
	} {
		r := e.want(e.get("/f.txt", strings.Split(c.header, "|")...), c.status)
		if c.status < 300 && r.body != c.body {
			t.Errorf("%s: %q, not %q", c.header, r.body, c.body)
		}
	}
}

// lastModified waits until a version has the header, which comes within a second.
func (e *env) lastModified(path string, v *meta.Version) {
	e.Helper()
	for limit := time.Now().Add(time.Minute); e.get(path).Header.Get("Last-Modified") == ""; <-time.After(20 * time.Millisecond) {
		if time.Now().After(limit) {
			e.Fatalf("no Last-Modified of version %d", v.ID)
		}
	}
}

func TestSeveralRanges(t *testing.T) {
	e := newEnv(t, "")
	e.save("/f.txt", "abcdefghij")
	r := e.want(e.get("/f.txt", "Range: bytes=0-1,4-5,-1"), http.StatusPartialContent)
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	e.must(err)
	parts := multipart.NewReader(strings.NewReader(r.body), params["boundary"])
	for _, want := range []string{"bytes 0-1/10 ab", "bytes 4-5/10 ef", "bytes 9-9/10 j"} {
		p, err := parts.NextPart()
		e.must(err)
		b := make([]byte, 10)
		n, _ := p.Read(b)
		if got := p.Header.Get("Content-Range") + " " + string(b[:n]); got != want || p.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("part %q %v, not %q", got, p.Header, want)
		}
	}
}

// TestFallback: content that is in the fallback only comes from there.
func TestFallback(t *testing.T) {
	dir := t.TempDir()
	e := newEnv(t, dir)
	v := e.save("/f", "content")
	e.must(os.WriteFile(filepath.Join(dir, "copy"), []byte("content"), 0o600))
	e.must(os.Chtimes(filepath.Join(dir, "copy"), time.Time{}, time.Unix(0, v.Mtime))) // as what was taken in
	e.must(e.Engine.Meta.SetFallback(v.ID, []byte("copy")))
	e.must(e.Engine.Meta.Settled(v.ID))
	e.must(e.Engine.Meta.Evict(v.ID, v.File))
	r := e.want(e.get("/f", "Range: bytes=3-"), http.StatusPartialContent)
	if r.body != "tent" {
		t.Errorf("the content is %q", r.body)
	}
	// What was fetched is here now; without it and without the copy there is nothing.
	v, err := e.Engine.Meta.Version(v.ID)
	e.must(err)
	if v.File == "" {
		t.Fatal("what was fetched was not kept")
	}
	e.must(e.Engine.Meta.Evict(v.ID, v.File))
	e.must(os.Remove(filepath.Join(dir, "copy")))
	e.header(e.want(e.get("/f"), http.StatusServiceUnavailable), "Retry-After", "15")
}
