package policy

import (
	"slices"
	"testing"
)

func TestTemporaryNames(t *testing.T) {
	p := mustNew(t)
	for name, want := range map[string]bool{
		"upload.tmp": true, "UPLOAD.TMP": true, "a.temp": true, "film.mp4.part": true, "x.partial": true, "x.filepart": true,
		"big.zip.crdownload": true, ".in.photo.jpg.": true, ".pureftpd-upload.5f3a": true,
		"notes.txt~": true, ".#notes.txt": true, "#notes.txt#": true,
		".notes.txt.swp": true, ".notes.txt.swo": true, ".notes.txt.swx": true, ".notes.txt.swpx": true, "4913": true,
		".~lock.report.odt#": true, "~$report.docx": true, ".goutputstream-AB12CD": true,
		".nfs000000000012345600000001": true, ".fuse_hidden0000000100000001": true,
		".photo.jpg.Xa3b9Z": true, ".photo.jpg.aB3xyz": true, "..htaccess.k2J9aQ": true, ".a.x1y2z3": true,

		"photo.jpg": false, "file.part1.rar": false, "film.part.mp4": false, "a~b.txt": false, "~": false, "~a": false,
		"tmp": false, "template.html": false, "atmp": false, "temp.txt": false, "swp": false, "x.swf": false,
		"#": false, "#1.jpg": false, "1#.jpg": false, "c#": false, "4913.jpg": false, "14913": false,
		".config.backup": false, ".bashrc.Backup": false, ".x.sha256": false, ".x.SHA512": false, ".x.202401": false,
		"photo.jpg.Xa3b9Z": false, ".photo.Xa3b9": false, ".photo.Xa3b9Zq": false, ".Xa3b9Z": false, "..Xa3b9Z": false,
		".htaccess": false, ".nf": false, ".in.photo.jpg": false, "": false,
	} {
		f := image()
		f.Name = name
		if d := agree(t, p, f); (d.Place == Here) != want || (d.Rule == TemporaryNames) != want {
			t.Errorf("%q: %+v", name, d)
		}
	}
}

func TestRulesComeBeforeTemporaryNames(t *testing.T) {
	f := image()
	f.Name = "a.tmp"
	p := mustNew(t, sized(Rule{Name: "all tmp", Files: []string{"*.tmp"}, To: Fallback}))
	if d := agree(t, p, f); d.Place != Fallback {
		t.Errorf("%+v", d)
	}
	names := func(p *Policy) (list []string) {
		for _, r := range p.Rules() {
			list = append(list, r.Name)
		}
		return list
	}
	if got := names(p); !slices.Equal(got, []string{"all tmp", TemporaryNames}) {
		t.Errorf("rules in force: %q", got)
	}
	// A rule of the name takes its place; without conditions it switches it off.
	p = mustNew(t, sized(Rule{Name: TemporaryNames}))
	if d := agree(t, p, f); d.Place != S3 || len(names(p)) != 1 {
		t.Errorf("%+v of %q", d, names(p))
	}
}

func TestTemporaryPatternsAreValid(t *testing.T) {
	if _, err := New([]Rule{temporaryRule()}); err != nil {
		t.Error(err)
	}
}
