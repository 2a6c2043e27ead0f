package content

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"contentfs/meta"
)

func ExampleContentType() {
	fmt.Println(ContentType("tanning-bed.JPG", nil))
	fmt.Println(ContentType("notes.txt", []byte("Grüße")))
	fmt.Println(ContentType("upload", []byte("<html><script>")))
	// Output:
	// image/jpeg
	// text/plain; charset=utf-8
	// text/plain; charset=utf-8
}

func ExampleContentDisposition() {
	fmt.Println(ContentDisposition("image/jpeg", "tanning-bed.jpg"))
	fmt.Println(ContentDisposition("image/svg+xml", `Größe "M".svg`))
	// Output:
	// inline; filename="tanning-bed.jpg"; filename*=UTF-8''tanning-bed.jpg
	// attachment; filename="Gr__e _M_.svg"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%22M%22.svg
}

func TestContentType(t *testing.T) {
	cut := []byte(strings.Repeat("a", 511) + "ü")[:512]
	utf16 := []byte("\xff\xfeh\x00i\x00")
	for _, c := range []struct {
		name string
		head []byte
		want string
	}{
		{"a.png", []byte("<html>"), "image/png"},
		{"a.b.WebP", nil, "image/webp"},
		{"a.svg", []byte("<svg>"), "image/svg+xml"},
		{"a.html", []byte("hi"), "text/html; charset=utf-8"},
		{"a.html", []byte("Gr\xfc\xdfe"), "text/html"},
		{"a.css", nil, "text/css; charset=utf-8"},
		{"a.txt", cut, "text/plain; charset=utf-8"},
		{"a.txt", cut[1:], "text/plain"}, // 511 bytes are all there is
		{"a.txt", append(cut[:511:511], 0xff), "text/plain"},
		{"a.txt", append(cut[:510:510], 0xe2, 0x82), "text/plain; charset=utf-8"},
		{"a.txt", append(cut[:509:509], 0xf0, 0x9f, 0x98), "text/plain; charset=utf-8"},
		{"a.txt", append(cut[:509:509], 0x9f, 0x9f, 0x98), "text/plain"},
		{"a.txt", utf16, "text/plain"},
		{"a.json", []byte("{}"), "application/json"},
		{"a.docx", nil, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"a.woff2", nil, "font/woff2"},
		{"html", []byte("hello"), "text/plain; charset=utf-8"},
		{"a", []byte("<!DOCTYPE html><html>"), "text/plain; charset=utf-8"},
		{"a", []byte("<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>"), "text/plain; charset=utf-8"},
		{"a", []byte("Gr\xfc\xdfe"), "text/plain"},
		{"a", utf16, "text/plain; charset=utf-16le"},
		{"a", []byte("\x89PNG\r\n\x1a\n"), "image/png"},
		{"a.unknown", []byte("%PDF-1.7"), "application/pdf"},
		{"a.", []byte{0, 1, 2, 3}, "application/octet-stream"},
		{"a", nil, "application/octet-stream"},
		{"", nil, "application/octet-stream"},
	} {
		if got := ContentType(c.name, c.head); got != c.want {
			t.Errorf("ContentType(%q, %.30q) = %q, want %q", c.name, c.head, got, c.want)
		}
	}
}

func TestMediaTypesAreValid(t *testing.T) {
	for extension, mediaType := range mediaTypes {
		parsed, params, err := mime.ParseMediaType(mediaType)
		if err != nil || parsed != mediaType || len(params) != 0 || !strings.Contains(mediaType, "/") || extension != strings.ToLower(extension) {
			t.Errorf("%q: %q, %v", extension, mediaType, err)
		}
	}
}

func TestContentDisposition(t *testing.T) {
	for contentType, want := range map[string]string{
		"image/png":                 "inline",
		"IMAGE/PNG ; q=1":           "inline",
		"video/mp4":                 "inline",
		"audio/mpeg":                "inline",
		"application/pdf":           "inline",
		"text/plain; charset=utf-8": "inline",
		"image/svg+xml":             "attachment",
		" Image/SVG+XML; x=y":       "attachment",
		"image/svg":                 "attachment",
		"image/x+xml":               "attachment",
		"text/html":                 "attachment",
		"text/xml":                  "attachment",
		"application/xml":           "attachment",
		"application/xhtml+xml":     "attachment",
		"text/javascript":           "attachment",
		"text/css":                  "attachment",
		"application/json":          "attachment",
		"application/octet-stream":  "attachment",
		"image":                     "inline",
		"plain":                     "attachment",
		"":                          "attachment",
	} {
		if got := ContentDisposition(contentType, ""); got != want {
			t.Errorf("disposition of %q is %q, want %q", contentType, got, want)
		}
	}
	for filename, want := range map[string]string{
		"a b.jpg":     `attachment; filename="a b.jpg"; filename*=UTF-8''a%20b.jpg`,
		"日本.jpg":      `attachment; filename="__.jpg"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.jpg`,
		"a\"\\;'%20":  `attachment; filename="a__;'_20"; filename*=UTF-8''a%22_%3B%27%2520`,
		"a\r\nb: c":   `attachment; filename="a__b: c"; filename*=UTF-8''a__b%3A%20c`,
		"\u0085/\x00": `attachment; filename="___"; filename*=UTF-8''___`,
		"\xff":        `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`,
	} {
		if got := ContentDisposition("", filename); got != want {
			t.Errorf("ContentDisposition of %q:\n got %s\nwant %s", filename, got, want)
		}
	}
}

// FuzzContentDisposition reads the header back with an independent parser.
func FuzzContentDisposition(f *testing.F) {
	f.Add("image/jpeg", "tanning-bed.jpg")
	f.Add("image/svg+xml", "a\"b\\c%d\r\n\xff日本;=''.svg")
	f.Add("text/html;", "\u0085\u202e/..")
	f.Fuzz(func(t *testing.T, contentType, filename string) {
		header := ContentDisposition(contentType, filename)
		for _, c := range []byte(header) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q of %q is not printable ASCII", header, filename)
			}
		}
		if inline := strings.HasPrefix(header, "inline"); inline && strings.Contains(strings.ToLower(contentType), "svg") {
			if mediaType, _, _ := strings.Cut(strings.ToLower(contentType), ";"); strings.HasPrefix(strings.TrimSpace(mediaType), "image/svg") {
				t.Fatalf("%q is shown inline", contentType)
			}
		}
		disposition, params, err := mime.ParseMediaType(header)
		if err != nil || disposition != "inline" && disposition != "attachment" {
			t.Fatalf("%q of %q: %q, %v", header, filename, disposition, err)
		}
		want := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || r == '/' || r == '\\' {
				return '_'
			}
			return r
		}, filename)
		if got := params["filename"]; got != want || !utf8.ValidString(got) {
			t.Fatalf("%q names %q, want %q", header, got, want)
		}
	})
}

// sample returns a node and its version as an upload sees them.
func sample() (meta.Node, meta.Version) {
	return meta.Node{Mode: 0o100644, UID: 33, GID: 1000, Mtime: 1_760_000_000_000_000_001, Size: 7},
		meta.Version{ID: someID, Size: 7}
}

func TestObjectMetadata(t *testing.T) {
	node, version := sample()
	got := ObjectMetadata([]byte("/u/f/Gr\xfc\xdfe 100%=.jpg"), node, version)
	want := map[string]string{
		"path": "/u/f/Gr%FC%DFe%20100%25%3D.jpg", "mode": "100644", "uid": "33", "gid": "1000",
		"mtime": "1760000000.000000001", "size": "7", "version": "1760000000000000",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestObjectMetadataOfPaths(t *testing.T) {
	repeat := func(name string, n int) string { return strings.Repeat("/"+name, n) }
	for _, c := range []struct{ path, key string }{
		{"/a", "path"},
		{repeat(strings.Repeat("a", 99), 15), "path"},
		{repeat(strings.Repeat("a", 99), 17), "path"},
		{repeat(strings.Repeat("a", 99), 17) + "/a", "path-sha256"},
		{repeat(strings.Repeat("a", 99), 18), "path-sha256"},
		{repeat(strings.Repeat("é", 49), 5), "path"},
		{repeat(strings.Repeat("é", 49), 6), "path-b64"},
		{repeat(strings.Repeat("é", 49), 12), "path-b64"},
		{repeat(strings.Repeat("é", 49), 13), "path-sha256"},
		{repeat(strings.Repeat("a", 255), 17), "path-sha256"},
	} {
		node := meta.Node{Mode: math.MaxUint16&^meta.TypeMask | meta.TypeRegular, UID: math.MaxUint32, GID: math.MaxUint32, Mtime: math.MinInt64}
		version := meta.Version{ID: math.MaxInt64, Size: math.MaxInt64}
		m := ObjectMetadata([]byte(c.path), node, version)
		info, err := ParseObjectMetadata(m)
		if _, ok := m[c.key]; !ok || err != nil {
			t.Errorf("%.20q (%d bytes): no %q in %.80q, %v", c.path, len(c.path), c.key, m, err)
			continue
		}
		if hashed := c.key == "path-sha256"; hashed != (info.Path == nil) || hashed != (len(info.PathSHA256) == 32) || !hashed && string(info.Path) != c.path {
			t.Errorf("%.20q (%d bytes) comes back as %.80q, hash %x", c.path, len(c.path), info.Path, info.PathSHA256)
		}
		if info.Mode != node.Mode || info.UID != node.UID || info.GID != node.GID || info.Mtime != node.Mtime || info.Size != version.Size || info.Version != version.ID {
			t.Errorf("%+v %+v comes back as %+v", node, version, info)
		}
		size := 0
		m["sha256"] = strings.Repeat("0", 64)
		for key, value := range m {
			size += len("x-amz-meta-") + len(key) + len(value)
		}
		if size > 2048 {
			t.Errorf("%.20q (%d bytes): %d bytes of metadata", c.path, len(c.path), size)
		}
	}
}

func TestParseObjectMetadataHostile(t *testing.T) {
	node, version := sample()
	good := ObjectMetadata([]byte("/u/f/n"), node, version)
	good["sha256"], good["x-other"] = "anything", strings.Repeat("x", 5000)
	if _, err := ParseObjectMetadata(good); err != nil {
		t.Fatalf("unknown keys: %v", err)
	}
	for _, c := range []struct{ key, value string }{
		{"path", ""}, {"path", "/"}, {"path", "u/f/n"}, {"path", "/u/../n"}, {"path", "/u//n"}, {"path", "/."},
		{"path", "/a%00"}, {"path", "/a%2Fb"}, {"path", "/a%2fb"}, {"path", "/%61"}, {"path", "/a%"}, {"path", "/a b"},
		{"path", "/é"}, {"path", "/" + strings.Repeat("a", 256)}, {"path", strings.Repeat("/abc", 500)},
		{"path-b64", "L2E"}, {"path-sha256", strings.Repeat("0", 64)}, // beside path
		{"mode", ""}, {"mode", "644"}, {"mode", "40755"}, {"mode", "0100644"}, {"mode", "300644"}, {"mode", "100648"}, {"mode", "-1"},
		{"uid", "-1"}, {"uid", "+1"}, {"uid", "01"}, {"uid", "4294967296"}, {"uid", "1e3"}, {"gid", "root"}, {"gid", " 1"},
		{"mtime", "1"}, {"mtime", "1.5"}, {"mtime", "1.0000000000"}, {"mtime", "01.000000000"}, {"mtime", "-0.000000000"},
		{"mtime", "9223372037.000000000"}, {"mtime", "1.-00000001"}, {"mtime", ".000000001"}, {"mtime", "NaN"},
		{"size", "-1"}, {"size", "9223372036854775808"}, {"size", "1_0"}, {"size", "0x10"},
		{"version", "0"}, {"version", "-5"}, {"version", ""},
	} {
		bad := maps.Clone(good)
		bad[c.key] = c.value
		if info, err := ParseObjectMetadata(bad); !errors.Is(err, ErrObjectMetadata) {
			t.Errorf("%s %q: %+v, %v, want ErrObjectMetadata", c.key, c.value, info, err)
		}
	}
	for _, c := range []struct{ key, value string }{
		{"path-b64", ""}, {"path-b64", "YQ"}, {"path-b64", "L2E="}, {"path-b64", "L2F"}, {"path-b64", "L2\nE"}, {"path-b64", "Ly4u"},
		{"path-sha256", ""}, {"path-sha256", strings.Repeat("0", 62)}, {"path-sha256", strings.Repeat("A", 64)},
	} {
		bad := maps.Clone(good)
		delete(bad, "path")
		bad[c.key] = c.value
		if info, err := ParseObjectMetadata(bad); !errors.Is(err, ErrObjectMetadata) {
			t.Errorf("%s %q: %+v, %v, want ErrObjectMetadata", c.key, c.value, info, err)
		}
	}
	for key := range ObjectMetadata([]byte("/a"), node, version) {
		bad := maps.Clone(good)
		delete(bad, key)
		if info, err := ParseObjectMetadata(bad); !errors.Is(err, ErrObjectMetadata) {
			t.Errorf("without %s: %+v, %v, want ErrObjectMetadata", key, info, err)
		}
	}
}

// FuzzObjectMetadata gives what a bucket could hold to the parser, and what it
// accepts back to the writer.
func FuzzObjectMetadata(f *testing.F) {
	f.Add("/u/f/n%20.jpg", byte(0), "100644", "0", "1000", "1760000000.000000001", "7", "1")
	f.Add("L3Uv_2Yvbg", byte(1), "104755", "4294967295", "0", "-0.000000001", "0", "9223372036854775807")
	f.Add(strings.Repeat("0a", 32), byte(2), "100000", "1", "1", "0.000000000", "9223372036854775807", "5")
	f.Fuzz(func(t *testing.T, path string, form byte, mode, uid, gid, mtime, size, version string) {
		pathKey := []string{metaPath, metaPathB64, metaPathHash}[form%3]
		m := map[string]string{
			pathKey: path, metaMode: mode, metaUID: uid, metaGID: gid,
			metaMtime: mtime, metaSize: size, metaVersion: version,
		}
		info, err := ParseObjectMetadata(m)
		if err != nil {
			if !errors.Is(err, ErrObjectMetadata) || info.Path != nil {
				t.Fatalf("%q: %+v, %v", m, info, err)
			}
			// Nothing that was written is refused.
			if raw := []byte(path); checkPath(raw) == nil {
				node, v := sample()
				back, err := ParseObjectMetadata(ObjectMetadata(raw, node, v))
				if err != nil || back.Path != nil && !bytes.Equal(back.Path, raw) {
					t.Fatalf("%q comes back as %+v, %v", raw, back, err)
				}
			}
			return
		}
		node := meta.Node{Mode: info.Mode, UID: info.UID, GID: info.GID, Mtime: info.Mtime}
		again := ObjectMetadata(info.Path, node, meta.Version{ID: info.Version, Size: info.Size})
		if info.Path == nil {
			maps.DeleteFunc(again, func(key, _ string) bool { return strings.HasPrefix(key, "path") })
			again[metaPathHash] = fmt.Sprintf("%x", info.PathSHA256)
		} else {
			if err := checkPath(info.Path); err != nil {
				t.Fatalf("accepted %q: %v", info.Path, err)
			}
			// The writer may prefer another form for the same path.
			back, err := ParseObjectMetadata(again)
			if err != nil || !bytes.Equal(back.Path, info.Path) {
				t.Fatalf("%q comes back as %q, %v", info.Path, back.Path, err)
			}
			maps.DeleteFunc(again, func(key, _ string) bool { return strings.HasPrefix(key, "path") })
			again[pathKey] = path
		}
		if !maps.Equal(again, m) {
			t.Fatalf("read %q, wrote %q", m, again)
		}
	})
}
