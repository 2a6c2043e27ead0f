package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

const top = "../../.."

// TestSaboteursFit sees that each replacement still has its place and each pattern a
// test, and that no two saboteurs are the same.
func TestSaboteursFit(t *testing.T) {
	names := map[string]bool{}
	for _, s := range all() {
		if names[s.name] {
			t.Errorf("two saboteurs are called %q", s.name)
		}
		names[s.name] = true
		source, err := os.ReadFile(filepath.Join(top, s.file))
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		if _, err := s.broken(source); err != nil {
			t.Error(err)
		}
		if !declared(t, s.pkg, s.tests) {
			t.Errorf("%s: no test of %s fits %q", s.name, s.pkg, s.tests)
		}
	}
	if len(names) < 20 {
		t.Errorf("%d saboteurs are too few to show anything", len(names))
	}
}

var function = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

// declared reports whether a package has a test whose name fits a pattern.
func declared(t *testing.T, pkg, pattern string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	fits := regexp.MustCompile("^(" + pattern + ")$")
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range function.FindAllStringSubmatch(string(source), -1) {
			if fits.MatchString(m[1]) {
				return true
			}
		}
	}
	return false
}
