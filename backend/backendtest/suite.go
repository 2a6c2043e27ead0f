package backendtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"contentfs/backend"
)

// Limits says what a real server cannot do although the contract asks for it.
// The zero value is the whole contract. Nothing is skipped for a limit: the case
// runs within it.
type Limits struct {
	// MaxComponent is the longest part of a key between slashes, in bytes; 0
	// means that only the key's length counts.
	MaxComponent int

	// Tree: keys are paths of a file tree, so "a" and "a/b" exclude each other
	// and no key has an empty, "." or ".." component.
	Tree bool

	// Parted is the size of the smallest body that the driver under test sends in
	// parts; 0: it never does.
	Parted int

	// LooseIfAbsent: the server checks and stores in two steps, so two writers
	// at the same moment may both succeed.
	LooseIfAbsent bool
}

// suite is one run against one driver.
type suite struct {
	open   func(t *testing.T) backend.Backend
	limits Limits
}

// Run checks the whole contract, and those of backend.Copier and backend.UploadLister
// where a driver meets them. open returns an empty backend; it is called once
// for every case and cleans up by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) backend.Backend) {
	t.Helper()
	RunWithin(t, Limits{}, open)
}

// RunWithin is Run against a server with limits.
func RunWithin(t *testing.T, limits Limits, open func(t *testing.T) backend.Backend) {
	t.Helper()
	s := suite{open: open, limits: limits}
	for _, c := range []struct {
		name string
		run  func(*testing.T, backend.Backend)
	}{
		{"PutGetStat", s.testPutGetStat},
		{"Replace", s.testReplace},
		{"IfAbsent", s.testIfAbsent},
		{"IfAbsentRace", s.testIfAbsentRace},
		{"WrongChecksum", s.testWrongChecksum},
		{"ShortBody", s.testShortBody},
		{"Parallel", s.testParallel},
		{"Empty", s.testEmpty},
		{"Ranges", s.testRanges},
		{"RangePastEnd", s.testRangePastEnd},
		{"Absent", s.testAbsent},
		{"Delete", s.testDelete},
		{"OddKeys", s.testOddKeys},
		{"LongKeys", s.testLongKeys},
		{"IllegalKeys", s.testIllegalKeys},
		{"IllegalOptions", s.testIllegalOptions},
		{"ListOrder", s.testListOrder},
		{"ListPrefixAfter", s.testListPrefixAfter},
		{"ListStops", s.testListStops},
		{"ListMany", s.testListMany},
		{"Copy", s.testCopy},
		{"CopyIfAbsent", s.testCopyIfAbsent},
		{"CopyWrongSource", s.testCopyWrongSource},
		{"CopyOddKeys", s.testCopyOddKeys},
		{"CopyIllegal", s.testCopyIllegal},
		{"Uploads", s.testUploads},
		{"Cancelled", s.testCancelled},
		{"DeadlinePassed", s.testDeadlinePassed},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// Put stores body under key and fails the test when that does not work.
func Put(t testing.TB, b backend.Backend, key string, body []byte) backend.Object {
	t.Helper()
	obj, err := b.Put(t.Context(), key, bytes.NewReader(body), int64(len(body)), options(body))
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return obj
}

// Get reads a range of an object and fails the test when that does not work.
func Get(t testing.TB, b backend.Backend, key string, off, n int64) []byte {
	t.Helper()
	got, err := read(t.Context(), b, key, off, n)
	if err != nil {
		t.Fatalf("get %q from %d, %d bytes: %v", key, off, n, err)
	}
	return got
}

// WantClass fails the test unless err is an *backend.Error of class want.
func WantClass(t testing.TB, err error, want backend.Class) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want class %v", want)
	}
	n := 0
	countErrors(err, &n)
	if got := backend.ClassOf(err); got != want || n != 1 {
		t.Fatalf("class %v in %d *backend.Error, want %v in one: %v", got, n, want, err)
	}
}

// countErrors counts the *backend.Error in the tree of err.
func countErrors(err error, n *int) {
	if _, ok := err.(*backend.Error); ok {
		*n++
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		if next := u.Unwrap(); next != nil {
			countErrors(next, n)
		}
	case interface{ Unwrap() []error }:
		for _, next := range u.Unwrap() {
			countErrors(next, n)
		}
	}
}

func options(body []byte) backend.PutOptions {
	return backend.PutOptions{SHA256: sha256.Sum256(body)}
}

func read(ctx context.Context, b backend.Backend, key string, off, n int64) ([]byte, error) {
	r, err := b.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// BenchmarkPut100KiB measures the upload of new objects of 100 KiB.
func BenchmarkPut100KiB(b *testing.B, store backend.Backend) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 100<<10/16)
	opts := options(body)
	opts.IfAbsent = true
	b.SetBytes(int64(len(body)))
	n := 0
	for b.Loop() {
		n++
		if _, err := store.Put(b.Context(), fmt.Sprintf("bench/%08d", n), bytes.NewReader(body), int64(len(body)), opts); err != nil {
			b.Fatal(err)
		}
	}
}
