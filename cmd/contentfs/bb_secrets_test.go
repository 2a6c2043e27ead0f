package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/cmd/contentfs/internal/life"
)

// TestSecretsStayOut lets a volume live through a bad day and then looks for its
// secret key in everything that this leaves behind: the state with its extended
// attributes, logs with the stacks of all goroutines, the output of every command,
// command lines, the bucket.
func TestSecretsStayOut(t *testing.T) {
	v := start(t)
	canary := v.Gateway.SecretKey
	config := filepath.Join(t.TempDir(), "blackbox.toml")
	text := fmt.Sprintf("bucket = %q\nprefix = %q\nendpoint = %q\npath_style = true\nmountpoint = %q\nstate = %q\n",
		life.Bucket, life.Prefix, v.Endpoint, v.Point, v.State)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	v.Args = []string{"--log-level", "debug", "--config", config}
	v.Log.Expect("the store is away", "released a mount point", "recovered after a crash", "quarantine", "SIGQUIT", "goroutine")
	said := &bytes.Buffer{}
	words := strings.NewReplacer("CONFIG", "--config "+config, "NAME", v.Name, "FILE", v.Join("003d/image/large/a.jpg"))
	everything := func() {
		for _, line := range []string{
			"status CONFIG NAME", "status CONFIG --format json NAME", "status CONFIG --by location NAME", "check CONFIG NAME",
			"errors CONFIG NAME", "iam-policy CONFIG NAME", "config show CONFIG NAME", "policy list CONFIG NAME", "gc CONFIG NAME",
			"migrate CONFIG NAME", "url CONFIG --signed 15m --volume NAME /003d/image/large/a.jpg", "history CONFIG FILE",
			"check CONFIG --bucket not-there NAME", "check CONFIG --endpoint http://127.0.0.1:1 NAME", "status CONFIG --wrong NAME",
		} {
			fmt.Fprintln(said, v.Run(strings.Fields(words.Replace(line))...))
		}
	}
	r := v.Mount()
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", r.PID))
	if err != nil {
		t.Fatal(err)
	}
	said.Write(cmdline)
	v.Write("003d/image/large/a.jpg", []byte("content"))
	v.Await("an upload", func() bool { return v.Status().Counts.Waiting.Count == 0 })
	everything()
	v.Gateway.Stop()
	v.Write("003d/image/large/b.jpg", []byte("while it is away"))
	everything()
	v.Kill()
	v.Reap()
	everything()
	v.Mount()
	v.Gateway.Start(t)
	v.Log.Forgive() // the stacks are no log lines
	v.Signal(syscall.SIGQUIT)
	v.Exit()
	v.Release()
	bad := *v
	bad.Env = replaced(v.Env, "AWS_SECRET_ACCESS_KEY", canary+"-and-more")
	fmt.Fprintln(said, bad.Run("check", "--config", config, v.Name))
	if !strings.Contains(v.Log.Tail(), "goroutine ") {
		t.Error("no stacks were logged")
	}

	if strings.Contains(said.String(), canary) {
		t.Errorf("what the commands said holds the secret key:\n%s", said)
	}
	places := []string{filepath.Dir(v.State), v.Gateway.Dir, filepath.Dir(config)}
	files := 0
	for _, dir := range places {
		found, n := holders(t, dir, canary)
		files += n
		for _, path := range found {
			t.Errorf("%s holds the secret key", path)
		}
	}
	t.Logf("looked through %d files and %d bytes of output", files, said.Len())
	// Whoever looks finds it where it is.
	trap := t.TempDir()
	path := filepath.Join(trap, "trap")
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), unix.Setxattr(path, "user.trap", []byte(canary), 0)); err != nil {
		t.Fatal(err)
	}
	if found, _ := holders(t, trap, canary); len(found) != 1 {
		t.Error("the search does not find what is there")
	}
}

// holders returns the files below a folder whose bytes, extended attributes or names
// hold a text, and how many it looked at.
func holders(t *testing.T, dir, text string) (found []string, files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		files++
		holds := strings.Contains(d.Name(), text)
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			holds = holds || bytes.Contains(b, []byte(text))
		}
		if d.Type().IsRegular() || d.IsDir() {
			holds = holds || strings.Contains(attributes(path), text)
		}
		if holds {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, files
}

// attributes returns the extended attributes of a file, one behind the other.
func attributes(path string) string {
	names := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, names)
	if err != nil {
		return ""
	}
	var all strings.Builder
	for name := range strings.SplitSeq(string(names[:n]), "\x00") {
		value := make([]byte, 64<<10)
		if n, err := unix.Lgetxattr(path, name, value); err == nil {
			all.WriteString(name + "=" + string(value[:n]) + "\n")
		}
	}
	return all.String()
}
