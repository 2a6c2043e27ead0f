package redirect

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzClean: of every path that is let in, each name is one that the client wrote, and
// none of them leads anywhere but down.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"/a", "/a/../b", "/%2e%2e", "/.%2e/x", "/a%2Fb", "/a%252fb", "//", "/a//", "/a\x00", "/%00", "/ä+ %", "/a;/b?c#d", "*", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		req, err := http.NewRequest(http.MethodGet, "http://host"+path, nil)
		if err != nil || !clean(req.URL) {
			return
		}
		names := strings.Split(req.URL.Path[1:], "/")
		for i, name := range names {
			last := i == len(names)-1
			if name == "." || name == ".." || name == "" && !last || strings.Contains(name, "\x00") {
				t.Errorf("%q leads to %q", path, req.URL.Path)
			}
		}
		if n := strings.Count(req.URL.EscapedPath(), "/"); n != len(names) {
			t.Errorf("%q: %d names of %d", path, len(names), n)
		}
	})
}
