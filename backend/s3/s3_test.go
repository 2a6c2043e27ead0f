package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/backendtest"
)

// gatewayStore returns a store in a new bucket of a gateway behind a counter.
func gatewayStore(t testing.TB, g *backendtest.Gateway) (*Store, *backendtest.Counter) {
	t.Helper()
	counter, endpoint := backendtest.StartCounter(t, g.Endpoint)
	s := openAt(t, endpoint, g.AccessKey, g.SecretKey, 0)
	s.bucket = fmt.Sprintf("b%d", time.Now().UnixNano())
	g.Bucket(t, s.bucket)
	return s, counter
}

// smallPart is the size of a part that a real server takes in a test.
const smallPart = 5 << 20

func TestConformance(t *testing.T) {
	g := backendtest.StartGateway(t)
	limits := backendtest.GatewayLimits
	limits.Parted = 2 * smallPart
	backendtest.RunWithin(t, limits, func(t *testing.T) backend.Backend {
		s, _ := gatewayStore(t, g)
		s.singlePut, s.part = 2*smallPart-1, smallPart
		return s
	})
}

func optionsFor(body []byte) backend.PutOptions {
	return backend.PutOptions{SHA256: sha256.Sum256(body), IfAbsent: true, Metadata: map[string]string{"path": "/a"}}
}

func putBytes(s *Store, ctx context.Context, key string, body []byte) (backend.Object, error) {
	return s.Put(ctx, key, bytes.NewReader(body), int64(len(body)), optionsFor(body))
}

func readAll(s *Store, ctx context.Context, key string, off, n int64) ([]byte, error) {
	r, err := s.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// pattern is a body of any size that is never in memory.
type pattern struct{}

func (pattern) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		x := uint64(off+int64(i)) >> 3
		p[i] = byte(x * 0x9E3779B97F4A7C15 >> 56)
	}
	return len(p), nil
}

func patternSum(t testing.TB, size int64) (sum [32]byte) {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(pattern{}, 0, size)); err != nil {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}

// TestOneRequest holds the promise that a small file costs one PUT.
func TestOneRequest(t *testing.T) {
	s, counter := gatewayStore(t, backendtest.StartGateway(t))
	for _, size := range []int{0, 1, 100 << 10, 3 << 20} {
		counter.Reset()
		if _, err := putBytes(s, t.Context(), fmt.Sprint("p/k ", size), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("PUT /%s/p/k%%20%d?x-id=PutObject", s.bucket, size)
		if got := counter.Requests(); len(got) != 1 || got[0].String() != want {
			t.Errorf("%d bytes took %v, want %s", size, got, want)
		}
	}
	counter.Reset()
	if _, err := readAll(s, t.Context(), "p/k 1", 0, -1); err != nil || len(counter.Requests()) != 1 {
		t.Errorf("a read took %v, %v", counter.Requests(), err)
	}
}

func TestProbeGateway(t *testing.T) {
	s, counter := gatewayStore(t, backendtest.StartGateway(t))
	for range 2 {
		caps, err := s.Probe(t.Context(), "pre/fix/")
		if err != nil || caps != (backend.Capabilities{ConditionalPut: true, Checksums: true}) {
			t.Fatalf("%+v, %v", caps, err)
		}
	}
	for _, r := range counter.Requests() {
		if r.Path != "/"+s.bucket+"/pre/fix/.contentfs-probe" || r.Method == "DELETE" {
			t.Errorf("probe sent %v", r)
		}
	}
	if _, err := s.Probe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), ".contentfs-probe"); err != nil {
		t.Error(err)
	}
}

// TestMultipartGateway sends more than one PUT may hold to a real server.
func TestMultipartGateway(t *testing.T) {
	s, counter := gatewayStore(t, backendtest.StartGateway(t))
	const size = maxSinglePut + 1
	opts := backend.PutOptions{SHA256: patternSum(t, size), IfAbsent: true, ContentType: "video/mp4", Metadata: map[string]string{"path": "/a"}}
	var id string
	opts.Multipart = func(uploadID string) error {
		if n := counter.Count("PUT", ""); n != 0 {
			t.Errorf("told the id after %d parts", n)
		}
		id = uploadID
		return nil
	}
	put, err := s.Put(t.Context(), "big", pattern{}, size, opts)
	opts.Multipart = nil
	if err != nil {
		t.Fatal(err)
	}
	if n := counter.Count("PUT", ""); n != 5 || id == "" {
		t.Errorf("%d parts, upload %q", n, id)
	}
	obj, err := s.Stat(t.Context(), "big")
	if err != nil || obj.Size != size || obj.ETag != put.ETag || !bytes.Equal(obj.SHA256, opts.SHA256[:]) || obj.ContentType != "video/mp4" || obj.Metadata["path"] != "/a" {
		t.Errorf("stat %+v, %v", obj, err)
	}
	r, err := s.Get(t.Context(), "big", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); n != size || err != nil { // the reader compares the SHA-256
		t.Errorf("read %d bytes, %v", n, err)
	}
	if _, err := s.Put(t.Context(), "big", pattern{}, size, opts); err == nil || backend.ClassOf(err) != backend.Exists {
		t.Errorf("put again: %v", err)
	}
	for range 2 { // the second upload was aborted, the first completed
		if err := s.AbortMultipart(t.Context(), "big", id); err != nil {
			t.Error(err)
		}
	}
}

func TestBucketGateway(t *testing.T) {
	g := backendtest.StartGateway(t)
	s := openAt(t, g.Endpoint, g.AccessKey, g.SecretKey, 0)
	ctx := t.Context()
	backendtest.WantClass(t, s.CheckBucket(ctx), backend.Missing)
	_, err := s.Stat(ctx, "k")
	backendtest.WantClass(t, err, backend.Missing)
	_, err = s.Get(ctx, "k", 0, -1)
	backendtest.WantClass(t, err, backend.Missing)
	_, err = putBytes(s, ctx, "k", nil)
	backendtest.WantClass(t, err, backend.Missing)
	backendtest.WantClass(t, s.Delete(ctx, "k"), backend.Missing)
	backendtest.WantClass(t, s.List(ctx, "", "", func(backend.Object) error { return nil }), backend.Missing)

	for range 2 {
		if err := s.CreateBucket(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CheckBucket(ctx); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]*Store{
		"unknown key":  openAt(t, g.Endpoint, "UNKNOWNKEY", g.SecretKey, 0),
		"wrong secret": openAt(t, g.Endpoint, g.AccessKey, "WRONGSECRET", 0),
	} {
		for op, err := range map[string]error{
			"check": bad.CheckBucket(ctx),
			"stat":  func() error { _, err := bad.Stat(ctx, "k"); return err }(),
			"put":   func() error { _, err := putBytes(bad, ctx, "k", nil); return err }(),
		} {
			if err == nil || backend.ClassOf(err) != backend.Denied {
				t.Errorf("%s, %s: %v, want class denied", name, op, err)
			} else if strings.Contains(err.Error(), g.SecretKey) || strings.Contains(err.Error(), "WRONGSECRET") {
				t.Errorf("%s, %s: a secret in %v", name, op, err)
			}
		}
	}
}

// TestOutage: a server that is down or hangs is Transient, within bounds, and the
// same store works again afterwards.
func TestOutage(t *testing.T) {
	g := backendtest.StartGateway(t)
	s := openAt(t, g.Endpoint, g.AccessKey, g.SecretKey, 0)
	g.Bucket(t, "bucket")
	backendtest.Put(t, s, "k", []byte("body"))

	g.Pause(t)
	_, err := s.Stat(t.Context(), "k")
	backendtest.WantClass(t, err, backend.Transient)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err = readAll(s, ctx, "k", 0, -1)
	backendtest.WantClass(t, err, backend.Canceled)
	g.Resume(t)
	if got := backendtest.Get(t, s, "k", 0, -1); string(got) != "body" {
		t.Errorf("got %q", got)
	}

	g.Stop()
	_, err = s.Stat(t.Context(), "k")
	backendtest.WantClass(t, err, backend.Transient)
	g.Start(t)
	if got := backendtest.Get(t, s, "k", 0, -1); string(got) != "body" {
		t.Errorf("got %q", got)
	}
}

func BenchmarkPut100KiB(b *testing.B) {
	g := backendtest.StartGateway(b)
	s := openAt(b, g.Endpoint, g.AccessKey, g.SecretKey, 0)
	g.Bucket(b, "bucket")
	backendtest.BenchmarkPut100KiB(b, s)
}
