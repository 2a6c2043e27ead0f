package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"contentfs/backend"
)

func TestExitCodesNeverChange(t *testing.T) {
	for code, want := range map[int]int{
		exitOK: 0, exitFailed: 1, exitUsage: 2, exitConfig: 3, exitUnreachable: 4, exitDifferences: 5, exitInterrupted: 130,
	} {
		if code != want {
			t.Errorf("%d must be %d", code, want)
		}
	}
}

func TestExitCodeOfErrors(t *testing.T) {
	class := func(c backend.Class) error { return fmt.Errorf("x: %w", &backend.Error{Op: "put", Class: c}) }
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("x"), exitFailed},
		{fmt.Errorf("x: %w", context.Canceled), exitInterrupted},
		{usageError("a", "", "b"), exitUsage},
		{fmt.Errorf("x: %w", configError("a", "", "b")), exitConfig},
		{configError("a", "", "%w", context.Canceled), exitConfig},
		{class(backend.Transient), exitUnreachable}, {class(backend.Denied), exitConfig}, {class(backend.Missing), exitConfig},
		{class(backend.Canceled), exitInterrupted}, {class(backend.Corrupt), exitFailed},
		{told(exitDifferences), exitDifferences}, {told(exitOK), exitOK},
	} {
		if got := exitCode(tc.err); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.err, got, tc.want)
		}
	}
}

func TestReport(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{told(exitFailed), ""},
		{errors.New("a\nb\x1b[31m"), "contentfs: a\\nb\\x1b[31m\n"},
		{configError("volume web", "this", "no bucket"), "contentfs: volume web: no bucket\ntry: this\n"},
		{context.Canceled, "contentfs: interrupted\n"},
	} {
		var b strings.Builder
		report(&b, tc.err)
		if b.String() != tc.want {
			t.Errorf("%v: %q, want %q", tc.err, b.String(), tc.want)
		}
	}
}

func TestCommandLines(t *testing.T) {
	for _, tc := range []struct {
		args       string
		code       int
		out, error string
	}{
		{"", exitUsage, "", "no command"},
		{"--help", exitOK, "COMMANDS:", ""},
		{"help", exitOK, "COMMANDS:", ""},
		{"help mount", exitOK, "--cache-size", ""},
		{"mount --help", exitOK, "--cache-size", ""},
		{"mount web --help", exitOK, "--cache-size", ""},
		{"--version", exitOK, "contentfs", ""},
		{"mout web", exitUsage, "", "try: contentfs mount"},
		{"unmuont web", exitUsage, "", "try: contentfs unmount"},
		{"xyzzyplugh", exitUsage, "", "try: one of"},
		{"--state x mount", exitUsage, "", "behind the command"},
		{"mount web --buket b", exitUsage, "", "try: --bucket"},
		{"mount web --cache_size 1", exitUsage, "", "try: --cache-size"},
		{"mount web --bucket", exitUsage, "", "needs a value"},
		{"mount web --read-only=maybe", exitUsage, "", "read-only"},
		{"mount", exitUsage, "", "VOLUME is missing"},
		{"mount web a b", exitUsage, "", "more arguments"},
		{"mount Web /mnt", exitUsage, "", "lower-case"},
		{"mount web", exitConfig, "", "no mount point"},
		{"mount web /mnt", exitConfig, "", "no bucket"},
		{"mount web /mnt --format xml", exitUsage, "", "try: --format table"},
		{"status", exitUsage, "", "VOLUME is missing"},
		{"status web extra", exitUsage, "", "more arguments"},
		{"status nosuch", exitConfig, "", "no such volume"},
		{"status ./nowhere", exitConfig, "", "no mounted volume"},
		{"unmount nosuch", exitConfig, "", "no such volume"},
		{"check web", exitConfig, "", "no bucket"},
		{"check -- --bucket", exitUsage, "", `volume "--bucket"`},
		{"iam-policy", exitUsage, "", "VOLUME is missing"},
		{"iam-policy web", exitConfig, "", "no bucket"},
		{"iam-policy web --format xml", exitUsage, "", "try: --format table"},
		{"migrate web --uid 003d34b5ba832f753ad91a6cdac1921f", exitConfig, "", "no such volume"}, // no user of this machine
		{"mount web --uid 003d34b5ba832f753ad91a6cdac1921f", exitUsage, "", "there is no user"},
		{"import web", exitUsage, "", "try: --as addon"},
		{"import web --as paths --fields a", exitUsage, "", "for --as addon"},
		{"import nosuch --as paths", exitConfig, "", "no such volume"},
		{"lookup web", exitUsage, "", "is missing"},
		{"url", exitUsage, "", "PATH is missing"},
		{"url --volume web /a", exitConfig, "", "meta.db"},
		{"url /proc/self/nosuch", exitFailed, "", "/proc/self/nosuch"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			f := newFixture(t)
			code, out, errOut := f.command(strings.Fields(tc.args)...)
			if code != tc.code || !strings.Contains(out, tc.out) || !strings.Contains(errOut, tc.error) || (tc.error == "") != (errOut == "") {
				t.Errorf("exit %d\nstdout %s\nstderr %s", code, out, errOut)
			}
		})
	}
}

func TestOptionsFirst(t *testing.T) {
	c := newFixture(t).mountCommand()
	for in, want := range map[string]string{
		"web /mnt --bucket b":     "--bucket b -- web /mnt",
		"web --bucket=b /mnt":     "--bucket=b -- web /mnt",
		"--read-only web /mnt":    "--read-only -- web /mnt",
		"web --bucket -b- -- --x": "--bucket -b- -- web --x",
		"- --read-only":           "--read-only -- -",
	} {
		got, err := optionsFirst(c, strings.Fields(in))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"bucket", "prefix", "cache_size", "path_style", "passthrough"}
	for word, want := range map[string]string{
		"buckt": "bucket", "bukcet": "bucket", "Cache-Size": "cache_size", "cache": "cache_size", "perfix": "prefix", "pass": "passthrough",
		"zzz": "", "": "", strings.Repeat("bucket", 1000): "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%.20q: %q, want %q", word, got, want)
		}
	}
}
