package s3

import (
	"errors"
	"fmt"
	"testing"

	"contentfs/backend"
	bt "contentfs/backend/backendtest"
)

// TestProbe meets stores of every kind, each twice: the second probe finds the
// object of the first. Afterwards the store works without what is missing.
func TestProbe(t *testing.T) {
	const condition, checksum = "If-None-Match", "X-Amz-Checksum-Sha256"
	for name, c := range map[string]struct {
		fake *fakeStore
		want backend.Capabilities
	}{
		"all":                 {&fakeStore{}, backend.Capabilities{ConditionalPut: true, Checksums: true}},
		"refuses checksums":   {&fakeStore{refuse: []string{checksum}}, backend.Capabilities{ConditionalPut: true}},
		"ignores checksums":   {&fakeStore{ignoreChecksums: true}, backend.Capabilities{ConditionalPut: true}},
		"odd ETags":           {&fakeStore{ignoreChecksums: true, oddETag: true}, backend.Capabilities{ConditionalPut: true}},
		"refuses conditions":  {&fakeStore{refuse: []string{condition}}, backend.Capabilities{Checksums: true}},
		"ignores conditions":  {&fakeStore{ignoreConditions: true}, backend.Capabilities{Checksums: true}},
		"refuses both":        {&fakeStore{refuse: []string{condition, checksum}}, backend.Capabilities{}},
		"ignores both":        {&fakeStore{ignoreConditions: true, ignoreChecksums: true}, backend.Capabilities{}},
		"refuses and ignores": {&fakeStore{refuse: []string{checksum}, ignoreConditions: true}, backend.Capabilities{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.fake
			s, faults := newFake(t, f)
			for i := range 2 {
				got, err := s.Probe(t.Context(), "p")
				if err != nil || got != c.want {
					t.Fatalf("probe %d: %+v, %v, want %+v", i+1, got, err, c.want)
				}
			}
			if o, ok := f.object("p/.contentfs-probe"); !ok || string(o.body) != probeBody || faults.Seen("DELETE") != 0 {
				t.Errorf("probe left %q", o.body)
			}
			for i := range 2 {
				key := fmt.Sprint("k", i)
				if _, err := putBytes(s, t.Context(), key, []byte("body")); err != nil {
					t.Fatal(err)
				}
				_, err := putBytes(s, t.Context(), key, []byte("other"))
				bt.WantClass(t, err, backend.Exists)
				if got := bt.Get(t, s, key, 0, -1); string(got) != "body" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
}

func TestProbeFails(t *testing.T) {
	for code, c := range map[string]struct {
		status int
		want   backend.Class
	}{
		"AccessDenied": {403, backend.Denied}, "NoSuchBucket": {404, backend.Missing}, "SlowDown": {503, backend.Transient},
	} {
		s, faults := newFake(t, &fakeStore{})
		faults.Script(nil, -1, bt.ErrorReply(c.status, code, ""))
		_, err := s.Probe(t.Context(), "")
		bt.WantClass(t, err, c.want)
		if able := *s.abilities.Load(); !able.conditional || !able.checksums {
			t.Errorf("%s: the store gave up %+v", code, able)
		}
	}
}

// TestEmulatedIfAbsentNeedsAnAnswer: where Stat cannot tell, nothing is written.
func TestEmulatedIfAbsentNeedsAnAnswer(t *testing.T) {
	f := &fakeStore{ignoreConditions: true}
	s, faults := newFake(t, f)
	if _, err := s.Probe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	faults.Script(bt.Method("HEAD"), -1, bt.ErrorReply(503, "SlowDown", ""))
	_, err := putBytes(s, t.Context(), "k", []byte("body"))
	bt.WantClass(t, err, backend.Transient)
	var e *backend.Error
	if _, there := f.object("k"); there || !errors.As(err, &e) || e.Op != "put" {
		t.Errorf("stored: %v; %v", there, err)
	}
}
