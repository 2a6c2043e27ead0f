package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"contentfs/fs/policy"
)

// explainResult is what the policy says about a file.
type explainResult struct {
	Volume   string        `json:"volume"`
	Path     string        `json:"path"`
	Exists   bool          `json:"exists"`
	Type     string        `json:"type"`
	Size     int64         `json:"size"`
	Modified time.Time     `json:"modified"`
	Rules    []ruleFinding `json:"rules"`
	Place    string        `json:"place"`
	Rule     string        `json:"rule"`
	ruleSettings
	After *time.Time `json:"after,omitempty"`

	now time.Time
}

// ruleFinding is what one rule says.
type ruleFinding struct {
	Rule    string     `json:"rule"`
	Outcome string     `json:"outcome"`
	Why     string     `json:"why"`
	After   *time.Time `json:"after,omitempty"`
}

// ruleSettings are what a rule sets for the object.
type ruleSettings struct {
	Prefix       *string `json:"prefix,omitempty"`
	StorageClass string  `json:"storage_class,omitempty"`
	CacheControl string  `json:"cache_control,omitempty"`
	ACL          string  `json:"acl,omitempty"`
	Private      bool    `json:"private"`
}

// list writes the settings for people, each as in the configuration.
func (s *ruleSettings) list() []string {
	var parts []string
	if s.Prefix != nil {
		parts = append(parts, fmt.Sprintf("prefix %q", *s.Prefix))
	}
	for _, v := range []struct{ name, value string }{
		{"storage_class", s.StorageClass}, {"cache_control", s.CacheControl}, {"acl", s.ACL},
	} {
		if v.value != "" {
			parts = append(parts, fmt.Sprintf("%s %q", v.name, v.value))
		}
	}
	if s.Private {
		parts = append(parts, "private")
	}
	return parts
}

// explain asks the policy.
func (r *explainResult) explain(p *policy.Policy, f policy.File) {
	r.Type, r.Size, r.Modified = f.Type, f.Size, f.Modified
	for _, s := range p.Explain(f, r.now) {
		r.Rules = append(r.Rules, ruleFinding{s.Rule, string(s.Outcome), s.Why, timeOrNil(s.After)})
	}
	d := p.Decide(f, r.now)
	r.Place, r.Rule, r.After = d.Place.String(), d.Rule, timeOrNil(d.After)
	r.ruleSettings = ruleSettings{nil, d.StorageClass, d.CacheControl, d.ACL, d.Private}
	if d.HasPrefix {
		r.Prefix = &d.Prefix
	}
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (r *explainResult) table(w io.Writer) {
	row(w, "path", r.Path)
	if r.Exists {
		row(w, "file", fmt.Sprintf("%s, %s, last changed %s ago", r.Type, formatSize(r.Size), formatAge(r.now.Sub(r.Modified))))
	} else {
		row(w, "file", fmt.Sprintf("%s, %s; there is no such file yet", r.Type, formatSize(r.Size)))
	}
	row(w, "")
	for _, f := range r.Rules {
		row(w, f.Rule, f.Outcome, f.Why)
	}
	row(w, "")
}

func (r *explainResult) verdict() string {
	parts := append([]string{fmt.Sprintf("%s: to %s, by %s", r.Path, r.Place, ruleTitle(r.Rule))}, r.list()...)
	if r.After != nil {
		parts = append(parts, "decided anew at "+formatTime(*r.After))
	}
	return strings.Join(parts, ", ")
}

// ruleTitle names a rule in a sentence.
func ruleTitle(name string) string {
	if name == policy.Default {
		return "default"
	}
	return fmt.Sprintf("rule %q", name)
}

// policyListResult is the rules of a volume.
type policyListResult struct {
	Volume string      `json:"volume"`
	File   string      `json:"file,omitempty"`
	Rules  []ruleShown `json:"rules"`

	own int // of them, from the file
}

// ruleShown is one rule, as the configuration calls its parts.
type ruleShown struct {
	Name       string              `json:"name"`
	Conditions map[string][]string `json:"conditions,omitempty"`
	To         string              `json:"to"`
	ruleSettings

	Idle  []string `json:"idle,omitempty"` // settings that count only for what a command sends to S3
	order []string // of the conditions
}

func newPolicyList(c *config) *policyListResult {
	r := &policyListResult{Volume: c.name, File: c.file, own: len(c.rules)}
	for _, rule := range c.policy.Rules() {
		r.Rules = append(r.Rules, showRule(&rule))
	}
	return r
}

func showRule(r *policy.Rule) ruleShown {
	s := ruleShown{Name: r.Name, To: r.To.String(), Conditions: make(map[string][]string),
		Idle: r.Idle(), ruleSettings: ruleSettings{r.Prefix, r.StorageClass, r.CacheControl, r.ACL, r.Private != nil && *r.Private}}
	add := func(key string, values []string) {
		if len(values) > 0 {
			s.Conditions[key], s.order = values, append(s.order, key)
		}
	}
	add("field", r.Fields)
	add("scale", r.Scales)
	add("uid", r.UIDs)
	add("filename", r.Files)
	add("path", r.Paths)
	add("type", r.Types)
	if r.MinSize != 0 {
		add("min_size", []string{formatSize(r.MinSize)})
	}
	if r.MaxSize != 0 {
		add("max_size", []string{formatSize(r.MaxSize)})
	}
	if r.MinAge > 0 {
		add("min_age", []string{formatAge(r.MinAge)})
	}
	return s
}

func (r *policyListResult) table(w io.Writer) {
	for _, s := range r.Rules {
		var conditions []string
		for _, key := range s.order {
			conditions = append(conditions, key+" "+strings.Join(s.Conditions[key], " "))
		}
		if len(conditions) == 0 {
			conditions = []string{"every file"}
		}
		settings := strings.Join(s.list(), ", ")
		if len(s.Idle) > 0 {
			settings += " (only for what a command sends to S3)"
		}
		row(w, s.Name, "to "+s.To, strings.Join(conditions, ", "), settings)
	}
	row(w, policy.Default, "to s3", "every file", "")
}

func (r *policyListResult) verdict() string {
	return fmt.Sprintf("%s: %s of its own; the first that fits decides", r.Volume, count(int64(r.own), "rule"))
}
