package volume_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/content"
	"contentfs/fs/policy"
	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// withFallback gives a volume a fallback directory and returns how to name files in
// it.
func withFallback(t *testing.T, change func(*volume.Options)) (func(*volume.Options), func(parts ...string) string) {
	dir := t.TempDir()
	return func(o *volume.Options) {
			o.Fallback = dir
			if change != nil {
				change(o)
			}
		}, func(parts ...string) string {
			return filepath.Join(append([]string{dir}, parts...)...)
		}
}

func state(v *volumetest.Volume, path string) string {
	buf := make([]byte, 64)
	n, err := unix.Getxattr(path, content.AttrState, buf)
	if err != nil {
		return err.Error()
	}
	return string(buf[:n])
}

func saved(v *volumetest.Volume, text string, mode os.FileMode, parts ...string) string {
	v.Helper()
	path := filepath.Join(append([]string{v.Path}, parts...)...)
	must(v.T, os.MkdirAll(filepath.Dir(path), 0o750))
	must(v.T, os.WriteFile(path, []byte(text), mode))
	return path
}

func wantFile(v *volumetest.Volume, path, text string) {
	v.Helper()
	b, err := os.ReadFile(path)
	if err != nil || string(b) != text {
		v.Errorf("%s: %q, %v; want %q", path, b, err, text)
	}
}

// TestSwitchedOff: while offloading is off, content settles in the fallback as plain
// files with mode, owner and time, whether S3 is there or not; what was in S3 before
// goes on working, and what is written after goes there again.
func TestSwitchedOff(t *testing.T) {
	change, inFallback := withFallback(t, nil)
	volumetest.EachProxied(t, change, func(v *volumetest.Volume) {
		v.Log.Expect("the store is away")
		v.Log.Expect("the store is back")
		old := saved(v, "before", 0o644, "u1", "image", "old.jpg")
		v.Await("the first in S3", func() bool { return state(v, old) == "s3" })
		v.Switch(false)
		v.Gateway.Stop()
		path := saved(v, "while off", 0o640, "u1", "image", "new.jpg")
		must(t, os.Chown(path, 12, 34))
		v.Await("the second in the fallback", func() bool { return state(v, path) == "fallback" })
		wantFile(v, inFallback("u1", "image", "new.jpg"), "while off")
		var there, here unix.Stat_t
		must(t, unix.Stat(inFallback("u1", "image", "new.jpg"), &there))
		must(t, unix.Stat(path, &here))
		if there.Mode != here.Mode || there.Mtim != here.Mtim {
			t.Errorf("in the fallback %o %v, in the volume %o %v", there.Mode, there.Mtim, here.Mode, here.Mtim)
		}
		wantFile(v, old, "before")
		must(t, os.Rename(old, old+"2"))
		wantFile(v, old+"2", "before")
		v.Gateway.Start(t)
		// Newer content takes the place of the older, which is kept until its grace is over.
		saved(v, "while off, again", 0o640, "u1", "image", "new.jpg")
		v.Await("newer content in the fallback", func() bool {
			b, err := os.ReadFile(inFallback("u1", "image", "new.jpg"))
			return err == nil && string(b) == "while off, again"
		})
		kept, err := os.ReadDir(inFallback(".contentfs-files"))
		if err != nil || len(kept) != 1 {
			t.Errorf("the older content is kept as %v, %v", kept, err)
		}
		v.Switch(true)
		last := saved(v, "on again", 0o644, "u1", "image", "last.jpg")
		v.Await("the last in S3", func() bool { return state(v, last) == "s3" })
		if s := state(v, path); s != "fallback" {
			t.Errorf("what settled in the fallback went to %s by itself", s)
		}
		v.Unmount()
		v.Mount()
		wantFile(v, path, "while off, again")
		must(t, os.RemoveAll(inFallback("u1")))
		must(t, os.RemoveAll(inFallback(".contentfs-files")))
	})
}

// TestInTheWay: what lies in the fallback and is not ours is kept when its place is
// needed, and where a place cannot be had the content is in the fallback all the same.
func TestInTheWay(t *testing.T) {
	change, inFallback := withFallback(t, nil)
	v := volumetest.Start(t, change)
	v.Log.Expect("does not know was in the way")
	v.Switch(false)
	must(t, os.MkdirAll(filepath.Join(v.Path, "u", "f"), 0o755)) // what comes to lie there now is not taken in
	must(t, os.MkdirAll(inFallback("u", "f", "dir.jpg"), 0o755))
	must(t, os.WriteFile(inFallback("u", "f", "a.jpg"), []byte("theirs"), 0o644))
	must(t, os.WriteFile(inFallback("file"), []byte("theirs too"), 0o644))
	a, d, x := saved(v, "ours", 0o644, "u", "f", "a.jpg"), saved(v, "dir", 0o644, "u", "f", "dir.jpg"), saved(v, "below", 0o644, "file", "x")
	for _, path := range []string{a, d, x} {
		v.Await(path+" in the fallback", func() bool { return state(v, path) == "fallback" })
	}
	wantFile(v, inFallback("u", "f", "a.jpg"), "ours")
	aside, err := os.ReadDir(inFallback(".contentfs-aside"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside: %v, %v", aside, err)
	}
	wantFile(v, inFallback(".contentfs-aside", aside[0].Name()), "theirs")
	wantFile(v, inFallback("file"), "theirs too")
	wantFile(v, d, "dir")
	if left, err := os.ReadDir(inFallback(".contentfs-new")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestRules: the rules of a volume say what goes where and with which headers, and a
// temporary name keeps content here until it gets another.
func TestRules(t *testing.T) {
	sub := "films"
	p, err := policy.New([]policy.Rule{
		{Name: "thumbs", Scales: []string{"thumb"}, To: policy.Fallback},
		{Name: "films", Types: []string{"video/*"}, Prefix: &sub, CacheControl: "no-store"},
	})
	must(t, err)
	change, inFallback := withFallback(t, func(o *volume.Options) { o.Policy = p })
	v := volumetest.Start(t, change)
	thumb := saved(v, "thumb", 0o644, "u", "image", "thumb", "a.jpg")
	film := saved(v, "film", 0o644, "u", "video", "a.mp4")
	tmp := saved(v, "temporary", 0o644, "u", "image", "a.jpg.tmp")
	v.Await("the film in S3", func() bool { return state(v, film) == "s3" })
	v.Await("the thumb in the fallback", func() bool { return state(v, thumb) == "fallback" })
	wantFile(v, inFallback("u", "image", "thumb", "a.jpg"), "thumb")
	v.Await("the temporary held", func() bool { return v.Stats().Held.Number == 1 })
	if s := state(v, tmp); s != "local" {
		t.Errorf("the temporary file is %s", s)
	}
	keys := v.List()
	if len(keys) != 1 || !strings.HasPrefix(keys[0], volumetest.Prefix+"/films/u_") {
		t.Errorf("keys %q", keys)
	}
	b, err := v.Objects(volumetest.Bucket)
	must(t, err)
	if o, err := b.Stat(t.Context(), keys[0]); err != nil || o.CacheControl != "no-store" {
		t.Errorf("%+v, %v", o, err)
	}
	must(t, os.Rename(tmp, strings.TrimSuffix(tmp, ".tmp")))
	v.Await("what was temporary in S3", func() bool { return state(v, strings.TrimSuffix(tmp, ".tmp")) == "s3" })
	if n := len(v.List()); n != 2 {
		t.Errorf("%d objects", n)
	}
}

// TestPrivate: what a rule says is private has an object that is to be fetched by a
// signed address only, which the door for web servers gives.
func TestPrivate(t *testing.T) {
	yes := true
	p, err := policy.New([]policy.Rule{{Name: "members", Paths: []string{"/members/**"}, Private: &yes}})
	must(t, err)
	address := freeAddress(t)
	v := volumetest.Start(t, func(o *volume.Options) { o.Policy, o.HTTP = p, address })
	path := saved(v, "for members", 0o644, "members", "a.txt")
	v.Await("the file in S3", func() bool { return state(v, path) == "s3" })
	b, err := v.Objects(volumetest.Bucket)
	must(t, err)
	o, err := b.Stat(t.Context(), v.List()[0])
	if err != nil || !strings.HasPrefix(o.CacheControl, "private") {
		t.Errorf("%+v, %v", o, err)
	}
	p1 := get(v, "members/a.txt")
	to := p1.header.Get("Location")
	if !strings.Contains(to, "X-Amz-Signature=") || p1.header.Get("Cache-Control") != "private, no-store" {
		t.Fatalf("%d, %q", p1.status, p1.header)
	}
	resp, err := http.Get(to)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || string(body) != "for members" {
		t.Errorf("%d, %q, %v", resp.StatusCode, body, err)
	}
}

// TestObjectFollowsName: after a rename there is one object more, under a key that
// fits, which the store copied by itself; also where the new name is as long as a name
// can be. What is copied within the volume is copied by the store too.
func TestObjectFollowsName(t *testing.T) {
	v := volumetest.Proxied(t, nil)
	path := saved(v, "the content", 0o644, "u", "image", "old.jpg")
	v.Await("the file in S3", func() bool { return state(v, path) == "s3" })
	key := func(path string) string {
		buf := make([]byte, 4096)
		n, err := unix.Getxattr(path, content.AttrKey, buf)
		must(t, err)
		return string(buf[:n])
	}
	for _, name := range []string{"new.jpg", strings.Repeat("n", 251) + ".jpg"} {
		old, to := key(path), filepath.Join(v.Path, "u", "image", name)
		must(t, os.Rename(path, to))
		path = to
		v.Await("another key after the rename to "+name[:4], func() bool { return key(path) != old })
		if got := key(path); !strings.Contains(got, "_image_"+name[:3]) {
			t.Errorf("key %s", got)
		}
	}
	again := saved(v, "the content", 0o644, "u", "image", "copy.jpg")
	v.Await("the copy in S3", func() bool { return state(v, again) == "s3" })
	if n := len(v.List()); n != 4 {
		t.Errorf("%d objects", n)
	}
	wantFile(v, path, "the content")
	b, err := v.Objects(volumetest.Bucket)
	must(t, err)
	for _, k := range v.List() {
		if o, err := b.Stat(t.Context(), k); err != nil || o.Size != 11 || o.ContentType != "image/jpeg" {
			t.Errorf("%s: %+v, %v", k, o, err)
		}
	}
}
