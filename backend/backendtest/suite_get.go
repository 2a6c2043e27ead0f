package backendtest

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"contentfs/backend"
)

func (s *suite) testEmpty(t *testing.T, b backend.Backend) {
	Put(t, b, "empty", nil)
	if got := Get(t, b, "empty", 0, -1); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	if got := Get(t, b, "empty", 0, 0); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	obj, err := b.Stat(t.Context(), "empty")
	if err != nil || obj.Size != 0 || len(obj.SHA256) != 32 {
		t.Errorf("stat: %+v, %v", obj, err)
	}
}

func (s *suite) testRanges(t *testing.T, b backend.Backend) {
	body := make([]byte, 70_000)
	for i := range body {
		body[i] = byte(i * 7 >> 3)
	}
	Put(t, b, "k", body)
	size := int64(len(body))
	for _, c := range []struct{ off, n, want int64 }{
		{0, -1, size}, {0, size, size}, {0, 1, 1}, {0, 0, 0}, {1, 0, 0}, {1, 1, 1}, {1, -1, size - 1},
		{size - 1, 1, 1}, {size - 1, -1, 1}, {4096, 65536, 65536}, {size / 2, -1, size - size/2},
	} {
		if got := Get(t, b, "k", c.off, c.n); !bytes.Equal(got, body[c.off:c.off+c.want]) {
			t.Errorf("range %d+%d: %d bytes, not the %d asked for", c.off, c.n, len(got), c.want)
		}
	}
	for _, off := range []int64{size, size + 1, 1 << 40, -1} {
		for _, n := range []int64{-1, 0, 1} {
			_, err := b.Get(t.Context(), "k", off, n)
			WantClass(t, err, backend.Invalid)
		}
	}
}

// testRangePastEnd: what is there comes, but never with io.EOF.
func (s *suite) testRangePastEnd(t *testing.T, b backend.Backend) {
	Put(t, b, "k", []byte("0123456789"))
	Put(t, b, "empty", nil)
	for key, want := range map[string]string{"k": "0123456789", "empty": ""} {
		r, err := b.Get(t.Context(), key, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		WantClass(t, err, backend.Transient)
		if string(got) != want {
			t.Errorf("%s: got %q before the error, want %q", key, got, want)
		}
	}
}

func (s *suite) testAbsent(t *testing.T, b backend.Backend) {
	_, err := b.Get(t.Context(), "none", 0, -1)
	WantClass(t, err, backend.Absent)
	_, err = b.Get(t.Context(), "none", 5, 5)
	WantClass(t, err, backend.Absent)
	_, err = b.Get(t.Context(), "none", 0, 0)
	WantClass(t, err, backend.Absent)
	_, err = b.Stat(t.Context(), "none")
	WantClass(t, err, backend.Absent)
	if !backend.IsAbsent(err) {
		t.Error("IsAbsent says no")
	}
	_, err = b.Stat(t.Context(), "none/below")
	WantClass(t, err, backend.Absent)
}

func (s *suite) testDelete(t *testing.T, b backend.Backend) {
	Put(t, b, "p/k", []byte("body"))
	for range 2 {
		if err := b.Delete(t.Context(), "p/k"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Stat(t.Context(), "p/k")
	WantClass(t, err, backend.Absent)
	if keys := listed(t, b, "", ""); len(keys) != 0 {
		t.Errorf("still listed: %q", keys)
	}
}

func (s *suite) testOddKeys(t *testing.T, b backend.Backend) {
	keys := []string{
		"plain", "with space", "a+b", "a%20b", "a%2Fb", "100%", "%", "q?x=y&z", "hash#tag", "semi;colon", "a=b",
		"größe.jpg", "gro\u0308\u00dfe.jpg", "日本語/ファイル", "🙂", "\u00a0nbsp", "back\\slash", `"quoted"`, "'single'",
		"<xml>&amp;", "a:b@c,d!e$f(g)*", "~tilde", "x..y", "...", "trailing.", "[brackets]{braces}", "pipe|caret^`",
		"003d34b5ba832f753ad91a6cdac1921f_537fd44_image_large_tanning-bed.jpg",
	}
	if !s.limits.Tree {
		keys = append(keys, "a", "a/b", "a/", "/", "//", "/lead", "a//b", "./a", "../a", ".", "..", "a/../b", ".tmp", " ", "a\nb", "\x01")
	}
	for _, key := range keys {
		Put(t, b, key, []byte("body of "+key))
	}
	for _, key := range keys {
		if got := Get(t, b, key, 0, -1); string(got) != "body of "+key {
			t.Errorf("%q holds %q", key, got)
		}
		if obj, err := b.Stat(t.Context(), key); err != nil || obj.Key != key || obj.Size != int64(len("body of "+key)) {
			t.Errorf("stat %q: %+v, %v", key, obj, err)
		}
	}
	wantKeys(t, listed(t, b, "", ""), keys)
	for i, key := range keys {
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
		if n := len(listed(t, b, "", "")); n != len(keys)-i-1 {
			t.Fatalf("%d keys left after deleting %q, want %d", n, key, len(keys)-i-1)
		}
	}
}

func (s *suite) testLongKeys(t *testing.T, b backend.Backend) {
	// One long component, or as many of the longest ones as fit.
	fill := func(unit string, n int) string {
		parts, limit := []string{}, s.limits.MaxComponent
		for n > 0 {
			size := n
			if limit > 0 && size > limit {
				size = limit
				if n == limit+1 {
					size-- // leaves room for a slash and one more byte
				}
			}
			parts = append(parts, strings.Repeat(unit, size)[:size])
			n -= size + 1
		}
		return strings.Join(parts, "/")
	}
	keys := []string{fill("k", 1024), fill("l", 1023), fill("m", 300), fill("n", 255), fill("%", 900)}
	if s.limits.MaxComponent == 0 {
		keys = append(keys, strings.Repeat("ä", 512), strings.Repeat("/", 1024), strings.Repeat("k", 1023)+"/", strings.Repeat("k", 300))
	}
	for i, key := range keys {
		Put(t, b, key, fmt.Appendf(nil, "body %d", i))
	}
	for i, key := range keys {
		if got := Get(t, b, key, 0, -1); string(got) != fmt.Sprintf("body %d", i) {
			t.Errorf("key %.20q of %d bytes holds %q", key, len(key), got)
		}
	}
	wantKeys(t, listed(t, b, "", ""), keys)
}

func (s *suite) testIllegalKeys(t *testing.T, b backend.Backend) {
	for _, c := range []struct {
		key  string
		want backend.Class
	}{
		{"", backend.Invalid},
		{"a\xffb", backend.Invalid},
		{strings.Repeat("k", 1025), backend.TooLong},
	} {
		_, err := b.Put(t.Context(), c.key, bytes.NewReader(nil), 0, options(nil))
		WantClass(t, err, c.want)
		_, err = b.Get(t.Context(), c.key, 0, -1)
		WantClass(t, err, c.want)
		_, err = b.Stat(t.Context(), c.key)
		WantClass(t, err, c.want)
		WantClass(t, b.Delete(t.Context(), c.key), c.want)
	}
}
