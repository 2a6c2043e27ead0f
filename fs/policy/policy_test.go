package policy

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// image is /u1/image/thumb/Photo.JPG, of 2,000 bytes and an hour old.
func image() File {
	return File{
		Path: []byte("/u1/image/thumb/Photo.JPG"), UID: "u1", Field: "image", Scale: "thumb", Name: "Photo.JPG",
		Addressed: true, Scaled: true, Type: "image/jpeg", Size: 2000, Modified: now.Add(-time.Hour),
	}
}

// sized is a Rule without bounds of the size.
func sized(r Rule) Rule {
	if r.Name == "" {
		r.Name = "r"
	}
	return r
}

func mustNew(t *testing.T, rules ...Rule) *Policy {
	t.Helper()
	p, err := New(rules)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// agree checks that Explain tells the same as Decide.
func agree(t *testing.T, p *Policy, f File) Decision {
	t.Helper()
	d := p.Decide(f, now)
	deciding := 0
	for _, s := range p.Explain(f, now) {
		if s.Why == "" {
			t.Errorf("rule %q: nothing is said", s.Rule)
		}
		if s.Outcome == Decides {
			deciding++
			if s.Rule != d.Rule {
				t.Errorf("rule %q decides, and %q is explained", d.Rule, s.Rule)
			}
		}
	}
	if deciding != 1 {
		t.Errorf("%d rules are said to decide", deciding)
	}
	return d
}

func TestConditions(t *testing.T) {
	plain := File{Path: []byte("/static/css/site/a/x.css"), Name: "x.css", Type: "text/css", Size: 10, Modified: now}
	original := image()
	original.Scale, original.Scaled = "", false
	for _, tc := range []struct {
		name string
		rule Rule
		file File
		fits bool
	}{
		{"nothing", Rule{}, image(), true},
		{"field", Rule{Fields: []string{"file", "image"}}, image(), true},
		{"other field", Rule{Fields: []string{"file"}}, image(), false},
		{"field and its case", Rule{Fields: []string{"Image"}}, image(), false},
		{"field of no address", Rule{Fields: []string{"*"}}, plain, false},
		{"scale", Rule{Scales: []string{"th*"}}, image(), true},
		{"any scale", Rule{Scales: []string{"*"}}, original, false},
		{"originals", Rule{Scales: []string{""}}, original, true},
		{"originals only", Rule{Scales: []string{""}}, image(), false},
		{"originals and a scale", Rule{Scales: []string{"", "thumb"}}, image(), true},
		{"originals of no address", Rule{Scales: []string{""}}, plain, false},
		{"uid", Rule{UIDs: []string{"u?"}}, image(), true},
		{"other uid", Rule{UIDs: []string{"u2"}}, image(), false},
		{"filename in any case", Rule{Files: []string{"*.jpg"}}, image(), true},
		{"path", Rule{Paths: []string{"/static/**"}}, plain, true},
		{"path of an address", Rule{Paths: []string{"/u1/**"}}, image(), true},
		{"other path", Rule{Paths: []string{"/media/**"}}, plain, false},
		{"type", Rule{Types: []string{"IMAGE/*"}}, image(), true},
		{"other type", Rule{Types: []string{"video/*"}}, image(), false},
		{"all", Rule{Fields: []string{"image"}, Files: []string{"*.jpg"}, Types: []string{"image/*"}}, image(), true},
		{"all but one", Rule{Fields: []string{"image"}, Files: []string{"*.png"}, Types: []string{"image/*"}}, image(), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.rule.To = Fallback
			d := agree(t, mustNew(t, sized(tc.rule)), tc.file)
			if fits := d.Rule == "r"; fits != tc.fits || fits != (d.Place == Fallback) {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestTypeWithParameters(t *testing.T) {
	f := image()
	f.Type = "text/plain; charset=utf-8"
	if d := agree(t, mustNew(t, sized(Rule{Types: []string{"text/plain"}})), f); d.Rule != "r" {
		t.Errorf("%+v", d)
	}
}

func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		least, most int64
		fits        bool
	}{{2000, 0, true}, {2001, 0, false}, {0, 2000, true}, {0, 1999, false}, {0, 0, true}, {2000, 2000, true}} {
		p := mustNew(t, Rule{Name: "r", MinSize: tc.least, MaxSize: tc.most, To: Fallback})
		if d := agree(t, p, image()); (d.Rule == "r") != tc.fits {
			t.Errorf("%d to %d: %+v", tc.least, tc.most, d)
		}
	}
}

func TestFirstRuleDecidesWhole(t *testing.T) {
	prefix, private := "video", true
	p := mustNew(t,
		sized(Rule{Name: "a", Fields: []string{"image"}, CacheControl: "no-cache"}),
		sized(Rule{Name: "b", Prefix: &prefix, StorageClass: "STANDARD_IA", ACL: "bucket-owner-read", Private: &private, To: Fallback}))
	if d := agree(t, p, image()); d != (Decision{CacheControl: "no-cache", Rule: "a"}) {
		t.Errorf("%+v", d)
	}
	f := image()
	f.Field = "file"
	prefix, private = "changed", false // the policy has its own
	want := Decision{Place: Fallback, Prefix: "video", HasPrefix: true, StorageClass: "STANDARD_IA", ACL: "bucket-owner-read", Private: true, Rule: "b"}
	if d := agree(t, p, f); d != want {
		t.Errorf("%+v", d)
	}
}

func TestDefault(t *testing.T) {
	if d := agree(t, mustNew(t), image()); d != (Decision{Place: S3, Rule: Default}) {
		t.Errorf("%+v", d)
	}
}

func TestAge(t *testing.T) {
	toS3 := sized(Rule{Name: "old to s3", MinAge: 7 * day})
	away := sized(Rule{Name: "very old away", MinAge: 30 * day, To: Fallback})
	images := sized(Rule{Name: "images", Types: []string{"image/*"}, To: Fallback})
	for _, tc := range []struct {
		name  string
		rules []Rule
		age   time.Duration
		place Place
		rule  string
		after time.Duration // of age; 0: never
	}{
		{"too young for S3, nothing else", []Rule{toS3}, day, Here, Default, 7 * day},
		{"to the moment", []Rule{toS3}, 7 * day, S3, "old to s3", 0},
		{"too young for S3, another rule", []Rule{toS3, images}, day, Fallback, "images", 7 * day},
		{"too young to go away", []Rule{away}, day, S3, Default, 30 * day},
		{"two ages", []Rule{away, toS3}, day, Here, Default, 7 * day},
		{"between two ages", []Rule{away, toS3}, 8 * day, S3, "old to s3", 30 * day},
		{"after both", []Rule{away, toS3}, 31 * day, Fallback, "very old away", 0},
		{"a rule behind the deciding one", []Rule{images, toS3}, day, Fallback, "images", 0},
		{"from the future", []Rule{toS3}, -day, Here, Default, 7 * day},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, f := mustNew(t, tc.rules...), image()
			f.Modified = now.Add(-tc.age)
			d := agree(t, p, f)
			var after time.Time
			if tc.after > 0 {
				after = f.Modified.Add(tc.after)
			}
			if d.Place != tc.place || d.Rule != tc.rule || !d.After.Equal(after) {
				t.Errorf("%+v, want to look again %v", d, after)
			}
			if !d.After.IsZero() && p.Decide(f, d.After).Rule == d.Rule {
				t.Errorf("nothing is new at %v", d.After)
			}
		})
	}
}

func TestErrorsNameRuleAndField(t *testing.T) {
	text, yes := func(s string) *string { return &s }, true
	for _, tc := range []struct {
		rule       Rule
		field, why string
	}{
		{Rule{Name: Default}, "name", "where no rule does"},
		{Rule{Name: "first"}, "name", "another rule"},
		{Rule{Name: "a\nb"}, "name", "control"},
		{Rule{Fields: []string{"a/b"}}, "field", "path"},
		{Rule{Fields: []string{""}}, "field", "fits nothing"},
		{Rule{Scales: []string{"[x"}}, "scale", "without a"},
		{Rule{UIDs: []string{"[z-a]"}}, "uid", "range"},
		{Rule{Files: []string{"*.jpg", "a\x00"}}, "filename", "NUL"},
		{Rule{Paths: []string{"static/**"}}, "path", "begins neither"},
		{Rule{Paths: []string{"/static/"}}, "path", "/folder/**"},
		{Rule{Paths: []string{"/a/../b"}}, "path", "component"},
		{Rule{Paths: []string{"/a[/]b"}}, "path", "without a"},
		{Rule{Types: []string{"jpeg"}}, "type", "image/*"},
		{Rule{MinSize: -2}, "min_size", "negative"},
		{Rule{MinSize: 5, MaxSize: 4}, "max_size", "less than min_size"},
		{Rule{MinAge: -1}, "min_age", "negative"},
		{Rule{To: 7}, "to", "s3, fallback, here"},
		{Rule{Prefix: text("/a")}, "prefix", "empty part"},
		{Rule{Prefix: text("a/../b")}, "prefix", "part"},
		{Rule{StorageClass: "standard ia"}, "storage_class", "STANDARD_IA"},
		{Rule{CacheControl: "a\r\nb"}, "cache_control", "printable"},
		{Rule{ACL: "everybody"}, "acl", "public-read"},
		{Rule{ACL: "public-read", Private: &yes}, "acl", "contradicts"},
	} {
		if tc.rule.Name == "" {
			tc.rule.Name = "second"
		}
		_, err := New([]Rule{sized(Rule{Name: "first"}), tc.rule})
		var e *RuleError
		if !errors.As(err, &e) {
			t.Errorf("%+v: %v", tc.rule, err)
			continue
		}
		if e.Index != 1 || e.Rule != tc.rule.Name || e.Field != tc.field || !strings.Contains(err.Error(), tc.why) {
			t.Errorf("%+v: index %d, field %s: %v", tc.rule, e.Index, e.Field, err)
		}
	}
	if _, err := New([]Rule{{}}); err == nil || !strings.Contains(err.Error(), "name is empty") {
		t.Errorf("without a name: %v", err)
	}
}

// Decide runs for every upload.
func TestDecideDoesNotAllocate(t *testing.T) {
	p := mustNew(t,
		sized(Rule{Name: "a", Paths: []string{"/static/**/x", "**/*.png"}}),
		sized(Rule{Name: "b", Fields: []string{"vid*"}, Files: []string{"*.mp4"}, Types: []string{"video/*"}, MinAge: day}))
	f := image()
	f.Path = []byte("/u1/image/thumb/" + strings.Repeat("x", 200))
	if n := testing.AllocsPerRun(100, func() { p.Decide(f, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecide(f *testing.F) {
	f.Add("*.jpg", "/a/**", "image/*", "/a/b/c.jpg", "image/jpeg", int64(5), int64(10), int64(time.Hour))
	f.Add("[!a]?", "**/x", "*/*", "/\xff/x", "", int64(-1), int64(0), int64(-1))
	f.Fuzz(func(t *testing.T, file, path, kind, of, mediaType string, least, size, age int64) {
		rules := []Rule{
			{Name: "a", Files: []string{file}, Paths: []string{path}, MinSize: least, To: Fallback},
			{Name: "b", Types: []string{kind}, Scales: []string{file}, MaxSize: size, MinAge: time.Duration(age)},
		}
		p, err := New(rules)
		if err != nil {
			if !errors.As(err, new(*RuleError)) {
				t.Fatal(err)
			}
			return
		}
		x := File{Path: []byte(of), Name: of[strings.LastIndexByte(of, '/')+1:], Type: mediaType, Size: size, Modified: now.Add(-time.Duration(age)), Addressed: age%2 == 0, Scaled: age%4 == 0}
		d := agree(t, p, x)
		if again := p.Decide(x, now); again != d {
			t.Errorf("%+v, and then %+v", d, again)
		}
		if !d.After.IsZero() && !d.After.After(now) {
			t.Errorf("to be decided anew in the past: %+v", d)
		}
	})
}
