package content

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"contentfs/meta"
)

// someID is a version of October 2025.
const someID meta.VersionID = 0x640b5eece0000

func ExampleKey() {
	for _, path := range []string{
		"/003d34b5ba832f753ad91a6cdac1921f/image/large/tanning-bed.jpg",
		"/003d34b5ba832f753ad91a6cdac1921f/image/tanning_bed.jpg",
		"/robots.txt",
	} {
		key, err := Key("site/files", []byte(path), someID, MaxKey)
		fmt.Println(key, err)
	}
	// Output:
	// site/files/003d34b5ba832f753ad91a6cdac1921f_640b5eece0000s_image_large_tanning-bed.jpg <nil>
	// site/files/003d34b5ba832f753ad91a6cdac1921f_640b5eece0000o_image_tanning_bed.jpg <nil>
	// site/files/_640b5eece0000p_robots.txt <nil>
}

func ExampleParseKey() {
	p, err := ParseKey("site", "site/003d_640b5eece0000o_image_tanning_bed.jpg")
	fmt.Printf("%s %s %v\n", p.Path, p.Address.Filename, err)
	_, err = ParseKey("", "003d_537fd44_image_large_tanning-bed.jpg")
	fmt.Println(err)
	// Output:
	// /003d/image/tanning_bed.jpg tanning_bed.jpg <nil>
	// parse key "003d_537fd44_image_large_tanning-bed.jpg": not a key of this volume
}

func TestKey(t *testing.T) {
	for _, c := range []struct {
		prefix, path string
		id           meta.VersionID
		want         string
	}{
		{"", "/003d34b5ba832f753ad91a6cdac1921f/image/large/tanning-bed.jpg", someID,
			"003d34b5ba832f753ad91a6cdac1921f_640b5eece0000s_image_large_tanning-bed.jpg"},
		{"", "/u_1/f_2/s_3/n_4_5.jpg", someID, "u%5F1_640b5eece0000s_f%5F2_s%5F3_n_4_5.jpg"},
		{"", "/u_1/f_2/n_4_5.jpg", someID, "u%5F1_640b5eece0000o_f%5F2_n_4_5.jpg"},
		{"", "/_/_/_/_", someID, "%5F_640b5eece0000s_%5F_%5F__"},
		{"p", "/a/b", someID, "p/_640b5eece0000p_a/b"},
		{"p/q_r%", "/a_b/c%/\x01/d/e_f.jpg", someID, "p/q_r%/_640b5eece0000p_a_b/c%25/%01/d/e_f.jpg"},
		{"//p/q//", "/a", someID, "p/q/_640b5eece0000p_a"},
		{"/", "/a", someID, "_640b5eece0000p_a"},
		{"", "/a", 1, "_0000000000001p_a"},
		{"", "/a", 0xfffffffffffff, "_fffffffffffffp_a"},
		{"", "/a", 0x10000000000000, "_10000000000000p_a"},
		{"", "/a", math.MaxInt64, "_7fffffffffffffffp_a"},
	} {
		got, err := Key(c.prefix, []byte(c.path), c.id, 0)
		if err != nil || got != c.want {
			t.Errorf("Key(%q, %q, %d) = %q, %v, want %q", c.prefix, c.path, c.id, got, err, c.want)
			continue
		}
		p, err := ParseKey(c.prefix, got)
		address, has := ParseAddress([]byte(c.path))
		if err != nil || p.ID != c.id || string(p.Path) != c.path || p.Shortened || p.HasAddress != has || p.Address != address {
			t.Errorf("ParseKey(%q, %q) = %+v, %v, want %q", c.prefix, got, p, err, c.path)
		}
	}
}

func TestKeyErrors(t *testing.T) {
	for _, c := range []struct {
		prefix, path string
		id           meta.VersionID
		limit        int
		want         error
	}{
		{"", "/", 1, 0, fs.ErrInvalid},
		{"", "a", 1, 0, fs.ErrInvalid},
		{"", "/a/../b", 1, 0, fs.ErrInvalid},
		{"", "/a", 0, 0, fs.ErrInvalid},
		{"", "/a", -1, 0, fs.ErrInvalid},
		{"a//b", "/a", 1, 0, fs.ErrInvalid},
		{"a/../b", "/a", 1, 0, fs.ErrInvalid},
		{".", "/a", 1, 0, fs.ErrInvalid},
		{"a\n", "/a", 1, 0, fs.ErrInvalid},
		{"a\xff", "/a", 1, 0, fs.ErrInvalid},
		{strings.Repeat("p", 1010), "/a", 1, 0, ErrKeyTooLong},
		{"", "/a", 1, 16, ErrKeyTooLong},
		{"", "/u/f/" + strings.Repeat("n", 40), 1, 50, ErrKeyTooLong},
		{"", "/\xff\xff/f/" + strings.Repeat("n", 40), 1, 52, ErrKeyTooLong},
	} {
		key, err := Key(c.prefix, []byte(c.path), c.id, c.limit)
		if !errors.Is(err, c.want) {
			t.Errorf("Key(%.20q, %q, %d, %d) = %q, %v, want %v", c.prefix, c.path, c.id, c.limit, key, err, c.want)
		}
	}
	if _, err := ParseKey("a//b", "a//b/_0000000000001p_a"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("ParseKey with a bad prefix: %v, want fs.ErrInvalid", err)
	}
}

func TestKeyShortened(t *testing.T) {
	long := strings.Repeat("long ", 50)
	for _, c := range []struct {
		path  string
		limit int
		want  string // up to the hash, "#" for it
	}{
		{"/u/f_/s/" + long + ".jpg", 80, "u_0000000000001sx_f%5F_s_long long long lon~#.jpg"},
		{"/u/f/" + long + ".jpg", 80, "u_0000000000001ox_f_long long long long lon~#.jpg"},
		{"/u/f/" + long + ".jpg", 55, "u_0000000000001ox_~#.jpg"},
		{"/u/f/" + long + ".jpg", 54, "u_0000000000001ox_f_l~#"},
		{"/u/f/" + long + ".jpg", 51, "u_0000000000001ox_~#"},
		{"/" + strings.Repeat("u", 99) + "/f/n.jpg", 80, "uuuuuuuuuuuuuuuuuuuuuuuuuu_0000000000001ox_~#.jpg"},
		{"/a/" + long, 70, "_0000000000001px_a/long long long lon~#"},
		{"/a_/" + long + ".css", 55, "_0000000000001px_a~#.css"},
		{"/\xff\xff/f/" + long, 53, "%FF_0000000000001ox_~#"},
		{"/u/f/" + strings.Repeat("€", 80), 60, "u_0000000000001ox_f_€€~#"},
	} {
		key, err := Key("", []byte(c.path), 1, c.limit)
		if err != nil {
			t.Errorf("Key(%q) in %d bytes: %v", c.path, c.limit, err)
			continue
		}
		tilde := strings.LastIndexByte(key, '~')
		if got := key[:tilde+1] + "#" + key[tilde+1+hashDigits:]; got != c.want || len(key) > c.limit {
			t.Errorf("Key(%q) in %d bytes = %q (%d bytes), want %q", c.path, c.limit, got, len(key), c.want)
		}
		p, err := ParseKey("", key)
		address, has := ParseAddress([]byte(c.path))
		want := Address{Scaled: address.Scaled}
		if err != nil || p.ID != 1 || p.Path != nil || !p.Shortened || p.HasAddress != has || p.Address != want {
			t.Errorf("ParseKey(%q) = %+v, %v", key, p, err)
		}
	}
}

func TestKeyLimitIsExact(t *testing.T) {
	path := []byte("/uid/field/scale/" + strings.Repeat("ü", 100) + ".jpg")
	whole, err := Key("prefix", path, someID, MaxKey)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Key("prefix", path, someID, len(whole)); got != whole || err != nil {
		t.Errorf("at the limit: %q, %v", got, err)
	}
	got, err := Key("prefix", path, someID, len(whole)-1)
	if p, perr := ParseKey("prefix", got); err != nil || perr != nil || !p.Shortened || len(got) >= len(whole) {
		t.Errorf("one byte less: %q, %v, %v", got, err, perr)
	}
}

func TestSegmentLimit(t *testing.T) {
	path := []byte("/" + strings.Repeat("\xff", 255) + "/f/" + strings.Repeat("n", 200) + ".jpg")
	for _, prefix := range []string{"", "p", "/p/q/", strings.Repeat("p/", 100)} {
		key, err := Key(prefix, path, someID, SegmentLimit(prefix))
		if err != nil {
			t.Fatal(err)
		}
		if last := key[strings.LastIndexByte(key, '/')+1:]; len(last) > MaxSegment || len(last) < MaxSegment-2 {
			t.Errorf("prefix %q: %d bytes behind it, want at most %d", prefix, len(last), MaxSegment)
		}
	}
	if got := SegmentLimit(strings.Repeat("p", 900)); got != MaxKey {
		t.Errorf("limit with a long prefix is %d, want %d", got, MaxKey)
	}
}

func TestKeysSortByTime(t *testing.T) {
	var keys []string
	for _, id := range []meta.VersionID{1, 15, 16, someID - 1, someID, someID + 1, 0xfffffffffffff} {
		key, err := Key("", []byte("/u/f/n"), id, 0)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if !slices.IsSorted(keys) {
		t.Errorf("keys do not sort by time: %q", keys)
	}
}

func TestParseKeyForeign(t *testing.T) {
	hash := strings.Repeat("0123456789abcdef", 2)
	accepted := []string{
		"u_0000000000001o_f_n", "u_0000000000001s_f_s_n", "_0000000000001p_a", "_0000000000001p_a/b",
		"u_0000000000001ox_f_n~" + hash, "u_0000000000001sx_f_s_a_b~c~" + hash + ".jpg", "_0000000000001px_a/b/~" + hash,
	}
	for _, key := range accepted {
		if _, err := ParseKey("", key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{
		"", "_", "__", "___", "a", "/", "robots.txt", "index/a_b_c",
		"003d34b5ba832f753ad91a6cdac1921f_537fd44_image_large_x.jpg",
		"u_0000000000001_f_n",                                 // no kind
		"u_000000000001o_f_n",                                 // a digit missing
		"u_00000000000001o_f_n",                               // a digit too many
		"u_0000000000000o_f_n",                                // no version
		"u_8000000000000000o_f_n",                             // negative
		"u_000000000000Ao_f_n",                                // upper case
		"u_+000000000001o_f_n",                                // sign
		"u_0000000000001xo_f_n",                               // marks in the wrong order
		"u_0000000000001oxx_f_n",                              // twice
		"u_0000000000001so_f_s_n",                             // two kinds
		"u_0000000000001s_f_n",                                // scaled without a scale
		"u_0000000000001o_fn",                                 // a part missing
		"u_0000000000001o__n",                                 // empty field
		"u_0000000000001o_f_",                                 // empty filename
		"_0000000000001o_f_n",                                 // empty uid
		"u_0000000000001p_a",                                  // uid without an address
		"_0000000000001p_",                                    // empty path
		"_0000000000001p_/a",                                  // empty component
		"_0000000000001p_a/",                                  //
		"_0000000000001p_a//b",                                //
		"_0000000000001p_../a",                                // climbs
		"..%2F_0000000000001o_f_n",                            //
		".._0000000000001o_f_n",                               //
		"u_0000000000001o_f_..",                               //
		"_0000000000001p_a/b/c",                               // has an address
		"_0000000000001p_a/b/c/d",                             //
		"u/v_0000000000001o_f_n",                              // slash in a name
		"u_0000000000001o_f_n/m",                              //
		"u_0000000000001o_f_n%2Fm",                            //
		"u_0000000000001o_f_%6E",                              // needless escape
		"u_0000000000001o_f_%c3",                              // lower case
		"u_0000000000001o_f_%5F",                              // filenames keep "_"
		"u_0000000000001o_f_%C3%BC",                           // valid UTF-8 is not escaped
		"u_0000000000001o_f_\xff",                             // not UTF-8
		"u_0000000000001o_f_a\nb",                             // control character
		"u_0000000000001o_f_%00",                              // NUL
		"u_0000000000001o_f_%",                                // broken escape
		"u_0000000000001o_f_%4",                               //
		"u_0000000000001o_f_n\ufffe",                          // noncharacter
		"u_0000000000001o_f_" + strings.Repeat("n", 256),      // no filename is so long
		"_0000000000001p_" + strings.Repeat("abc/", 300),      // longer than any key
		"u_0000000000001ox_f_n",                               // no hash
		"u_0000000000001ox_f_n~" + hash[1:],                   // short hash
		"u_0000000000001ox_f_n~" + strings.ToUpper(hash),      //
		"u_0000000000001ox_f_n~" + hash + "jpg",               // no extension
		"u_0000000000001ox_f_n~" + hash + ".",                 //
		"u_0000000000001ox_f_n~" + hash + ".j%g",              //
		"u_0000000000001ox_f_n~" + hash + ".jpgjpgjpgjpgjpgj", // long extension
		"_0000000000001ox_f_n~" + hash,                        // empty uid
		"u_0000000000001px_f_n~" + hash,                       // uid without an address
		"u_0000000000001ox__n~" + hash,                        // empty field
		"u_0000000000001ox_f_n/m~" + hash,                     // slash in a name
		"u/v_0000000000001ox_f_n~" + hash,                     //
		"u_0000000000001ox_%5f_n~" + hash,                     // lower case
		"u_0000000000001ox_f_%5F~" + hash,                     // filenames keep "_"
		"u_0000000000001ox_f_%00~" + hash,                     // NUL
		"_0000000000001px_a//b~" + hash,                       // empty component
		"_0000000000001px_../b~" + hash,                       // climbs
	} {
		if p, err := ParseKey("", key); !errors.Is(err, ErrForeignKey) {
			t.Errorf("ParseKey(%q) = %+v, %v, want ErrForeignKey", key, p, err)
		}
	}
	for prefix, key := range map[string]string{
		"p":   "u_0000000000001o_f_n",
		"p/q": "p/u_0000000000001o_f_n",
		"q":   "p/u_0000000000001o_f_n",
		"":    "p/u_0000000000001o_f_n",
	} {
		if p, err := ParseKey(prefix, key); !errors.Is(err, ErrForeignKey) {
			t.Errorf("ParseKey(%q, %q) = %+v, %v, want ErrForeignKey", prefix, key, p, err)
		}
	}
}

func TestKeysAreValidUTF8(t *testing.T) {
	for _, limit := range []int{60, 255, MaxKey} {
		for n := range 256 {
			path := []byte("/u\xe2\x82/\xf0f/" + strings.Repeat("é\xff\u0085", n/8) + string([]byte{'a', byte(n) | 0x80}))
			key, err := Key("", path, someID, limit)
			if err != nil || !utf8.ValidString(key) || len(key) > limit {
				t.Fatalf("Key(%q) in %d bytes = %q, %v", path, limit, key, err)
			}
		}
	}
}
