package s3

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"contentfs/backend"
	bt "contentfs/backend/backendtest"
)

// operations are the calls that every scripted answer is tried on.
var operations = map[string]struct {
	method string
	run    func(*Store, context.Context) error
}{
	"put":    {"PUT", func(s *Store, ctx context.Context) error { _, err := putBytes(s, ctx, "k", []byte("b")); return err }},
	"get":    {"GET", func(s *Store, ctx context.Context) error { _, err := readAll(s, ctx, "k", 0, -1); return err }},
	"stat":   {"HEAD", func(s *Store, ctx context.Context) error { _, err := s.Stat(ctx, "k"); return err }},
	"delete": {"DELETE", func(s *Store, ctx context.Context) error { return s.Delete(ctx, "k") }},
	"list": {"GET", func(s *Store, ctx context.Context) error {
		return s.List(ctx, "", "", func(backend.Object) error { return nil })
	}},
}

// TestClasses gives every operation every answer, for ever. A HEAD loses the code
// and must come to the same conclusion. No attempts are counted where they are 0.
func TestClasses(t *testing.T) {
	for _, c := range []struct {
		status   int
		code     string
		want     backend.Class
		attempts int
	}{
		{500, "InternalError", backend.Transient, 3},
		{503, "SlowDown", backend.Transient, 3},
		{503, "", backend.Transient, 3},
		{502, "", backend.Transient, 3},
		{429, "TooManyRequests", backend.Transient, 0},
		{409, "ConditionalRequestConflict", backend.Transient, 1},
		{409, "OperationAborted", backend.Transient, 1},
		{307, "TemporaryRedirect", backend.Transient, 1},
		{418, "Teapot", backend.Transient, 1},
		{403, "AccessDenied", backend.Denied, 1},
		{403, "InvalidAccessKeyId", backend.Denied, 1},
		{403, "SignatureDoesNotMatch", backend.Denied, 1},
		{403, "RequestTimeTooSkewed", backend.Denied, 0},
		{403, "", backend.Denied, 1},
		{400, "ExpiredToken", backend.Denied, 0}, // a second request tells
		{400, "InvalidToken", backend.Denied, 1},
		{400, "InvalidArgument", backend.Invalid, 1},
		{400, "RequestTimeout", backend.Transient, 0},
		{400, "BadDigest", backend.Corrupt, 1},
		{400, "XAmzContentSHA256Mismatch", backend.Corrupt, 1},
		{400, "KeyTooLongError", backend.TooLong, 1},
		{400, "AuthorizationHeaderMalformed", backend.Missing, 1},
		{301, "PermanentRedirect", backend.Missing, 1},
		{404, "NoSuchBucket", backend.Missing, 1},
		{404, "", backend.Missing, 0}, // nothing there speaks S3
		{501, "NotImplemented", backend.Invalid, 1},
	} {
		for name, op := range operations {
			t.Run(c.code+" "+http.StatusText(c.status)+" "+name, func(t *testing.T) {
				t.Parallel()
				s, faults := newFake(t, &fakeStore{})
				faults.Script(nil, -1, bt.ErrorReply(c.status, c.code, "scripted"))
				err := op.run(s, t.Context())
				bt.WantClass(t, err, c.want)
				if n := faults.Seen(op.method); c.attempts > 0 && op.method != "HEAD" && n != c.attempts {
					t.Errorf("%d attempts, want %d", n, c.attempts)
				}
				var e *backend.Error
				if errors.As(err, &e); e.Op != name {
					t.Errorf("error of %q: %v", e.Op, err)
				}
			})
		}
	}
}

func TestOneFailureIsRepeated(t *testing.T) {
	for name, reply := range map[string]bt.Reply{
		"500":  bt.ErrorReply(500, "InternalError", ""),
		"503":  bt.ErrorReply(503, "SlowDown", ""),
		"lost": func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			s, faults := newFake(t, &fakeStore{})
			faults.Script(nil, 1, reply)
			if _, err := putBytes(s, t.Context(), "k", []byte("body")); err != nil {
				t.Fatal(err)
			}
			if n := faults.Seen("PUT"); n != 2 {
				t.Errorf("%d attempts", n)
			}
		})
	}
}

// TestLostReplyOfPut: the SDK's second attempt meets the object of the first.
func TestLostReplyOfPut(t *testing.T) {
	for name, reply := range map[string]bt.Reply{"connection broke": bt.LostReply, "500": bt.ErrorAfterSuccess} {
		t.Run(name, func(t *testing.T) {
			s, faults := newFake(t, &fakeStore{})
			faults.Script(bt.Method("PUT"), 1, reply)
			_, err := putBytes(s, t.Context(), "k", []byte("body"))
			bt.WantClass(t, err, backend.Exists)
			obj, err := s.Stat(t.Context(), "k")
			if err != nil || obj.Size != 4 || len(obj.SHA256) != 32 {
				t.Errorf("%+v, %v", obj, err)
			}
		})
	}
}

func TestPutReplyIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		reply bt.Reply
		want  backend.Class
	}{
		"wrong checksum": {bt.Edit(func(h http.Header, b []byte) []byte {
			h.Set("X-Amz-Checksum-Sha256", *encode(make([]byte, 32)))
			return b
		}), backend.Corrupt},
		"wrong ETag, no checksum": {bt.Edit(func(h http.Header, b []byte) []byte {
			h.Del("X-Amz-Checksum-Sha256")
			h.Set("ETag", `"0123456789abcdef0123456789abcdef"`)
			return b
		}), backend.Corrupt},
		"no ETag":        {bt.DropHeader("ETag"), backend.Transient},
		"error in a 200": {bt.ErrorReply(200, "InternalError", "We encountered an internal error."), backend.Transient},
		"a portal's page": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = w.Write([]byte("<html><body>Please log in</body></html>"))
		}, backend.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			s, faults := newFake(t, &fakeStore{})
			faults.Script(bt.Method("PUT"), -1, c.reply)
			_, err := putBytes(s, t.Context(), "k", []byte("body"))
			bt.WantClass(t, err, c.want)
		})
	}
}

func TestETagsThatAreNoMD5(t *testing.T) {
	for _, etag := range []string{`"abc"`, `"0123456789abcdef0123456789abcdef-2"`} {
		s, faults := newFake(t, &fakeStore{})
		faults.Script(bt.Method("PUT"), -1, bt.Edit(func(h http.Header, b []byte) []byte {
			h.Del("X-Amz-Checksum-Sha256")
			h.Set("ETag", etag)
			return b
		}))
		if _, err := putBytes(s, t.Context(), "k", []byte("body")); err != nil {
			t.Errorf("ETag %s: %v", etag, err)
		}
	}
}

func TestGetBody(t *testing.T) {
	body := []byte("the body of an object")
	for name, c := range map[string]struct {
		reply  bt.Reply
		off, n int64
		want   backend.Class
	}{
		"short":               {bt.ShortBody(3), 0, -1, backend.Corrupt}, // whole by its length
		"short without sums":  {bt.ShortBody(3), 2, 10, backend.Transient},
		"wrong byte":          {bt.FlipByte(3), 0, -1, backend.Corrupt},
		"wrong byte, ranged":  {bt.FlipByte(3), 0, int64(len(body)), backend.Corrupt},
		"reset":               {bt.ResetBody(5), 0, -1, backend.Transient},
		"reset in range":      {bt.ResetBody(5), 1, -1, backend.Transient},
		"stall":               {bt.StallBody(5), 0, -1, backend.Transient},
		"no answer":           {bt.Stall, 0, -1, backend.Transient},
		"range ignored":       {bt.DropHeader("Content-Range"), 2, 3, backend.Transient},
		"range off by one":    {bt.Edit(func(h http.Header, b []byte) []byte { h.Set("Content-Range", "bytes 3-5/21"); return b }), 2, 3, backend.Transient},
		"range of other size": {bt.Edit(func(h http.Header, b []byte) []byte { h.Set("Content-Range", "bytes 2-5/21"); return b }), 2, 3, backend.Transient},
		"error page as body":  {bt.Edit(func(h http.Header, b []byte) []byte { h.Del("ETag"); return b }), 0, -1, backend.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, faults := newFake(t, &fakeStore{})
			if _, err := putBytes(s, t.Context(), "k", body); err != nil {
				t.Fatal(err)
			}
			faults.Script(bt.Method("GET"), -1, c.reply)
			got, err := readAll(s, t.Context(), "k", c.off, c.n)
			bt.WantClass(t, err, c.want)
			if c.want == backend.Transient && !bytes.HasPrefix(body[c.off:], got) {
				t.Errorf("delivered %q", got)
			}
		})
	}
}

// TestStall: a request on which nothing moves ends soon, is not repeated, and is
// told apart from a caller who gave up.
func TestStall(t *testing.T) {
	for name, op := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, faults := newFake(t, &fakeStore{})
			faults.Script(nil, -1, bt.Stall)
			start := time.Now()
			err := op.run(s, t.Context())
			bt.WantClass(t, err, backend.Transient)
			if !errors.Is(err, errStalled) || faults.Seen(op.method) != 1 || time.Since(start) > 10*stall {
				t.Errorf("after %v and %d attempts: %v", time.Since(start), faults.Seen(op.method), err)
			}
		})
	}
}

func TestCallerGivesUp(t *testing.T) {
	for name, op := range operations {
		t.Run(name, func(t *testing.T) {
			s, faults := newFake(t, &fakeStore{})
			ctx, cancel := context.WithCancel(t.Context())
			faults.Script(nil, -1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				cancel()
				bt.Stall(w, r, next)
			})
			err := op.run(s, ctx)
			bt.WantClass(t, err, backend.Canceled)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("not the context's error: %v", err)
			}
		})
		t.Run(name+" by deadline", func(t *testing.T) {
			s, faults := newFake(t, &fakeStore{})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			faults.Script(nil, -1, bt.Stall)
			err := op.run(s, ctx)
			bt.WantClass(t, err, backend.Transient)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("not the context's error: %v", err)
			}
		})
	}
}
