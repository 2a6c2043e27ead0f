package takeover

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/mem"
	"contentfs/fs/content"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// bucket is a store with a listing that tests make up.
type bucket struct {
	backend.Backend
	listed []backend.Object
	err    error // at the end of a listing
}

func (b *bucket) List(ctx context.Context, prefix, after string, fn func(backend.Object) error) error {
	slices.SortFunc(b.listed, func(x, y backend.Object) int { return strings.Compare(x.Key, y.Key) })
	for _, o := range b.listed {
		if strings.HasPrefix(o.Key, prefix) {
			if err := fn(o); err != nil {
				return err
			}
		}
	}
	return b.err
}

func (b *bucket) put(key string, size, second int64) {
	b.listed = append(b.listed, backend.Object{Key: key, Size: size, ETag: "e", Modified: time.Unix(second, 0)})
}

func newTakeover(t *testing.T, layout Layout) (*Takeover, *bucket) {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "meta.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Error(err)
		}
	})
	b := &bucket{Backend: mem.New()}
	return &Takeover{Meta: s, Objects: b, Bucket: "old", Prefix: "p", Layout: layout, FileMode: 0o644, DirMode: 0o755}, b
}

func clock() int64 { return time.Now().UnixNano() }

// run plans and executes, and returns the result and what is taken, as path=key.
func run(t *testing.T, x *Takeover, dry bool) (Result, []string) {
	t.Helper()
	plan, err := x.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range plan.Files {
		files = append(files, fmt.Sprintf("%s=%s", f.Path, f.Key))
	}
	r, err := x.Execute(t.Context(), plan, dry, clock)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := x.Meta.Check(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("%q, %v", found, err)
	}
	return r, files
}

func TestAddon(t *testing.T) {
	x, b := newTakeover(t, Addon)
	b.put("p/u1_1234567_image_large_a.jpg", 10, 1)
	b.put("p/u1_1234568_image_a.jpg", 20, 1)
	b.put("p/u1_1234569_image_a.jpg", 30, 2) // newer
	b.put("p/u1_1234560_lead_image_a.jpg", 1, 1)
	b.put("p/u2_1234560_lead_image_a.jpg", 1, 1)
	b.put("p/u3_1234560_file_a.pdf", 1, 5)
	b.put("p/u3_1234561_file_a.pdf", 1, 5) // as new
	b.put("p/favicon.ico", 1, 1)
	b.put("p/.contentfs-probe", 1, 1)
	b.put("elsewhere/u1_1234567_image_b.jpg", 1, 1)
	n, err := x.Meta.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("u2"), Mode: meta.TypeDir | 0o755, Now: 1})
	if err == nil {
		_, err = x.Meta.Create(meta.CreateRequest{Parent: n.Ino, Name: []byte("lead_image"), Mode: meta.TypeDir | 0o755, Now: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/u1/image/large/a.jpg=p/u1_1234567_image_large_a.jpg", "/u1/image/a.jpg=p/u1_1234569_image_a.jpg",
		"/u2/lead_image/a.jpg=p/u2_1234560_lead_image_a.jpg"}
	for _, dry := range []bool{true, false} {
		r, files := run(t, x, dry)
		if !slices.Equal(files, want) || r.Taken != (Count{3, 41}) || r.Fields["image/large"].Files != 1 ||
			r.NumberOf(Conflict) != 3 || r.NumberOf(Ambiguous) != 1 || r.NumberOf(NotUnderstood) != 1 {
			t.Errorf("%q %+v", files, r)
		}
	}
	if r, _ := run(t, x, false); r.Taken.Files != 0 || r.Known.Files != 3 {
		t.Errorf("again: %+v", r)
	}
	x.Fields = []string{"lead_image"}
	if r, _ := run(t, x, false); r.Taken.Files != 1 || r.NumberOf(Ambiguous) != 0 {
		t.Errorf("with the field: %+v", r)
	}
}

func TestPaths(t *testing.T) {
	x, b := newTakeover(t, Paths)
	for _, key := range []string{"a", "a/b", "d/e/f.txt", "x/", "y//z", "y/./z", "y/../z", "/w", "n/" + strings.Repeat("n", 256), "ok/" + strings.Repeat("n", 255)} {
		b.put("p/"+key, 5, 1)
	}
	r, files := run(t, x, false)
	if r.Taken.Files != 3 || r.NumberOf(NotUnderstood) != 6 || r.NumberOf(Conflict) != 1 {
		t.Errorf("%q %+v", files, r)
	}
}

func TestListingThatEndsEarly(t *testing.T) {
	x, b := newTakeover(t, Paths)
	b.put("p/a", 1, 1)
	b.err = errors.New("connection reset")
	if plan, err := x.Plan(t.Context()); !errors.Is(err, b.err) || plan != nil {
		t.Errorf("%+v, %v", plan, err)
	}
}

// TestContentFS takes over the objects of a volume.
func TestContentFS(t *testing.T) {
	x, b := newTakeover(t, ContentFS)
	put := func(path string, id meta.VersionID, body string, change func(map[string]string)) string {
		t.Helper()
		key, err := content.Key("p", []byte(path), id, 0)
		if err != nil {
			t.Fatal(err)
		}
		m := content.ObjectMetadata([]byte(path), meta.Node{Mode: meta.TypeRegular | 0o4640, UID: 5, GID: 6, Mtime: 77},
			meta.Version{ID: id, Size: int64(len(body))})
		if change != nil {
			change(m)
		}
		_, err = b.Put(t.Context(), key, strings.NewReader(body), int64(len(body)), backend.PutOptions{SHA256: sha256.Sum256([]byte(body)), Metadata: m})
		if err != nil {
			t.Fatal(err)
		}
		b.put(key, int64(len(body)), 1)
		return key
	}
	long := "/u1/file/" + strings.Repeat("x", 240) + "/" + strings.Repeat("y", 240) + "/" + strings.Repeat("z", 255) + "/" +
		strings.Repeat("w", 255) + "/" + strings.Repeat("v", 255)
	put("/u1/file/a.pdf", 1000, "old", nil)
	newest := put("/u1/file/a.pdf", 2000, "newer", nil)
	put("/u1/file/b.pdf", 3000, "bad", func(m map[string]string) { m["mode"] = "nonsense" })
	put("/u1/file/c.pdf", 3001, "bad", func(m map[string]string) { m["path"] = "/u1/file/d.pdf" })
	put("/u1/file/e.pdf", 3002, "bad", func(m map[string]string) { m["size"] = "99" })
	put(long, 3003, "long", nil)
	b.put("p/not-ours", 1, 1)
	r, files := run(t, x, false)
	if r.Taken.Files != 2 || r.NumberOf(NotUnderstood) != 4 || r.NumberOf(Conflict) != 1 || !slices.Contains(files, "/u1/file/a.pdf="+newest) {
		t.Errorf("%q %+v", files, r)
	}
	n, err := x.Meta.Resolve([]byte("/u1/file/a.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := x.Meta.Current(n.Ino)
	sum := sha256.Sum256([]byte("newer"))
	if err != nil || n.Mode != meta.TypeRegular|0o640 || n.UID != 5 || n.Mtime != 77 || string(v.SHA256) != string(sum[:]) {
		t.Errorf("%+v %+v %v", n, v, err)
	}
	if _, err := x.Meta.Resolve([]byte(long)); err != nil {
		t.Error(err)
	}
}
