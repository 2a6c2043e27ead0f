package backendtest

import (
	"bytes"
	"context"
	"maps"
	"testing"
	"time"

	"contentfs/backend"
)

// sourceOf describes an object as the source of a copy.
func sourceOf(o backend.Object) backend.Source {
	return backend.Source{Key: o.Key, ETag: o.ETag, Size: o.Size}
}

func (s *suite) testCopy(t *testing.T, b backend.Backend) {
	c, ok := b.(backend.Copier)
	if !ok {
		return
	}
	for name, body := range map[string][]byte{"small": []byte("the bytes of a tanning bed"), "empty": nil, "big": bytes.Repeat([]byte("0123456789"), 50_000)} {
		opts := options(body)
		opts.ContentType, opts.CacheControl, opts.ContentDisposition = "image/jpeg", "private", "attachment"
		opts.Metadata = map[string]string{"path": "/old", "old": "gone"}
		src, err := b.Put(t.Context(), "from/"+name, bytes.NewReader(body), int64(len(body)), opts)
		if err != nil {
			t.Fatal(err)
		}
		opts = options(body)
		opts.IfAbsent = true
		opts.ContentType, opts.CacheControl = "image/png", "public, max-age=31536000, immutable"
		opts.Metadata = map[string]string{"path": "/new"}
		copied, err := c.Copy(t.Context(), sourceOf(src), "to/"+name, opts)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := Get(t, b, "to/"+name, 0, -1); !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes, not those of the source", name, len(got))
		}
		obj, err := b.Stat(t.Context(), "to/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if copied.Key != obj.Key || copied.Size != obj.Size || copied.ETag != obj.ETag || copied.ETag == "" {
			t.Errorf("%s: copy returned %+v, stat says %+v", name, copied, obj)
		}
		if obj.Size != int64(len(body)) || !bytes.Equal(obj.SHA256, opts.SHA256[:]) {
			t.Errorf("%s: stat says %+v", name, obj)
		}
		if obj.ContentType != "image/png" || obj.CacheControl != opts.CacheControl || obj.ContentDisposition != "" || !maps.Equal(obj.Metadata, opts.Metadata) {
			t.Errorf("%s: headers are %+v", name, obj)
		}
		if st, err := b.Stat(t.Context(), "from/"+name); err != nil || st.ContentType != "image/jpeg" || st.ETag != src.ETag {
			t.Errorf("%s: the source is now %+v, %v", name, st, err)
		}
	}
}

func (s *suite) testCopyIfAbsent(t *testing.T, b backend.Backend) {
	c, ok := b.(backend.Copier)
	if !ok {
		return
	}
	src := sourceOf(Put(t, b, "src", []byte("source")))
	Put(t, b, "there", []byte("there before"))
	opts := options([]byte("source"))
	opts.IfAbsent = true
	for _, etag := range []string{src.ETag, ""} {
		src.ETag = etag
		_, err := c.Copy(t.Context(), src, "there", opts)
		WantClass(t, err, backend.Exists)
	}
	if got := Get(t, b, "there", 0, -1); string(got) != "there before" {
		t.Errorf("replaced by %q", got)
	}
	opts.IfAbsent = false
	if _, err := c.Copy(t.Context(), src, "there", opts); err != nil {
		t.Fatal(err)
	}
	if got := Get(t, b, "there", 0, -1); string(got) != "source" {
		t.Errorf("got %q", got)
	}
}

// testCopyWrongSource: whatever is said of the source is compared with it.
func (s *suite) testCopyWrongSource(t *testing.T, b backend.Backend) {
	c, ok := b.(backend.Copier)
	if !ok {
		return
	}
	old := Put(t, b, "src", []byte("source"))
	for _, ifAbsent := range []bool{true, false} {
		opts := options([]byte("source"))
		opts.IfAbsent = ifAbsent
		for _, etag := range []string{"", old.ETag} {
			_, err := c.Copy(t.Context(), backend.Source{Key: "none", ETag: etag, Size: 6}, "to", opts)
			WantClass(t, err, backend.Absent)
		}
	}
	now := Put(t, b, "src", []byte("change"))
	for _, ifAbsent := range []bool{true, false} {
		opts := options([]byte("source"))
		opts.IfAbsent = ifAbsent
		_, err := c.Copy(t.Context(), sourceOf(old), "to", opts)
		WantClass(t, err, backend.Corrupt)
	}
	if _, err := b.Stat(t.Context(), "to"); !backend.IsAbsent(err) {
		t.Errorf("another object was copied: %v", err)
	}
	for _, src := range []backend.Source{sourceOf(now), {Key: "src", Size: now.Size}} {
		_, err := c.Copy(t.Context(), src, "to", options([]byte("source")))
		WantClass(t, err, backend.Corrupt)
	}
}

func (s *suite) testCopyOddKeys(t *testing.T, b backend.Backend) {
	c, ok := b.(backend.Copier)
	if !ok {
		return
	}
	keys := []string{"with space", "a+b", "a%20b", "a%2Fb", "100%", "q?x=y&z", "hash#tag", "größe ü+%.jpg", "日本語/ファイル", "🙂", `"quoted"`, "a=b;c,d"}
	if !s.limits.Tree {
		keys = append(keys, "a//b", "/lead", "./a", "..", "a/", "a\nb")
	}
	for _, key := range keys {
		body := []byte("body of " + key)
		src := sourceOf(Put(t, b, key, body))
		if _, err := c.Copy(t.Context(), src, "to "+key, options(body)); err != nil {
			t.Errorf("copy of %q: %v", key, err)
			continue
		}
		if got := Get(t, b, "to "+key, 0, -1); !bytes.Equal(got, body) {
			t.Errorf("copy of %q holds %q", key, got)
		}
	}
}

func (s *suite) testCopyIllegal(t *testing.T, b backend.Backend) {
	c, ok := b.(backend.Copier)
	if !ok {
		return
	}
	src := sourceOf(Put(t, b, "src", nil))
	opts := options(nil)
	_, err := c.Copy(t.Context(), src, "", opts)
	WantClass(t, err, backend.Invalid)
	_, err = c.Copy(t.Context(), backend.Source{}, "to", opts)
	WantClass(t, err, backend.Invalid)
	opts.ACL = "public-read\n"
	_, err = c.Copy(t.Context(), src, "to", opts)
	WantClass(t, err, backend.Invalid)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Copy(ctx, src, "to", options(nil))
	WantClass(t, err, backend.Canceled)
	ctx, cancel = context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err = c.Copy(ctx, src, "to", options(nil))
	WantClass(t, err, backend.Transient)
	if _, err := b.Stat(t.Context(), "to"); !backend.IsAbsent(err) {
		t.Errorf("copied all the same: %v", err)
	}
}
