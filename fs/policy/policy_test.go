package policy

import (
	"strings"
	"testing"
	"time"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sub  = "videos"
)

func image(name string) File {
	return File{Path: []byte("/u1/image/large/" + name), UID: "u1", Field: "image", Scale: "large",
		Name: name, Type: "image/jpeg", Size: 100, Modified: noon}
}

// TestTemporary holds which names are kept here by themselves, and which are not.
func TestTemporary(t *testing.T) {
	for name, here := range map[string]bool{
		"a.tmp": true, "A.TMP": true, ".~lock.a.odt#": true, "a.odt~": true, ".a.swp": true, ".a.swx": true,
		"4913": true, ".nfs000000000001": true, ".fuse_hidden0001": true, "#a#": true, ".#a": true,
		"video.mp4.part": true, "x.crdownload": true, ".photo.jpg.a8Xk2Z": true, ".goutputstream-ABC123": true,
		"~$letter.docx": true,

		"a.jpg": false, "file.part1.rar": false, "~a": false, "~": false, "a~b.jpg": false, "tmp": false, "49130": false,
		".htaccess": false, ".site.config": false, ".well-known": false, "x.swf": false, "C#": false, "#1.jpg": false,
		".a.b-c-d1": false, ".abcdef": false,
	} {
		d := (*Policy)(nil).Decide(image(name), noon)
		if (d.To == Here) != here || here != (d.Rule == Temporary) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestFirstRuleDecides(t *testing.T) {
	p, err := New([]Rule{
		{Name: "keep my temporaries", Files: []string{"keep*.tmp"}},
		{Name: "thumbs stay", Scales: []string{"thumb", "t?le"}, To: Fallback},
		{Name: "videos", Types: []string{"video/*"}, Prefix: &sub, StorageClass: "STANDARD_IA", CacheControl: "no-store"},
		{Name: "large", MinSize: 1000, MaxSize: 2000, To: Fallback},
		{Name: "private", Paths: []string{"/private/**", "/**/secret/*.pdf"}, Private: true},
		{Name: "one uid", UIDs: []string{"u[2-3]"}, Fields: []string{"file"}, To: Here},
	})
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*File)) File {
		f := image("a.jpg")
		change(&f)
		return f
	}
	for want, f := range map[string]File{
		"keep my temporaries": image("keep1.tmp"),
		"thumbs stay":         with(func(f *File) { f.Scale = "tile" }),
		"videos":              with(func(f *File) { f.Type = "Video/MP4; codecs=x" }),
		"large":               with(func(f *File) { f.Size = 2000 }),
		"private":             with(func(f *File) { f.Path = []byte("/a/b/secret/X.PDF") }),
		"one uid":             with(func(f *File) { f.UID, f.Field = "u3", "file" }),
		Default:               with(func(f *File) { f.Path, f.UID, f.Field, f.Scale = []byte("/x/secret.pdf"), "", "", "" }),
	} {
		d, steps := p.Explain(f, noon)
		if d.Rule != want || d != p.Decide(f, noon) {
			t.Errorf("%s: %+v", want, d)
		}
		for i, s := range steps {
			if s.Fits != (i == len(steps)-1) || s.Fits != (s.Why == "") {
				t.Errorf("%s: step %d: %+v", want, i, s)
			}
		}
	}
	d := p.Decide(with(func(f *File) { f.Type = "video/mp4" }), noon)
	if *d.Prefix != sub || d.StorageClass != "STANDARD_IA" || d.CacheControl != "no-store" || d.To != S3 {
		t.Errorf("of videos: %+v", d)
	}
}

func TestAge(t *testing.T) {
	p, err := New([]Rule{
		{Name: "old videos", Types: []string{"video/*"}, MinAge: 24 * time.Hour},
		{Name: "old scales", Scales: []string{"*"}, MinAge: time.Hour, To: Fallback},
	})
	if err != nil {
		t.Fatal(err)
	}
	video := image("a.mp4")
	video.Type = "video/mp4"
	for _, c := range []struct {
		f     File
		after time.Duration
		to    Place
		rule  string
		again time.Duration // 0: never
	}{
		{video, 0, Here, "old videos", time.Hour},
		{video, time.Hour, Fallback, "old scales", 24 * time.Hour},
		{video, 24 * time.Hour, S3, "old videos", 0},
		{image("a.jpg"), 0, S3, Default, time.Hour},
		{image("a.jpg"), time.Hour, Fallback, "old scales", 0},
	} {
		d := p.Decide(c.f, noon.Add(c.after))
		again := time.Time{}
		if c.again != 0 {
			again = noon.Add(c.again)
		}
		if d.To != c.to || d.Rule != c.rule || !d.Again.Equal(again) {
			t.Errorf("%s after %v: %+v", c.f.Name, c.after, d)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for part, r := range map[string]Rule{
		"needs a name":        {},
		"field":               {Name: "r", Fields: []string{"[a"}},
		"is no pattern":       {Name: "r", Files: []string{""}},
		"does not begin":      {Name: "r", Paths: []string{"a/*"}},
		"negative":            {Name: "r", MinSize: -1},
		"less than min_size":  {Name: "r", MinSize: 5, MaxSize: 4},
		"min_age":             {Name: "r", MinAge: -1},
		"is not known":        {Name: "r", To: 7},
		"sends nothing to S3": {Name: "r", To: Here, ACL: "private"},
		"its acl is":          {Name: "r", Private: true, ACL: "public-read"},
		"another one":         {Name: Temporary},
	} {
		if _, err := New([]Rule{r}); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%+v: %v, not %q", r, err, part)
		}
	}
	if _, err := New([]Rule{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("two rules of one name")
	}
}

func FuzzDecide(f *testing.F) {
	f.Add("*.jpg", "/a/**/b", "image/*", "/u/f/s/n.jpg", "n.jpg", "image/jpeg")
	f.Add("[", "/**/**", "*", "/", ".x.aaaaaa", "")
	f.Fuzz(func(t *testing.T, file, path, typ, at, name, media string) {
		p, err := New([]Rule{{Name: "r", Files: []string{file}}, {Name: "s", Paths: []string{path}, Types: []string{typ}, To: Fallback}})
		if err != nil {
			p = nil
		}
		g := File{Path: []byte(at), Name: name, Type: media, Modified: noon}
		d, steps := p.Explain(g, noon)
		if d != p.Decide(g, noon) || len(steps) == 0 {
			t.Errorf("%+v", d)
		}
	})
}
