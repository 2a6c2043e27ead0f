package main_test

import (
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"contentfs/fs/crash"
)

// TestCrashPoints ends the program at every crash point and compares what it left with
// what it had promised; see package crash. Usually each point is struck once, by a
// kill or a power cut. With CONTENTFS_CRASH_TIME all are struck both
// ways, again and again while there is time. CONTENTFS_CRASH_POINTS, a list of points
// with commas, leaves out the others.
func TestCrashPoints(t *testing.T) {
	r := newPointRun(t)
	for round := 0; ; round++ {
		for _, a := range acts() {
			r.play(t, a)
		}
		if r.until.IsZero() || time.Now().After(r.until) || t.Failed() {
			break
		}
	}
	r.report()
}

// pointRun is all strikes of a run.
type pointRun struct {
	t      *testing.T
	only   []crash.Point        // nil: all
	until  time.Time            // zero: each point once, one way
	cut    map[crash.Point]bool // points of which a power cut tells more
	struck map[strike]int
	began  time.Time
}

// strike is an end of the program.
type strike struct {
	point crash.Point
	cut   bool // of the power; else a kill
}

func (s strike) String() string {
	if s.cut {
		return string(s.point) + " cut"
	}
	return string(s.point) + " kill"
}

func newPointRun(t *testing.T) *pointRun {
	r := &pointRun{t: t, cut: make(map[crash.Point]bool), struck: make(map[strike]int), began: time.Now()}
	for _, a := range acts() {
		for _, x := range a.scenes {
			r.cut[x.point] = r.cut[x.point] || x.cut
		}
	}
	if list := os.Getenv("CONTENTFS_CRASH_POINTS"); list != "" {
		for _, name := range strings.Split(list, ",") {
			if !slices.Contains(crash.Points(), crash.Point(name)) {
				t.Fatalf("CONTENTFS_CRASH_POINTS: there is no crash point %q", name)
			}
			r.only = append(r.only, crash.Point(name))
		}
	}
	if text := os.Getenv("CONTENTFS_CRASH_TIME"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("CONTENTFS_CRASH_TIME: %v", err)
		}
		r.until = time.Now().Add(d)
	}
	return r
}

func (r *pointRun) wants(p crash.Point) bool { return r.only == nil || slices.Contains(r.only, p) }

// ways returns how a point is struck in this run.
func (r *pointRun) ways(p crash.Point) []strike {
	if !r.until.IsZero() {
		return []strike{{p, false}, {p, true}}
	}
	h := fnv.New32()
	h.Write([]byte(p))
	return []strike{{p, r.cut[p] || h.Sum32()%2 == 0}}
}

// play carries out the scenes of an act, on one stage.
func (r *pointRun) play(t *testing.T, a act) {
	a.scenes = slices.DeleteFunc(a.scenes, func(s scene) bool { return !r.wants(s.point) || s.long && r.until.IsZero() && r.only == nil })
	if len(a.scenes) == 0 {
		return
	}
	t.Run(a.name, func(t *testing.T) {
		begun := time.Now()
		s := newTheatre(t, a, r.until.IsZero())
		t.Logf("%-32s %v", "prepared", time.Since(begun).Round(time.Millisecond))
		var list []strike
		var scenes []scene
		for _, x := range a.scenes {
			for _, k := range r.ways(x.point) {
				list, scenes = append(list, k), append(scenes, x)
			}
		}
		for i, k := range list {
			begun := time.Now()
			var next *scene
			if i+1 < len(list) {
				next = &scenes[i+1]
			}
			s.play(scenes[i], k, next)
			if t.Failed() {
				t.Fatalf("at crash point %s; the end of the daemon's log:\n%s", k, s.Log.Tail())
			}
			r.struck[k]++
			t.Logf("%-32s %v", k, time.Since(begun).Round(time.Millisecond))
		}
		if a.end != nil {
			a.end(s)
		}
	})
}

// report tells what struck how often. What did not is a failure.
func (r *pointRun) report() {
	total := 0
	for _, n := range r.struck {
		total += n
	}
	var counts, missing []string
	for _, p := range crash.Points() {
		if !r.wants(p) {
			continue
		}
		counts = append(counts, fmt.Sprintf("%s %d+%d", p, r.struck[strike{p, false}], r.struck[strike{p, true}]))
		for _, k := range r.ways(p) {
			if r.struck[k] == 0 {
				missing = append(missing, k.String())
			}
		}
	}
	r.t.Logf("killed + power cut: %s", strings.Join(counts, ", "))
	if missing != nil {
		r.t.Errorf("not struck, so that nothing is known about them: %s", strings.Join(missing, ", "))
	}
	lost := "nothing lost"
	if r.t.Failed() {
		lost = "FAILED, see above"
	}
	r.t.Logf("%d strikes at %d points in %v: %s", total, len(crash.Points()), time.Since(r.began).Round(time.Second), lost)
}
