package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/BurntSushi/toml"

	"contentfs/fs/policy"
)

// ruleKey is the array of tables of the configuration file that holds the rules.
const ruleKey = "rule"

// ruleKeys are the keys of a rule, each with how it is read.
func ruleKeys() map[string]func(*policy.Rule, any) error {
	return map[string]func(*policy.Rule, any) error{
		"name":     func(r *policy.Rule, v any) error { return textInto(&r.Name, v) },
		"uid":      func(r *policy.Rule, v any) error { return listInto(&r.UIDs, v) },
		"field":    func(r *policy.Rule, v any) error { return listInto(&r.Fields, v) },
		"scale":    func(r *policy.Rule, v any) error { return listInto(&r.Scales, v) },
		"filename": func(r *policy.Rule, v any) error { return listInto(&r.Files, v) },
		"path":     func(r *policy.Rule, v any) error { return listInto(&r.Paths, v) },
		"type":     func(r *policy.Rule, v any) error { return listInto(&r.Types, v) },
		"min_size": func(r *policy.Rule, v any) error { return sizeInto(&r.MinSize, v) },
		"max_size": func(r *policy.Rule, v any) error { return sizeInto(&r.MaxSize, v) },
		"min_age": func(r *policy.Rule, v any) (err error) {
			text, err := asText(v)
			if err == nil {
				r.MinAge, err = parseAge(text)
			}
			return err
		},
		"to": func(r *policy.Rule, v any) error {
			text, err := asText(v)
			if err == nil {
				r.To, err = policy.ParsePlace(text)
			}
			return err
		},
		"prefix": func(r *policy.Rule, v any) error {
			text, err := asText(v)
			if err != nil {
				return err
			}
			var c config
			if err := setPrefix(&c, text); err != nil {
				return err
			}
			r.Prefix = &c.store.prefix
			return nil
		},
		"storage_class": func(r *policy.Rule, v any) error { return textInto(&r.StorageClass, v) },
		"cache_control": func(r *policy.Rule, v any) error { return textInto(&r.CacheControl, v) },
		"acl":           func(r *policy.Rule, v any) error { return textInto(&r.ACL, v) },
		"private": func(r *policy.Rule, v any) error {
			b, ok := v.(bool)
			if !ok {
				return errors.New("must be true or false, without quotes")
			}
			r.Private = b
			return nil
		},
	}
}

func asText(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", errors.New("must be a string in quotes")
	}
	return s, nil
}

func textInto(to *string, v any) (err error) {
	*to, err = asText(v)
	return err
}

func listInto(to *[]string, v any) error {
	if s, ok := v.(string); ok {
		*to = []string{s}
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return errors.New("must be a string in quotes, or a list of them in brackets")
	}
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return errors.New("must be a string in quotes, or a list of them in brackets")
		}
		*to = append(*to, s)
	}
	return nil
}

func sizeInto(to *int64, v any) (err error) {
	if n, ok := v.(int64); ok {
		*to = n
		return nil
	}
	s, err := asText(v)
	if err == nil {
		*to, err = parseSize(s)
	}
	return err
}

// parseRules reads the rules of a configuration file. Its errors name the file and
// the rule.
func parseRules(name string, text []byte) ([]policy.Rule, error) {
	var raw map[string]any
	if err := toml.Unmarshal(text, &raw); err != nil {
		return nil, syntaxError(name, text, err)
	}
	value, ok := raw[ruleKey]
	if !ok {
		return nil, nil
	}
	tables, ok := value.([]map[string]any)
	if !ok {
		return nil, configError(where(name, text, ruleKey), "[[rule]]", "rules are written as tables, each below a line of its own")
	}
	known := ruleKeys()
	rules := make([]policy.Rule, len(tables))
	for i, table := range tables {
		r := &rules[i]
		r.Name = fmt.Sprintf("rule %d", i+1)
		for _, key := range slices.Sorted(maps.Keys(table)) {
			set, ok := known[key]
			if !ok {
				return nil, configError(name, didYouMean(key, "", slices.Sorted(maps.Keys(known))), "rule %d: unknown key %q", i+1, key)
			}
			if err := set(r, table[key]); err != nil {
				return nil, configError(name, "", "rule %d: %s: %w", i+1, key, err)
			}
		}
	}
	if _, err := policy.New(rules); err != nil {
		return nil, configError(name, "", "%w", err)
	}
	return rules, nil
}

// policy returns the rules of a volume.
func (c *config) policy() *policy.Policy {
	p, err := policy.New(c.rules)
	if err != nil {
		return nil // cannot be: parseRules has tried them
	}
	return p
}
