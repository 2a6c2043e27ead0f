package main

import (
	"strings"
	"testing"
)

const someRules = `
bucket = "files"

[[rule]]
name = "thumbs stay"
scale = ["thumb", "icon"]
to = "fallback"

[[rule]]
field = "video"
type = "video/*"
min_size = "10MiB"
prefix = "films"
storage_class = "STANDARD_IA"
cache_control = "no-store"

[[rule]]
name = "members"
path = "/members/**"
private = true
min_age = "1d12h"
`

func TestRulesFromTheFile(t *testing.T) {
	rules, err := parseRules("web.toml", []byte(someRules))
	if err != nil || len(rules) != 3 {
		t.Fatalf("%+v, %v", rules, err)
	}
	if r := rules[0]; r.Name != "thumbs stay" || strings.Join(r.Scales, ",") != "thumb,icon" || r.To.String() != "fallback" {
		t.Errorf("%+v", r)
	}
	if r := rules[1]; r.Name != "rule 2" || r.MinSize != 10<<20 || *r.Prefix != "films" || r.StorageClass != "STANDARD_IA" {
		t.Errorf("%+v", r)
	}
	if r := rules[2]; !r.Private || r.MinAge.Hours() != 36 || r.Paths[0] != "/members/**" {
		t.Errorf("%+v", r)
	}
}

// TestWrongRules: what is wrong is named with its rule, and how it is meant.
func TestWrongRules(t *testing.T) {
	for text, parts := range map[string][]string{
		"[[rule]]\nfeild = \"a\"":                        {`rule 1: unknown key "feild"`, "field"},
		"[[rule]]\nto = \"glacier\"":                     {"rule 1: to", "none of s3, fallback, here"},
		"[[rule]]\nfield = 3":                            {"rule 1: field: must be a string"},
		"[[rule]]\nfield = [1]":                          {"rule 1: field: must be a string"},
		"[[rule]]\nmin_size = \"big\"":                   {"rule 1: min_size", "no size"},
		"[[rule]]\nmin_age = \"soon\"":                   {"rule 1: min_age", "no time"},
		"[[rule]]\nprivate = \"yes\"":                    {"rule 1: private: must be true or false"},
		"[[rule]]\nprefix = \"a//b\"":                    {"rule 1: prefix"},
		"[[rule]]\nfilename = \"[a\"":                    {`rule "rule 1": filename`, "no pattern"},
		"[rule]\nname = \"a\"":                           {"tables", "[[rule]]"},
		"[[rule]]\nname = \"a\"\n[[rule]]\nname = \"a\"": {"another one"},
		"rules = 1": {`unknown key "rules"`, "rule"},
	} {
		f := newFixture(t)
		f.write("etc/web.toml", text)
		code, _, errOut := f.command("policy", "explain", "web", "/a")
		if code != exitConfig {
			t.Errorf("%q: exit %d", text, code)
		}
		for _, part := range parts {
			if !strings.Contains(errOut, part) {
				t.Errorf("%q: nothing says %q: %s", text, part, errOut)
			}
		}
	}
}

func TestPolicyExplain(t *testing.T) {
	f := newFixture(t)
	f.withVolume()
	f.write("etc/web.toml", someRules)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"/u/image/thumb/a.jpg"}, []string{"thumbs stay  fits", "goes to fallback by rule \"thumbs stay\""}},
		{[]string{"--size", "20MiB", "/u/video/a.mp4"}, []string{"goes to s3 by rule \"rule 2\""}},
		{[]string{"/u/video/a.mp4"}, []string{"0 bytes are less than", "by rule \"default\""}},
		{[]string{"/members/a"}, []string{"not old enough", "stays on this server by rule \"members\"", "until"}},
		{[]string{"/u/image/a.tmp"}, []string{"temporary names", "stays on this server"}},
		{[]string{"--type", "video/mp4", "--size", "20MiB", "/u/video/a"}, []string{"rule 2"}},
	} {
		code, out, errOut := f.command(append([]string{"policy", "explain", "web"}, c.args...)...)
		if code != exitOK || errOut != "" {
			t.Errorf("%q: exit %d, %s", c.args, code, errOut)
		}
		for _, part := range c.want {
			if !strings.Contains(out, part) {
				t.Errorf("%q: nothing says %q: %s", c.args, part, out)
			}
		}
	}
	code, out, _ := f.command("policy", "explain", "--format", "json", "web", "/u/image/thumb/a.jpg")
	if code != exitOK || !strings.Contains(out, `"to":"fallback","rule":"thumbs stay"`) {
		t.Errorf("exit %d, %s", code, out)
	}
	for _, args := range [][]string{{"policy"}, {"policy", "explain"}, {"policy", "explain", "web"}, {"policy", "explain", "web", "a"}} {
		if code, _, errOut := f.command(args...); code != exitUsage || errOut == "" {
			t.Errorf("%q: exit %d, %s", args, code, errOut)
		}
	}
}
