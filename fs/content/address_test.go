package content

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseAddress(t *testing.T) {
	scaled := Address{UID: "003d", Field: "image", Scale: "large", Filename: "a_b.jpg", Scaled: true}
	original := Address{UID: "003d", Field: "image", Filename: "a_b.jpg"}
	for path, want := range map[string]Address{
		"/003d/image/large/a_b.jpg": scaled,
		"/003d/image/a_b.jpg":       original,
		"/\xff/\x01/ / ":            {UID: "\xff", Field: "\x01", Scale: " ", Filename: " ", Scaled: true},
		"/.../..a/.b":               {UID: "...", Field: "..a", Filename: ".b"},
	} {
		if got, ok := ParseAddress([]byte(path)); !ok || got != want {
			t.Errorf("ParseAddress(%q) = %+v, %t, want %+v", path, got, ok, want)
		}
	}
	for _, path := range []string{
		"", "/", "a", "a/b/c", "/robots.txt", "/a/b", "/a/b/c/d/e", "/a/b/c/d/e/f.jpg",
		"/a//c", "//b/c", "/a/b/", "/a/b/c/", "/a/../c", "/./b/c", "/a/b/c\x00", "/a/b/" + strings.Repeat("n", 256),
	} {
		if got, ok := ParseAddress([]byte(path)); ok {
			t.Errorf("ParseAddress(%q) = %+v, want none", path, got)
		}
	}
}

func TestEvictionClass(t *testing.T) {
	for path, want := range map[string]int{
		"/u/image/large/a.jpg": 0,
		"/u/image/a.jpg":       1,
		"/a.jpg":               1,
		"/a/b/c/d/e.jpg":       1,
		"/a/b/../d":            1,
		"":                     1,
	} {
		if got := EvictionClass([]byte(path)); got != want {
			t.Errorf("EvictionClass(%q) = %d, want %d", path, got, want)
		}
	}
}

func TestCheckPath(t *testing.T) {
	name := strings.Repeat("n", maxNameBytes)
	for _, path := range []string{"/a", "/...", "/a b/\n", "/" + name, strings.Repeat("/"+name, 20)} {
		if err := checkPath([]byte(path)); err != nil {
			t.Errorf("checkPath(%.40q) = %v", path, err)
		}
	}
	for _, path := range []string{"", "/", "//", "a", "/a/", "/a//b", "/.", "/..", "/a/./b", "/a/..", "/a\x00b", "/" + name + "n"} {
		if err := checkPath([]byte(path)); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("checkPath(%.40q) = %v, want fs.ErrInvalid", path, err)
		}
	}
}

func TestEncoded(t *testing.T) {
	for _, c := range []struct{ name, part, filename string }{
		{"tanning-bed.jpg", "tanning-bed.jpg", "tanning-bed.jpg"},
		{"a_b", "a%5Fb", "a_b"},
		{"100%", "100%25", "100%25"},
		{"%5F", "%255F", "%255F"},
		{"a b+c", "a b+c", "a b+c"},
		{"\n\x7f", "%0A%7F", "%0A%7F"},
		{"\u0085\u009f\u00a0", "%C2%85%C2%9F\u00a0", "%C2%85%C2%9F\u00a0"},
		{"Grüße 日本 😀", "Grüße 日本 😀", "Grüße 日本 😀"},
		{"\xff\xc3", "%FF%C3", "%FF%C3"},
		{"\xe2\x82A", "%E2%82A", "%E2%82A"},
		{"\xed\xa0\x80", "%ED%A0%80", "%ED%A0%80"}, // half of a surrogate pair
		{"\ufffd", "\ufffd", "\ufffd"},
		{"\ufffe\uffff", "%EF%BF%BE%EF%BF%BF", "%EF%BF%BE%EF%BF%BF"},
	} {
		if got := string(appendEncoded(nil, c.name, false)); got != c.part {
			t.Errorf("%q is encoded as %q, want %q", c.name, got, c.part)
		}
		if got := string(appendEncoded(nil, c.name, true)); got != c.filename {
			t.Errorf("filename %q is encoded as %q, want %q", c.name, got, c.filename)
		}
		for _, encoded := range []string{c.part, c.filename} {
			if got, ok := appendDecoded(nil, encoded); !ok || string(got) != c.name {
				t.Errorf("%q is decoded as %q, %t, want %q", encoded, got, ok, c.name)
			}
		}
	}
	for _, encoded := range []string{"%", "%4", "a%", "%zz", "%5f", "%4G", "%%41"} {
		if got, ok := appendDecoded(nil, encoded); ok {
			t.Errorf("%q is decoded as %q, want an error", encoded, got)
		}
	}
}

func TestCutEncoded(t *testing.T) {
	const s = "a%41€%42%43"
	for n, want := range []string{"", "a", "a", "a", "a%41", "a%41", "a%41", "a%41€", "a%41€", "a%41€", "a%41€%42", "a%41€%42", "a%41€%42", s, s} {
		if got := cutEncoded(s, n); got != want || !utf8.ValidString(got) {
			t.Errorf("cut to %d bytes: %q, want %q", n, got, want)
		}
	}
	if got := cutEncoded(s, -1); got != "" {
		t.Errorf("cut to -1 bytes: %q", got)
	}
}

func TestExtension(t *testing.T) {
	for path, want := range map[string]string{
		"/a/b.jpg":              ".jpg",
		"/b.tar.gz":             ".gz",
		"/b.JPG":                ".JPG",
		"/a.b/c":                "",
		"/.profile":             "",
		"/b.":                   "",
		"/b.j_g":                "",
		"/b.jpé":                "",
		"/b.abcdefghijklmno":    ".abcdefghijklmno",
		"/b.abcdefghijklmnop":   "",
		"/b.jpg and then a lot": "",
	} {
		if got := extension([]byte(path)); got != want {
			t.Errorf("extension of %q is %q, want %q", path, got, want)
		}
	}
}
