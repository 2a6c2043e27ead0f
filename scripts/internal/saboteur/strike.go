package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A saboteur breaks one promise.
type saboteur struct {
	name     string // the promise, broken
	file     string // from the top of the repository
	old, new string // old stands in the file once
	pkg      string // of the tests that must catch it
	tests    string // their pattern
}

// copySources copies what git knows or would know from the top of a repository.
func copySources(ctx context.Context, top, dir string) error {
	list := exec.CommandContext(ctx, "git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z")
	list.Dir = top
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("list sources: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		b, err := os.ReadFile(filepath.Join(top, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not committed yet
		}
		if err != nil {
			return err
		}
		to := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, b, 0o700)); err != nil {
			return err
		}
	}
	return nil
}

// broken returns the text of the saboteur's file with its replacement.
func (s *saboteur) broken(source []byte) ([]byte, error) {
	if n := bytes.Count(source, []byte(s.old)); n != 1 {
		return nil, fmt.Errorf("%s: what is to be replaced stands in %s %d times, not once", s.name, s.file, n)
	}
	return bytes.Replace(source, []byte(s.old), []byte(s.new), 1), nil
}

// strike runs the tests against the sources with one promise broken, and tells
// which of them failed.
func strike(ctx context.Context, dir string, s *saboteur) (caught bool, by string, err error) {
	path := filepath.Join(dir, s.file)
	source, err := os.ReadFile(path)
	if err != nil {
		return false, "", err
	}
	bad, err := s.broken(source)
	if err != nil {
		return false, "", err
	}
	if err := os.WriteFile(path, bad, 0o700); err != nil {
		return false, "", err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, source, 0o700)) }()
	// What is exported stays as it is: the other packages compile if this one does.
	if out, err := command(ctx, dir, "go", "build", "./"+filepath.Dir(s.file)); err != nil {
		return false, "", fmt.Errorf("does not compile: %w: %s", err, out)
	}
	out, err := test(ctx, dir, s.pkg, s.tests)
	if ctx.Err() != nil {
		return false, "", ctx.Err()
	}
	if strings.Contains(out, "[build failed]") {
		return false, "", fmt.Errorf("its tests do not compile: %s", out)
	}
	return err != nil, failed(out), nil
}

// healthy runs all the tests that are to catch something on the sources as they are.
func healthy(ctx context.Context, dir string, list []saboteur) error {
	patterns := make(map[string][]string)
	var order []string
	for _, s := range list {
		if patterns[s.pkg] == nil {
			order = append(order, s.pkg)
		}
		if !slices.Contains(patterns[s.pkg], s.tests) {
			patterns[s.pkg] = append(patterns[s.pkg], s.tests)
		}
	}
	for _, pkg := range order {
		out, err := test(ctx, dir, pkg, strings.Join(patterns[pkg], "|"))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("the tests of %s fail without a saboteur: %s\n%s", pkg, failed(out), out)
		}
		fmt.Printf("%-11s %s\n", "healthy", pkg)
	}
	return nil
}

func test(ctx context.Context, dir, pkg, pattern string) (string, error) {
	return command(ctx, dir, "go", "test", "-count=1", "-vet=off", "-timeout=5m", "-run", "^("+pattern+")$", pkg)
}

func command(ctx context.Context, dir string, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "CONTENTFS_CRASH_LIVES=25", "CONTENTFS_CRASH_TIME=")
	out, err := c.CombinedOutput()
	return string(out), err
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^(panic: .*)$|^(fatal error: .*)$`)

// failed names the first tests that a run says failed.
func failed(out string) string {
	var names []string
	for _, m := range failure.FindAllStringSubmatch(out, -1) {
		names = append(names, m[1]+m[2]+m[3])
	}
	const most = 3
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}
