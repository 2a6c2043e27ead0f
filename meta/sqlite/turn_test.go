package sqlite

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"runtime/debug"
	"testing"

	"contentfs/meta"
)

// TestPanicEndsStore: a change that ends in a panic leaves nobody waiting, and no
// transaction to those who come after it. Whoever serves requests may catch it.
func TestPanicEndsStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	if err := must(Open(path, Options{}))(t).Close(); err != nil {
		t.Fatal(err)
	}
	d := dialect()
	d.Classify = func(error) meta.Class { // it is asked when a change fails
		if bytes.Contains(debug.Stack(), []byte("TestPanicEndsStore.func2")) {
			panic("classify")
		}
		return meta.ClassOther
	}
	s := must(meta.New(d, pool(connector{path: path, role: writing}, 2), pool(connector{path: path, role: reading}, 1), meta.NoKeeper{}))(t)
	defer s.Close()
	done := make(chan error, 1)
	var caught any
	fail := func() {
		defer func() { caught = recover() }()
		if _, err := newFile(s, meta.Root, "a", 2); !errors.Is(err, meta.ErrExist) {
			t.Error(err)
		}
	}
	go func() { done <- s.Run(context.Background()) }()
	must(newFile(s, meta.Root, "a", 1))(t)
	for caught == nil && !t.Failed() {
		fail() // again where the writer did it
	}
	if caught != "classify" {
		t.Errorf("recovered %v", caught)
	}
	if err := <-done; err == nil {
		t.Error("the writer ended as if all was well")
	}
	if _, err := newFile(s, meta.Root, "b", 3); !errors.Is(err, meta.ErrClosed) {
		t.Errorf("a change afterwards: %v", err)
	}
}
