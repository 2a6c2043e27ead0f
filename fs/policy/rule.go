package policy

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// Place is where content belongs.
type Place int

const (
	// S3 is the default.
	S3 Place = iota
	// Fallback: the fallback directory.
	Fallback
	// Here: this server's disk, until the file gets another name or older.
	Here
)

var placeNames = [...]string{"s3", "fallback", "here"}

// String returns the place as a rule names it.
func (p Place) String() string {
	if p < 0 || int(p) >= len(placeNames) {
		return fmt.Sprintf("place %d", int(p))
	}
	return placeNames[p]
}

// ParsePlace is the reverse of String.
func ParsePlace(s string) (Place, error) {
	for i, name := range placeNames {
		if s == name {
			return Place(i), nil
		}
	}
	return 0, fmt.Errorf("%.40q is none of %s", s, strings.Join(placeNames[:], ", "))
}

// File is what rules see of a file.
type File struct {
	Path     []byte // absolute, inside the volume
	UID      string // this and the next two are "" without an address
	Field    string
	Scale    string
	Name     string // last component of Path
	Type     string // media type
	Size     int64  // bytes
	Modified time.Time
}

// Rule is one rule of the administrator's. The zero value of a condition is none.
type Rule struct {
	Name string // for people; must not be empty

	UIDs, Fields, Scales []string
	Files                []string // patterns of the last component
	Paths                []string // patterns of the whole path
	Types                []string // patterns of the media type
	MinSize, MaxSize     int64    // bytes, both included; MaxSize 0: no bound
	MinAge               time.Duration

	To           Place
	Prefix       *string // below the volume's own; nil: none
	StorageClass string
	CacheControl string
	ACL          string // canned; "": none is sent
	Private      bool
}

// check returns what is wrong with a rule.
func (r *Rule) check() error {
	lists := []struct {
		field    string
		patterns []string
	}{
		{"uid", r.UIDs}, {"field", r.Fields}, {"scale", r.Scales},
		{"filename", r.Files}, {"path", r.Paths}, {"type", r.Types},
	}
	if r.Name == "" {
		return errors.New("a rule needs a name")
	}
	for _, l := range lists {
		for _, p := range l.patterns {
			if _, err := path.Match(p, ""); err != nil || p == "" {
				return fmt.Errorf("rule %q: %s: %q is no pattern", r.Name, l.field, p)
			}
		}
	}
	for _, p := range r.Paths {
		if !strings.HasPrefix(p, "/") {
			return fmt.Errorf("rule %q: path: %q does not begin with /", r.Name, p)
		}
	}
	switch {
	case r.MinSize < 0 || r.MaxSize < 0:
		return fmt.Errorf("rule %q: a size is negative", r.Name)
	case r.MaxSize != 0 && r.MaxSize < r.MinSize:
		return fmt.Errorf("rule %q: max_size is less than min_size", r.Name)
	case r.MinAge < 0:
		return fmt.Errorf("rule %q: min_age is negative", r.Name)
	case r.To < S3 || r.To > Here:
		return fmt.Errorf("rule %q: to: %v is not known", r.Name, r.To)
	case r.To != S3 && (r.Prefix != nil || r.StorageClass != "" || r.CacheControl != "" || r.ACL != "" || r.Private):
		return fmt.Errorf("rule %q: prefix, storage_class, cache_control, acl and private are of objects, and the rule sends nothing to S3", r.Name)
	case r.Private && strings.HasPrefix(r.ACL, "public"):
		return fmt.Errorf("rule %q: it is private, and its acl is %s", r.Name, r.ACL)
	}
	return nil
}

// misfit returns why a rule does not fit a file, "" when it does, its age aside.
func (r *Rule) misfit(f *File) string {
	for _, c := range []struct {
		field, value string
		patterns     []string
	}{
		{"uid", f.UID, r.UIDs}, {"field", f.Field, r.Fields}, {"scale", f.Scale, r.Scales},
		{"filename", f.Name, r.Files}, {"type", mediaType(f.Type), r.Types},
	} {
		if len(c.patterns) > 0 && !matchAny(c.patterns, c.value) {
			if c.value == "" {
				return "it has no " + c.field
			}
			return fmt.Sprintf("%s %q is not %s", c.field, c.value, anyOf(c.patterns))
		}
	}
	switch {
	case len(r.Paths) > 0 && !matchAnyPath(r.Paths, string(f.Path)):
		return "the path is not " + anyOf(r.Paths)
	case f.Size < r.MinSize:
		return fmt.Sprintf("%d bytes are less than %d", f.Size, r.MinSize)
	case r.MaxSize != 0 && f.Size > r.MaxSize:
		return fmt.Sprintf("%d bytes are more than %d", f.Size, r.MaxSize)
	}
	return ""
}

// anyOf names some patterns of a list.
func anyOf(patterns []string) string {
	const some = 4
	if len(patterns) > some {
		return fmt.Sprintf("%s or one of %d more", strings.Join(patterns[:some], " or "), len(patterns)-some)
	}
	return strings.Join(patterns, " or ")
}

// mediaType strips parameters.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.TrimSpace(s)
}

func matchAny(patterns []string, value string) bool {
	for _, p := range patterns {
		if value != "" && match(p, value) {
			return true
		}
	}
	return false
}

// match is path.Match where a "/" in the value is like any other byte, as in a media
// type, and the case of ASCII letters does not count.
func match(pattern, value string) bool {
	ok, _ := path.Match(strings.ReplaceAll(lower(pattern), "/", "\x01"), strings.ReplaceAll(lower(value), "/", "\x01"))
	return ok
}

func matchAnyPath(patterns []string, value string) bool {
	for _, p := range patterns {
		if matchParts(strings.Split(lower(p)[1:], "/"), strings.Split(strings.TrimPrefix(lower(value), "/"), "/")) {
			return true
		}
	}
	return false
}

// matchParts matches components. "**" is tried from the right, once for each place
// it can end at: patterns have few of them, and paths few components.
func matchParts(patterns, parts []string) bool {
	for len(patterns) > 0 {
		if patterns[0] == "**" {
			for i := len(parts); i >= 0; i-- {
				if matchParts(patterns[1:], parts[i:]) {
					return true
				}
			}
			return false
		}
		if len(parts) == 0 {
			return false
		}
		if ok, _ := path.Match(patterns[0], parts[0]); !ok {
			return false
		}
		patterns, parts = patterns[1:], parts[1:]
	}
	return len(parts) == 0
}

// lower lowers ASCII letters and leaves all other bytes as they are.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}
