package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"contentfs/fs/content"
	"contentfs/fs/local"
)

// TestCollectFallback: copies of garbage go from the fallback, and what somebody put
// in their place, or what has a version, stays.
func TestCollectFallback(t *testing.T) {
	g := newGarbage(t)
	dir := t.TempDir()
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return err == nil
	}
	for _, name := range []string{"gone", "another", "kept"} {
		v := g.stored(name, "a")
		g.ok(os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
		g.ok(g.m.AddStray([]byte(name), 1, 1))
		g.ok(g.m.SettleFallback(v.ID, []byte(name), nil, nil, 0))
		if name != "kept" {
			if _, err := g.m.Unlink(1, []byte(name), time.Now().UnixNano()); err != nil {
				t.Fatal(err)
			}
			g.ok(g.m.RemoveOrphan(v.Ino, time.Now().UnixNano()))
		}
	}
	g.ok(os.WriteFile(filepath.Join(dir, "another"), []byte("of somebody else"), 0o600))
	files, err := local.Open(filepath.Join(t.TempDir(), "local"))
	g.ok(err)
	defer files.Close()
	fallback, err := content.OpenFallback(dir)
	g.ok(err)
	defer fallback.Close()

	c := g.collection()
	r, err := c.Run(context.Background(), time.Now())
	if err != nil || r.Versions != 0 || r.Kept != 2 || r.Why == nil || g.keys("a") != "another gone kept " {
		t.Errorf("without the fallback: %+v, %v, objects %s", r, err, g.keys("a"))
	}
	c.Fallback = fallback
	if r, err = c.Run(context.Background(), time.Now()); err != nil || r.Versions != 2 || r.Kept != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	g.ok(content.New(content.Config{Meta: g.m, Local: files, Fallback: fallback}).SweepNow())
	if got := fmt.Sprint(there("gone"), there("another"), there("kept")); got != "false true true" {
		t.Errorf("there are gone, another, kept: %s", got)
	}
	if list, err := g.m.Strays(nil, 9); err != nil || len(list) != 0 {
		t.Errorf("strays: %+v, %v", list, err)
	}
	g.check()
}
