package programs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limit bounds every program and every wait. It is generous: machines are slow,
// and it only counts when something is broken.
const limit = 60 * time.Second

// place is a directory that programs work in, on the mount or beside it.
type place struct {
	*testing.T
	name    string
	dir     string // the working directory of all programs
	aside   string // a plain directory for what is not to be compared
	mounted bool
	said    []string // by the programs, line by line
	step    int      // of the test, to tell which script said it
}

// path returns a path in the place.
func (p *place) path(elem ...string) string {
	return filepath.Join(append([]string{p.dir}, elem...)...)
}

// sh runs a script in the place. It must succeed; what it prints is compared.
func (p *place) sh(script string, args ...string) string {
	p.Helper()
	out, code := p.exit(script, args...)
	if code != 0 {
		p.Fatalf("exit code %d of %s\n%s", code, script, out)
	}
	return out
}

// exit runs a script in the place and returns what it printed and its exit code,
// which are both compared. args are $1 and so on in the script.
func (p *place) exit(script string, args ...string) (out string, code int) {
	p.Helper()
	out, code = p.quiet(script, args...)
	p.say(script, out, fmt.Sprintf("exit code %d", code))
	return out, code
}

// quiet is exit for what says something else each time.
func (p *place) quiet(script string, args ...string) (out string, code int) {
	p.Helper()
	b, err := p.command(script, args...).CombinedOutput()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		p.Fatalf("%s: %v", script, err)
	} else if err != nil {
		code = failed.ExitCode()
	}
	return string(b), code
}

// say adds what was said in one step of the test to what is compared.
func (p *place) say(texts ...string) {
	p.step++
	names := strings.NewReplacer(p.dir, "DIR", p.aside, "ASIDE")
	for _, text := range texts {
		for _, line := range strings.Split(strings.TrimSpace(names.Replace(text)), "\n") {
			p.said = append(p.said, fmt.Sprintf("%d: %s", p.step, line))
		}
	}
}

// command prepares a script. It ends at the first command that fails.
func (p *place) command(script string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	p.Cleanup(cancel)
	cmd := p.inside(exec.CommandContext(ctx, "/bin/bash"), "set -euo pipefail\n"+script, args...)
	// What it started ends with it, or would hold its output open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = limit
	return cmd
}

// inside completes a bash that runs a script in the place. It goes there by itself:
// to a new process with its directory in the mount, this one would have to answer
// while it waits for the process to begin.
func (p *place) inside(cmd *exec.Cmd, script string, args ...string) *exec.Cmd {
	cmd.Args = append([]string{"bash", "-c", "cd \"$PLACE\"\numask 022\n" + script, "bash"}, args...)
	cmd.Env = []string{"PATH=" + programPath, "LC_ALL=C", "TZ=UTC", "TERM=dumb", "HOME=" + p.aside,
		"PLACE=" + p.dir, "ASIDE=" + p.aside,
		"GIT_AUTHOR_DATE=1000000000 +0000", "GIT_COMMITTER_DATE=1000000000 +0000"}
	return cmd
}

// write makes a file in the place.
func (p *place) write(name, content string) {
	p.Helper()
	must(p.T, os.WriteFile(p.path(name), []byte(content), 0o644))
}

// await waits until the condition holds.
func (p *place) await(what string, condition func() bool) {
	p.Helper()
	await(p.T, what, condition)
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	end := time.Now().Add(limit)
	for pause := time.Millisecond; !condition(); pause = min(2*pause, 50*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain for: %s", limit, what)
		}
		<-time.After(pause)
	}
}

// compare fails the test for lines that only one of the two has, and for another
// order of them.
func compare(t *testing.T, what string, beside, mounted []string) {
	t.Helper()
	missing, added := without(beside, mounted), without(mounted, beside)
	switch {
	case len(missing)+len(added) > 0:
		t.Errorf("%s, only beside the mount:\n  %s\nonly on it:\n  %s", what, strings.Join(missing, "\n  "), strings.Join(added, "\n  "))
	case !slices.Equal(beside, mounted):
		i := 0
		for i < min(len(beside), len(mounted)) && beside[i] == mounted[i] {
			i++
		}
		t.Errorf("%s, beside the mount and from line %d on:\n  %s\nin another order on it:\n  %s", what, i+1,
			strings.Join(beside[i:], "\n  "), strings.Join(mounted[i:], "\n  "))
	}
}

func without(all, these []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(these, s) })
}

// must fails the test if err is not nil.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inS3 waits, on the mount, until files are in S3. Nothing that a program sees may
// change by that.
func (p *place) inS3(names ...string) {
	p.Helper()
	if !p.mounted {
		return
	}
	for _, name := range names {
		p.await(name+" in S3", func() bool {
			buf := make([]byte, 64)
			n, err := unix.Getxattr(p.path(name), "user.contentfs.state", buf)
			must(p.T, err)
			return string(buf[:n]) == "s3"
		})
	}
}
