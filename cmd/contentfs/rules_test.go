package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"contentfs/fs/policy"
)

const someRules = `bucket = "my-bucket"
mountpoint = "/srv/web"

[[rule]]
name    = "big videos"
field   = ["video", "film"]
scale   = "thumb"
uid     = "u*"
filename = "*.mp4"
path    = "/static/**"
type    = "video/*"
min_size = "10MiB"
max_size = 99999999999
min_age = "7d12h"
to      = "fallback"
prefix  = "/video/"
storage_class = "STANDARD_IA"
cache_control = "no-cache"
private = true
acl     = "bucket-owner-read"

[[rule]]
public = true
prefix = ""
`

func TestRulesReachTheirFields(t *testing.T) {
	f := newFixture(t)
	f.write("etc/web.toml", someRules)
	c := mustLoad(t, f, nil)
	prefix, top, yes, no := "video", "", true, false
	want := []policy.Rule{
		{
			Name: "big videos", Fields: []string{"video", "film"}, Scales: []string{"thumb"}, UIDs: []string{"u*"},
			Files: []string{"*.mp4"}, Paths: []string{"/static/**"}, Types: []string{"video/*"},
			MinSize: 10 << 20, MaxSize: 99999999999, MinAge: 180 * time.Hour, To: policy.Fallback,
			Prefix: &prefix, StorageClass: "STANDARD_IA", CacheControl: "no-cache", ACL: "bucket-owner-read", Private: &yes,
		},
		{Name: "rule 2", Private: &no, Prefix: &top},
	}
	if !reflect.DeepEqual(c.rules, want) {
		t.Errorf("%+v", c.rules)
	}
	o := volumeOptions(c, nil)
	if o.Policy == nil || len(o.Policy.Rules()) != 3 || c.store.bucket != "my-bucket" {
		t.Errorf("the policy does not reach the volume: %+v", o.Policy)
	}
}

func TestRuleErrors(t *testing.T) {
	f := newFixture(t)
	for _, tc := range []struct{ text, line, why, try string }{
		{"[[rule]]\n\nfeild = \"x\"\n", ":3", `rule 1: unknown key "feild"`, "field"},
		{"[[rule]]\nto = \"s3\"\n\n[[rule]]\nname = \"b\"\nmax_sise = 1\n", ":6", `rule 2: unknown key "max_sise"`, "max_size"},
		{"[[rule]]\nto = \"s3\"\n[[ rule ]]\nto = \"moon\"\n", ":4", "none of s3, fallback, here", ""},
		{"[[rule]]\ncache_size = 1\n", ":2", "a setting of the volume", "above the first [[rule]]"},
		{"[[rules]]\nto = \"s3\"\n", ":1", `unknown key "rules"`, "rule"},
		{"rule = \"x\"\n", ":1", "[[rule]]", ""},
		{"[rule]\nto = \"s3\"\n", ":1", "[[rule]]", ""},
		{"[[rule]]\nname = \"a\"\nfield = [\"ok\", \"[x\"]\n", ":3", `rule "a": field`, ""},
		{"[[rule]]\nname = \"a\"\n[[rule]]\nname = \"a\"\n", ":4", "that of another rule", ""},
		{"[[rule]]\nfield = 7\n", ":2", "a string in quotes, or a list", ""},
		{"[[rule]]\nfield = []\n", ":2", "fits nothing", ""},
		{"[[rule]]\nmin_size = \"ten\"\n", ":2", "no size", ""},
		{"[[rule]]\nmin_size = -1\n", ":2", "negative", ""},
		{"[[rule]]\nmin_age = 7\n", ":2", "with its unit", ""},
		{"[[rule]]\nmin_age = \"week\"\n", ":2", "no time", ""},
		{"[[rule]]\npublic = \"yes\"\n", ":2", "true or false, without quotes", ""},
		{"[[rule]]\npublic = true\nprivate = true\n", ":2", "the opposite", ""},
		{"[[rule]]\nmin_size = 5\nmax_size = 4\n", ":3", "less than min_size", ""},
		{"[[rule]]\nacl = \"public-read\"\nprivate = true\n", ":2", "contradicts", ""},
		{"[[rule]]\naws_secret_access_key = \"hunter2\"\n", ":2", "credentials do not belong", "AWS_SECRET_ACCESS_KEY"},
	} {
		t.Run(tc.text, func(t *testing.T) {
			path := f.write("etc/web.toml", tc.text)
			code, out, errOut := f.command("policy", "list", "web")
			if code != exitConfig || out != "" {
				t.Errorf("exit %d, output %q", code, out)
			}
			for _, want := range []string{path + tc.line + ":", tc.why} {
				if !strings.Contains(errOut, want) {
					t.Errorf("%q is not in: %s", want, errOut)
				}
			}
			if _, try, _ := strings.Cut(errOut, "\ntry: "); !strings.Contains(try, tc.try) {
				t.Errorf("remedy %q, want %q", try, tc.try)
			}
			if strings.Contains(errOut, "hunter2") {
				t.Errorf("a secret is shown: %s", errOut)
			}
		})
	}
}

func TestParseAge(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"7d": 7 * day, "0d": 0, "1.5d": 36 * time.Hour, "1d12h": 36 * time.Hour, "36h": 36 * time.Hour, "90m": 90 * time.Minute, "106751d": 106751 * day,
		"": -1, "7": -1, "d": -1, "-1d": -1, "-1h": -1, "1d-1h": -1, "1d24h": -1, "1w": -1, "106752d": -1, "999999999999999d": -1, "106751d23h59m": -1, "1e3d": -1, "1d2d": -1,
	} {
		got, err := parseAge(s)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}
