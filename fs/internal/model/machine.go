package model

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Config says how much is tried on what.
type Config struct {
	// Ops is how many operations are made in all, at least.
	Ops int
	// Steps is how many there are in a sequence, on average.
	Steps int
	// Every is how many operations lie between two comparisons of the whole trees.
	Every int
	// Rare: events take long, and there are fewer of them.
	Rare bool
	// Start gives a system whose root is empty. What it needs to end is registered
	// with t.Cleanup.
	Start func(t *rapid.T) (System, Traits)
}

// Run makes random sequences of operations until there were as many as it was told
// to make. With -rapid.seed it repeats one.
func Run(t *testing.T, c Config) {
	t.Helper()
	set := func(name, value string) {
		if f := flag.Lookup(name); f.Value.String() == f.DefValue {
			old := f.Value.String()
			if err := f.Value.Set(value); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Value.Set(old) })
		}
	}
	set("rapid.steps", strconv.Itoa(c.Steps))
	set("rapid.nofailfile", "true") // what it would say is in the test's output
	set("rapid.checks", strconv.Itoa(min(20, 1+c.Ops/c.Steps)))
	start, made, sequences := time.Now(), 0, 0
	var first sync.Once
	for made < c.Ops {
		rapid.Check(t, func(rt *rapid.T) {
			m := &machine{Config: c, t: rt, rt: rt}
			// What depends on time need not fail again when it is shrunk.
			m.failed = func() { first.Do(func() { t.Logf("the first failure, as it happened:\n%s", m.story()) }) }
			m.system, m.traits = c.Start(rt)
			defer func() { made += m.made; sequences++ }()
			m.run()
		})
		if flag.Lookup("rapid.seed").Value.String() != "0" {
			break
		}
	}
	t.Logf("%d operations in %d sequences, %v each", made, sequences, time.Since(start)/time.Duration(max(made, 1)))
}

// reporter is what a machine asks of a test.
type reporter interface {
	Helper()
	Logf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// machine is one sequence.
type machine struct {
	Config
	t      reporter
	rt     *rapid.T // to draw from; nil in a replay
	system System
	traits Traits
	ref    *Reference
	made   int
	failed func() // called at a failure
	past   []step
}

// step is what was done, and what came of it.
type step struct {
	op     fmt.Stringer
	answer fmt.Stringer
}

// told is a word or two as a step.
type told string

func (s told) String() string { return string(s) }

// note remembers a step, for who reads of a failure.
func (m *machine) note(op, answer fmt.Stringer) {
	m.t.Logf("%v: %v", op, answer)
	m.past = append(m.past, step{op, answer})
}

// story is what was done last.
func (m *machine) story() string {
	var b strings.Builder
	for i, s := range m.past[max(0, len(m.past)-storyLength):] {
		fmt.Fprintf(&b, "%d %v: %v\n", i, s.op, s.answer)
	}
	return b.String()
}

const storyLength = 400

// fatal ends the sequence with what is the same every time, after telling what is not.
func (m *machine) fatal(what string, how fmt.Stringer) {
	m.t.Helper()
	m.note(told(what), how)
	m.failed()
	m.t.Fatal(what)
}

// coarse is how far the clock of file times may lag behind the one of the process.
const coarse = 20 * time.Millisecond

func (m *machine) run() {
	m.begin()
	m.rt.Repeat(m.actions())
	m.end()
}

// begin takes the root over.
func (m *machine) begin() {
	root := m.system.Do(Op{Kind: Stat})
	if root.Errno != 0 {
		m.t.Fatalf("stat of the root: %v", root)
	}
	m.ref = NewReference(*root.Info, m.traits)
}

// Step is an Op or an Event.
type Step interface{ take(*machine) }

func (o Op) take(m *machine)    { m.do(o) }
func (e Event) take(m *machine) { m.raise(e) }

// Replay takes the steps one after the other, as Run does with those it draws.
func Replay(t *testing.T, s System, traits Traits, steps ...Step) {
	t.Helper()
	m := &machine{t: t, system: s, traits: traits, failed: func() {}}
	m.begin()
	for _, step := range steps {
		step.take(m)
	}
	m.end()
}

// do gives an operation to both and compares.
func (m *machine) do(op Op) {
	begin := time.Now().Add(-coarse).UnixNano()
	got := m.system.Do(op)
	end := time.Now().UnixNano()
	m.made++
	m.note(op, got)
	want := got
	may, done := m.ref.Excused(op)
	excused := may && got.Errno == errAway
	if !excused || done {
		want = m.ref.Do(op, begin, end)
	}
	if excused {
		return
	}
	if d := m.ref.match(op, got, want); d != nil {
		m.fatal(fmt.Sprintf("%s: another %s", op.Kind, d.what), told(d.how))
	}
}

// raise lets an event happen.
func (m *machine) raise(e Event) {
	m.note(told("event"), told(e))
	if e == Remount {
		for fd := range maxFD {
			if m.ref.fds[fd] != nil {
				m.do(Op{Kind: Close, FD: fd})
			}
		}
	}
	m.check(string(e), m.system.Raise(e))
	m.ref.Happened(e)
	if e == Crash {
		m.check("recovery", m.ref.Recovered(m.look))
		m.compare()
	}
}

// check fails the test for an error, whose words are not the same every time.
func (m *machine) check(what string, err error) {
	if err != nil {
		m.fatal(what+" failed", told(err.Error()))
	}
}

func (m *machine) look(path string) (there bool, content []byte, err error) {
	got := m.system.Do(Op{Kind: Cat, Path: path})
	if got.Errno == errAway && m.ref.outage {
		m.raise(OutageEnd) // what was written to in place has its content in the store
		got = m.system.Do(Op{Kind: Cat, Path: path})
	}
	m.note(told("look at "+path), got)
	switch got.Errno {
	case 0:
		return true, got.Data, nil
	case errNothing:
		return false, nil, nil
	}
	return false, nil, fmt.Errorf("%w", got.Errno)
}

// compare looks at everything.
func (m *machine) compare() {
	for _, op := range m.ref.inspection() {
		m.do(op)
		m.made-- // not what was asked for
	}
	m.check("verification", m.system.Verify())
}

// end brings the volume to rest: all is closed, uploaded and evicted, and must be
// what it was once more.
func (m *machine) end() {
	m.compare()
	for fd := range maxFD {
		if m.ref.fds[fd] != nil {
			m.do(Op{Kind: Close, FD: fd})
		}
	}
	if m.ref.outage {
		m.raise(OutageEnd)
	}
	for _, e := range []Event{Upload, Evict, Upload, Evict} {
		if slices.Contains(m.system.Events(), e) {
			m.raise(e)
		}
	}
	m.compare()
}
