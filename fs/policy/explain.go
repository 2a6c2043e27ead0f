package policy

import (
	"fmt"
	"strings"
	"time"
)

// Step is what became of one rule in a decision.
type Step struct {
	Rule    string
	Outcome Outcome
	Why     string    // one phrase: which condition does not hold, and what it met
	After   time.Time // of a rule that waits: when it fits
}

// Outcome is what a rule came to.
type Outcome string

// The outcomes.
const (
	Decides  Outcome = "decides"  // the first that fits
	Fits     Outcome = "fits"     // would, but a rule in front of it decides
	FailsFor Outcome = "does not" // a condition does not hold
	Waits    Outcome = "waits"    // fits in all but the age
)

// Explain says for each rule, in order, what became of it when Decide was asked.
// The last step is that of the default.
func (p *Policy) Explain(f File, now time.Time) []Step {
	steps := make([]Step, 0, len(p.rules)+1)
	decided, heldHere := false, false
	for i := range p.rules {
		r := &p.rules[i]
		s := Step{Rule: r.Name}
		switch c := r.first(&f, now); c {
		case fits:
			s.Outcome, s.Why = Decides, "all conditions hold"
			if decided {
				s.Outcome, s.Why = Fits, "a rule in front of it decides"
			}
			decided = true
		case minAge:
			s.Outcome, s.After = Waits, f.Modified.Add(r.MinAge)
			s.Why = fmt.Sprintf("min_age: fits when %v have passed since its last change", r.MinAge)
			heldHere = heldHere || r.To == S3 && !decided
		default:
			s.Outcome, s.Why = FailsFor, r.why(c, &f)
		}
		steps = append(steps, s)
	}
	last := Step{Rule: Default, Outcome: Decides, Why: "no rule fits"}
	switch {
	case decided:
		last.Outcome, last.Why = Fits, "a rule in front of it decides"
	case heldHere:
		last.Why = "no rule fits yet, and one waits to send the file to S3"
	}
	return append(steps, last)
}

// why says why condition c does not hold.
func (r *rule) why(c condition, f *File) string {
	if (c == field || c == scale || c == uid) && !f.Addressed {
		return c.String() + ": the path is no address"
	}
	switch c {
	case field:
		return isNone(c, f.Field, r.Fields)
	case scale:
		if !f.Scaled {
			return isNone(c, "", r.Scales)
		}
		return isNone(c, f.Scale, r.Scales)
	case uid:
		return isNone(c, f.UID, r.UIDs)
	case filename:
		if r.temporary {
			return fmt.Sprintf("%v: %q is no temporary name", c, f.Name)
		}
		return isNone(c, f.Name, r.Files)
	case path:
		return isNone(c, string(f.Path), r.Paths)
	case mediaType:
		return isNone(c, essence(f.Type), r.Types)
	case minSize:
		return fmt.Sprintf("min_size: %d bytes are less than %d", f.Size, r.MinSize)
	case maxSize:
		return fmt.Sprintf("max_size: %d bytes are more than %d", f.Size, r.MaxSize)
	}
	return ""
}

// shownPatterns is how many patterns an explanation quotes.
const shownPatterns = 8

func isNone(c condition, value string, patterns []string) string {
	more := ""
	if len(patterns) > shownPatterns {
		more = fmt.Sprintf(" and %d more", len(patterns)-shownPatterns)
		patterns = patterns[:shownPatterns]
	}
	quoted := make([]string, len(patterns))
	for i, p := range patterns {
		quoted[i] = fmt.Sprintf("%q", p)
	}
	return fmt.Sprintf("%v: %q is none of %s%s", c, value, strings.Join(quoted, ", "), more)
}

// String is the name of the condition in the configuration.
func (c condition) String() string {
	switch c {
	case field:
		return "field"
	case scale:
		return "scale"
	case uid:
		return "uid"
	case filename:
		return "filename"
	case path:
		return "path"
	case mediaType:
		return "type"
	case minSize:
		return "min_size"
	case maxSize:
		return "max_size"
	case minAge:
		return "min_age"
	}
	return "fits"
}
