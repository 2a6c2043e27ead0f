package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"contentfs/cmd/contentfs/internal/life"
	"contentfs/cmd/contentfs/internal/workload"
)

// startCalls are those that a start makes to change the state, and to see what it is.
const startCalls = "fsync fdatasync syncfs pwrite64 pread64 ftruncate fallocate fsetxattr utimensat " +
	"openat mkdirat mkdir unlinkat unlink renameat renameat2 rename linkat"

// strokes are what befalls a call of a start.
var strokes = []struct {
	name   string
	blow   life.Blow
	sticky bool
	cut    bool // the disk loses its power, too
}{
	{"kill", kill, false, false},
	{"cut", kill, false, true},
	{"EIO", eio, false, false},
	{"EIO from then on", eio, true, false},
	{"ENOSPC", full, false, false},
}

// TestStruckStart strikes the calls that a daemon makes while it starts over what a
// crash left, one after the other. Whatever becomes of that start, the next one
// serves what the crash left. A short run takes a sample of them.
func TestStruckStart(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root, for a loop device")
	}
	s := newStruckStart(t)
	calls := s.count()
	var every []int // stroke and number of the call in one
	for n := range calls {
		for k := range strokes {
			every = append(every, n*len(strokes)+k)
		}
	}
	s.rng.Shuffle(len(every), func(i, k int) { every[i], every[k] = every[k], every[i] })
	for s.more() {
		if s.done > 0 && s.done%len(every) == 0 {
			s.Gateway.Start(t)
			s.crash() // another state
			s.count()
		}
		e := every[s.done%len(every)]
		s.strike(e%len(strokes), e/len(strokes)+1)
		s.done++
	}
	s.report(calls)
}

type struckStart struct {
	*bout
	*life.Volume
	disk *life.Disk
	team *workload.Team
	base string // what the crash left

	struck               map[string]int
	refused, went, later int // starts that failed, that went on, that were over before
}

func newStruckStart(t *testing.T) *struckStart {
	s := &struckStart{bout: newBout(t, 12, 1), struck: make(map[string]int)}
	s.disk = life.NewDisk(t, life.Ext4, life.DiskSize)
	s.Volume = start(t)
	s.State, s.base = s.disk.Path+"/state", s.disk.Path+"/base"
	s.Log.Expect("the store is away", "released a mount point whose process was gone", "recovered after a crash",
		"kept in the quarantine")
	s.team = workload.NewTeam(s.Point, writers, s.seed, true)
	s.crash()
	return s
}

// crash lets writers work, kills the daemon, and keeps what that left.
func (s *struckStart) crash() {
	t := s.T
	s.Mount()
	if err := s.team.Start(); err != nil {
		t.Fatal(err)
	}
	// How much it has to recover is left to chance.
	<-time.After(time.Duration(500+s.rng.IntN(500)) * time.Millisecond)
	s.team.Brace()
	s.Kill()
	s.Reap()
	if err := s.team.Wait(); err != nil {
		t.Fatal(err)
	}
	s.Release()
	// All starts over this state are alike without a store.
	s.Gateway.Stop()
	s.copy(s.State, s.base)
	// Which of the legal states it is, is settled once.
	s.Mount()
	if err := s.team.VerifyAfter(workload.Kill); err != nil {
		t.Fatal(err)
	}
	s.end()
}

func (s *struckStart) copy(from, to string) {
	s.T.Helper()
	if err := os.RemoveAll(to); err != nil {
		s.T.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		s.T.Fatalf("copy the state: %v: %s", err, out)
	}
	if out, err := exec.Command("sync", "-f", to).CombinedOutput(); err != nil {
		s.T.Fatalf("sync the state: %v: %s", err, out)
	}
}

// end kills the daemon.
func (s *struckStart) end() {
	s.T.Helper()
	s.Kill()
	s.ReapAny()
	s.Release()
}

// trap strikes the n-th call of the next start.
func (s *struckStart) trap(n int, h *hand) *hand {
	h.state, h.nth, h.once = s.State, n, make(chan struct{})
	h.armed.Store(true)
	s.Volume.Trap = life.NewTrap(s.T, h.decide, strings.Fields(startCalls)...)
	return h
}

// count returns how many calls a start makes until its mount answers.
func (s *struckStart) count() int {
	s.copy(s.base, s.State)
	h := s.trap(0, &hand{})
	s.Mount()
	h.armed.Store(false)
	s.end()
	s.T.Logf("a start makes %d calls on what the crash left", h.came)
	return h.came
}

// strike strikes the n-th call of a start and looks at the next one.
func (s *struckStart) strike(stroke, n int) {
	t, k := s.T, strokes[stroke]
	s.copy(s.base, s.State)
	h := &hand{blow: k.blow, sticky: k.sticky}
	if k.cut {
		h.first = func() {
			if err := s.disk.Cut(); err != nil {
				t.Error(err)
			}
		}
	}
	s.trap(n, h)
	judge := s.Log.Forgive()
	if _, err := s.Attempt(); err != nil {
		s.refused++
	} else {
		s.went++
	}
	s.end()
	if k.cut {
		s.disk.Restore()
	}
	judge()
	if h.hit == nil {
		s.later++ // it had done what it had to
		return
	}
	s.struck[k.name]++
	if _, err := s.Attempt(); err != nil {
		t.Errorf("after %s at call %d, %v: the next start fails: %v\n%s", k.name, n, h.hit[0], err, s.Log.Tail())
		s.ReapAny()
		return
	}
	if err := s.team.VerifyAfter(workload.Alive); err != nil {
		t.Errorf("after %s at call %d, %v: %v", k.name, n, h.hit[0], err)
	}
	s.Write("new", []byte("after it"))
	s.end()
}

func (s *struckStart) report(calls int) {
	var parts []string
	n := 0
	for name, k := range s.struck {
		n += k
		parts = append(parts, fmt.Sprintf("%s %d", name, k))
	}
	slices.Sort(parts)
	s.T.Logf("%d starts of %d calls struck in %v: %s; %d of them failed, %d went on; %d were over before the blow; lost: %v",
		n, calls, time.Since(s.began).Round(time.Second), strings.Join(parts, ", "), s.refused, s.went, s.later, s.T.Failed())
	if n == 0 {
		s.T.Error("nothing was struck: the loop tested nothing")
	}
}
