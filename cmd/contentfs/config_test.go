package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPrecedence(t *testing.T) {
	f := newFixture(t)
	f.write("etc/web.toml", "cache_size = \"1GiB\"\n")
	other := f.write("other.toml", "cache_size = 7\n")
	for _, tc := range []struct {
		name       string
		file, env  string
		opts       given
		want       int64
		originPart string
	}{
		{"default", filepath.Join(f.dir, "etc/none.toml"), "", nil, 10 << 30, "default"},
		{"file", "", "", nil, 1 << 30, "web.toml:1"},
		{"given file", other, "", nil, 7, "other.toml:1"},
		{"environment over file", "", "2GiB", nil, 2 << 30, "CONTENTFS_CACHE_SIZE"},
		{"option over all", "", "2GiB", given{"cache-size": "3GiB"}, 3 << 30, "--cache-size"},
		{"option of zero", "", "2GiB", given{"cache-size": "0"}, 0, "--cache-size"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.name == "default" {
				f.write("etc/none.toml", "")
			}
			f.env["CONTENTFS_CACHE_SIZE"] = tc.env // empty counts as not set
			c, err := f.load("web", tc.file, tc.opts)
			if err != nil {
				t.Fatal(err)
			}
			if c.cacheSize != tc.want || !strings.Contains(c.origins["cache_size"], tc.originPart) {
				t.Errorf("%d from %s, want %d from %s", c.cacheSize, c.origins["cache_size"], tc.want, tc.originPart)
			}
		})
	}
}

// TestConfigOfAnybody: a file that everybody may write to decides nothing.
func TestConfigOfAnybody(t *testing.T) {
	f := newFixture(t)
	name := f.write("etc/web.toml", "bucket = \"theirs\"\n")
	for mode, ok := range map[os.FileMode]bool{0o644: true, 0o664: true, 0o666: false, 0o602: false} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		_, err := f.load("web", "", given{})
		if (err == nil) != ok || err != nil && (exitCode(err) != exitConfig || !strings.Contains(err.Error(), name)) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

// TestEverySettingInEveryPlace sets each setting in each of its three places.
func TestEverySettingInEveryPlace(t *testing.T) {
	samples := map[string]string{
		"bucket": "my-bucket", "prefix": "a/b", "region": "eu-central-1", "endpoint": "https://s3.example.org",
		"path_style": "true", "offload": "off", "mountpoint": "/srv/web", "state": "/srv/state", "cache_size": "5MB", "fallback": "/srv/old",
		"durability": "relaxed", "uid": "33", "gid": "34", "umask": "027", "read_only": "true", "allow_other": "false",
		"site_url": "https://www.example.org", "cdn_domain": "cdn.example.org", "passthrough": "false",
		"drain_deadline": "5m", "log_level": "warn", "log_format": "json", "http": "127.0.0.1:7480",
		"grace": "2d12h",
	}
	f := newFixture(t)
	for _, s := range settings() {
		v, ok := samples[s.key]
		if !ok {
			t.Errorf("no sample for %s", s.key)
			continue
		}
		written := "\"" + v + "\""
		if s.kind == truth {
			written = v
		}
		f.write("etc/web.toml", s.key+" = "+written+"\n")
		fromFile := mustLoad(t, f, nil)
		f.write("etc/web.toml", "")
		f.env[s.env()] = v
		fromEnv := mustLoad(t, f, nil)
		delete(f.env, s.env())
		for place, c := range map[string]*config{"file": fromFile, "environment": fromEnv} {
			if !strings.Contains(c.origins[s.key], map[string]string{"file": "web.toml:1", "environment": s.env()}[place]) {
				t.Errorf("%s in the %s: origin %q", s.key, place, c.origins[s.key])
			}
		}
		if s.noOpt {
			continue
		}
		if c := mustLoad(t, f, given{s.option(): v}); c.origins[s.key] != "option --"+s.option() {
			t.Errorf("%s as an option: origin %q", s.key, c.origins[s.key])
		}
		if _, known := takesValue(f.mountCommand(), s.option()); !known {
			t.Errorf("mount has no option --%s", s.option())
		}
	}
}

func mustLoad(t *testing.T, f *fixture, opts given) *config {
	t.Helper()
	c, err := f.load("web", "", opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestValuesReachTheirFields(t *testing.T) {
	f := newFixture(t)
	f.write("etc/web.toml", `
bucket = "my-bucket"
prefix = "/a/b/"
endpoint = "http://127.0.0.1:9000/"
path_style = true
uid = 33
gid = "34"
umask = "027"
allow_other = false
passthrough = false
drain_deadline = "5m"
site_url = "https://www.example.org/"
`)
	c := mustLoad(t, f, nil)
	if c.store != (storeConfig{bucket: "my-bucket", prefix: "a/b", endpoint: "http://127.0.0.1:9000", pathStyle: true}) {
		t.Errorf("store %+v", c.store)
	}
	if *c.uid != 33 || *c.gid != 34 || c.umask != 0o27 || *c.allowOther || c.passthrough || c.drain != 5*time.Minute ||
		c.siteURL != "https://www.example.org" || c.durability != "strict" {
		t.Errorf("%+v", c)
	}
}

func TestPlaces(t *testing.T) {
	f := newFixture(t)
	c := mustLoad(t, f, nil)
	if c.state != filepath.Join(f.dir, "lib/web") || c.socket != filepath.Join(f.dir, "run/web.sock") {
		t.Errorf("state %s, socket %s", c.state, c.socket)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c = mustLoad(t, f, given{"state": "st"})
	if c.state != filepath.Join(wd, "st") || c.socket != filepath.Join(wd, "st/control.sock") {
		t.Errorf("state %s, socket %s", c.state, c.socket)
	}
}

func TestConfigErrors(t *testing.T) {
	f := newFixture(t)
	for _, tc := range []struct{ text, line, why, try string }{
		{"\ncahce_size = 1\n", ":2", `unknown key "cahce_size"`, "cache_size"},
		{"# bucket\nbuket = \"x\"\n", ":2", `unknown key "buket"`, "bucket"},
		{"[s3]\nbucket = \"b\"\n", ":1", `unknown key "s3"`, "one of"},
		{"cache-size = 1\n", ":1", "unknown key", "cache_size"},
		{"umask = 22\n", ":1", "must be in quotes", ""},
		{"read_only = \"yes\"\n", ":1", "true or false, without quotes", ""},
		{"bucket = 7\n", ":1", "a string in quotes", ""},
		{"cache_size = 1.5\n", ":1", "a number or a string", ""},
		{"bucket = \"My_Bucket\"\n", ":1", "lower-case", ""},
		{"durability = \"safe\"\n", ":1", "none of strict, relaxed, s3", ""},
		{"endpoint = \"https://me:hunter2@s3.example.org\"\n", ":1", "must not hold a user or password", ""},
		{"bucket = \n", ":1", "no valid TOML", ""},
		{"\nsecret_access_key = \"hunter2\"\n", ":2", "credentials do not belong", "AWS_SECRET_ACCESS_KEY"},
		{"AWS_SEECRET_KEY = \"hunter2\"\n", ":1", "credentials do not belong", "AWS_SECRET_ACCESS_KEY"},
		{"secret_key = hunter2\n", ":1", "looks like credentials", "AWS_SECRET_ACCESS_KEY"},
	} {
		t.Run(tc.text, func(t *testing.T) {
			path := f.write("etc/web.toml", tc.text)
			code, out, errOut := f.command("mount", "web", "/mnt")
			if code != exitConfig || out != "" {
				t.Errorf("exit %d, output %q", code, out)
			}
			for _, want := range []string{path + tc.line, tc.why} {
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

func TestWrongOptionIsAUsageError(t *testing.T) {
	f := newFixture(t)
	code, _, errOut := f.command("mount", "--cache-size", "ten", "web", "/mnt")
	if code != exitUsage || !strings.Contains(errOut, "option --cache-size") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	f.env["CONTENTFS_UMASK"] = "999"
	code, _, errOut = f.command("mount", "web", "/mnt")
	if code != exitConfig || !strings.Contains(errOut, "environment CONTENTFS_UMASK") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

func TestMissingConfigFile(t *testing.T) {
	f := newFixture(t)
	missing := filepath.Join(f.dir, "no.toml")
	if code, _, errOut := f.command("check", "web", "--config", missing); code != exitConfig || !strings.Contains(errOut, missing) {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if code, _, errOut := f.command("check", "web"); code != exitConfig || !strings.Contains(errOut, "no bucket is set") {
		t.Errorf("without a file: exit %d: %s", code, errOut)
	}
}

func TestVolumeNames(t *testing.T) {
	f := newFixture(t)
	for name, ok := range map[string]bool{
		"web": true, "a.b-c_d": true, "0": true, strings.Repeat("a", 64): true,
		"": false, ".": false, "..": false, "-a": false, "Web": false, "a b": false, strings.Repeat("a", 65): false, "a\n": false, "ä": false,
	} {
		if _, err := f.load(name, "", given{}); (err == nil) != ok || (err != nil && exitCode(err) != exitUsage) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// FuzzConfig: whatever a configuration file holds, it gives settings of the table
// or an error that is for people, and never shows what looks like a secret.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{
		"", "bucket = \"b\"", "umask = \"022\"\nuid = 3", "[a]\nb=1", "secret = \"s\"", "a = [1,", "\"bucket\" = '''x\n'''",
		"cache_size = 99999999999999999999", "bucket = \"\\u0000\"", "a.b.c = 1", "\xff",
		"[[rule]]\nname = \"a\"\nmin_age = \"7d\"\nfield = [\"x\", \"[y\"]", "rule = [{to = \"here\"}]", "USE_AWS = \"True\"",
	} {
		f.Add([]byte(s))
	}
	p := &program{getenv: func(string) (string, bool) { return "", false }}
	f.Fuzz(func(t *testing.T, text []byte) {
		content, err := parseConfig("web.toml", text)
		if err != nil {
			if exitCode(err) != exitConfig || !strings.HasPrefix(err.Error(), "web.toml") && !strings.HasPrefix(err.Error(), "configuration web.toml") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		table := settings()
		c := &config{origins: make(map[string]string)}
		places, err := p.placesOfSettings(content.values, given{})
		if err != nil {
			return
		}
		for i := range table {
			if v, ok := find(&table[i], places); ok {
				table[i].set(c, v.text) // may fail, and must not panic
			}
		}
		if n := len(content.values); n > len(table)+len(seedNames) {
			t.Fatalf("%q: %d values", text, n)
		}
	})
}
