package backendtest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"contentfs/backend"
)

func (s *suite) testPutGetStat(t *testing.T, b backend.Backend) {
	body := []byte("the bytes of a tanning bed")
	opts := options(body)
	opts.ContentType = "image/jpeg"
	opts.CacheControl = "public, max-age=31536000, immutable"
	opts.ContentDisposition = `inline; filename="a b.jpg"; filename*=UTF-8''a%20b.jpg`
	opts.Metadata = map[string]string{"path": "/a%20b/c.jpg", "mode-0": "0644", "text": `a=b; "c", d+e%`}

	before := time.Now().Add(-time.Minute)
	put, err := b.Put(t.Context(), "p/key", bytes.NewReader(body), int64(len(body)), opts)
	if err != nil {
		t.Fatal(err)
	}
	if put.Key != "p/key" || put.Size != int64(len(body)) || put.ETag == "" || put.ETag[0] == '"' {
		t.Errorf("put returned %+v", put)
	}
	if got := Get(t, b, "p/key", 0, -1); !bytes.Equal(got, body) {
		t.Errorf("got %q, want %q", got, body)
	}
	obj, err := b.Stat(t.Context(), "p/key")
	if err != nil {
		t.Fatal(err)
	}
	if obj.Key != "p/key" || obj.Size != put.Size || obj.ETag != put.ETag {
		t.Errorf("stat says %+v, put said %+v", obj, put)
	}
	if obj.Modified.Before(before) || obj.Modified.After(time.Now().Add(time.Minute)) {
		t.Errorf("modified %v", obj.Modified)
	}
	if !bytes.Equal(obj.SHA256, opts.SHA256[:]) {
		t.Errorf("SHA-256 %x, want %x", obj.SHA256, opts.SHA256)
	}
	if obj.ContentType != opts.ContentType || obj.CacheControl != opts.CacheControl || obj.ContentDisposition != opts.ContentDisposition {
		t.Errorf("headers %q %q %q", obj.ContentType, obj.CacheControl, obj.ContentDisposition)
	}
	if !maps.Equal(obj.Metadata, opts.Metadata) {
		t.Errorf("metadata %q, want %q", obj.Metadata, opts.Metadata)
	}
}

func (s *suite) testReplace(t *testing.T, b backend.Backend) {
	first := Put(t, b, "k", []byte("first"))
	second := Put(t, b, "k", []byte("second one"))
	if first.ETag == second.ETag {
		t.Errorf("both contents have ETag %q", first.ETag)
	}
	if got := Get(t, b, "k", 0, -1); string(got) != "second one" {
		t.Errorf("got %q", got)
	}
}

func (s *suite) testIfAbsent(t *testing.T, b backend.Backend) {
	put := func(body string) error {
		opts := options([]byte(body))
		opts.IfAbsent = true
		_, err := b.Put(t.Context(), "k", bytes.NewReader([]byte(body)), int64(len(body)), opts)
		return err
	}
	if err := put("first"); err != nil {
		t.Fatal(err)
	}
	WantClass(t, put("second"), backend.Exists)
	WantClass(t, put("first"), backend.Exists) // no guess about whose it is
	if got := Get(t, b, "k", 0, -1); string(got) != "first" {
		t.Errorf("got %q", got)
	}
}

func (s *suite) testIfAbsentRace(t *testing.T, b backend.Backend) {
	const writers = 16
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			body := fmt.Appendf(nil, "writer %02d", i)
			opts := options(body)
			opts.IfAbsent = true
			_, err := b.Put(t.Context(), "k", bytes.NewReader(body), int64(len(body)), opts)
			switch {
			case err == nil:
				won.Add(1)
			case backend.ClassOf(err) != backend.Exists && backend.ClassOf(err) != backend.Transient:
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := won.Load(); n < 1 || n > 1 && !s.limits.LooseIfAbsent {
		t.Errorf("%d writers won", n)
	}
	if got := Get(t, b, "k", 0, -1); len(got) != len("writer 00") || !bytes.HasPrefix(got, []byte("writer ")) {
		t.Errorf("object is %q", got)
	}
}

func (s *suite) testWrongChecksum(t *testing.T, b backend.Backend) {
	body := []byte("what is sent")
	_, err := b.Put(t.Context(), "k", bytes.NewReader(body), int64(len(body)), options([]byte("what was hashed")))
	WantClass(t, err, backend.Corrupt)
	_, err = b.Stat(t.Context(), "k")
	WantClass(t, err, backend.Absent)
}

func (s *suite) testShortBody(t *testing.T, b backend.Backend) {
	body := []byte("short")
	_, err := b.Put(t.Context(), "k", bytes.NewReader(body), 100, options(body))
	if err == nil {
		t.Fatal("a body shorter than its size was stored")
	}
	_, err = b.Stat(t.Context(), "k")
	WantClass(t, err, backend.Absent)
}

func (s *suite) testParallel(t *testing.T, b backend.Backend) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			key := fmt.Sprintf("p/%d", i)
			body := bytes.Repeat([]byte{byte(i)}, 10_000+i)
			opts := options(body)
			if _, err := b.Put(t.Context(), key, bytes.NewReader(body), int64(len(body)), opts); err != nil {
				t.Error(err)
				return
			}
			if got, err := read(t.Context(), b, key, 0, -1); err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s: %d bytes, %v", key, len(got), err)
			}
		})
	}
	wg.Wait()
}

func (s *suite) testIllegalOptions(t *testing.T, b backend.Backend) {
	for name, change := range map[string]func(*backend.PutOptions){
		"upper case metadata key": func(o *backend.PutOptions) { o.Metadata = map[string]string{"Path": "x"} },
		"empty metadata key":      func(o *backend.PutOptions) { o.Metadata = map[string]string{"": "x"} },
		"metadata not ASCII":      func(o *backend.PutOptions) { o.Metadata = map[string]string{"path": "ä"} },
		"metadata with newline":   func(o *backend.PutOptions) { o.Metadata = map[string]string{"path": "a\nb: c"} },
		"metadata with outer gap": func(o *backend.PutOptions) { o.Metadata = map[string]string{"path": " a"} },
		"header with newline":     func(o *backend.PutOptions) { o.ContentType = "text/plain\r\nX: y" },
	} {
		opts := options(nil)
		change(&opts)
		_, err := b.Put(t.Context(), "k", bytes.NewReader(nil), 0, opts)
		if err == nil || backend.ClassOf(err) != backend.Invalid {
			t.Errorf("%s: %v, want class invalid", name, err)
		}
	}
}

func (s *suite) testCancelled(t *testing.T, b backend.Backend) {
	Put(t, b, "k", []byte("body"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.endedContext(t, b, ctx, backend.Canceled)
}

func (s *suite) testDeadlinePassed(t *testing.T, b backend.Backend) {
	Put(t, b, "k", []byte("body"))
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	s.endedContext(t, b, ctx, backend.Transient)
}

func (s *suite) endedContext(t *testing.T, b backend.Backend, ctx context.Context, want backend.Class) {
	t.Helper()
	_, err := b.Put(ctx, "new", bytes.NewReader(nil), 0, options(nil))
	WantClass(t, err, want)
	_, err = b.Get(ctx, "k", 0, -1)
	WantClass(t, err, want)
	_, err = b.Stat(ctx, "k")
	WantClass(t, err, want)
	WantClass(t, b.Delete(ctx, "k"), want)
	WantClass(t, b.List(ctx, "", "", func(backend.Object) error { return nil }), want)
	if got := Get(t, b, "k", 0, -1); string(got) != "body" {
		t.Errorf("object is now %q", got)
	}
}
