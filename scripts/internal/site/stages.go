package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

const newPrefix = "new/place"

// perform plays all stages.
func (p *play) perform() error {
	// contentfs has never seen the directory.
	if err := p.load.existing(p.site.fallback, p.o.files); err != nil {
		return fmt.Errorf("the existing tree: %w", err)
	}
	if err := p.site.mount("--create-bucket", "--offload", "off"); err != nil {
		return err
	}
	for _, s := range []struct {
		name        string
		busy, quiet func(*stage) error
	}{
		{"1 existing tree, disabled", p.adopt, p.adopted},
		{"2 migrate, interrupted", p.enableAndInterrupt, nothing},
		{"3 migrate, outage, resumed", p.resumeThroughOutage, p.migrated},
		{"4 migrate --remove-local", p.removeLocal, p.removedLocal},
		{"5 restore --field file", p.restoreField, p.restoredField},
		{"6 move --to-prefix", p.moveAll, p.movedAll},
		{"7 disable, restore --all", p.disableAndRestore, p.restored},
	} {
		if err := p.act(s.name, s.busy, s.quiet); err != nil {
			return err
		}
	}
	return p.leave()
}

func nothing(*stage) error { return nil }

// adopt uses the tree that was there before, from the first moment on, and looks into
// all of it meanwhile.
func (p *play) adopt(s *stage) error {
	begun := time.Now()
	names, err := p.walk()
	s.moved = fmt.Sprintf("%d names seen in %.1f s", names, time.Since(begun).Seconds())
	if err != nil {
		return err
	}
	return p.site.await("the load to have worked", func() (bool, error) {
		return p.load.writes.Load() >= min(500, int64(p.o.files)/10), nil
	})
}

func (p *play) adopted(s *stage) error {
	all, byField := p.load.total()
	c, err := p.site.counts()
	if err != nil {
		return err
	}
	p.findings.equal("in the fallback", c.Fallback.Count, all.files)
	var v survey
	if err := p.site.do(&v, "migrate"); err != nil {
		return err
	}
	p.findings.equal("files to migrate", v.Files, all.files)
	p.findings.equal("bytes to migrate", v.Bytes, all.bytes)
	p.fields("to migrate", v, byField)
	p.compare("fallback", p.site.fallback)
	return nil
}

// fields compares a survey's counts by field with the truth.
func (p *play) fields(what string, v survey, want map[string]int64) {
	got := make(map[string]int64)
	for _, g := range v.ByField {
		got[g.Name] = g.Files
	}
	for field, n := range want {
		p.findings.equal(what+", field "+field, got[field], n)
	}
}

func (p *play) enableAndInterrupt(s *stage) error {
	if err := p.site.do(nil, "enable"); err != nil {
		return err
	}
	var m moved
	code, err := p.site.interrupt(&m, p.fewerThan(2, 3), "migrate", "--all")
	if err != nil {
		return err
	}
	p.findings.equal("exit code of the interrupted", int64(code), 130)
	if m.Complete {
		p.findings.add("an interrupted migration says that it is complete")
	}
	s.moved = m.String()
	return nil
}

// fewerThan tells when so many parts of the files, as they were at its call, are
// left in the fallback.
func (p *play) fewerThan(part, of int64) func() (bool, error) {
	bound := int64(p.o.files) * part / of
	return func() (bool, error) {
		c, err := p.site.counts()
		return c.Fallback.Count < bound, err
	}
}

func (p *play) resumeThroughOutage(s *stage) error {
	var m moved
	type end struct {
		code int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		code, err := p.site.try(&m, "migrate", "--all")
		ended <- end{code, err}
	}()
	err := p.site.await("the moment for an outage", p.fewerThan(1, 3))
	if err == nil {
		p.front.close()
		select {
		case <-time.After(p.o.outage):
		case <-p.ctx.Done():
		}
		err = p.front.open()
	}
	e := <-ended
	if err != nil {
		return err
	}
	if e.err != nil {
		return e.err
	}
	s.moved = m.String()
	switch e.code {
	case 0:
	case 1: // some were tried too often during the outage
		s.moved += fmt.Sprintf(" (%d told as failed)", m.Failed)
		p.findings.equal("told as failed", int64(len(m.Failures)), m.Failed)
	default:
		p.findings.add("migrate through an outage: exit code %d", e.code)
	}
	return nil
}

func (m moved) String() string { return fmt.Sprintf("%d moved, %d skipped", m.Moved, m.Skipped) }

func (p *play) migrated(s *stage) error {
	if err := p.finish(s, "migrate", "--all"); err != nil {
		return err
	}
	all, _ := p.load.total()
	c, err := p.site.counts()
	p.findings.equal("in S3", c.LocalAndS3.Count+c.OnlyS3.Count, all.files)
	p.atLeast(prefix, all.files)
	return err
}

// atLeast expects objects. Those that were given up lie there until their grace ends.
func (p *play) atLeast(prefix string, want int64) {
	if n, err := p.objects(prefix); err != nil || n < want {
		p.findings.add("%d objects under %s for %d files, %v", n, prefix, want, err)
	}
}

// finish asks what is left of a transfer, moves it and expects nothing to be left.
func (p *play) finish(s *stage, command string, args ...string) error {
	var before, after survey
	var m moved
	if err := p.site.do(&before, command, append(args, "--dry-run")...); err != nil {
		return err
	}
	code, err := p.site.try(&m, command, args...)
	if err != nil {
		return err
	}
	for _, f := range m.Failures[:min(5, len(m.Failures))] {
		p.findings.add("%s %q: %s", command, f.Path, f.Why)
	}
	p.findings.equal(command+" again, exit code", int64(code), 0)
	p.findings.equal(command+" again, moved", m.Moved, before.Files)
	p.findings.equal(command+" again, bytes", m.Bytes, before.Bytes)
	p.findings.equal(command+" again, skipped", m.Skipped, 0)
	s.moved += fmt.Sprintf(", then %d", m.Moved)
	if err := p.site.do(&after, command, append(args, "--dry-run")...); err != nil {
		return err
	}
	p.findings.equal(command+", left", after.Files, 0)
	return p.site.drained()
}

// busily runs a transfer while the load goes on.
func (p *play) busily(s *stage, command string, args ...string) error {
	var m moved
	code, err := p.site.try(&m, command, args...)
	if err != nil {
		return err
	}
	s.moved = m.String()
	p.findings.equal(command+", exit code", int64(code), 0)
	for _, f := range m.Failures[:min(5, len(m.Failures))] {
		p.findings.add("%s %q: %s", command, f.Path, f.Why)
	}
	if !m.Complete {
		p.findings.add("%s says that it is not complete", command)
	}
	return nil
}

func (p *play) removeLocal(s *stage) error {
	return p.busily(s, "migrate", "--all", "--remove-local")
}

// removedLocal expects nothing in the fallback but what has no content, and what is
// kept there for its grace.
func (p *play) removedLocal(s *stage) error {
	if err := p.finish(s, "migrate", "--all", "--remove-local"); err != nil {
		return err
	}
	p.load.each(func(name string, c text) {
		b, err := os.ReadFile(p.site.fallback + "/" + name)
		// What was there before it was replaced is kept for its grace.
		if err == nil && c.size > 1 && c.check(b) == nil || err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.findings.add("in the fallback still: %q, %v", name, err)
		}
	})
	return nil
}

func (p *play) restoreField(s *stage) error { return p.busily(s, "restore", "--field", "file") }

func (p *play) restoredField(s *stage) error { return p.finish(s, "restore", "--field", "file") }

func (p *play) moveAll(s *stage) error { return p.busily(s, "move", "--all", "--to-prefix", newPrefix) }

func (p *play) movedAll(s *stage) error {
	if err := p.finish(s, "move", "--all", "--to-prefix", newPrefix); err != nil {
		return err
	}
	all, _ := p.load.total()
	p.atLeast(newPrefix, all.files)
	return nil
}

func (p *play) disableAndRestore(s *stage) error {
	if err := p.site.do(nil, "disable"); err != nil {
		return err
	}
	return p.busily(s, "restore", "--all", "--remove-remote")
}

func (p *play) restored(s *stage) error {
	if err := p.finish(s, "restore", "--all", "--remove-remote"); err != nil {
		return err
	}
	all, _ := p.load.total()
	c, err := p.site.counts()
	p.findings.equal("in the fallback", c.Fallback.Count, all.files)
	p.compare("fallback", p.site.fallback)
	return err
}

// leave unmounts for good and looks at what is left, with S3 away: the directory
// alone, and once more through a mount.
func (p *play) leave() error {
	if err := p.site.unmount(); err != nil {
		return err
	}
	p.front.close()
	p.compare("the directory that is left", p.site.fallback)
	if err := p.site.forget(); err != nil {
		return err
	}
	if err := p.site.mount(); err != nil {
		return err
	}
	p.compare("mount without S3", p.site.point)
	return p.site.unmount()
}
