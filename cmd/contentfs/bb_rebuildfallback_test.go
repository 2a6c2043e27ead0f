package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestRebuildWithFallback: while offloading is switched off no copies of the database are
// taken, and new content lies in the fallback alone. It is there after a rebuild of the
// copy from before, and what is on record is as it was.
func TestRebuildWithFallback(t *testing.T) {
	s := newSite(t)
	write := func(path string) {
		s.files[path] = "content of " + path
		s.Write(path, []byte(s.files[path]))
	}
	if err := os.WriteFile(filepath.Join(s.fallback, "before.txt"), []byte("from before"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.files["before.txt"] = "from before"
	waiting := func() bool { return s.Status().Counts.Waiting.Count == 0 }
	s.Mount()
	write("u1/image/large/a.jpg")
	s.same(s.Point)
	s.Await("the upload", waiting)
	s.Unmount()
	s.Mount()
	want(t, s.do("disable"), 0)
	for i := range 5 {
		write(fmt.Sprintf("u%d/image/large/later %d.jpg", i, i))
	}
	write("later.txt")
	s.Await("the fallback", waiting)
	s.Unmount()
	removeDatabase(t, s.Volume)
	s.WipeLocal()
	args := append([]string{"rebuild", s.Name, "--state", s.State, "--yes"}, s.Store()...)
	want(t, s.Run(args...), 0, "is rebuilt", "copy")
	s.Log.Expect("recovered after a crash") // the local files were wiped
	s.Mount()
	s.same(s.Point)
	s.Unmount()
}
