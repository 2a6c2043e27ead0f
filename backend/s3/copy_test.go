package s3

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	bt "contentfs/backend/backendtest"
)

// TestCopyRequests holds what a copy costs: one request, and one more to look
// where the store is not known to refuse.
func TestCopyRequests(t *testing.T) {
	s, counter := gatewayStore(t, bt.StartGateway(t))
	body := []byte("the bytes of a tanning bed")
	put := bt.Put(t, s, "from", body)
	src := backend.Source{Key: "from", ETag: put.ETag, Size: put.Size}
	for i, c := range []struct{ ifAbsent, amazon bool }{{false, false}, {true, true}, {true, false}} {
		opts := optionsFor(body)
		opts.IfAbsent, s.amazon = c.ifAbsent, c.amazon
		counter.Reset()
		key := fmt.Sprint("to", i)
		if _, err := s.Copy(t.Context(), src, key, opts); err != nil {
			t.Fatal(err)
		}
		path := "/" + s.bucket + "/" + key
		want := []string{"PUT " + path + "?x-id=CopyObject"}
		if c.ifAbsent && !c.amazon {
			want = append([]string{"HEAD " + path}, want...)
		}
		var got []string
		for _, r := range counter.Requests() {
			got = append(got, r.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("if absent %v, AWS %v: %v, want %v", c.ifAbsent, c.amazon, got, want)
		}
	}
}

func TestIsAmazon(t *testing.T) {
	for url, want := range map[string]bool{
		"https://bucket.s3.eu-central-1.amazonaws.com":     true,
		"https://s3.cn-north-1.amazonaws.com.cn/bucket":    true,
		"http://127.0.0.1:9000/bucket":                     false,
		"https://amazonaws.com.example.org/amazonaws.com":  false,
		"https://s3.us-west-000.backblazeb2.com/my-bucket": false,
	} {
		if got := isAmazon(url); got != want {
			t.Errorf("%s: %v", url, got)
		}
	}
}

// TestCopyFromAnotherBucket of the same endpoint.
func TestCopyFromAnotherBucket(t *testing.T) {
	g := bt.StartGateway(t)
	other, _ := gatewayStore(t, g)
	s, _ := gatewayStore(t, g)
	body := []byte("body")
	bt.Put(t, other, "p/k ü", body)
	src := backend.Source{Bucket: other.bucket, Key: "p/k ü", Size: 4}
	if _, err := s.Copy(t.Context(), src, "k", optionsFor(body)); err != nil {
		t.Fatal(err)
	}
	if got := bt.Get(t, s, "k", 0, -1); string(got) != "body" {
		t.Errorf("got %q", got)
	}
	src.Bucket = "no-such-bucket"
	_, err := s.Copy(t.Context(), src, "k2", optionsFor(body))
	bt.WantClass(t, err, backend.Missing)
}

// copyOf copies the object "from" of the fake, which holds "body", to "to".
func copyOf(t *testing.T, s *Store, etag string, change func(*backend.PutOptions)) error {
	t.Helper()
	opts := optionsFor([]byte("body"))
	if change != nil {
		change(&opts)
	}
	_, err := s.Copy(t.Context(), backend.Source{Key: "from", ETag: etag, Size: 4}, "to", opts)
	return err
}

// isCopy matches requests that copy.
func isCopy(r *http.Request) bool { return r.Header.Get("X-Amz-Copy-Source") != "" }

// TestCopyFails: what a store may answer, and what the caller makes of it.
func TestCopyFails(t *testing.T) {
	for name, c := range map[string]struct {
		reply bt.Reply
		want  backend.Class
	}{
		"error in a 200":    {bt.ErrorReply(200, "InternalError", "We encountered an internal error."), backend.Transient},
		"not implemented":   {bt.ErrorReply(501, "NotImplemented", ""), backend.Invalid},
		"not allowed":       {bt.ErrorReply(405, "MethodNotAllowed", ""), backend.Invalid},
		"source too large":  {bt.ErrorReply(400, "InvalidRequest", ""), backend.Invalid},
		"denied":            {bt.ErrorReply(403, "AccessDenied", ""), backend.Denied},
		"source absent":     {bt.ErrorReply(404, "NoSuchKey", ""), backend.Absent},
		"bucket missing":    {bt.ErrorReply(404, "NoSuchBucket", ""), backend.Missing},
		"condition refused": {bt.ErrorReply(412, "PreconditionFailed", ""), backend.Corrupt},
		"conflict":          {bt.ErrorReply(409, "ConditionalRequestConflict", ""), backend.Transient},
		"no progress":       {bt.Stall, backend.Transient},
		"not S3":            {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { io.WriteString(w, "<CopyObjectResult/>") }, backend.Transient},
		"another SHA-256":   {says(`<CopyObjectResult><ETag>"x"</ETag><ChecksumSHA256>` + *encode(make([]byte, 32)) + `</ChecksumSHA256></CopyObjectResult>`), backend.Corrupt},
		"nothing to verify by": {bt.Edit(func(_ http.Header, b []byte) []byte {
			return []byte(`<CopyObjectResult><ETag>"x"</ETag></CopyObjectResult>`)
		}), backend.Corrupt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fakeStore{ignoreChecksums: name == "nothing to verify by"}
			s, faults := newFake(t, f)
			s.stall = time.Second
			src := bt.Put(t, s, "from", []byte("body"))
			etag := src.ETag
			if name == "nothing to verify by" {
				etag = ""
			}
			faults.Script(isCopy, -1, c.reply)
			bt.WantClass(t, copyOf(t, s, etag, nil), c.want)
		})
	}
}

func says(body string) bt.Reply {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { io.WriteString(w, body) }
}

// TestCopyLostReply: the repeated request finds the object, which the caller
// settles with Stat as after a Put.
func TestCopyLostReply(t *testing.T) {
	s, faults := newFake(t, &fakeStore{})
	src := bt.Put(t, s, "from", []byte("body"))
	faults.Script(isCopy, 1, bt.LostReply)
	bt.WantClass(t, copyOf(t, s, src.ETag, nil), backend.Exists)
	if got := bt.Get(t, s, "to", 0, -1); string(got) != "body" {
		t.Errorf("got %q", got)
	}
}

// TestCopyWithoutCondition: a store that knows no If-None-Match of a copy is asked
// with it once.
func TestCopyWithoutCondition(t *testing.T) {
	s, faults := newFake(t, &fakeStore{})
	s.amazon = true
	src := bt.Put(t, s, "from", []byte("body"))
	conditional := func(r *http.Request) bool { return isCopy(r) && r.Header.Get("If-None-Match") != "" }
	faults.Script(conditional, -1, bt.ErrorReply(501, "NotImplemented", "A header you provided implies functionality that is not implemented"))
	for range 2 {
		if err := copyOf(t, s, src.ETag, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), "to"); err != nil {
			t.Fatal(err)
		}
	}
	if n := faults.Seen("PUT"); n != 1+2+1 {
		t.Errorf("%d PUTs, want the source's, two for the first copy and one for the second", n)
	}
	bt.Put(t, s, "to", []byte("there"))
	bt.WantClass(t, copyOf(t, s, src.ETag, nil), backend.Exists)
}

// TestCopyVerifiedByETag, where a store knows no checksums. Where the ETag says
// nothing either, the caller is told to send the bytes, before anything is copied.
func TestCopyVerifiedByETag(t *testing.T) {
	refuse := []string{"X-Amz-Checksum-Sha256", "X-Amz-Checksum-Algorithm"}
	s, _ := newFake(t, &fakeStore{refuse: refuse})
	if _, err := s.Probe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	src := bt.Put(t, s, "from", []byte("body"))
	if err := copyOf(t, s, src.ETag, nil); err != nil {
		t.Error(err)
	}
	bt.WantClass(t, copyOf(t, s, "", nil), backend.Invalid)

	f := &fakeStore{refuse: refuse, oddETag: true}
	s, _ = newFake(t, f)
	if _, err := s.Probe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	src = bt.Put(t, s, "from", []byte("body"))
	bt.WantClass(t, copyOf(t, s, src.ETag, nil), backend.Invalid)
	if _, there := f.object("to"); there {
		t.Error("copied without a way to verify it")
	}
}

// TestStorageClassAndACL are sent with all three ways to write, and only when set.
func TestStorageClassAndACL(t *testing.T) {
	set := func(o *backend.PutOptions) { o.StorageClass, o.ACL, o.IfAbsent = "STANDARD_IA", "public-read", false }
	for _, on := range []bool{true, false} {
		change, class, acl := set, "STANDARD_IA", "public-read"
		if !on {
			change, class, acl = func(o *backend.PutOptions) { o.IfAbsent = false }, "", ""
		}
		f := &fakeStore{}
		s, _ := newSmallParts(t, f)
		src := bt.Put(t, s, "from", []byte("body"))
		if err := copyOf(t, s, src.ETag, change); err != nil {
			t.Fatal(err)
		}
		for key, size := range map[string]int64{"whole": 10, "parts": partedSize} {
			opts := backend.PutOptions{SHA256: patternSum(t, size)}
			change(&opts)
			if _, err := s.Put(t.Context(), key, pattern{}, size, opts); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range []string{"to", "whole", "parts"} {
			o, _ := f.object(key)
			if got := o.header.Get("X-Amz-Storage-Class"); got != class {
				t.Errorf("%s: storage class %q, want %q", key, got, class)
			}
			if got := o.header.Get("X-Amz-Acl"); got != acl {
				t.Errorf("%s: ACL %q, want %q", key, got, acl)
			}
		}
	}
}

func TestSignedURL(t *testing.T) {
	g := bt.StartGateway(t)
	s, counter := gatewayStore(t, g)
	const key = "p/größe +%20 & a=b?.jpg"
	bt.Put(t, s, key, []byte("private"))
	counter.Reset()
	url, err := s.SignedURL(t.Context(), key, time.Minute)
	if err != nil || len(counter.Requests()) != 0 {
		t.Fatalf("%v; requests %v", err, counter.Requests())
	}
	if strings.Contains(url, g.SecretKey) || !strings.Contains(url, "X-Amz-Expires=60") {
		t.Error("the address holds the secret or no end")
	}
	fetch := func(url string) (int, string) {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, body := fetch(url); status != 200 || body != "private" {
		t.Errorf("fetched %d %q", status, body)
	}
	plain, _, _ := strings.Cut(url, "?")
	if status, body := fetch(plain); status == 200 || strings.Contains(body, "private") {
		t.Errorf("the plain address gives %d %q", status, body)
	}
	for _, ttl := range []time.Duration{0, -time.Hour, time.Second - 1, 7*24*time.Hour + 1} {
		_, err := s.SignedURL(t.Context(), key, ttl)
		bt.WantClass(t, err, backend.Invalid)
	}
	for _, ttl := range []time.Duration{time.Second, 7 * 24 * time.Hour} {
		if _, err := s.SignedURL(t.Context(), key, ttl); err != nil {
			t.Errorf("%v: %v", ttl, err)
		}
	}
}

func TestCopyStall(t *testing.T) {
	s := &Store{stall: defaultStall}
	for size, want := range map[int64]time.Duration{0: 20 * time.Second, 1 << 20: 20 * time.Second, 5 << 30: 340 * time.Second} {
		if got := s.copyStall(size); got != want {
			t.Errorf("%d bytes: %v, want %v", size, got, want)
		}
	}
}

// TestCopyHeaders: the source's headers are replaced and its name arrives whole.
func TestCopyHeaders(t *testing.T) {
	f := &fakeStore{}
	s, _ := newFake(t, f)
	src := bt.Put(t, s, "from", []byte("body"))
	if err := copyOf(t, s, src.ETag, nil); err != nil {
		t.Fatal(err)
	}
	o, _ := f.object("to")
	for name, want := range map[string]string{
		"X-Amz-Metadata-Directive":   "REPLACE",
		"X-Amz-Checksum-Algorithm":   "SHA256",
		"X-Amz-Copy-Source":          "bucket/from",
		"X-Amz-Copy-Source-If-Match": `"` + src.ETag + `"`,
		"If-None-Match":              "*",
		"X-Amz-Meta-Sha256":          fmt.Sprintf("%x", sha256.Sum256([]byte("body"))),
	} {
		if got := o.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := *copySource(backend.Source{Bucket: "b", Key: "a +%ü/x"}); got != "b/a%20%2B%25%C3%BC/x" {
		t.Errorf("source %s", got)
	}
}
