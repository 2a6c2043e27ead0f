package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// play is one run.
type play struct {
	ctx      context.Context
	o        *options
	front    *front
	site     *site
	load     *load
	findings *findings
	compared int // files, all in all
	stages   []stage
}

// stage is one line of the table.
type stage struct {
	name            string
	took, checking  time.Duration
	files           int64
	moved           string
	requests, check map[string]int
}

func newPlay(ctx context.Context, o *options) (*play, error) {
	f, err := newFront(o.endpoint)
	if err != nil {
		return nil, err
	}
	s, err := newSite(ctx, o, f.endpoint())
	if err != nil {
		f.close()
		return nil, err
	}
	p := &play{ctx: ctx, o: o, front: f, site: s, findings: &findings{}}
	p.load = newLoad(s.point, o, p.findings)
	p.load.excused = f.troubled
	return p, nil
}

// end leaves nothing mounted, whatever happened. What lies in the folder is the
// caller's to remove.
func (p *play) end() {
	p.load.halt()
	// The context of the run may have ended.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p.site.ctx = ctx
	if p.site.mounted {
		if err := p.site.do(nil, "unmount", "--no-drain"); err != nil {
			fmt.Fprintln(os.Stderr, "site:", err)
		}
	}
	p.front.close()
}

// act plays one stage: the administrator's part while the load goes on, then what
// quiet makes exact, then the comparisons. A failure of one is a finding, and the
// next goes on: they do not depend on it.
func (p *play) act(name string, busy, quiet func(*stage) error) error {
	s := stage{name: name}
	p.findings.begin(name)
	fmt.Fprintln(os.Stderr, name)
	p.front.take()
	begun := time.Now()
	p.load.begin(p.ctx)
	err := busy(&s)
	p.load.halt()
	if err == nil {
		err = p.site.drained()
	}
	if err == nil {
		err = quiet(&s)
	}
	s.took, s.requests = time.Since(begun), p.front.take()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	begun = time.Now()
	if err := p.check(&s); err != nil {
		return fmt.Errorf("%s, checking: %w", name, err)
	}
	s.checking, s.check = time.Since(begun), p.front.take()
	p.stages = append(p.stages, s)
	fmt.Fprintf(os.Stderr, "  %s; %v, checked in %v\n", p.load.worked(), s.took.Round(time.Second), s.checking.Round(time.Second))
	return p.ctx.Err()
}

// check compares counts and contents, with the local files and without.
func (p *play) check(s *stage) error {
	if s.files == 0 {
		if err := p.count(s); err != nil {
			return err
		}
	}
	p.compare("mount", p.site.point)
	if err := p.site.unmount(); err != nil {
		return err
	}
	if err := p.site.forget(); err != nil {
		return err
	}
	if err := p.site.mount(); err != nil {
		return err
	}
	c, err := p.site.counts()
	if err != nil {
		return err
	}
	p.findings.equal("files after a new mount", c.Files, s.files)
	p.compare("mount without local files", p.site.point)
	return nil
}

// count compares what status tells with the truth.
func (p *play) count(s *stage) error {
	c, err := p.site.counts()
	if err != nil {
		return err
	}
	all, _ := p.load.total()
	s.files = all.files
	if c.Files < all.files { // files that were removed may be counted until the next mount
		p.findings.add("files: %d, less than %d", c.Files, all.files)
	}
	p.findings.equal("bytes of all places", c.OnlyLocal.Bytes+c.LocalAndS3.Bytes+c.OnlyS3.Bytes+c.Fallback.Bytes, all.bytes)
	p.findings.equal("contents of all places", c.OnlyLocal.Count+c.LocalAndS3.Count+c.OnlyS3.Count+c.Fallback.Count, all.files)
	p.findings.equal("lost", c.Lost.Count, 0)
	p.findings.equal("only local", c.OnlyLocal.Count, 0)
	p.findings.equal("quarantined", c.Quarantined, 0)
	return nil
}

// printTable prints the stages.
func (p *play) printTable(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "stage\tfiles\tmoved\ttime\trequests\tcomparison\trequests")
	for _, s := range p.stages {
		fmt.Fprintf(t, "%s\t%d\t%s\t%.1f s\t%s\t%.1f s\t%s\n", s.name, s.files, s.moved, s.took.Seconds(), methods(s.requests),
			s.checking.Seconds(), methods(s.check))
	}
	_ = t.Flush() // to a terminal or a log
	fmt.Fprintf(w, "the load: %s; %d files compared\n", p.load.worked(), p.compared)
}

func methods(n map[string]int) string {
	var parts []string
	for _, m := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%d %s", n[m], m))
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}
