package redirect

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// TestRedirect: what is in S3 is not sent by us.
func TestRedirect(t *testing.T) {
	e := newEnv(t, "")
	v := e.save("/uid/image/large/a.jpg", "one")
	e.store(v)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := e.want(e.ask(method, "/uid/image/large/a.jpg", "Range: bytes=0-0", `If-None-Match: *`), http.StatusFound)
		v, err := e.Engine.Meta.Current(v.Ino)
		e.must(err)
		e.header(r, "Location", "https://s3.example/"+v.Key)
		e.header(r, "Cache-Control", keepRedirect)
		e.header(r, "X-Content-Type-Options", "nosniff")
		if (r.body == "") != (method == http.MethodHead) || r.ContentLength == 0 {
			t.Errorf("%s: body %q of %d bytes", method, r.body, r.ContentLength)
		}
	}
	e.save("/uid/image/large/a.jpg", "two")
	if r := e.want(e.get("/uid/image/large/a.jpg"), http.StatusOK); r.body != "two" {
		t.Errorf("the content is %q", r.body)
	}
}

// TestNames: every name that a file can have is found by its percent-encoded path.
func TestNames(t *testing.T) {
	e := newEnv(t, "")
	for _, name := range []string{"a b", "a+b", "100%", "%41", "%2F", "ä", "a\u0308", `"q"`, "it's", "what?", "#1", "a;b", "a&b=c", "\xff\xfe",
		"new\nline", "\x01", `back\slash`, "*", ":", "...", ".hidden", "-rf", "http:", strings.Repeat("n", 255), strings.Repeat("\u00e4", 127), "healthz"} {
		e.save("/d/"+name, name)
		escaped := url.PathEscape(name)
		everything := ""
		for _, c := range []byte(name) {
			everything += "%" + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15])
		}
		for _, path := range []string{"/d/" + escaped, "/d/" + everything, "/%64/" + escaped, "/d/" + escaped + "?x=/../&y=%00"} {
			r := e.want(e.get(path), http.StatusOK)
			if r.body != name {
				t.Errorf("%q gives %q", path, r.body)
			}
		}
	}
}

// TestNoFiles: what is no file is told apart from what cannot be one.
func TestNoFiles(t *testing.T) {
	e := newEnv(t, "")
	e.save("/d/f", "content")
	e.node("/d/fifo", unix.S_IFIFO|0o644, "")
	for path, status := range map[string]int{
		"/": 404, "/d": 404, "/d/": 404, "/d/f/": 404, "/d/f/g": 404, "/x": 404, "/d/x/y": 404, "/d/fifo": 404,
		"/d/" + strings.Repeat("n", 256): 404, "/" + strings.Repeat("d/", 2000) + "f": 404, "/healthz/": 404,
		"/d//f": 400, "/d/./f": 400, "/d/../d/f": 400, "/..": 400, "/%2e%2e/d/f": 400, "/d/%2E/f": 400,
		"/d%2ff": 400, "/d%2Ff": 400, "/d/f%00": 400, "/%00": 400, "/" + strings.Repeat("a", 5000): 400,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r := e.want(e.ask(method, path), status)
			e.header(r, "Cache-Control", "no-store")
		}
	}
}

// TestRawPaths: what no client of the standard library sends.
func TestRawPaths(t *testing.T) {
	e := newEnv(t, "")
	e.save("/d/f", "content")
	address, stop := e.run()
	defer func() { e.must(stop()) }()
	for line, status := range map[string]string{
		"GET /d/f HTTP/1.1": "200", "GET //d/f HTTP/1.1": "400", "GET ///d/f HTTP/1.1": "400", "GET d/f HTTP/1.1": "400", "GET * HTTP/1.1": "400",
		"GET http://else/d/f HTTP/1.1": "200", "GET http://else//d/f HTTP/1.1": "400", "GET http://else HTTP/1.1": "400", "GET /d/f%zz HTTP/1.1": "400",
		"GET /d/f HTTP/1.0": "200", "GET /d/f#g HTTP/1.1": "404", "GET /d/../d/f HTTP/1.1": "400", "CONNECT /d/f HTTP/1.1": "405", "OPTIONS * HTTP/1.1": "200",
		"GET /d/" + strings.Repeat("x", 30_000) + " HTTP/1.1": "431",
	} {
		conn, err := net.Dial("tcp", address)
		e.must(err)
		_, err = io.WriteString(conn, line+"\r\nHost: here\r\nConnection: close\r\n\r\n")
		e.must(err)
		b, _ := io.ReadAll(conn) // what is too long is answered with a reset
		conn.Close()
		if got, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(string(b), "HTTP/1.1 "), "HTTP/1.0 "), " "); got != status && (len(b) > 0 || status != "431") {
			t.Errorf("%.80q: %.200q, not %s", line, b, status)
		}
	}
}

// TestSymlinks: links lead to files inside the volume and nowhere else.
func TestSymlinks(t *testing.T) {
	e := newEnv(t, "")
	e.save("/d/f", "content")
	e.save("/top", "top")
	e.save("/mnt/site/d/f", "deep")
	for path, target := range map[string]string{
		"/d/rel": "f", "/d/up": "../top", "/dir": "d", "/d/twice": "../dir/./rel", "/abs": "/mnt/site/d/f", "/d/root": "/mnt/site",
		"/out": "../top", "/d/out": "../../etc/passwd", "/etc": "/etc/passwd", "/almost": "/mnt/sited/f", "/slash": "d/f/", "/through": "d/f/../f",
		"/dangling": "nothing", "/circle": "circle", "/a": "b", "/b": "a", "/grow": "grow/grow", "/special": "/proc/self/environ",
	} {
		e.link(path, target)
	}
	e.link("/chain0", "top")
	for i := range maxLinks {
		e.link("/chain"+string(rune('0'+i+1)), "chain"+string(rune('0'+i)))
	}
	for path, want := range map[string]string{"/d/rel": "content", "/d/up": "top", "/dir/f": "content", "/d/twice": "content", "/abs": "content",
		"/d/root/top": "top", "/mnt/site/d/f": "deep", "/chain" + url.PathEscape(string(rune('0'+maxLinks-1))): "top"} {
		if r := e.want(e.get(path), http.StatusOK); r.body != want {
			t.Errorf("%s gives %q, not %q", path, r.body, want)
		}
	}
	for _, path := range []string{"/out", "/d/out", "/etc", "/almost", "/slash", "/through", "/dangling", "/circle", "/a", "/grow", "/special", "/d/root", "/dir",
		"/chain" + url.PathEscape(string(rune('0'+maxLinks)))} {
		e.want(e.get(path), http.StatusNotFound)
	}
	if r := e.get("/dir/rel"); r.Header.Get("Content-Disposition") != `inline; filename="f"; filename*=UTF-8''f` {
		t.Errorf("the name of what a link leads to is %s", r.Header.Get("Content-Disposition"))
	}
}

// TestMethods: nothing but GET and HEAD, and no body.
func TestMethods(t *testing.T) {
	e := newEnv(t, "")
	e.save("/f", "content")
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get"} {
		r := e.want(e.ask(method, "/f"), http.StatusMethodNotAllowed)
		e.header(r, "Allow", "GET, HEAD")
	}
	req, err := http.NewRequest(http.MethodGet, e.server.URL+"/f", strings.NewReader("body"))
	e.must(err)
	resp, err := http.DefaultTransport.RoundTrip(req)
	e.must(err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || !resp.Close {
		t.Errorf("a GET with a body: status %d, connection closed %t", resp.StatusCode, resp.Close)
	}
}

func TestHealth(t *testing.T) {
	e := newEnv(t, "")
	e.save("/healthz", "a file")
	begin := time.Now()
	ask := func() (h Health) {
		e.Helper()
		r := e.want(e.get("/healthz"), http.StatusOK)
		e.header(r, "Content-Type", "application/json")
		e.must(json.Unmarshal([]byte(r.body), &h))
		return h
	}
	h := ask()
	if h.Status != "ok" || !h.Mounted || !h.S3Known || !h.S3Reachable || h.Pending != 1 || h.OldestUnuploadedSeconds < 0 || h.Note != "" {
		t.Errorf("%+v", h)
	}
	e.s3 = false
	e.save("/other", "x")
	h = ask()
	if h.S3Reachable || h.Note == "" || h.Status != "ok" {
		t.Errorf("while S3 is away: %+v", h)
	}
	if h.Pending != 1 && time.Since(begin) < glanceAge {
		t.Errorf("the queue is counted at each call: %+v", h)
	}
	if n, _, err := e.queue.look(e.Engine.Meta, time.Now().Add(2*glanceAge)); n != 2 || err != nil {
		t.Errorf("later there are %d, %v", n, err)
	}
	e.want(e.ask(http.MethodHead, "/healthz"), http.StatusOK)
}

// TestErrors: the answer tells what the client can do, and only the log tells why.
func TestErrors(t *testing.T) {
	e := newEnv(t, "")
	e.log.expect("content is lost")
	e.log.expect("request over HTTP failed")
	v := e.save("/uid/file/f.txt", "content")
	e.must(e.Engine.Local.Remove([]localID{localID(v.File)}))
	r := e.want(e.get("/uid/file/f.txt"), http.StatusInternalServerError)
	if r.body != "500 internal server error\n" {
		t.Errorf("the body says %q", r.body)
	}
	logged := e.log.find("request over HTTP failed")
	if len(logged) != 1 || !strings.Contains(logged[0], "uid=uid field=file") || !strings.Contains(logged[0], "path=/uid/file/f.txt") {
		t.Errorf("logged: %q", logged)
	}
}

// TestPanic: a request that panics is answered and counted, and the next one served.
func TestPanic(t *testing.T) {
	e := newEnv(t, "")
	e.log.expect("panic in a request")
	e.save("/f", "content")
	engine := e.Engine
	e.Engine = nil
	e.want(e.get("/f"), http.StatusInternalServerError)
	e.Engine = engine
	e.want(e.get("/f"), http.StatusOK)
	if e.Panics() != 1 {
		t.Errorf("%d panics", e.Panics())
	}
}

// TestFull: what cannot be served now is refused at once.
func TestFull(t *testing.T) {
	e := newEnv(t, "")
	e.store(e.save("/stored", "x"))
	e.save("/f", "content")
	for range maxBodies {
		e.bodies <- struct{}{}
	}
	e.header(e.want(e.get("/f"), http.StatusServiceUnavailable), "Retry-After", "1")
	e.want(e.get("/stored"), http.StatusFound)
	<-e.bodies
	e.want(e.get("/f"), http.StatusOK)
}

// TestNeverCommitted: a new name is no empty file while its content is being written.
func TestNeverCommitted(t *testing.T) {
	e := newEnv(t, "")
	e.node("/node", meta.TypeRegular|0o644, "")
	if r := e.want(e.get("/node"), http.StatusOK); r.body != "" || r.ContentLength != 0 {
		t.Errorf("a node without content has %q", r.body)
	}
	h := e.open("/f", os.O_WRONLY)
	_, err := e.Engine.Write(h, []byte("part"), 0)
	e.must(err)
	e.want(e.get("/f"), http.StatusServiceUnavailable)
	e.write(h, "whole")
	e.Engine.Release(h)
	if r := e.want(e.get("/f"), http.StatusOK); r.body != "whole" {
		t.Errorf("the content is %q", r.body)
	}
}
