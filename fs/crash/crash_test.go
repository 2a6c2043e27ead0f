package crash

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestArm refuses what would never strike, and tells what will.
func TestArm(t *testing.T) {
	t.Cleanup(func() { armed.Store(nil) })
	for _, bad := range []string{"", "commit", "commit/none", "commit/synced:0", "commit/synced:x", "commit/synced:", "commit/synced:1:go", "commit/synced:1:stop:1"} {
		if err := Arm(bad, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), Variable) {
			t.Errorf("%q: %v", bad, err)
		}
		if armed.Load() != nil || Pass("commit") != nil {
			t.Fatalf("%q armed something", bad)
		}
	}
	var out bytes.Buffer
	if err := Arm("commit/synced:2:stop", &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "WARNING") || !strings.Contains(out.String(), "commit/synced, at pass 2") {
		t.Errorf("it says %q", out.String())
	}
}

// TestPasses strikes at the pass that was asked for, and at no other point.
func TestPasses(t *testing.T) {
	t.Cleanup(func() { armed.Store(nil) })
	tr, _, err := parse("commit/synced:2")
	if err != nil {
		t.Fatal(err)
	}
	struck := 0
	tr.strike = func(Point) { struck++ }
	armed.Store(tr)
	for i, want := range []int{0, 1, 1} {
		Here(CommitIdentity)
		Pass("commit")("synced")
		if struck != want {
			t.Errorf("after pass %d: %d strikes", i+1, struck)
		}
	}
}

// TestStrike has processes of this test end themselves.
func TestStrike(t *testing.T) {
	if text := os.Getenv(Variable); text != "" {
		if err := Arm(text, os.Stderr); err != nil {
			t.Fatal(err)
		}
		Here(CommitSynced)
		t.Fatal("it went on")
	}
	for text, want := range map[string]syscall.Signal{"commit/synced": syscall.SIGKILL, "commit/synced:1:stop": syscall.SIGSTOP} {
		var out bytes.Buffer
		cmd := exec.Command(os.Args[0], "-test.run", "^TestStrike$")
		cmd.Env, cmd.Stderr = append(os.Environ(), Variable+"="+text), &out
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(cmd.Process.Pid, &ws, syscall.WUNTRACED, nil); err != nil {
			t.Fatal(err)
		}
		if want == syscall.SIGSTOP {
			if !ws.Stopped() {
				t.Errorf("%s: %v", text, ws)
			}
			// It must not go on, either.
			if err := errors.Join(cmd.Process.Signal(syscall.SIGCONT), cmd.Process.Kill()); err != nil {
				t.Error(err)
			}
			if _, err := syscall.Wait4(cmd.Process.Pid, &ws, 0, nil); err != nil {
				t.Fatal(err)
			}
		}
		if !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
			t.Errorf("%s: %v", text, ws)
		}
		_ = cmd.Wait() // for what it wrote; that it ended is known
		if !strings.Contains(out.String(), "crash point commit/synced struck") {
			t.Errorf("%s: it wrote %q", text, out.String())
		}
	}
}

// TestNames are unique and of the form room/step.
func TestNames(t *testing.T) {
	seen := make(map[Point]bool)
	for _, p := range Points() {
		room, step, ok := strings.Cut(string(p), "/")
		if !ok || room == "" || step == "" || strings.ContainsAny(string(p), ":, ") || seen[p] {
			t.Errorf("point %q", p)
		}
		seen[p] = true
	}
}

func BenchmarkHere(b *testing.B) {
	for b.Loop() {
		Here(CommitSynced)
	}
}
