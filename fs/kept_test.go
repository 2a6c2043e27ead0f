package fs

import (
	"os"
	"slices"
	"testing"
)

// TestListingIsKept: the kernel asks for a listing once, until it is told that the
// directory changed without its doing.
func TestListingIsKept(t *testing.T) {
	tr := newTree(t)
	tr.create("a", "b")
	point := t.TempDir()
	s, err := Mount(Options{Engine: tr.fs.engine, Name: "test", Mountpoint: point, Log: tr.fs.log})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { s.Serve(); close(served) }()
	t.Cleanup(func() {
		if err := s.Unmount(false); err != nil {
			t.Error(err)
		}
		<-served
	})
	if err := s.WaitReady(); err != nil {
		t.Fatal(err)
	}
	want := func(what string, names ...string) {
		t.Helper()
		list, err := os.ReadDir(point)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range list {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, names) {
			t.Errorf("%s: %q, not %q", what, got, names)
		}
	}
	want("at first", "a", "b")
	tr.create("c") // as a command does
	want("not told", "a", "b")
	s.Invalidate(1)
	want("told", "a", "b", "c")
	want("kept again", "a", "b", "c")
}
