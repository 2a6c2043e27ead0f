package policy

import (
	shell "path"
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, name string
		fold, want    bool
	}{
		{"image", "image", false, true},
		{"image", "images", false, false},
		{"*", "", false, true},
		{"", "", false, true},
		{"", "a", false, false},
		{"*.jpg", "a.b.jpg", false, true},
		{"*.jpg", "a.JPG", false, false},
		{"*.jpg", "a.JPG", true, true},
		{"*.j*g", "a.jpg.jpeg.x", false, false},
		{"a*b*c", "aXbXbXc", false, true},
		{"?", "é", false, false}, // two bytes
		{"??", "é", false, true},
		{"*é*", "café.txt", false, true},
		{"[a-c]x", "bx", false, true},
		{"[^a-c]x", "bx", false, false},
		{"[!a-c]x", "dx", false, true},
		{"[a-c]", "B", true, true},
		{"[!a-c]", "B", true, false},
		{`\*`, "*", false, true},
		{`\*`, "a", false, false},
		{`[\]]`, "]", false, true},
		{"~$*", "~$a.docx", false, true},
	} {
		if err := checkPattern(tc.pattern); err != nil {
			t.Errorf("%q: %v", tc.pattern, err)
		}
		if got := match(tc.pattern, tc.name, tc.fold); got != tc.want {
			t.Errorf("match(%q, %q, %t) = %t", tc.pattern, tc.name, tc.fold, got)
		}
		if got := match(tc.pattern, []byte(tc.name), tc.fold); got != tc.want {
			t.Errorf("match(%q, bytes of %q, %t) = %t", tc.pattern, tc.name, tc.fold, got)
		}
	}
}

func TestMatchPath(t *testing.T) {
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"/static/**", "/static/a", true},
		{"/static/**", "/static/a/b/c", true},
		{"/static/**", "/static", true}, // a folder has no place, a file of the name does
		{"/static/**", "/staticfiles/a", false},
		{"/static/*", "/static/a/b", false},
		{"/static/*", "/static/a", true},
		{"/a/**/z", "/a/z", true},
		{"/a/**/z", "/a/b/z/z", true},
		{"/a/**/z", "/a/b/z/y", false},
		{"**/*.log", "/a.log", true},
		{"**/*.log", "/x/y/a.log", true},
		{"**/*.log", "/x/y/a.LOG", false},
		{"/**/a/**/b", "/x/a/y/a/b", true},
		{"/**/a/*/b", "/a/1/a/2/b", true},
		{"/a**b/c", "/axxb/c", true},
		{"/a**b/c", "/a/b/c", false},
		{"**/**", "/a", true},
	} {
		if got := matchPath(strings.Split(tc.pattern, "/"), []byte(tc.path)); got != tc.want {
			t.Errorf("matchPath(%q, %q) = %t", tc.pattern, tc.path, got)
		}
	}
}

func TestPatternsThatAreNone(t *testing.T) {
	for _, p := range []string{"[", "[a", "[]", "[^]", "[a-", "[a-]", "[-a]", "[b-a]", `\`, `[\`, "a\x00", "[ä]", strings.Repeat("a", maxPattern+1)} {
		if err := checkPattern(p); err == nil {
			t.Errorf("%.40q is accepted", p)
		}
	}
}

// A pattern that backtracks must not take exponential time.
func TestMatchIsBounded(t *testing.T) {
	pattern := strings.Repeat("*a", maxPattern/2-1) + "*b"
	if err := checkPattern(pattern); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if match(pattern, strings.Repeat("a", 255), false) {
		t.Error("fits")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// FuzzMatch compares with path.Match, which knows neither "[!" nor bytes.
func FuzzMatch(f *testing.F) {
	for _, p := range []string{"*.jpg", "[a-z]?*", `\[x`, "**", "a*b*c", "[^a]", "/x/**/y"} {
		f.Add(p, "a.jpg")
		f.Add(p, "aXbc")
		f.Add(p, "/x/y")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		ours := checkPattern(pattern) == nil
		if ours {
			match(pattern, name, true)
			if parts := strings.Split(pattern, "/"); checkPath(pattern) == nil {
				matchPath(parts, []byte(name))
			}
		}
		if !ascii(pattern) || !ascii(name) || strings.Contains(pattern, "[!") || strings.Contains(name, "/") || len(pattern) > maxPattern {
			return
		}
		want, err := shell.Match(pattern, name)
		if !ours {
			return // we are stricter: a range that ends before it begins is a mistake
		}
		if err != nil {
			t.Errorf("%q is accepted, and path.Match says %v", pattern, err)
			return
		}
		if got := match(pattern, name, false); got != want {
			t.Errorf("match(%q, %q) = %t", pattern, name, got)
		}
	})
}

func ascii(s string) bool {
	for _, c := range []byte(s) {
		if c == 0 || c >= 0x80 {
			return false
		}
	}
	return true
}
