package policy

import (
	"fmt"
	"time"
)

// Decision is what becomes of a file.
type Decision struct {
	To           Place
	Prefix       *string
	StorageClass string
	CacheControl string // "": the usual one
	ACL          string
	Private      bool

	Rule  string    // name of the rule that decided
	Again time.Time // when a rule that waits for age will decide; zero: none does
}

// Names of the rules that are always there.
const (
	Temporary = "temporary names"
	Default   = "default"
)

// temporary are the names that programs give to what is not finished, or not meant to
// stay: editors (vim, emacs, GNOME), office programs, NFS and FUSE, downloads, rsync.
func temporary() Rule {
	return Rule{Name: Temporary, To: Here, Files: []string{
		"*.tmp", "*.temp", "*.part", "*.partial", "*.crdownload", "*.download",
		".~lock*", "~$?*", "?*~", ".#*", "#*#", "*.sw[opx]", "4913",
		".nfs*", ".fuse_hidden*", ".goutputstream-*", ".*.??????",
	}}
}

// isTemporary corrects what patterns cannot say: rsync writes to ".NAME.XXXXXX" with
// six letters or digits, and so may an ordinary hidden file be called, such as
// ".site.config", but for the digits or capitals among the six.
func isTemporary(r *Rule, f *File) bool {
	if r.Name != Temporary || matchAny(r.Files[:len(r.Files)-1], f.Name) {
		return true
	}
	random := false
	for _, c := range []byte(f.Name[len(f.Name)-6:]) {
		switch {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z':
			random = true
		case 'a' <= c && c <= 'z':
		default:
			return false
		}
	}
	return random
}

// Policy is a list of rules. A nil Policy has only those that are always there. Its
// methods may be called from many goroutines.
type Policy struct{ rules []Rule }

// New returns the policy of the administrator's rules, in their order. Its errors
// name rule and setting.
func New(rules []Rule) (*Policy, error) {
	names := make(map[string]bool)
	for i := range rules {
		if err := rules[i].check(); err != nil {
			return nil, err
		}
		if name := rules[i].Name; names[name] || name == Temporary || name == Default {
			return nil, fmt.Errorf("rule %q: there is another one of this name", name)
		}
		names[rules[i].Name] = true
	}
	return &Policy{rules: append(append([]Rule{}, rules...), temporary())}, nil
}

func (p *Policy) all() []Rule {
	if p == nil {
		return []Rule{temporary()}
	}
	return p.rules
}

// Step is what one rule says of a file.
type Step struct {
	Rule  string
	Fits  bool
	Waits time.Time // it will fit then; zero: not by age
	Why   string    // it does not fit; "" when it does
}

// Decide says what becomes of a file at a time.
func (p *Policy) Decide(f File, now time.Time) Decision {
	d, _ := p.decide(&f, now, false)
	return d
}

// Explain says the same, and what each rule says, in order. Rules behind the one that
// decides are not asked.
func (p *Policy) Explain(f File, now time.Time) (Decision, []Step) {
	return p.decide(&f, now, true)
}

func (p *Policy) decide(f *File, now time.Time, explain bool) (Decision, []Step) {
	var steps []Step
	var again time.Time
	waits := "" // the first rule that waits for age to send to S3
	rules := p.all()
	for i := range rules {
		r := &rules[i]
		s := Step{Rule: r.Name, Why: r.misfit(f)}
		if s.Why == "" && !isTemporary(r, f) {
			s.Why = "the name is no temporary one"
		}
		if ripe := f.Modified.Add(r.MinAge); s.Why == "" && r.MinAge > 0 && now.Before(ripe) {
			s.Waits, s.Why = ripe, "it is not old enough until "+ripe.UTC().Format(time.RFC3339)
			if again.IsZero() || ripe.Before(again) {
				again = ripe
			}
			if r.To == S3 && waits == "" {
				waits = r.Name
			}
		}
		s.Fits = s.Why == ""
		if explain {
			steps = append(steps, s)
		}
		if s.Fits {
			return Decision{To: r.To, Prefix: r.Prefix, StorageClass: r.StorageClass, CacheControl: r.CacheControl,
				ACL: r.ACL, Private: r.Private, Rule: r.Name, Again: again}, steps
		}
	}
	d := Decision{Rule: Default, Again: again}
	if waits != "" {
		d.To, d.Rule = Here, waits
	}
	if explain {
		steps = append(steps, Step{Rule: Default, Fits: true})
	}
	return d, steps
}

// Rules returns the administrator's rules and ours, in order.
func (p *Policy) Rules() []Rule { return append([]Rule{}, p.all()...) }
