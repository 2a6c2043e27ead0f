package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// now is what time it is in tests.
var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// fixture is a program in a world of its own.
type fixture struct {
	*program
	t           *testing.T
	dir         string
	env         map[string]string
	out, errOut bytes.Buffer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), env: make(map[string]string)}
	f.program = &program{
		stdout: &f.out,
		stderr: &f.errOut,
		getenv: func(k string) (string, bool) { v, ok := f.env[k]; return v, ok },
		now:    func() time.Time { return now },
		paths: paths{
			config: filepath.Join(f.dir, "etc"), state: filepath.Join(f.dir, "lib"),
			run: filepath.Join(f.dir, "run"), mounts: filepath.Join(f.dir, "mountinfo"),
		},
		openStore: func(context.Context, storeConfig) (objectStore, error) { panic("the test opens no store") },
	}
	f.write("mountinfo", "")
	return f
}

// write puts a file into the fixture's folder and returns its path.
func (f *fixture) write(name, text string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// command runs a command line and returns its exit code and what it wrote.
func (f *fixture) command(args ...string) (code int, out, errOut string) {
	f.t.Helper()
	f.out.Reset()
	f.errOut.Reset()
	code = f.run(f.t.Context(), append([]string{"contentfs"}, args...))
	return code, f.out.String(), f.errOut.String()
}

// given are options as a command line would give them.
type given map[string]string

func (g given) lookup(name string) (string, bool) { v, ok := g[name]; return v, ok }
