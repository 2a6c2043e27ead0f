package rebuild

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"contentfs/fs/content"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// TestMany rebuilds a volume with many objects, from the listing and from a copy, and
// tells how long that takes. CONTENTFS_REBUILD_OBJECTS says how many; without it there
// are few, and only the result counts.
func TestMany(t *testing.T) {
	n := 3000
	if text := os.Getenv("CONTENTFS_REBUILD_OBJECTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	v := newVolume(t)
	first := time.Now().Add(-time.Hour).UnixMicro()
	for i := range n {
		path := fmt.Appendf(nil, "/%032x/image/large/picture-%d.jpg", i/8, i)
		ver := meta.Version{ID: meta.VersionID(first + int64(i)), Size: 4}
		key, err := content.Key(prefix, path, ver.ID, 0)
		v.ok(err)
		v.object(key, fmt.Sprintf("%04d", i%10000), content.ObjectMetadata(path, meta.Node{Mode: meta.TypeRegular | 0o644, Mtime: int64(i)}, ver))
	}
	v.lose()
	r := v.timed(t, FromListing)
	if r.Objects.Number != int64(n) || r.Stats.Nodes.Files != int64(n) || len(r.Findings) > 0 {
		t.Fatalf("%+v", r)
	}
	v.snapshot()
	v.upload("/one/more/x", "x")
	v.lose()
	r = v.timed(t, FromSnapshot)
	if r.Objects.Number != 1 || r.Snapshot == nil || r.Stats.Nodes.Files != int64(n)+1 || len(r.Findings) > 0 {
		t.Fatalf("%+v", r)
	}
}

// timed is build, and tells how long the rebuilding took.
func (v *volume) timed(t *testing.T, from Source) *Report {
	t.Helper()
	begun := time.Now()
	work := v.rebuild(from)
	report, err := work.Build(t.Context())
	v.ok(err)
	_, err = work.Install()
	v.ok(err)
	t.Logf("%d objects, %d files, from the %s: %v", report.Listed, report.Stats.Nodes.Files, from, time.Since(begun).Round(time.Millisecond))
	v.open(sqlite.Options{MustExist: true})
	return report
}
