package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"contentfs/fs/policy"
)

// rulesKey is the key of the tables that hold the rules of the policy.
const rulesKey = "rule"

// ruleKey is one key of such a table.
type ruleKey struct {
	key string
	set func(r *policy.Rule, v any) error
}

// ruleKeys returns what a rule may say.
func ruleKeys() []ruleKey {
	return []ruleKey{
		{"name", textOf(func(r *policy.Rule) *string { return &r.Name })},
		{"field", listOf(func(r *policy.Rule) *[]string { return &r.Fields })},
		{"scale", listOf(func(r *policy.Rule) *[]string { return &r.Scales })},
		{"uid", listOf(func(r *policy.Rule) *[]string { return &r.UIDs })},
		{"filename", listOf(func(r *policy.Rule) *[]string { return &r.Files })},
		{"path", listOf(func(r *policy.Rule) *[]string { return &r.Paths })},
		{"type", listOf(func(r *policy.Rule) *[]string { return &r.Types })},
		{"min_size", sizeOf(func(r *policy.Rule) *int64 { return &r.MinSize })},
		{"max_size", setMaxSize},
		{"min_age", setMinAge},
		{"to", setTo},
		{"prefix", setRulePrefix},
		{"storage_class", textOf(func(r *policy.Rule) *string { return &r.StorageClass })},
		{"cache_control", textOf(func(r *policy.Rule) *string { return &r.CacheControl })},
		{"acl", textOf(func(r *policy.Rule) *string { return &r.ACL })},
		{"private", privateOf(true)},
		{"public", privateOf(false)},
	}
}

// parseRules reads the tables of rules. Its errors name the file, the line, the
// rule and the key.
func parseRules(name string, text []byte, raw any) ([]policy.Rule, error) {
	if raw == nil {
		return nil, nil
	}
	tables, ok := raw.([]map[string]any)
	if !ok {
		return nil, configError(where(name, text, rulesKey), "", "rules are tables: write each below a line [[%s]]", rulesKey)
	}
	var rules []policy.Rule
	for i, table := range tables {
		r := policy.Rule{Name: fmt.Sprintf("rule %d", i+1)}
		for _, key := range slices.Sorted(maps.Keys(table)) {
			at := whereInRule(name, text, i, key)
			if err := setInRule(&r, i, key, table[key], at); err != nil {
				return nil, err
			}
		}
		rules = append(rules, r)
	}
	if _, err := policy.New(rules); err != nil {
		var e *policy.RuleError
		if errors.As(err, &e) {
			return nil, configError(whereInRule(name, text, e.Index, e.Field), "", "%w", err)
		}
		return nil, configError("configuration "+name, "", "%w", err)
	}
	return rules, nil
}

// setInRule sets one key of the rule with index i.
func setInRule(r *policy.Rule, i int, key string, v any, at string) error {
	table := ruleKeys()
	k := slices.IndexFunc(table, func(k ruleKey) bool { return k.key == key })
	switch {
	case k >= 0:
		if err := table[k].set(r, v); err != nil {
			return configError(at, "", "rule %d: %s %w", i+1, key, err)
		}
		return nil
	case credentialKey(key):
		return configError(at, credentialsGo, "%s: credentials do not belong in this file", printable(key))
	case slices.Contains(settingKeys(), key):
		return configError(at, "the line above the first [["+rulesKey+"]]", "rule %d: %s is a setting of the volume", i+1, key)
	}
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].key
	}
	return configError(at, didYouMean(key, "", names), "rule %d: unknown key %q", i+1, key)
}

var errNoText = errors.New("must be a string in quotes")

func textOf(field func(*policy.Rule) *string) func(*policy.Rule, any) error {
	return func(r *policy.Rule, v any) error {
		s, ok := v.(string)
		if !ok {
			return errNoText
		}
		if s == "" {
			return errors.New("is empty; leave it out")
		}
		*field(r) = s
		return nil
	}
}

func listOf(field func(*policy.Rule) *[]string) func(*policy.Rule, any) error {
	return func(r *policy.Rule, v any) error {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		if len(list) == 0 {
			return errors.New("is an empty list, which fits nothing; leave it out")
		}
		for _, v := range list {
			s, ok := v.(string)
			if !ok {
				return errors.New("must be a string in quotes, or a list of them")
			}
			*field(r) = append(*field(r), s)
		}
		return nil
	}
}

func sizeOf(field func(*policy.Rule) *int64) func(*policy.Rule, any) error {
	return func(r *policy.Rule, v any) (err error) {
		switch v := v.(type) {
		case int64:
			if *field(r) = v; v < 0 {
				err = errors.New("is negative")
			}
		case string:
			*field(r), err = parseSize(v)
		default:
			err = errors.New("must be a number or a string in quotes")
		}
		return err
	}
}

// idleRules says which rules set something for objects and send nothing to S3.
func (c *config) idleRules() []string {
	var texts []string
	for i := range c.rules {
		if r := &c.rules[i]; len(r.Idle()) > 0 {
			texts = append(texts, fmt.Sprintf("rule %q sends nothing to S3: its %s count only for what a command sends there all the same",
				r.Name, strings.Join(r.Idle(), ", ")))
		}
	}
	return texts
}

// setMaxSize refuses 0, which would be no bound.
func setMaxSize(r *policy.Rule, v any) error {
	err := sizeOf(func(r *policy.Rule) *int64 { return &r.MaxSize })(r, v)
	if err == nil && r.MaxSize == 0 {
		err = errors.New("is 0: leave it out where there is no bound; the least is 1")
	}
	return err
}

func setMinAge(r *policy.Rule, v any) (err error) {
	s, ok := v.(string)
	if !ok {
		return errors.New("must be in quotes, with its unit, as in \"7d\"")
	}
	r.MinAge, err = parseAge(s)
	return err
}

func setTo(r *policy.Rule, v any) error {
	s, ok := v.(string)
	if !ok {
		return errNoText
	}
	if r.To, ok = policy.ParsePlace(s); !ok {
		return fmt.Errorf("%.40q is none of s3, fallback, here", s)
	}
	return nil
}

// setRulePrefix takes "", which is the top of the bucket.
func setRulePrefix(r *policy.Rule, v any) error {
	s, ok := v.(string)
	if !ok {
		return errNoText
	}
	s = strings.Trim(s, "/")
	r.Prefix = &s
	return nil
}

// privateOf reads a truth; meaning is what true says about being private.
func privateOf(meaning bool) func(*policy.Rule, any) error {
	return func(r *policy.Rule, v any) error {
		b, ok := v.(bool)
		if !ok {
			return errors.New("must be true or false, without quotes")
		}
		private := b == meaning
		if r.Private != nil && *r.Private != private {
			return errors.New("says the opposite of private")
		}
		r.Private = &private
		return nil
	}
}

// parseAge reads a time as time.ParseDuration does, with days in front: "7d",
// "1d12h".
func parseAge(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	wrong := fmt.Errorf("%.40q is no time; write for example 7d, 12h or 30m", s)
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "0", s
	}
	n, err := time.ParseDuration(days + "h") // digits, a point perhaps
	if err != nil || found && !decimal(days) || n > (1<<63-1)/24 {
		return 0, wrong
	}
	d := n * 24
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 || d+more < d || found && more >= day {
			return 0, wrong
		}
		d += more
	} else if !found {
		return 0, wrong
	}
	return d, nil
}

// whereInRule returns the file and, as far as it can be found, the line of a key
// in the rule with index i, else that of the rule.
func whereInRule(name string, text []byte, i int, key string) string {
	n, rule, head := 0, -1, 0
	for line := range bytes.Lines(text) {
		n++
		word := strings.TrimLeft(string(line), " \t\"'")
		if inner, ok := strings.CutPrefix(word, "[["); ok {
			inner, _, _ = strings.Cut(inner, "]]")
			if strings.Trim(inner, " \t\"'") == rulesKey {
				if rule++; rule == i {
					head = n
				}
			}
			continue
		}
		if rest, ok := strings.CutPrefix(word, key); ok && rule == i && keyEnds(rest) {
			return fmt.Sprintf("%s:%d", name, n)
		}
	}
	if head > 0 {
		return fmt.Sprintf("%s:%d", name, head)
	}
	return name
}
