package dir

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestPathOf(t *testing.T) {
	long := strings.Repeat("a", 400)
	for key, want := range map[string]string{
		"a":               "a",
		"a/b":             "a%2Fb",
		"a%2Fb":           "a%252Fb",
		".":               "%2E",
		"..":              "%2E.",
		".tmp":            "%2Etmp",
		"x\x00\n":         "x%00%0A",
		"größe +.jp":      "größe +.jp",
		long:              long[:238] + "%/" + long[238:],
		long[:238]:        long[:238],
		long[:238] + "..": long[:238] + "%/%2E.",
	} {
		if got := pathOf(key); got != want {
			t.Errorf("pathOf(%.20q) = %q, want %q", key, got, want)
		}
	}
}

func TestKeyOfRefuses(t *testing.T) {
	for _, path := range []string{"", ".", ".tmp", "a%", "a%2", "a%2f", "a%41", "a/b", "a%/b", "%", "%/"} {
		if key, err := keyOf(path); err == nil {
			t.Errorf("keyOf(%q) = %q, want an error", path, key)
		}
	}
}

// FuzzName holds the mapping to what List and Put rely on.
func FuzzName(f *testing.F) {
	long := strings.Repeat("/", 100) + strings.Repeat("ä", 400)
	for _, k := range []string{"a", "a/b", "a%2Fb", ".", "..", "%", "%/", long, long[:899], strings.Repeat("a", 238) + "."} {
		f.Add(k, "b"+k)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == "" || b == "" || len(a) > 1024 || len(b) > 1024 {
			return
		}
		pa, pb := pathOf(a), pathOf(b)
		if (pa == pb) != (a == b) {
			t.Fatalf("%q and %q both map to %q", a, b, pa)
		}
		if strings.HasPrefix(pb, pa+"/") {
			t.Fatalf("the file of %q is a directory of %q", a, b)
		}
		if got, err := keyOf(pa); err != nil || got != a {
			t.Fatalf("keyOf(pathOf(%q)) = %q, %v", a, got, err)
		}
		if filepath.Clean(pa) != pa || len(pa) > 3200 {
			t.Fatalf("path %q of %q", pa, a)
		}
		for name := range strings.SplitSeq(pa, "/") {
			if name == "" || name[0] == '.' || len(name) > 255 || strings.ContainsRune(name, 0) {
				t.Fatalf("name %q in the path of %q", name, a)
			}
		}
	})
}
