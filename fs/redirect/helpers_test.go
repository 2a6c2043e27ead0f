package redirect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/mem"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// env is a handler over an engine with real metadata and local files.
type env struct {
	*testing.T
	*Handler
	server *httptest.Server
	log    *lines
	s3     bool // what S3 says

	objects linked
}

// linked is a backend whose objects have addresses.
type linked struct{ *mem.Store }

func (linked) URL(key string) string { return "https://s3.example/" + key }

// nobody is an upload queue that sends nothing.
type nobody struct{}

func (nobody) Wake()                                         {}
func (nobody) Deliver(context.Context, meta.VersionID) error { return nil }

func newEnv(t *testing.T, fallback string) *env {
	t.Helper()
	e := &env{T: t, log: &lines{t: t}, s3: true, objects: linked{mem.New()}}
	dir := t.TempDir()
	m, err := sqlite.Open(filepath.Join(dir, "meta.db"), sqlite.Options{})
	e.must(err)
	l, err := local.Open(filepath.Join(dir, "local"))
	e.must(err)
	c := content.Config{
		Meta: m, Local: l, Log: slog.New(e.log), Bucket: "bucket", CacheSize: 1 << 30, Timeout: time.Minute,
		Objects: func(string) (backend.Backend, error) { return e.objects, nil },
	}
	if fallback != "" {
		c.Fallback, err = content.OpenFallback(fallback)
		e.must(err)
		t.Cleanup(func() { c.Fallback.Close() })
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	engine := content.New(c)
	engine.SetQueue(nobody{})
	_, err = engine.Recover(ctx)
	e.must(err)
	e.Handler = New(Config{Engine: engine, Log: c.Log, Mountpoint: "/mnt/site", S3: func() (bool, bool) { return e.s3, true }})
	e.server = httptest.NewServer(e.Handler)
	t.Cleanup(func() {
		e.server.Close()
		stop()
		e.must(errors.Join(<-done, m.Close(), l.Close()))
		e.log.check()
	})
	return e
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// node makes a node at a path whose directories it makes too.
func (e *env) node(path string, mode uint32, target string) meta.Node {
	e.Helper()
	parent := meta.Root
	names := strings.Split(path[1:], "/")
	for i, name := range names {
		n, err := e.Engine.Lookup(parent, []byte(name))
		if err != nil && i == len(names)-1 {
			r := meta.CreateRequest{Parent: parent, Name: []byte(name), Mode: mode, Now: time.Now().UnixNano()}
			if target != "" {
				r.Target = []byte(target)
			}
			n, err = e.Engine.Mknod(r)
		} else if err != nil {
			n, err = e.Engine.Mknod(meta.CreateRequest{Parent: parent, Name: []byte(name), Mode: meta.TypeDir | 0o755, Now: time.Now().UnixNano()})
		}
		e.must(err)
		parent = n.Ino
	}
	n, err := e.Engine.GetAttr(parent)
	e.must(err)
	return n
}

func (e *env) link(path, target string) { e.Helper(); e.node(path, meta.TypeSymlink|0o777, target) }

// open opens a file for writing, made if it is not there.
func (e *env) open(path string, flags int) *content.Handle {
	e.Helper()
	n := e.node(path, meta.TypeRegular|0o644, "")
	h, err := e.Engine.Open(context.Background(), n.Ino, flags)
	e.must(err)
	return h
}

func (e *env) write(h *content.Handle, text string) {
	e.Helper()
	_, err := e.Engine.Write(h, []byte(text), 0)
	e.must(err)
	e.must(e.Engine.Flush(context.Background(), h))
}

// save gives a file content, and returns its version.
func (e *env) save(path, text string) meta.Version {
	e.Helper()
	h := e.open(path, os.O_WRONLY|os.O_TRUNC)
	e.write(h, text)
	e.Engine.Release(h)
	v, err := e.Engine.Meta.Current(h.Ino())
	e.must(err)
	return v
}

// store brings a version to S3.
func (e *env) store(v meta.Version) {
	e.Helper()
	f, err := e.Engine.Local.Open(local.ID(v.File))
	e.must(err)
	defer f.Close()
	b, err := io.ReadAll(f)
	e.must(err)
	sum, key := sha256.Sum256(b), fmt.Sprintf("k/%d", v.ID)
	e.must(e.Engine.Meta.BeginUpload(v.ID, meta.BeginUpload{Bucket: "bucket", Key: key, SHA256: sum[:]}))
	_, err = e.objects.Put(context.Background(), key, bytes.NewReader(b), int64(len(b)), backend.PutOptions{SHA256: sum})
	e.must(err)
	_, err = e.Engine.Meta.FinishUpload(v.ID, key, "etag", nil, time.Now().UnixNano())
	e.must(err)
}

// reply is an answer as the client has it.
type reply struct {
	*http.Response
	body string
	err  error // of the body
}

// ask sends a request for a path as it is written; more are lines of its header.
func (e *env) ask(method, path string, more ...string) reply {
	e.Helper()
	req, err := http.NewRequest(method, e.server.URL, nil)
	e.must(err)
	req.URL.Opaque = path
	for _, line := range more {
		k, v, _ := strings.Cut(line, ": ")
		req.Header.Set(k, v)
	}
	resp, err := e.server.Client().Transport.RoundTrip(req)
	e.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp, string(b), err}
}

func (e *env) get(path string, more ...string) reply {
	e.Helper()
	return e.ask(http.MethodGet, path, more...)
}

// want fails the test unless the answer has this status, and a body that is all of it.
func (e *env) want(r reply, status int) reply {
	e.Helper()
	if r.StatusCode != status || r.err != nil {
		e.Errorf("%s %s: status %d (%v), not %d: %.200q", r.Request.Method, r.Request.URL.Opaque, r.StatusCode, r.err, status, r.body)
	}
	return r
}

func (e *env) header(r reply, name, want string) {
	e.Helper()
	if got := r.Header.Get(name); got != want {
		e.Errorf("%s %s: %s is %q, not %q", r.Request.Method, r.Request.URL.Opaque, name, got, want)
	}
}

// lines keeps what is logged, and fails the test for what it did not expect.
type lines struct {
	t  *testing.T
	mu sync.Mutex // guards what follows

	expected []string
	bad      []string
	seen     []string
}

func (l *lines) expect(part string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expected = append(l.expected, part)
}

// find returns the lines that hold a text.
func (l *lines) find(part string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.seen {
		if strings.Contains(s, part) {
			found = append(found, s)
		}
	}
	return found
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, line)
	if r.Level < slog.LevelWarn {
		return nil
	}
	for _, part := range l.expected {
		if strings.Contains(line, part) {
			return nil
		}
	}
	l.bad = append(l.bad, line)
	return nil
}

func (l *lines) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.bad {
		l.t.Errorf("unexpected: %s", s)
	}
}
