package main_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"contentfs/backend"
	"contentfs/cmd/contentfs/internal/life"
)

// TestImport takes over objects as the add-on left them, while the volume is mounted
// and after it was not, and reads them through the mount.
func TestImport(t *testing.T) {
	s := newSite(t)
	s.Mount()
	const uid = "003d34b5ba832f753ad91a6cdac1921f"
	store := openBucket(t, s.Volume)
	put := func(key, text string) {
		t.Helper()
		_, err := store.Put(t.Context(), key, strings.NewReader(text), int64(len(text)), backend.PutOptions{SHA256: sha256.Sum256([]byte(text))})
		if err != nil {
			t.Fatal(err)
		}
	}
	bytes := make(map[string]string) // by path
	add := func(key, path, text string) {
		put("old/"+key, text)
		bytes[path] = text
	}
	add(uid+"_537fd44_image_large_tanning-bed.jpg", uid+"/image/large/tanning-bed.jpg", "scaled")
	add(uid+"_537fd45_image_tanning-bed.jpg", uid+"/image/tanning-bed.jpg", strings.Repeat("original ", 1<<20)) // is streamed
	add(uid+"_537fd46_file_a b_c ü.pdf", uid+"/file/a b_c ü.pdf", "")
	for i := range 20 {
		add(fmt.Sprintf("u%d_0000000_file_n.pdf", i), fmt.Sprintf("u%d/file/n.pdf", i), fmt.Sprint(i))
	}
	put("old/lone_0000000_image_mini_x.jpg", "ambiguous")
	line := func(more ...string) life.Result {
		args := append([]string{"import", "--state", s.State, "--from-prefix", "old", "--as", "addon"}, more...)
		return s.Run(append(append(args, s.Store()...), s.Name)...)
	}
	// The kernel remembers that there is no such name.
	if _, err := os.Stat(s.Join(uid)); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	want(t, line("--dry-run"), 1, "23 files", "would be taken", "1 ambiguous", "/lone/image/mini/x.jpg")
	if _, err := os.Stat(s.Join(uid)); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var r struct {
		Taken        struct{ Files int64 }
		AlreadyThere struct{ Files int64 } `json:"already_there"`
		Ambiguous    int64
		Complete     bool
	}
	got := line("--format", "json")
	if err := got.JSON(&r); err != nil || got.Code != 1 || r.Taken.Files != 23 || r.Ambiguous != 1 || !r.Complete {
		t.Fatalf("%v %+v %s", err, r, got)
	}
	read := func() {
		t.Helper()
		s.Await("the names that were taken over", func() bool { _, err := os.Stat(s.Join(uid)); return err == nil })
		for path, text := range bytes {
			if got := string(s.Read(path)); got != text {
				t.Errorf("%s: %d bytes instead of %d", path, len(got), len(text))
			}
		}
	}
	read()
	want(t, line(), 1, "0 files", "23 already there")
	s.Unmount()
	add("late_0000000_file_n.pdf", "late/file/n.pdf", "late")
	want(t, line(), 1, "1 file ", "23 already there")
	want(t, s.Run("status", "--state", s.State, s.Name), 0, "24 files")
	s.Mount()
	read()
	s.Unmount()
	want(t, line("--as", "nonsense"), 2, "there is no layout")
}
