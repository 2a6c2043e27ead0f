package content

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"contentfs/meta"
)

// legalPath makes a path of any bytes, most often the one they spell.
func legalPath(b []byte) []byte {
	var path []byte
	for name := range bytes.SplitSeq(bytes.ReplaceAll(b, []byte{0}, nil), []byte{'/'}) {
		if name = name[:min(len(name), maxNameBytes)]; len(name) > 0 && string(name) != "." && string(name) != ".." {
			path = append(append(path, '/'), name...)
		}
	}
	if path == nil {
		return []byte("/file")
	}
	return path
}

// legalID makes a version id of any number.
func legalID(n int64) meta.VersionID {
	return meta.VersionID(max(n&math.MaxInt64, 1))
}

// checkKey fails the test unless key is one that every store takes.
func checkKey(t *testing.T, key, prefix string, limit int) {
	t.Helper()
	if len(key) > limit || !utf8.ValidString(key) || !strings.HasPrefix(key, strings.Trim(prefix, "/")) {
		t.Fatalf("key %q (%d bytes) with prefix %q, limit %d", key, len(key), prefix, limit)
	}
	for _, r := range key {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xFFFE || r == 0xFFFF {
			t.Fatalf("%U in key %q", r, key)
		}
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			t.Fatalf("component %q in key %q", part, key)
		}
	}
}

// FuzzKeyRoundTrip makes keys and reads them back.
func FuzzKeyRoundTrip(f *testing.F) {
	f.Add([]byte("/003d34b5ba832f753ad91a6cdac1921f/image/large/tanning-bed.jpg"), int64(someID), "", uint16(0))
	f.Add([]byte("/u_1/f%5F/_x.tar.gz"), int64(1), "site/files", uint16(255))
	f.Add([]byte("/robots.txt"), int64(math.MaxInt64), "/p%/", uint16(64))
	f.Add([]byte("/a/b/c/d/e/\xff\u0085\ufffe€😀~.jpg"), int64(1)<<52, "p", uint16(70))
	f.Add([]byte("/"+strings.Repeat("\xfe", 200)+"/f/s/"+strings.Repeat("€", 80)+".jpeg"), int64(7), "p", uint16(200))
	f.Fuzz(func(t *testing.T, raw []byte, n int64, prefix string, limit uint16) {
		path, id := legalPath(raw), legalID(n)
		most := int(limit) % (MaxKey + 1)
		if most == 0 {
			most = MaxKey
		}
		key, err := Key(prefix, path, id, most)
		switch {
		case errors.Is(err, ErrKeyTooLong):
			// Before the hash: prefix, uid of one character or escape, 16 digits, marks.
			if enough := len(prefix) + 1 + 4 + 1 + 18 + 1 + 1 + hashDigits; most >= enough {
				t.Fatalf("%v, but %d bytes are enough", err, enough)
			}
			return
		case errors.Is(err, fs.ErrInvalid):
			if _, err := cleanPrefix(prefix); err == nil {
				t.Fatalf("Key(%q, %q, %d): %v", prefix, path, id, err)
			}
			return
		case err != nil:
			t.Fatal(err)
		}
		checkKey(t, key, prefix, most)
		if again, err := Key(prefix, path, id, most); again != key || err != nil {
			t.Fatalf("key %q the first time, %q, %v the second", key, again, err)
		}
		p, err := ParseKey(prefix, key)
		if err != nil || p.ID != id {
			t.Fatalf("key %q of version %d: %+v, %v", key, id, p, err)
		}
		address, has := ParseAddress(path)
		if p.HasAddress != has || p.Address.Scaled != address.Scaled {
			t.Fatalf("key %q of %q: %+v", key, path, p)
		}
		if p.Shortened {
			if p.Path != nil {
				t.Fatalf("key %q of %q: %+v", key, path, p)
			}
			whole, err := Key(prefix, path, id, MaxKey)
			if err != nil {
				t.Fatal(err)
			}
			if w, err := ParseKey(prefix, whole); err != nil || !w.Shortened && len(whole) <= most {
				t.Fatalf("key %q of %q, but %q fits into %d bytes, %v", key, path, whole, most, err)
			}
			return
		}
		if !bytes.Equal(p.Path, path) || p.Address != address {
			t.Fatalf("key %q of %q: %+v", key, path, p)
		}
	})
}

// similar returns a path that an encoder with a flaw would take for path.
func similar(path, other []byte, how, at byte) []byte {
	i := int(at) % len(path)
	switch how % 8 {
	case 1:
		return bytes.ReplaceAll(path, []byte{'/'}, []byte{'_'})
	case 2:
		return bytes.ReplaceAll(path, []byte{'_'}, []byte{'/'})
	case 3:
		return bytes.ReplaceAll(path, []byte{'_'}, []byte("%5F"))
	case 4:
		return appendEncoded(nil, string(path), true)
	case 5:
		decoded, _ := appendDecoded(nil, string(path))
		return decoded
	case 6:
		return append(append(bytes.Clone(path[:i]), other...), path[i:]...)
	case 7:
		return append(bytes.Clone(path[:i]), path[i+1:]...)
	}
	return other
}

// FuzzKeyCollision looks for two pairs of path and version with the same key.
func FuzzKeyCollision(f *testing.F) {
	f.Add([]byte("/a_b/c/d"), []byte("/a/b_c/d"), byte(0), byte(0), int64(1), int64(0), uint16(0))
	f.Add([]byte("/a/b/c/d_e"), []byte("_"), byte(6), byte(3), int64(someID), int64(0), uint16(0))
	f.Add([]byte("/a%5Fb/c/d"), []byte("x"), byte(5), byte(0), int64(9), int64(1), uint16(60))
	f.Add([]byte("/a/\xff/\u0085/%"), []byte("_0000000000001p_"), byte(4), byte(0), int64(9), int64(16), uint16(255))
	f.Add([]byte("/"+strings.Repeat("a/", 200)+"n.jpg"), []byte("b"), byte(7), byte(1), int64(9), int64(0), uint16(80))
	f.Fuzz(func(t *testing.T, raw, other []byte, how, at byte, n, delta int64, limit uint16) {
		one, idOne := legalPath(raw), legalID(n)
		two, idTwo := legalPath(similar(one, other, how, at)), legalID(n+delta)
		if bytes.Equal(one, two) && idOne == idTwo {
			return
		}
		keyOne, errOne := Key("p", one, idOne, int(limit))
		keyTwo, errTwo := Key("p", two, idTwo, int(limit))
		if errOne == nil && errTwo == nil && keyOne == keyTwo {
			t.Fatalf("%q version %d and %q version %d have the same key %q", one, idOne, two, idTwo, keyOne)
		}
	})
}

// FuzzParseKey gives any string to the parser: what it accepts, Key makes.
func FuzzParseKey(f *testing.F) {
	hash := strings.Repeat("0123456789abcdef", 2)
	for _, key := range []string{
		"003d34b5ba832f753ad91a6cdac1921f_537fd44_image_large_tanning-bed.jpg",
		"003d34b5ba832f753ad91a6cdac1921f_640b5eece0000s_image_large_tanning-bed.jpg",
		"p/u%5F1_0000000000001o_f%25_a_b.jpg",
		"p/q/_7fffffffffffffffp_a/b/c/d/%FFe",
		"_0000000000001px_a/b~" + hash + ".jpg",
		"u%FF_0000000000001sx_f_s_n~~" + hash,
		"u_0000000000001ox_f%C2_" + hash,
	} {
		f.Add("", key)
		f.Add("p", key)
	}
	f.Fuzz(func(t *testing.T, prefix, key string) {
		p, err := ParseKey(prefix, key)
		if err != nil {
			if !errors.Is(err, ErrForeignKey) && !errors.Is(err, fs.ErrInvalid) {
				t.Fatalf("ParseKey(%q, %q): %v", prefix, key, err)
			}
			return
		}
		checkKey(t, key, prefix, MaxKey)
		if p.ID <= 0 || p.Shortened != (p.Path == nil) {
			t.Fatalf("ParseKey(%q, %q) = %+v", prefix, key, p)
		}
		if p.Shortened {
			return
		}
		if again, err := Key(prefix, p.Path, p.ID, MaxKey); again != key || err != nil {
			t.Fatalf("ParseKey(%q, %q) = %+v, whose key is %q, %v", prefix, key, p, again, err)
		}
	})
}
