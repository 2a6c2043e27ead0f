package s3

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"testing"

	"contentfs/backend"
	bt "contentfs/backend/backendtest"
)

// newSmallCopies is newSmallParts with copies in parts from 101 bytes on, and an
// object in parts to copy.
func newSmallCopies(t *testing.T, f *fakeStore) (*Store, *bt.FaultServer, backend.Source, backend.PutOptions) {
	t.Helper()
	s, faults := newSmallParts(t, f)
	s.singleCopy = 100
	opts := backend.PutOptions{SHA256: patternSum(t, partedSize)}
	obj, err := s.Put(t.Context(), "from", pattern{}, partedSize, opts)
	if err != nil {
		t.Fatal(err)
	}
	opts.IfAbsent = true
	return s, faults, backend.Source{Key: "from", ETag: obj.ETag, Size: partedSize}, opts
}

func TestCopyPartsGateway(t *testing.T) {
	s, counter := gatewayStore(t, bt.StartGateway(t))
	const size = 11 << 20
	s.singlePut, s.part, s.singleCopy = 5<<20, 5<<20, 5<<20
	opts := backend.PutOptions{SHA256: patternSum(t, size), IfAbsent: true, Metadata: map[string]string{"path": "/a"}}
	src, err := s.Put(t.Context(), "from", pattern{}, size, opts)
	if err != nil {
		t.Fatal(err)
	}
	// Also when the parts are not those that Put would make today.
	for i, part := range []int64{5 << 20, 7 << 20} {
		key := []string{"to", "to ü"}[i]
		s.part = part
		told := ""
		opts.Multipart = func(id string) error { told = id; return nil }
		opts.Metadata = map[string]string{"path": "/b"}
		counter.Reset()
		if _, err := s.Copy(t.Context(), backend.Source{Key: "from", ETag: src.ETag, Size: size}, key, opts); err != nil {
			t.Fatal(err)
		}
		if told == "" || counter.Count("PUT", "") != 3 {
			t.Errorf("upload %q, %v", told, counter.Requests())
		}
		obj, err := s.Stat(t.Context(), key)
		if err != nil || obj.Size != size || !bytes.Equal(obj.SHA256, opts.SHA256[:]) || obj.Metadata["path"] != "/b" {
			t.Errorf("%+v, %v", obj, err)
		}
		bt.Get(t, s, key, 0, -1) // the reader compares the SHA-256
		_, err = s.Copy(t.Context(), backend.Source{Key: "from", Size: size}, key, opts)
		bt.WantClass(t, err, backend.Exists)
	}
}

// TestCopyPartsFail: whatever fails, the upload is aborted and nothing is stored.
func TestCopyPartsFail(t *testing.T) {
	part, complete := bt.Method("PUT", "uploadId"), bt.Method("POST", "uploadId")
	for name, c := range map[string]struct {
		script func(*bt.FaultServer, *backend.Source, *backend.PutOptions)
		want   backend.Class
	}{
		"part: error in a 200": {func(s *bt.FaultServer, _ *backend.Source, _ *backend.PutOptions) {
			s.Script(part, -1, bt.ErrorReply(200, "InternalError", ""))
		}, backend.Transient},
		"part: source changed": {func(s *bt.FaultServer, _ *backend.Source, _ *backend.PutOptions) {
			s.Script(part, 1, bt.ErrorReply(412, "PreconditionFailed", ""))
		}, backend.Corrupt},
		"part: source gone": {func(s *bt.FaultServer, _ *backend.Source, _ *backend.PutOptions) {
			s.Script(part, 1, bt.ErrorReply(404, "NoSuchKey", ""))
		}, backend.Absent},
		"part: not implemented": {func(s *bt.FaultServer, _ *backend.Source, _ *backend.PutOptions) {
			s.Script(part, 1, bt.ErrorReply(501, "NotImplemented", ""))
		}, backend.Invalid},
		"part: other bytes": {func(s *bt.FaultServer, _ *backend.Source, _ *backend.PutOptions) {
			s.Script(part, 1, says(`<CopyPartResult><ETag>"00000000000000000000000000000000"</ETag></CopyPartResult>`))
		}, backend.Corrupt},
		"part: no ETag": {func(s *bt.FaultServer, _ *backend.Source, _ *backend.PutOptions) {
			s.Script(part, 1, says(`<CopyPartResult></CopyPartResult>`))
		}, backend.Transient},
		"complete: error in a 200": {func(s *bt.FaultServer, _ *backend.Source, _ *backend.PutOptions) {
			s.Script(complete, -1, bt.ErrorReply(200, "InternalError", ""))
		}, backend.Transient},
		"source absent": {func(_ *bt.FaultServer, src *backend.Source, _ *backend.PutOptions) { src.Key = "none" }, backend.Absent},
		"another ETag":  {func(_ *bt.FaultServer, src *backend.Source, _ *backend.PutOptions) { src.ETag = "x-11" }, backend.Corrupt},
		"another size":  {func(_ *bt.FaultServer, src *backend.Source, _ *backend.PutOptions) { src.Size++ }, backend.Corrupt},
		"another content": {func(_ *bt.FaultServer, _ *backend.Source, o *backend.PutOptions) {
			o.SHA256[0]++
		}, backend.Corrupt},
		"id not recorded": {func(_ *bt.FaultServer, _ *backend.Source, o *backend.PutOptions) {
			o.Multipart = func(string) error { return errors.New("not recorded") }
		}, backend.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fakeStore{}
			s, faults, src, opts := newSmallCopies(t, f)
			c.script(faults, &src, &opts)
			_, err := s.Copy(t.Context(), src, "to", opts)
			bt.WantClass(t, err, c.want)
			if _, there := f.object("to"); there || f.pending() != 0 {
				t.Errorf("object stored: %v; %d uploads left", there, f.pending())
			}
		})
	}
}

// TestCopyPartsVerified by the ETags of the parts, or where these are no MD5 on
// AWS, by their checksums; and not at all where neither tells.
func TestCopyPartsVerified(t *testing.T) {
	for _, c := range []struct{ encrypted, amazon, ok bool }{{false, false, true}, {false, true, true}, {true, true, true}, {true, false, false}} {
		f := &fakeStore{}
		s, faults, src, opts := newSmallCopies(t, f)
		s.amazon = c.amazon
		if c.encrypted {
			faults.Script(func(r *http.Request) bool { return isCopy(r) }, -1, bt.Edit(func(_ http.Header, body []byte) []byte {
				etag := bytes.Index(body, []byte(`"`)) + 1
				copy(body[etag:], "0000000000000000")
				return body
			}))
		}
		composite := sha256.New()
		for off := int64(0); off < partedSize; off += s.part {
			sum := sha256.New()
			io.Copy(sum, io.NewSectionReader(pattern{}, off, min(s.part, partedSize-off)))
			composite.Write(sum.Sum(nil))
		}
		faults.Script(bt.Method("HEAD"), -1, bt.Edit(func(h http.Header, body []byte) []byte {
			if h.Get("Etag") != "" {
				h.Set("X-Amz-Checksum-Sha256", *encode(composite.Sum(nil))+"-11")
				h.Set("X-Amz-Checksum-Type", "COMPOSITE")
			}
			return body
		}))
		_, err := s.Copy(t.Context(), src, "to", opts)
		if !c.ok {
			bt.WantClass(t, err, backend.Corrupt)
			continue
		}
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		o, _ := f.object("to")
		if from, _ := f.object("from"); !bytes.Equal(o.body, from.body) || f.pending() != 0 {
			t.Errorf("%d bytes, %d uploads left", len(o.body), f.pending())
		}
	}
}

// TestCopyOfOnePart: a large object that was not made of parts cannot be shown to
// be the same, and is sent.
func TestCopyOfOnePart(t *testing.T) {
	s, _ := newFake(t, &fakeStore{})
	s.singleCopy = 3
	src := bt.Put(t, s, "from", []byte("body"))
	bt.WantClass(t, copyOf(t, s, src.ETag, nil), backend.Invalid)
}
