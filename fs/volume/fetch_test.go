package volume_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/backend/backendtest"
	"contentfs/fs/volume/volumetest"
)

// evicted makes files that are in S3 and not on this server.
func evicted(v *volumetest.Volume, files map[string][]byte) {
	v.Helper()
	for path, content := range files {
		v.Write(path, content)
	}
	for path := range files {
		awaitS3(v, path)
	}
	v.EvictAll()
	if v.Counter != nil {
		v.Counter.Reset()
	}
}

func TestFetchSmall(t *testing.T) {
	volumetest.EachProxied(t, nil, func(v *volumetest.Volume) {
		t := v.T
		files := map[string][]byte{"a": random(1), "b": random(100_000), "c": random(8 << 20), "e": nil}
		evicted(v, files)
		for path := range files {
			if _, err := os.Stat(v.Join(path)); err != nil {
				t.Fatal(err)
			}
		}
		if got := writes(v); len(got) != 0 {
			t.Errorf("stat asked S3: %v", got)
		}
		for path, content := range files {
			expect(v, path, content)
			expect(v, path, content)
			if v.Version(path).File == "" {
				t.Errorf("%s is not on this server after it was read", path)
			}
		}
		for _, r := range writes(v) {
			if r.Method != "GET" {
				t.Errorf("a read costs %v", r)
			}
		}
		if n := len(writes(v)); n > len(files) {
			t.Errorf("%d requests for %d files: %v", n, len(files), writes(v))
		}
	})
}

// TestFetchSmallTogether: many who open the same file at the same time cost one
// request.
func TestFetchSmallTogether(t *testing.T) {
	v := volumetest.Proxied(t, nil)
	content := random(1 << 20)
	evicted(v, map[string][]byte{"f": content})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if b, err := os.ReadFile(v.Join("f")); err != nil || !bytes.Equal(b, content) {
				t.Errorf("read %s, %v", brief(b), err)
			}
		})
	}
	wg.Wait()
	if n := len(writes(v)); n != 1 {
		t.Errorf("%d requests: %v", n, writes(v))
	}
}

func TestFetchLargeInPieces(t *testing.T) {
	volumetest.EachProxied(t, nil, func(v *volumetest.Volume) {
		t := v.T
		content := random(64<<20 + 12345)
		evicted(v, map[string][]byte{"film": content})
		f := open(v, "film", os.O_RDONLY)
		middle := make([]byte, 10_000)
		_, err := f.ReadAt(middle, 30<<20)
		must(t, err)
		if !bytes.Equal(middle, content[30<<20:][:len(middle)]) {
			t.Error("the middle is not right")
		}
		// The block itself and what is read ahead, not the sixteen there are.
		if n := v.Counter.Count("GET", ""); n == 0 || n > 6 {
			t.Errorf("%d requests for a piece in the middle", n)
		}
		if v.Version("film").File != "" {
			t.Error("a piece counts as the whole")
		}
		must(t, f.Close())
		v.Await("the piece to be thrown away", func() bool { return localBytes(v) == 0 })

		var wg sync.WaitGroup
		for r := range 4 { // parallel readers, each from its own start
			wg.Go(func() {
				f, err := os.Open(v.Join("film"))
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				off := int64(r) * 16 << 20
				h := sha256.New()
				_, err = io.Copy(h, struct{ io.Reader }{io.NewSectionReader(f, off, int64(len(content))-off)})
				if want := sha256.Sum256(content[off:]); err != nil || !bytes.Equal(h.Sum(nil), want[:]) {
					t.Errorf("reader %d did not get the content: %v", r, err)
				}
			})
		}
		wg.Wait()
		expect(v, "film", content)
		v.Await("the whole to be kept", func() bool { return v.Version("film").File != "" })
		v.Counter.Reset()
		expect(v, "film", content)
		if got := writes(v); len(got) != 0 {
			t.Errorf("content that is here was fetched: %v", got)
		}
	})
}

// TestWriteWhileStreaming: a large file that is read as it comes is opened for
// writing by somebody else.
func TestWriteWhileStreaming(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		content := random(20 << 20)
		evicted(v, map[string][]byte{"film": content})
		r := open(v, "film", os.O_RDONLY)
		if _, err := r.ReadAt(make([]byte, 100), 0); err != nil {
			t.Fatal(err)
		}
		want := edits["edit"](v, "film", content)
		if got := contentOf(t, r); !bytes.Equal(got, want) {
			t.Errorf("the reader has %s, not %s", brief(got), brief(want))
		}
		must(t, r.Close())
		expect(v, "film", want)
		expectObject(v, "film", want)
	})
}

// TestWrongObject: bytes that are not the ones committed are never delivered.
func TestWrongObject(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		v.Damage()
		v.Log.Expect("checksum")
		v.Log.Expect("what was fetched is not the content")
		small, large := random(100_000), random(20<<20)
		evicted(v, map[string][]byte{"small": small, "large": large, "short": small})
		for path, content := range map[string][]byte{"small": small, "large": large} {
			f, err := os.OpenFile(v.Object(attr(t, v.Join(path), "user.contentfs.key")), os.O_WRONLY, 0)
			must(t, err)
			write(t, f, []byte("wrong"), int64(len(content))/2)
			must(t, f.Close())
		}
		must(t, os.Truncate(v.Object(attr(t, v.Join("short"), "user.contentfs.key")), 99_999))
		for _, path := range []string{"small", "short", "large"} {
			for range 2 {
				b, err := os.ReadFile(v.Join(path))
				fails(t, fmt.Sprintf("read of %s (%d bytes)", path, len(b)), err, unix.EIO)
			}
			if v.Version(path).File != "" {
				t.Errorf("wrong bytes of %s were kept", path)
			}
		}
	})
}

// TestMissingObject: the file is there, its content is not.
func TestMissingObject(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		v.Damage()
		v.Log.Expect("an object that should be in S3 is not there")
		evicted(v, map[string][]byte{"small": random(1000), "large": random(20 << 20)})
		for _, path := range []string{"small", "large"} {
			must(t, os.Remove(v.Object(attr(t, v.Join(path), "user.contentfs.key"))))
			_, err := os.ReadFile(v.Join(path))
			fails(t, "read of "+path, err, unix.EIO)
			_, err = os.OpenFile(v.Join(path), os.O_RDWR, 0)
			fails(t, "open for writing of "+path, err, unix.EIO)
			v.Write(path, []byte("new")) // the old content is not needed
			expectObject(v, path, []byte("new"))
		}
	})
}

// TestFetchStalls: a body that stops arriving ends in EIO after a while, and in
// content once the store is well again.
func TestFetchStalls(t *testing.T) {
	v := volumetest.Proxied(t, nil)
	v.Log.Expect("the store is away")
	content := random(1 << 20)
	evicted(v, map[string][]byte{"f": content})
	v.Faults.Script(backendtest.Method(http.MethodGet), 1, backendtest.StallBody(1000))
	within(t, 30*time.Second, "a read whose body stalls", func() {
		b, err := os.ReadFile(v.Join("f"))
		if err == nil && !bytes.Equal(b, content) {
			t.Errorf("read %s", brief(b))
		} else if err != nil {
			fails(t, "read", err, unix.EIO)
		}
	})
	v.Faults.Clear()
	v.Await("the content", func() bool {
		b, err := os.ReadFile(v.Join("f"))
		return err == nil && bytes.Equal(b, content)
	})
}
