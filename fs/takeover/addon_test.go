package takeover

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const seed = "003d34b5ba832f753ad91a6cdac1921f_537fd44_image_large_tanning-bed.jpg"

func TestSplitAddonKey(t *testing.T) {
	uid, rest, ok := splitAddonKey(seed)
	if !ok || uid != "003d34b5ba832f753ad91a6cdac1921f" || rest != "image_large_tanning-bed.jpg" {
		t.Errorf("%q %q %v", uid, rest, ok)
	}
	for _, key := range []string{"", "_", "a", "a_b", "a_537fd44", "a_537fd44_", "_537fd44_image_x", "a_537fd4_image_x", "a_537fd445_image_x",
		"a_537fd4g_image_x", "a.b_537fd44_image_x", "a/b_537fd44_image_x", "a_537fd44_image_x/y", "a_537fd44_image_\x00",
		strings.Repeat("u", 256) + "_537fd44_image_x"} {
		if uid, rest, ok := splitAddonKey(key); ok {
			t.Errorf("%q: %q %q", key, uid, rest)
		}
	}
}

// TestResolve: what is taken and what is ambiguous, with each key alone or beside
// others of its uid.
func TestResolve(t *testing.T) {
	for _, tc := range []struct {
		keys string // behind uid and generated part
		want string // one path each; "?" for several, "-" for none
	}{
		{"image_large_tanning-bed.jpg", "?"},
		{"image_tanning-bed.jpg", "image/tanning-bed.jpg"},
		{"image_large_tanning-bed.jpg image_tanning-bed.jpg", "image/large/tanning-bed.jpg image/tanning-bed.jpg"},
		{"image_large_a.jpg image_mini_a.jpg", "image/large/a.jpg image/mini/a.jpg"},
		{"image_large_a.jpg image_mini_b.jpg", "? ?"},
		{"file_my_long_name.pdf", "file/my_long_name.pdf"},
		{"lead_image_a.jpg", "-"},
		{"image_large_large_a.jpg image_large_a.jpg", "image/large/large_a.jpg image/large_a.jpg"},
		{"image_large_large_a.jpg image_large_a.jpg image_a.jpg", "image/large/large_a.jpg ? image/a.jpg"},
		{"image_x_a.jpg", "image/x_a.jpg"},
		{"image_large_.. image_..", "image/large_.. -"},
		{"file_large_a.pdf image_a.pdf", "? image/a.pdf"},
	} {
		var list []addonObject
		for rest := range strings.FieldsSeq(tc.keys) {
			list = append(list, addonObject{candidates: readings(rest, Scales())})
		}
		resolve(list, Fields())
		var got []string
		for _, a := range list {
			switch len(a.consistent) {
			case 0:
				got = append(got, "-")
			case 1:
				got = append(got, a.consistent[0].String())
			default:
				got = append(got, "?")
			}
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: %s, not %s", tc.keys, s, tc.want)
		}
	}
}

func FuzzAddonKey(f *testing.F) {
	for _, s := range []string{seed, "a_0000000_image_x", "a_0000000___", "a_0000000_image_large_", "-_fffffff_image_thumb_\xff", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		uid, rest, ok := splitAddonKey(key)
		if !ok {
			return
		}
		if len(key) != len(uid)+len(rest)+generatedDigits+2 || !strings.HasPrefix(key, uid) || !strings.HasSuffix(key, rest) {
			t.Fatalf("%q became %q and %q", key, uid, rest)
		}
		list := readings(rest, Scales())
		for _, r := range list {
			if !isPath(uid + "/" + r.String()) {
				t.Errorf("%q has the reading %q", key, r)
			}
			if strings.ReplaceAll(r.String(), "/", "_") != rest || r.scale != "" && !slices.Contains(Scales(), r.scale) {
				t.Errorf("%q has the reading %q, which is another key", key, r)
			}
		}
		group := []addonObject{{candidates: list}}
		resolve(group, Fields())
		if n := len(group[0].consistent); n > len(list) {
			t.Error(fmt.Sprint(n))
		}
	})
}
