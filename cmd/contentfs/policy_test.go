package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

const webRules = `
[[rule]]
name = "old images"
type = "image/*"
min_age = "7d"
storage_class = "STANDARD_IA"

[[rule]]
name = "small"
field = "field"
max_size = "4KiB"
to = "fallback"
prefix = "small"
`

func TestPolicyExplain(t *testing.T) {
	f := newFixture(t)
	f.withVolume()
	f.write("etc/web.toml", webRules)
	for _, tc := range []struct {
		args string
		code int
		out  []string // parts, the verdict last
		err  string
	}{
		{"web /uid/field/new.jpg", exitOK, []string{"image/jpeg, 2 KiB, last changed 0s ago", "old images       waits     min_age", "small            decides",
			`temporary names  does not  filename: "new.jpg" is no temporary name`, "default          fits", `/uid/field/new.jpg: to fallback, by rule "small", prefix "small", decided anew at `}, ""},
		{"web /uid/field/new.jpg --age 8d", exitOK, []string{`to s3, by rule "old images", storage_class "STANDARD_IA"` + "\n"}, ""},
		{"web /uid/field/new.jpg --size 1GiB", exitOK, []string{"max_size: 1073741824 bytes are more than 4096", "to here, by default, decided anew"}, ""},
		{"web /uid/field/new.jpg --size 1GiB --type text/plain", exitOK, []string{"to s3, by default\n"}, ""},
		{"web /u/f/notes.txt~", exitOK, []string{"there is no such file yet", `to here, by rule "temporary names"` + "\n"}, ""},
		{"web /robots.txt", exitOK, []string{"field: the path is no address", "to s3, by default\n"}, ""},
		{"web /uid", exitFailed, nil, "only files"},
		{"web robots.txt", exitUsage, nil, "begins with /"},
		{"web /a/../b", exitUsage, nil, "empty part"},
		{"web", exitUsage, nil, "PATH is missing"},
		{"web /a --age never", exitUsage, nil, "option --age"},
		{"web /a --size never", exitUsage, nil, "option --size"},
		{"nosuch /a", exitConfig, nil, "no such volume"},
		{"/nowhere/a", exitConfig, nil, "no mounted volume"},
		{"web /a /b", exitUsage, nil, "more arguments"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			code, out, errOut := f.command(append([]string{"policy", "explain"}, strings.Fields(tc.args)...)...)
			if code != tc.code || !strings.Contains(errOut, tc.err) || (tc.err == "") != (errOut == "") {
				t.Errorf("exit %d, %s", code, errOut)
			}
			for _, part := range tc.out {
				if !strings.Contains(out, part) {
					t.Errorf("%q is not in:\n%s", part, out)
				}
			}
		})
	}
}

func TestPolicyExplainOfAPathInAMount(t *testing.T) {
	f := newFixture(t)
	f.withVolume()
	f.write("etc/web.toml", webRules)
	point := filepath.Join(f.dir, "mnt")
	f.write("mountinfo", fmt.Sprintf("36 35 0:52 / %s rw - fuse.contentfs web rw\n", point))
	code, out, errOut := f.command("policy", "explain", "--format=json", filepath.Join(point, "uid/field/old.jpg"))
	var r explainResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errOut)
	}
	if r.Volume != "web" || r.Path != "/uid/field/old.jpg" || !r.Exists || r.Size != 2048 || r.Type != "image/jpeg" ||
		r.Place != "fallback" || r.Rule != "small" || r.Prefix == nil || *r.Prefix != "small" || r.After == nil || len(r.Rules) != 4 {
		t.Errorf("%s", out)
	}
	if code, _, errOut := f.command("policy", "explain", point); code != exitUsage || !strings.Contains(errOut, "the mount itself") {
		t.Errorf("the mount itself: exit %d, %s", code, errOut)
	}
}

// A volume that was never mounted has rules, too.
func TestPolicyExplainWithoutAState(t *testing.T) {
	f := newFixture(t)
	f.write("etc/web.toml", webRules)
	code, out, errOut := f.command("policy", "explain", "web", "/u/field/a.txt")
	if code != exitOK || !strings.Contains(out, `to fallback, by rule "small"`) {
		t.Errorf("exit %d, %s%s", code, out, errOut)
	}
	f.write("lib/web/meta.db", "this is no database, but it is long enough to be read as one")
	if code, _, errOut := f.command("policy", "explain", "web", "/u/field/a.txt"); code != exitConfig || !strings.Contains(errOut, "meta.db") {
		t.Errorf("damaged: exit %d, %s", code, errOut)
	}
}

func TestPolicyList(t *testing.T) {
	f := newFixture(t)
	f.write("etc/web.toml", webRules)
	code, out, errOut := f.command("policy", "list", "web")
	lines := strings.Split(out, "\n")
	if code != exitOK || errOut != "" || len(lines) != 6 || lines[4] != "web: 2 rules of its own; the first that fits decides" {
		t.Fatalf("exit %d, %s%s", code, out, errOut)
	}
	for i, want := range []string{"old images", "small", "temporary names", "default"} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q", i, lines[i])
		}
	}
	if !strings.Contains(lines[0], `type image/*, min_age 7d0h`) || !strings.Contains(lines[1], `field field, max_size 4 KiB`) || !strings.Contains(lines[1], `prefix "small"`) {
		t.Errorf("%s", out)
	}
	code, out, _ = f.command("policy", "list", "web", "--format", "json")
	var r policyListResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitOK || len(r.Rules) != 3 || r.Rules[1].Conditions["field"][0] != "field" {
		t.Errorf("exit %d, %s", code, out)
	}
}

func TestCommandsBelowACommand(t *testing.T) {
	f := newFixture(t)
	for _, tc := range []struct {
		args      string
		code      int
		want, try string
	}{
		{"policy", exitUsage, "needs one of explain, list", ""},
		{"policy explian web", exitUsage, `no command "explian"`, "contentfs policy explain"},
		{"policy --help", exitOK, "explain", ""},
		{"policy list --help", exitOK, "rules in force", ""},
		{"policy list", exitUsage, "VOLUME is missing", "contentfs policy list VOLUME"},
		{"policy explain --sise 3 web /a", exitUsage, "explain has no option --sise", "--size"},
		{"config shwo", exitUsage, `no command "shwo"`, "contentfs config show"},
		{"help policy", exitOK, "explain", ""},
	} {
		code, out, errOut := f.command(strings.Fields(tc.args)...)
		if code != tc.code || !strings.Contains(out+errOut, tc.want) || !strings.Contains(errOut, tc.try) {
			t.Errorf("%s: exit %d, %s%s", tc.args, code, out, errOut)
		}
	}
}
