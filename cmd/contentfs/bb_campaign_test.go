package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"contentfs/cmd/contentfs/internal/life"
	"contentfs/cmd/contentfs/internal/workload"
)

// campaign is a loop of lives, each ended by a fault.
type campaign struct {
	*bout
	*life.Volume
	team   *workload.Team
	wire   *wire
	bucket *bucketAudit
	needed []workload.Phase // without which a run has not shown anything

	after   workload.After // what the last life ended with
	struck  map[workload.Phase]int
	uploads int // faults that struck while something was being sent to S3
}

const writers = 4

// newCampaign prepares the loop; see newBout. cuts says that faults are power cuts
// and not only killed processes.
func newCampaign(t *testing.T, v *life.Volume, usual, share int, cuts bool) *campaign {
	t.Helper()
	c := &campaign{bout: newBout(t, usual, share), Volume: v, needed: needed, struck: make(map[workload.Phase]int)}
	if c.after = workload.Kill; cuts {
		c.after = workload.Cut
	}
	c.wire = newWire(t, v.Gateway.Endpoint)
	v.Endpoint = c.wire.URL
	c.team = workload.NewTeam(v.Point, writers, c.seed, cuts)
	c.bucket = newBucketAudit(t, v, &c.team.History)
	v.Log.Expect(
		"released a mount point whose process was gone",
		"recovered after a crash",
		"content that was never closed is kept in the quarantine",
		"a local file that is not on record is kept in the quarantine",
	)
	return c
}

// more reports whether there is another fault to come. Every now and then it looks
// at the bucket, and says how far the loop is.
func (c *campaign) more() bool {
	if c.done > 0 && c.done%100 == 0 {
		c.bucket.check()
		all, _ := c.team.Answered()
		c.T.Logf("%d faults in %v, %d operations answered, %d objects", c.done,
			time.Since(c.began).Round(time.Second), all, len(c.bucket.known))
	}
	return c.bout.more()
}

// aim is what a fault shall strike: a phase of a writer, or a stage of an upload.
type aim struct {
	phase  workload.Phase
	upload stage
}

// aims are taken in turn; the zero aim is none. A fault at any time strikes close
// most often: that is where the time goes.
var aims = []aim{
	{}, {phase: workload.Writing}, {phase: workload.Closing}, {phase: workload.Renaming}, {upload: arrived},
	{}, {phase: workload.Syncing}, {phase: workload.Opening}, {phase: workload.Unlinking}, {upload: stored},
	{}, {phase: workload.MakingDir}, {phase: workload.MovingDir}, {phase: workload.Truncating},
}

// needed is what every long run has to strike.
var needed = []workload.Phase{
	workload.Opening, workload.Writing, workload.Syncing, workload.Closing, workload.Renaming,
	workload.Unlinking, workload.MakingDir, workload.MovingDir,
}

// live lets the writers work for a while and returns in the moment of the fault.
func (c *campaign) live() {
	c.wire.hunt(nowhere, c.rng.IntN(2) == 0)
	c.start()
	// How long lives are and where in a call they end is left to chance: these
	// waits are not for anything.
	<-time.After(time.Duration(150+c.rng.IntN(100)) * time.Millisecond)
	var caught <-chan struct{}
	patience := 300 * time.Millisecond
	switch a := aims[c.done%len(aims)]; {
	case a.phase != workload.Between:
		caught = c.team.Hunt(a.phase)
	case a.upload != nowhere:
		caught = c.wire.hunt(a.upload, c.rng.IntN(2) == 0)
		patience = 3 * time.Second
	default:
		patience = 0
	}
	select {
	case <-caught:
		for end := time.Now().Add(time.Duration(c.rng.IntN(800)) * time.Microsecond); time.Now().Before(end); {
		}
	case <-time.After(patience):
	}
	for _, p := range c.team.Brace() {
		c.struck[p]++
	}
	if c.wire.sending.Load() > 0 {
		c.uploads++
	}
	c.done++
}

// start lets the writers work.
func (c *campaign) start() {
	c.T.Helper()
	if err := c.team.Start(); err != nil {
		c.T.Fatal(err)
	}
}

// verify compares the mount with what was promised.
func (c *campaign) verify(when string) {
	c.T.Helper()
	if err := c.team.VerifyAfter(c.after); err != nil {
		c.T.Errorf("fault %d, %s: %v", c.done, when, err)
	}
}

// finish drains, takes all local files away, and compares again with what S3 has.
func (c *campaign) finish() {
	t := c.T
	t.Helper()
	if t.Failed() {
		c.report()
		return
	}
	c.wire.hunt(nowhere, false)
	c.Mount()
	c.verify("before the drain")
	if u := c.Unmount(); u.Pending != 0 || !u.Known {
		t.Errorf("after the drain: %+v", u)
	}
	st := c.Status()
	if st.Counts.Waiting.Count+st.Counts.OnlyLocal.Count+st.Counts.Lost.Count != 0 {
		t.Errorf("after the drain: %+v", *st.Counts)
	}
	c.bucket.check()
	auditVolume(c.T, c.Volume, c.bucket.store)
	c.WipeLocal()
	c.Mount()
	c.verify("from S3 alone")
	if st = c.Status(); st.Counts.Lost.Count != 0 {
		t.Errorf("without local files: %+v", *st.Counts)
	}
	if code := c.Terminate(); code != 0 {
		t.Errorf("the daemon ended with exit code %d", code)
	}
	c.bucket.check()
	c.report()
	for _, p := range c.needed {
		// A run that was cut short has shown what it has shown.
		if c.struck[p] == 0 && c.done >= 2*len(aims) {
			t.Errorf("no fault struck during %s: the loop did not test it", p)
		}
	}
	if c.needed != nil && c.uploads == 0 && c.done >= 2*len(aims) {
		t.Error("no fault struck during an upload: the loop did not test it")
	}
}

// report tells what struck, how often, and what was lost.
func (c *campaign) report() {
	all, commits := c.team.Answered()
	var parts []string
	for p := workload.Between; p <= workload.Reading; p++ {
		parts = append(parts, fmt.Sprintf("%s %d", p, c.struck[p]))
	}
	lost := "nothing lost"
	if c.T.Failed() {
		lost = "FAILED, see above"
		c.T.Logf("the end of the daemon's log:\n%s", c.Log.Tail())
	}
	c.T.Logf("%d faults in %v (%v each): %s", c.done, time.Since(c.began).Round(time.Second),
		(time.Since(c.began) / time.Duration(max(1, c.done))).Round(time.Millisecond), lost)
	c.T.Logf("what the %d writers were doing when it struck: %s; an upload was under way %d times",
		writers, strings.Join(parts, ", "), c.uploads)
	c.T.Logf("%d operations answered, %d of them durable; %d files at the end; %d objects checked; recovered with losses to the quarantine %d times",
		all, commits, c.team.Files(), len(c.bucket.known), c.Log.Count("kept in the quarantine"))
}
