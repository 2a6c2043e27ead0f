package s3

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"contentfs/backend"
	bt "contentfs/backend/backendtest"
)

// newSmallParts returns a store on the fake that cuts bodies of more than 100
// bytes in parts of 100.
func newSmallParts(t *testing.T, f *fakeStore) (*Store, *bt.FaultServer) {
	t.Helper()
	s, faults := newFake(t, f)
	s.singlePut, s.part = 100, 100
	return s, faults
}

const partedSize = 1050 // 11 parts

func putParted(t *testing.T, s *Store, ctx context.Context, ifAbsent bool) error {
	t.Helper()
	opts := backend.PutOptions{SHA256: patternSum(t, partedSize), IfAbsent: ifAbsent}
	_, err := s.Put(ctx, "k", pattern{}, partedSize, opts)
	return err
}

func TestPartSize(t *testing.T) {
	for _, c := range []struct{ size, want int64 }{
		{65 << 20, 16 << 20},
		{10_000 * 16 << 20, 16 << 20},
		{10_000*16<<20 + 1, 17 << 20},
		{5 << 40, 525 << 20},
	} {
		got := partSize(c.size, minPart)
		if got != c.want || (c.size+got-1)/got > maxParts {
			t.Errorf("%d bytes in parts of %d, want %d", c.size, got, c.want)
		}
	}
}

func TestParts(t *testing.T) {
	f := &fakeStore{}
	s, faults := newSmallParts(t, f)
	if err := putParted(t, s, t.Context(), true); err != nil {
		t.Fatal(err)
	}
	o, _ := f.object("k")
	if sum := sha256.Sum256(o.body); sum != patternSum(t, partedSize) || f.pending() != 0 || faults.Seen("PUT") != 11 {
		t.Errorf("%d bytes, %d uploads left, %d parts", len(o.body), f.pending(), faults.Seen("PUT"))
	}
	bt.WantClass(t, putParted(t, s, t.Context(), true), backend.Exists)
}

// TestPartsFail: whatever fails, the upload is aborted and nothing is stored.
func TestPartsFail(t *testing.T) {
	complete := bt.Method("POST", "uploadId")
	for name, c := range map[string]struct {
		script func(*bt.FaultServer)
		want   backend.Class
	}{
		"create refused": {func(s *bt.FaultServer) {
			s.Script(bt.Method("POST", "uploads"), -1, bt.ErrorReply(403, "AccessDenied", ""))
		}, backend.Denied},
		"part refused":      {func(s *bt.FaultServer) { s.Script(bt.Method("PUT"), 1, bt.ErrorReply(403, "AccessDenied", "")) }, backend.Denied},
		"part corrupt":      {func(s *bt.FaultServer) { s.Script(bt.Method("PUT"), 1, bt.ErrorReply(400, "BadDigest", "")) }, backend.Corrupt},
		"part without ETag": {func(s *bt.FaultServer) { s.Script(bt.Method("PUT"), 1, bt.DropHeader("ETag")) }, backend.Transient},
		"part stalls":       {func(s *bt.FaultServer) { s.Script(bt.Method("PUT"), 1, bt.Stall) }, backend.Transient},
		"upload vanished":   {func(s *bt.FaultServer) { s.Script(bt.Method("PUT"), 1, bt.ErrorReply(404, "NoSuchUpload", "")) }, backend.Transient},
		"complete: 500":     {func(s *bt.FaultServer) { s.Script(complete, -1, bt.ErrorReply(500, "InternalError", "")) }, backend.Transient},
		"complete: error in a 200": {func(s *bt.FaultServer) {
			s.Script(complete, -1, bt.ErrorReply(200, "InternalError", "We encountered an internal error."))
		}, backend.Transient},
		"complete: conflict":    {func(s *bt.FaultServer) { s.Script(complete, -1, bt.ErrorReply(409, "ConditionalRequestConflict", "")) }, backend.Transient},
		"complete: exists":      {func(s *bt.FaultServer) { s.Script(complete, -1, bt.ErrorReply(412, "PreconditionFailed", "")) }, backend.Exists},
		"complete: never known": {func(s *bt.FaultServer) { s.Script(complete, -1, bt.ErrorReply(404, "NoSuchUpload", "")) }, backend.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fakeStore{}
			s, faults := newSmallParts(t, f)
			c.script(faults)
			bt.WantClass(t, putParted(t, s, t.Context(), true), c.want)
			if _, there := f.object("k"); there || f.pending() != 0 {
				t.Errorf("object stored: %v; %d uploads left", there, f.pending())
			}
		})
	}
}

// TestLostReplyOfComplete: the repeated request finds no upload, the key tells
// that it was completed.
func TestLostReplyOfComplete(t *testing.T) {
	for name, reply := range map[string]bt.Reply{"connection broke": bt.LostReply, "500": bt.ErrorAfterSuccess} {
		t.Run(name, func(t *testing.T) {
			f := &fakeStore{}
			s, faults := newSmallParts(t, f)
			faults.Script(bt.Method("POST", "uploadId"), 1, reply)
			if err := putParted(t, s, t.Context(), true); err != nil {
				t.Fatal(err)
			}
			if o, _ := f.object("k"); len(o.body) != partedSize {
				t.Errorf("%d bytes stored", len(o.body))
			}
		})
	}
}

// TestForeignObjectIsNotOurs: an upload that vanished and a key that holds
// something else is no success.
func TestForeignObjectIsNotOurs(t *testing.T) {
	for _, ifAbsent := range []bool{true, false} {
		s, faults := newSmallParts(t, &fakeStore{})
		if _, err := putBytes(s, t.Context(), "k", []byte("another")); err != nil {
			t.Fatal(err)
		}
		faults.Script(bt.Method("POST", "uploadId"), -1, bt.ErrorReply(404, "NoSuchUpload", ""))
		want := backend.Transient
		if ifAbsent {
			want = backend.Exists
		}
		bt.WantClass(t, putParted(t, s, t.Context(), ifAbsent), want)
	}
}

func TestWrongBodyIsNotCompleted(t *testing.T) {
	f := &fakeStore{}
	s, _ := newSmallParts(t, f)
	_, err := s.Put(t.Context(), "k", pattern{}, partedSize, backend.PutOptions{})
	bt.WantClass(t, err, backend.Corrupt)
	if _, there := f.object("k"); there || f.pending() != 0 {
		t.Error("object stored or upload left")
	}
}

func TestMultipartCallbackStopsTheUpload(t *testing.T) {
	f := &fakeStore{}
	s, faults := newSmallParts(t, f)
	refused := errors.New("not recorded")
	opts := backend.PutOptions{SHA256: patternSum(t, partedSize), Multipart: func(string) error { return refused }}
	_, err := s.Put(t.Context(), "k", pattern{}, partedSize, opts)
	bt.WantClass(t, err, backend.Transient)
	if !errors.Is(err, refused) || faults.Seen("PUT") != 0 || f.pending() != 0 {
		t.Errorf("%v; %d parts sent, %d uploads left", err, faults.Seen("PUT"), f.pending())
	}
}

func TestCancelledUploadIsAborted(t *testing.T) {
	f := &fakeStore{}
	s, faults := newSmallParts(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	opts := backend.PutOptions{SHA256: patternSum(t, partedSize), Multipart: func(string) error { cancel(); return nil }}
	_, err := s.Put(ctx, "k", pattern{}, partedSize, opts)
	bt.WantClass(t, err, backend.Canceled)
	if f.pending() != 0 || faults.Seen("DELETE") != 1 {
		t.Errorf("%d uploads left", f.pending())
	}
}

func TestPartsWithoutChecksums(t *testing.T) {
	f := &fakeStore{refuse: []string{"X-Amz-Checksum-Sha256", "X-Amz-Checksum-Algorithm"}}
	s, _ := newSmallParts(t, f)
	if _, err := s.Probe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := putParted(t, s, t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if o, _ := f.object("k"); len(o.body) != partedSize {
		t.Errorf("%d bytes stored", len(o.body))
	}
}
