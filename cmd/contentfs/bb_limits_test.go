package main_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
)

// under has the daemon run with a limit of the shell's ulimit. Commands have it too.
func under(t *testing.T, v *life.Volume, limit string) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "contentfs")
	text := fmt.Sprintf("#!/bin/sh\nulimit %s || exit 99\nexec '%s' \"$@\"\n", limit, v.Bin)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	v.Bin = script
}

// TestFewDescriptors: applications open more files than the daemon may. Those beyond
// are refused, those that are open work, and when some are closed others can be opened.
func TestFewDescriptors(t *testing.T) {
	v := start(t)
	under(t, v, "-n 400")
	v.Log.Expect("too many files are open")
	v.Mount()
	content := make([]byte, 2000)
	rand.Read(content)
	const many = 600
	for i := range many {
		v.Write(fmt.Sprintf("%d", i), content)
	}
	var open []*os.File
	closeAll := func() {
		for _, f := range open {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		open = nil
	}
	refused := 0
	for i := range many {
		f, err := os.OpenFile(v.Join(fmt.Sprintf("%d", i)), os.O_RDWR, 0)
		switch {
		case err == nil:
			open = append(open, f)
		case errors.Is(err, syscall.ENFILE):
			refused++
		default:
			t.Fatalf("open of file %d: %v", i, err)
		}
	}
	if refused == 0 || len(open) < 50 {
		t.Errorf("%d files are open and %d were refused", len(open), refused)
	}
	if err := os.WriteFile(v.Join("new"), content, 0o644); !errors.Is(err, syscall.ENFILE) {
		t.Errorf("a new file: %v", err)
	}
	for i, f := range open {
		content[0] = byte(i)
		if _, err := f.WriteAt(content, 0); err != nil {
			t.Fatalf("write to file %d of %d: %v", i, len(open), err)
		}
	}
	v.Status() // whose connection needs a descriptor of the daemon
	closeAll()
	v.Write("new", content)
	for i := range many {
		b := v.Read(fmt.Sprintf("%d", i))
		if len(b) != len(content) || !bytes.Equal(b[1:], content[1:]) {
			t.Errorf("file %d has %d bytes", i, len(b))
		}
	}
	if n := v.Log.Count("too many files are open"); n != 1 {
		t.Errorf("told %d times that too many files are open", n)
	}
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
}

// TestFileSizeLimit: the daemon may not write more than so much to a file. A writer
// that goes through it is told; a signal that comes with it does not end the daemon.
func TestFileSizeLimit(t *testing.T) {
	v := start(t)
	under(t, v, "-f 16384") // of 512 bytes
	v.Args = []string{"--passthrough=false"}
	v.Mount()
	content := make([]byte, 12<<20)
	rand.Read(content)
	if err := os.WriteFile(v.Join("large"), content, 0o644); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("12 MiB where 8 are allowed: %v", err)
	}
	if err := os.Remove(v.Join("large")); err != nil {
		t.Error(err)
	}
	v.Write("fits", content[:7<<20])
	if !v.Running() || !bytes.Equal(v.Read("fits"), content[:7<<20]) {
		t.Error("what fits is not what was written")
	}
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
}
