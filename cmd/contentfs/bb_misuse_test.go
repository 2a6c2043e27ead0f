package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
)

// mountLine is the command line of a mount that is expected to fail.
func mountLine(v *life.Volume, more ...string) []string {
	return slices.Concat([]string{"mount", "--state", v.State}, v.Store(), more, []string{v.Name, v.Point})
}

// TestWrongCommandLines has what an administrator mistypes: each is told what is
// wrong and what was probably meant, and nothing is done.
func TestWrongCommandLines(t *testing.T) {
	v := start(t)
	for _, c := range []struct {
		name    string
		args    []string
		code    int
		phrases []string
	}{
		{"no command", nil, 2, []string{"no command is given", "try: contentfs --help"}},
		{"mistyped command", []string{"moutn", "web"}, 2, []string{`no command "moutn"`, "try: contentfs mount"}},
		{"mistyped option", mountLine(v, "--buckt", "x"), 2, []string{"no option --buckt", "try: --bucket"}},
		{"option without value", []string{"status", "web", "--state"}, 2, []string{"option --state needs a value"}},
		{"no volume", []string{"mount"}, 2, []string{"VOLUME is missing"}},
		{"no volume's name", []string{"status", "We b"}, 2, []string{`volume "We b"`, "lower-case letters"}},
		{"unknown format", []string{"status", "--format", "yaml", "web"}, 2, []string{`no format "yaml"`, "--format json"}},
		{"wrong size", mountLine(v, "--cache-size", "ten"), 2, []string{"--cache-size", "ten"}},
		{"wrong durability", mountLine(v, "--durability", "always"), 2, []string{"--durability", "strict", "relaxed", "s3"}},
		{"unknown volume", []string{"status", "nobody-has-this-volume"}, 3, []string{"no such volume", "nobody-has-this-volume"}},
		{"path of no mount", []string{"unmount", t.TempDir()}, 3, []string{"no mounted volume holds this path"}},
		{"no bucket", []string{"mount", "--state", v.State, v.Name, v.Point}, 3, []string{"no bucket is set", "--bucket NAME"}},
		{"upper case bucket", mountLine(v, "--bucket", "MyBucket"), 2, []string{"lower-case letters", "'M'"}},
		{"short bucket", mountLine(v, "--bucket", "ab"), 2, []string{"3 to 63 characters, this one has 2"}},
		{"address as bucket", mountLine(v, "--bucket", "192.168.5.4"), 2, []string{"IP address"}},
		{"reserved bucket", mountLine(v, "--bucket", "xn--bucket"), 2, []string{`"xn--"`, "reserved"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want(t, v.Run(c.args...), c.code, append(c.phrases, "contentfs: ")...)
		})
	}
	if _, err := os.Stat(v.State); err == nil {
		t.Error("a command line that is wrong made the state")
	}
}

func TestWrongConfiguration(t *testing.T) {
	v := start(t)
	for _, c := range []struct {
		name, text string
		phrases    []string
	}{
		{"unknown key", "bucket = \"black-box\"\ncahce_size = \"1GiB\"\n", []string{":2: ", `unknown key "cahce_size"`, "try: cache_size"}},
		{"bucket name", "bucket = \"black_box\"\n", []string{":1", "lower-case letters, digits, hyphens and dots only, not '_'"}},
		{"no TOML", "bucket = \n", []string{":1: ", "no valid TOML"}},
		{"credentials", "bucket = \"black-box\"\naws_secret_access_key = \"hunter2\"\n",
			[]string{":2: ", "credentials do not belong in this file", "try: AWS_ACCESS_KEY_ID"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "web.toml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			r := v.Run("mount", "--state", v.State, "--config", file, v.Name, v.Point)
			want(t, r, 3, append(c.phrases, file)...)
			if r.Want(3, "hunter2") == nil {
				t.Error("a secret is shown")
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		want(t, v.Run("mount", "--config", "/nowhere/web.toml", v.Name, v.Point), 3, "/nowhere/web.toml", "no such file")
	})
}
