package s3

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-0/1", "bytes 2-5/21", "bytes */21", "bytes 5-2/21", "bytes 0-9/9", "bytes 0-1/*", "", "bytes +1-2/3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		first, last, size, err := parseContentRange(s)
		if err != nil {
			return
		}
		if first < 0 || last < first || size <= last {
			t.Fatalf("%q gives %d-%d/%d", s, first, last, size)
		}
		again := fmt.Sprintf("bytes %d-%d/%d", first, last, size)
		if a, b, c, err := parseContentRange(again); err != nil || a != first || b != last || c != size {
			t.Fatalf("%q and %q differ", s, again)
		}
	})
}

// FuzzEscape: a URL names exactly one key, and no client finds another in it.
func FuzzEscape(f *testing.F) {
	for _, k := range []string{"a b", "a+b", "a%20b", "ä", "../x", "a/./b", "//", "?#", "\x00"} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		got := escape(key)
		u, err := url.Parse("https://host/bucket/" + got)
		if err != nil {
			t.Fatal(err)
		}
		if u.Path != "/bucket/"+key || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q comes back as %q", key, u.Path)
		}
		for _, part := range strings.Split(got, "/") {
			if part == "." || part == ".." {
				t.Fatalf("%q keeps %q", key, part)
			}
		}
	})
}

func TestFormatRange(t *testing.T) {
	for _, c := range []struct {
		off, n int64
		want   string
	}{{0, 1, "bytes=0-0"}, {5, 10, "bytes=5-14"}, {5, -1, "bytes=5-"}, {5, 1<<63 - 1, "bytes=5-"}} {
		if got := formatRange(c.off, c.n); got != c.want {
			t.Errorf("%d+%d: %s, want %s", c.off, c.n, got, c.want)
		}
	}
}
