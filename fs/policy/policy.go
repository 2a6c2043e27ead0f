package policy

import (
	"strings"
	"time"
)

// Policy is a list of rules that were checked. It never changes.
type Policy struct {
	rules []rule
}

// rule is a Rule as it is asked.
type rule struct {
	Rule
	paths     [][]string // the patterns of Paths, cut into components
	temporary bool       // the built-in rule: rsync's names fit, too
}

// New returns a policy of the rules, in their order, with the built-in rule behind
// them unless one of them has its name. An error is a *RuleError.
func New(rules []Rule) (*Policy, error) {
	p := &Policy{rules: make([]rule, 0, len(rules)+1)}
	builtIn := true
	for i := range rules {
		if err := check(rules, i); err != nil {
			return nil, err
		}
		p.rules = append(p.rules, compile(rules[i]))
		builtIn = builtIn && rules[i].Name != TemporaryNames
	}
	if builtIn {
		r := compile(temporaryRule())
		r.temporary = true
		p.rules = append(p.rules, r)
	}
	return p, nil
}

// compile copies what r refers to: the caller may change it.
func compile(r Rule) rule {
	c := rule{Rule: r}
	for _, list := range []*[]string{&c.Fields, &c.Scales, &c.UIDs, &c.Files, &c.Paths, &c.Types} {
		*list = append([]string(nil), *list...)
	}
	for _, pattern := range c.Paths {
		c.paths = append(c.paths, strings.Split(pattern, "/"))
	}
	if r.Prefix != nil {
		prefix := *r.Prefix
		c.Prefix = &prefix
	}
	if r.Private != nil {
		private := *r.Private
		c.Private = &private
	}
	return c
}

// Rules returns the rules in force, the built-in one included.
func (p *Policy) Rules() []Rule {
	list := make([]Rule, len(p.rules))
	for i, r := range p.rules {
		list[i] = compile(r.Rule).Rule
	}
	return list
}

// Decide says which content goes where, as of now. See the package comment for
// the order of rules, and for those that wait for an age.
func (p *Policy) Decide(f File, now time.Time) Decision {
	var after time.Time
	heldHere := false // a rule waits for the day it sends the file to S3
	for i := range p.rules {
		r := &p.rules[i]
		switch r.first(&f, now) {
		case fits:
			d := r.decision()
			d.After = after
			return d
		case minAge:
			if at := f.Modified.Add(r.MinAge); after.IsZero() || at.Before(after) {
				after = at
			}
			heldHere = heldHere || r.To == S3
		}
	}
	d := Decision{Place: S3, Rule: Default, After: after}
	if heldHere {
		d.Place = Here
	}
	return d
}

func (r *rule) decision() Decision {
	d := Decision{
		Place: r.To, StorageClass: r.StorageClass, CacheControl: r.CacheControl, ACL: r.ACL,
		Private: r.Private != nil && *r.Private, Rule: r.Name,
	}
	if r.Prefix != nil {
		d.Prefix, d.HasPrefix = *r.Prefix, true
	}
	return d
}

// condition is a condition of a rule.
type condition int

const (
	fits condition = iota // all hold
	field
	scale
	uid
	filename
	path
	mediaType
	minSize
	maxSize
	minAge // is asked last: whatever else there is holds
)

// first returns the first condition of r that does not hold for f.
func (r *rule) first(f *File, now time.Time) condition {
	switch {
	case len(r.Fields) > 0 && !(f.Addressed && anyOf(r.Fields, f.Field, false)):
		return field
	case len(r.Scales) > 0 && !(f.Addressed && r.scaleFits(f)):
		return scale
	case len(r.UIDs) > 0 && !(f.Addressed && anyOf(r.UIDs, f.UID, false)):
		return uid
	case len(r.Files) > 0 && !anyOf(r.Files, f.Name, true) && !(r.temporary && rsyncTemporary(f.Name)):
		return filename
	case len(r.paths) > 0 && !r.pathFits(f.Path):
		return path
	case len(r.Types) > 0 && !anyOf(r.Types, essence(f.Type), true):
		return mediaType
	case f.Size < r.MinSize:
		return minSize
	case r.MaxSize != 0 && f.Size > r.MaxSize:
		return maxSize
	case r.MinAge > 0 && now.Before(f.Modified.Add(r.MinAge)):
		return minAge
	}
	return fits
}

func anyOf(patterns []string, name string, fold bool) bool {
	for _, p := range patterns {
		if match(p, name, fold) {
			return true
		}
	}
	return false
}

// scaleFits tells originals, which the pattern "" is for, from files with a scale.
func (r *rule) scaleFits(f *File) bool {
	for _, p := range r.Scales {
		if (p == "") == !f.Scaled && (p == "" || match(p, f.Scale, false)) {
			return true
		}
	}
	return false
}

func (r *rule) pathFits(path []byte) bool {
	for _, p := range r.paths {
		if matchPath(p, path) {
			return true
		}
	}
	return false
}

// essence is a media type without its parameters.
func essence(mediaType string) string {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	return strings.TrimSpace(mediaType)
}
