package volume_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/backend"
	"contentfs/backend/backendtest"
	"contentfs/fs/content"
	"contentfs/fs/volume/volumetest"
)

const scaled = "003d34b5ba832f753ad91a6cdac1921f/image/large/tanning-bed.jpg"

// writes leaves the probe's requests out of what the counter saw.
func writes(v *volumetest.Volume) []backendtest.Request {
	var list []backendtest.Request
	for _, r := range v.Counter.Requests() {
		if !strings.HasSuffix(r.Path, "/.contentfs-probe") {
			list = append(list, r)
		}
	}
	return list
}

func statObject(v *volumetest.Volume, key string) backend.Object {
	v.Helper()
	b, err := v.Objects(volumetest.Bucket)
	must(v.T, err)
	o, err := b.Stat(context.Background(), key)
	must(v.T, err)
	return o
}

func TestOneFileIsOneObject(t *testing.T) {
	volumetest.EachProxied(t, nil, func(v *volumetest.Volume) {
		t := v.T
		content := random(100 << 10)
		v.Write(scaled, content)
		mtime := time.Unix(1700000000, 123456789)
		must(v.T, os.Chtimes(v.Join(scaled), mtime, mtime))
		expectObject(v, scaled, content)
		expect(v, scaled, content)

		if got := writes(v); len(got) != 1 || got[0].Method != "PUT" {
			t.Errorf("requests for one file: %v", got)
		}
		keys := v.List()
		form := regexp.MustCompile(`^site/files/003d34b5ba832f753ad91a6cdac1921f_[0-9a-f]+s_image_large_tanning-bed\.jpg$`)
		if len(keys) != 1 || !form.MatchString(keys[0]) {
			t.Fatalf("objects: %q", keys)
		}
		if got := attr(t, v.Join(scaled), "user.contentfs.key"); got != keys[0] {
			t.Errorf("key attribute is %q, object is %q", got, keys[0])
		}
		checkObject(v, statObject(v, keys[0]), content, mtime)
	})
}

func checkObject(v *volumetest.Volume, o backend.Object, data []byte, mtime time.Time) {
	v.Helper()
	sum := sha256.Sum256(data)
	for what, c := range map[string][2]string{
		"Content-Type":        {o.ContentType, "image/jpeg"},
		"Cache-Control":       {o.CacheControl, "public, max-age=31536000, immutable"},
		"Content-Disposition": {o.ContentDisposition, `inline; filename="tanning-bed.jpg"; filename*=UTF-8''tanning-bed.jpg`},
		"checksum":            {fmt.Sprintf("%x", o.SHA256), fmt.Sprintf("%x", sum)},
		"sha256 attribute":    {attr(v.T, v.Join(scaled), "user.contentfs.sha256"), fmt.Sprintf("%x", sum)},
		"size":                {fmt.Sprint(o.Size), fmt.Sprint(len(data))},
	} {
		if c[0] != c[1] {
			v.Errorf("%s is %q, not %q", what, c[0], c[1])
		}
	}
	got, err := content.ParseObjectMetadata(o.Metadata)
	must(v.T, err)
	want := content.ObjectInfo{
		Path: []byte("/" + scaled), Mode: unix.S_IFREG | 0o644,
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
		Mtime: mtime.UnixNano(), Size: int64(len(data)), Version: v.Version(scaled).ID,
	}
	if got.Volume == "" || got.Life == "" {
		v.Error("the object does not say which volume and life of its database it is of")
	}
	got.Volume, got.Life = "", "" // told by the tests of orphans
	if !reflect.DeepEqual(got, want) {
		v.Errorf("metadata says %+v, not %+v", got, want)
	}
}

func TestEmptyFileIsAnObject(t *testing.T) {
	volumetest.EachProxied(t, nil, func(v *volumetest.Volume) {
		t := v.T
		v.Write("a/b/empty.txt", nil)
		expectObject(v, "a/b/empty.txt", nil)
		if got := writes(v); len(got) != 1 || got[0].Method != "PUT" {
			t.Errorf("requests for one empty file: %v", got)
		}
		v.EvictAll()
		expect(v, "a/b/empty.txt", nil)
	})
}

// TestMknodWithoutContent: a file made with mknod(2) was never written to.
func TestMknodWithoutContent(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		must(t, unix.Mknod(v.Join("made"), unix.S_IFREG|0o600, 0))
		expect(v, "made", nil)
		f := open(v, "made", os.O_RDWR)
		write(t, f, []byte("now"), 0)
		must(t, f.Close())
		expectObject(v, "made", []byte("now"))
	})
}

func TestLargeFileGoesInParts(t *testing.T) {
	v := volumetest.Proxied(t, nil)
	const path = "003d34b5ba832f753ad91a6cdac1921f/video/film.mp4"
	content := random(100 << 20)
	v.Write(path, content)
	expectObject(v, path, content)
	heads, lists := v.Counter.Count("HEAD", ""), 0
	for _, r := range v.Counter.Requests() {
		if r.Method == "GET" {
			lists++
		}
	}
	if lists != 0 || heads > 1 { // one HEAD may be the probe's
		t.Errorf("an upload in parts needs neither GET nor HEAD: %v", v.Counter.Requests())
	}
	if n := len(v.List()); n != 1 {
		t.Errorf("%d objects for one file", n)
	}
	if ver := v.Version(path); ver.UploadID != "" {
		t.Errorf("the finished upload's id is still on record: %q", ver.UploadID)
	}
	sum := sha256.Sum256(content)
	if got := statObject(v, v.List()[0]).SHA256; !bytes.Equal(got, sum[:]) {
		t.Errorf("checksum of the object is %x, not %x", got, sum)
	}
}

// TestOpenForWritingAloneChangesNothing: no write, no version.
func TestOpenForWritingAloneChangesNothing(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		content := random(5000)
		v.Write("f", content)
		awaitS3(v, "f")
		before := v.Version("f")
		for range 50 {
			f := open(v, "f", os.O_RDWR)
			if got := contentOf(t, f); !bytes.Equal(got, content) {
				t.Fatalf("read %s through a writer", brief(got))
			}
			must(t, f.Sync())
			must(t, f.Close())
		}
		v.Await("the file to be closed", func() bool { return v.Version("f").File != "" })
		if after := v.Version("f"); after.ID != before.ID || after.File != before.File {
			t.Errorf("version was %+v and is %+v", before, after)
		}
		expect(v, "f", content)
		if n := len(v.List()); n != 1 {
			t.Errorf("%d objects of one content", n)
		}
	})
}
