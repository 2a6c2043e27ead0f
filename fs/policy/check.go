package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxRules and maxPatterns bound what Decide has to go through.
	maxRules    = 1000
	maxPatterns = 1000 // of one condition
	// maxPrefix is the length in bytes of the longest prefix: half of a key.
	maxPrefix = 512
	// maxHeader is the length in bytes of the longest value of a header.
	maxHeader = 256
)

// acls are the canned ACLs of S3 for an object.
var acls = []string{"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control"}

// RuleError says what is wrong with a rule.
type RuleError struct {
	Index int    // of the rule
	Rule  string // its name
	Field string // as the configuration calls it: "min_size"
	Err   error
}

// Error returns rule, field and what is wrong.
func (e *RuleError) Error() string {
	return fmt.Sprintf("rule %q: %s %v", e.Rule, e.Field, e.Err)
}

// Unwrap returns what is wrong.
func (e *RuleError) Unwrap() error { return e.Err }

// check checks the rule at index i.
func check(rules []Rule, i int) error {
	r := &rules[i]
	same := slices.IndexFunc(rules[:i], func(o Rule) bool { return o.Name == r.Name })
	for _, c := range []struct {
		field string
		err   error
	}{
		{"name", checkName(i, r.Name, same)},
		{"field", checkPatterns(r.Fields, checkComponent)},
		{"scale", checkPatterns(r.Scales, checkScale)},
		{"uid", checkPatterns(r.UIDs, checkComponent)},
		{"filename", checkPatterns(r.Files, checkComponent)},
		{"path", checkPatterns(r.Paths, checkPath)},
		{"type", checkPatterns(r.Types, checkType)},
		{"min_size", checkSize(r.MinSize)},
		{"max_size", checkMaxSize(r)},
		{"min_age", failIf(r.MinAge < 0, "is negative")},
		{"to", failIf(r.To < 0 || int(r.To) >= len(places), "is none of s3, fallback, here")},
		{"prefix", checkPrefix(r.Prefix)},
		{"storage_class", failIf(!classLike(r.StorageClass), "is no storage class; write for example STANDARD_IA")},
		{"cache_control", failIf(!headerLike(r.CacheControl), "must be printable ASCII of at most 256 bytes")},
		{"acl", checkACL(r)},
	} {
		if c.err != nil {
			return &RuleError{Index: i, Rule: r.Name, Field: c.field, Err: c.err}
		}
	}
	return nil
}

func failIf(wrong bool, why string) error {
	if wrong {
		return errors.New(why)
	}
	return nil
}

func checkName(i int, name string, same int) error {
	switch {
	case i >= maxRules:
		return fmt.Errorf("belongs to more than %d rules", maxRules)
	case name == "":
		return errors.New("is empty")
	case name == Default:
		return fmt.Errorf("%q is what decides where no rule does", Default)
	case len(name) > maxHeader || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("is longer than 256 bytes or has control characters")
	case same >= 0:
		return errors.New("is that of another rule, too")
	}
	return nil
}

// checkPatterns checks a list of patterns: what all of them must be, and what
// those of one condition must be.
func checkPatterns(patterns []string, special func(string) error) error {
	if len(patterns) > maxPatterns {
		return fmt.Errorf("has more than %d patterns", maxPatterns)
	}
	for _, p := range patterns {
		err := checkPattern(p)
		if err == nil {
			err = special(p)
		}
		if err != nil {
			return fmt.Errorf("%.80q %w", p, err)
		}
	}
	return nil
}

// checkComponent checks the pattern of a name in a path.
func checkComponent(p string) error {
	if p == "" {
		return errors.New("fits nothing")
	}
	return failIf(strings.Contains(p, "/"), `has a "/", which no name has; for whole paths there is the condition path`)
}

// checkScale is checkComponent, but for originals.
func checkScale(p string) error {
	if p == "" {
		return nil
	}
	return checkComponent(p)
}

func checkPath(p string) error {
	if !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, doubleStar+"/") {
		return errors.New(`begins neither with "/" nor with "**/": paths begin at the top of the volume`)
	}
	parts := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return errors.New(`has a component that is empty, "." or ".."; all below a folder is "/folder/**"`)
		}
		if err := checkPattern(part); err != nil {
			return err // a set that held the "/"
		}
	}
	return nil
}

func checkType(p string) error {
	return failIf(strings.Count(p, "/") != 1, "is no media type; write for example image/*")
}

func checkSize(n int64) error { return failIf(n < 0, "is negative") }

func checkMaxSize(r *Rule) error {
	if r.MaxSize > 0 && r.MaxSize < r.MinSize {
		return errors.New("is less than min_size")
	}
	return checkSize(r.MaxSize)
}

func checkPrefix(prefix *string) error {
	if prefix == nil || *prefix == "" {
		return nil
	}
	if len(*prefix) > maxPrefix || !utf8.ValidString(*prefix) || strings.ContainsFunc(*prefix, unicode.IsControl) {
		return fmt.Errorf("is longer than %d bytes, or has characters that do not belong in a key", maxPrefix)
	}
	for part := range strings.SplitSeq(*prefix, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf(`%.80q has an empty part, or "." or ".." as a part`, *prefix)
		}
	}
	return nil
}

func checkACL(r *Rule) error {
	public := strings.HasPrefix(r.ACL, "public")
	switch {
	case r.ACL == "":
		return nil
	case !slices.Contains(acls, r.ACL):
		return fmt.Errorf("%.40q is none of %s", r.ACL, strings.Join(acls, ", "))
	case r.Private != nil && *r.Private && public:
		return fmt.Errorf("%s contradicts private", r.ACL)
	}
	return nil
}

// classLike reports whether s may be a storage class. Stores that are not AWS's
// have classes of their own.
func classLike(s string) bool {
	for _, c := range []byte(s) {
		if !isUpper(c) && !isDigit(c) && c != '_' && c != '-' {
			return false
		}
	}
	return len(s) <= 64
}

// headerLike reports whether s may be the value of a header.
func headerLike(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(s) <= maxHeader && strings.TrimSpace(s) == s
}
