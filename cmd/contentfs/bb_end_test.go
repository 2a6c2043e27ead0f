package main_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"contentfs/cmd/contentfs/internal/life"
)

// fill writes some files that are not in S3 when it returns.
func fill(v *life.Volume, n int) {
	v.T.Helper()
	for i := range n {
		v.Write(fmt.Sprintf("uid/image/large/%d.jpg", i), []byte(fmt.Sprint("content ", i)))
	}
}

func TestTermDrains(t *testing.T) {
	v := start(t)
	v.Mount()
	fill(v, 20)
	if code := v.Terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if c := v.Status().Counts; c.Waiting.Count != 0 || c.LocalAndS3.Count != 20 || c.OnlyLocal.Count != 0 {
		t.Errorf("%+v", *c)
	}
	if v.Mounted() {
		t.Error("it is still mounted")
	}
	auditVolume(t, v, openBucket(t, v))
}

// TestTermWithoutStore: a drain that cannot succeed ends at its deadline, and the
// next mount goes on.
func TestTermWithoutStore(t *testing.T) {
	v := start(t)
	v.Log.Expect("the store is away", "not everything is in S3", "upload failed")
	v.Mount("--drain-deadline", "2s")
	v.Gateway.Stop()
	fill(v, 5)
	began := time.Now()
	if code := v.Terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if d := time.Since(began); d < 2*time.Second || d > 12*time.Second {
		t.Errorf("it took %v with a deadline of 2s", d)
	}
	if c := v.Status().Counts; c.Waiting.Count != 5 || c.Oldest.IsZero() {
		t.Errorf("%+v", *c)
	}
	v.Gateway.Start(t)
	v.Mount()
	v.Await("the uploads of the mount before", func() bool { return v.Status().Counts.Waiting.Count == 0 })
	v.Unmount()
	auditVolume(t, v, openBucket(t, v))
}

// TestSecondSignal: who cannot wait for the drain need not.
func TestSecondSignal(t *testing.T) {
	v := start(t)
	v.Log.Expect("the store is away", "stopping at once", "not everything is in S3", "upload failed")
	v.Mount("--drain-deadline", "10m")
	v.Gateway.Stop()
	fill(v, 3)
	v.Signal(syscall.SIGTERM)
	v.Await("the drain", func() bool { return v.Log.Count("stopping: uploading what is waiting") == 1 })
	began := time.Now()
	v.Signal(syscall.SIGTERM)
	if code := v.Exit(); code != 0 && code != 130 || time.Since(began) > 20*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
	v.Gateway.Start(t)
	v.Mount()
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	auditVolume(t, v, openBucket(t, v))
}

func TestUnmountWithoutDrain(t *testing.T) {
	v := start(t)
	v.Log.Expect("the store is away")
	v.Mount()
	v.Gateway.Stop()
	fill(v, 4)
	u := v.Unmount("--no-drain")
	if u.How != "unmounted" || u.Pending != 4 || !strings.Contains(u.Verdict, "uploaded by the next mount") {
		t.Errorf("%+v", u)
	}
	v.Gateway.Start(t)
	v.Mount()
	if u = v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	auditVolume(t, v, openBucket(t, v))
}

// TestStatusIsTheSame: mounted or not, the counts are the same.
func TestStatusIsTheSame(t *testing.T) {
	v := start(t)
	v.Log.Expect("the store is away")
	v.Mount()
	fill(v, 3)
	v.Await("the uploads", func() bool { return v.Status().Counts.Waiting.Count == 0 })
	v.Gateway.Stop()
	v.Write("uid/file/later.pdf", []byte("later"))
	v.Write("uid/image/large/0.jpg", []byte("changed"))
	v.Await("the finding that S3 is away", func() bool { return !v.Status().S3.Reachable })
	byName := v.Status()
	var byPath life.Status
	r := v.Run("status", "--state", v.State, "--format", "json", v.Join("uid/image"))
	if err := errors.Join(r.Want(0), r.JSON(&byPath)); err != nil {
		t.Fatal(err)
	}
	if byName.Mount != "mounted" || byName.Process == nil || byName.Counts.OnlyLocal.Count != 2 || byName.Counts.LocalAndS3.Count != 2 {
		t.Errorf("%+v %+v", byName, *byName.Counts)
	}
	v.Unmount("--no-drain")
	after := v.Status()
	if after.Mount != "not mounted" || after.Process != nil {
		t.Errorf("%+v", after)
	}
	for name, c := range map[string]*life.Counts{"mounted, by path": byPath.Counts, "not mounted": after.Counts} {
		a, b := *byName.Counts, *c
		a.LastError, a.LastErrorAt, b.LastError, b.LastErrorAt = "", time.Time{}, "", time.Time{}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %+v, by name %+v", name, b, a)
		}
	}
	table := v.Run("status", "--state", v.State, v.Name)
	want(t, table, 0, "not mounted", "only here", "waiting")
	verdict, _, _ := strings.Cut(after.Verdict, ", oldest") // it grows older meanwhile
	lines := strings.Split(strings.TrimSpace(table.Stdout), "\n")
	if !strings.HasPrefix(lines[len(lines)-1], verdict) {
		t.Errorf("the last line of the table is not the verdict %q:\n%s", after.Verdict, table.Stdout)
	}
}

// TestBackground: the command returns when the mount answers.
func TestBackground(t *testing.T) {
	v := start(t)
	r := v.Run(mountLine(v, "--background", "--format", "json")...)
	var ready life.Ready
	if err := errors.Join(r.Want(0), r.JSON(&ready)); err != nil {
		t.Fatal(err)
	}
	fill(v, 3)
	if st := v.Status(); st.Process == nil || st.Process.PID != ready.PID || st.Counts.Files != 3 {
		t.Errorf("%+v", st)
	}
	u := v.Run("unmount", v.Point, "--state", v.State)
	want(t, u, 0, "unmounted from "+v.Point, "nothing is waiting for S3")
	// Nobody may have collected it yet: then it is a zombie.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", ready.PID))
	if err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("after the unmount there is still process %s", stat)
	}
	log, err := os.ReadFile(filepath.Join(v.State, "contentfs.log"))
	if err != nil || !strings.Contains(string(log), "mounted") || strings.Contains(string(log), "level=ERROR") {
		t.Errorf("%v, log: %s", err, log)
	}
}

// TestEndWithACopyOfTheMount: a container or service that was started meanwhile may
// have a copy of the mount in a mount namespace of its own, which no unmount here
// reaches.
func TestEndWithACopyOfTheMount(t *testing.T) {
	needRoot(t)
	for name, end := range map[string]func(v *life.Volume){
		"SIGTERM": func(v *life.Volume) {
			if code := v.Terminate(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		},
		"unmount": func(v *life.Volume) { v.Unmount() },
	} {
		t.Run(name, func(t *testing.T) {
			v := start(t)
			v.Mount()
			fill(v, 3)
			other := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec sleep 60")
			other.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			out, err := other.StdoutPipe()
			if err == nil {
				err = other.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			defer other.Wait()
			defer other.Process.Kill()
			if _, err := out.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			end(v)
			if d := time.Since(began); d > 30*time.Second {
				t.Errorf("it took %v: as long as the copy was there?", d)
			}
			if v.Log.Count("another mount namespace") != 1 {
				t.Error("nothing is said about the copy")
			}
			if c := v.Status().Counts; v.Mounted() || c.Waiting.Count != 0 {
				t.Errorf("mounted: %v, %+v", v.Mounted(), *c)
			}
		})
	}
}
