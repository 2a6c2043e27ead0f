package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// checkWait bounds the whole check.
const checkWait = 2 * time.Minute

func (p *program) checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "try out bucket, region, credentials and permissions",
		ArgsUsage: "VOLUME",
		Description: `Checks the settings of a volume, then writes a small object, reads it back, sees
that the store refuses to replace it, and deletes it. Every step is told with
what to do about it when it fails. The volume need not be mounted.`,
		Flags: append(flagsOf(func(s *setting) bool { return s.group == groupStore }),
			createBucketFlag(), configFlag(), formatFlag()),
		Action: interruptible(p.check),
	}
}

func createBucketFlag() cli.Flag {
	return &cli.BoolFlag{Name: "create-bucket", Usage: "create the bucket when it does not exist", DisableDefaultText: true}
}

func (p *program) check(ctx context.Context, c *cli.Context) error {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	name, err := oneArgument(c, "VOLUME")
	if err != nil {
		return err
	}
	cfg, err := p.load(name, c.String("config"), cliOptions{c})
	if err != nil {
		return err
	}
	if err := cfg.needBucket(p); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	r := p.examine(ctx, cfg, c.Bool("create-bucket"))
	if err := p.print(asJSON, r); err != nil {
		return err
	}
	return told(r.exitCode())
}

// outcome is how one step of a check ended.
type outcome string

const (
	passed  outcome = "ok"
	warned  outcome = "warning"
	failed  outcome = "failed"
	skipped outcome = "skipped"
)

// finding is one step of a check.
type finding struct {
	Step    string  `json:"step"`
	Outcome outcome `json:"outcome"`
	Detail  string  `json:"detail,omitempty"`
	Remedy  string  `json:"remedy,omitempty"`

	code int // the exit code when it failed
}

// checkResult is what a check found.
type checkResult struct {
	Volume   string    `json:"volume"`
	Bucket   string    `json:"bucket"`
	Findings []finding `json:"findings"`
}

func (r *checkResult) table(w io.Writer) {
	for _, f := range r.Findings {
		row(w, f.Step, string(f.Outcome), f.Detail)
		if f.Remedy != "" {
			row(w, "", "", "try: "+f.Remedy)
		}
	}
}

func (r *checkResult) verdict() string {
	n := make(map[outcome]int)
	for _, f := range r.Findings {
		n[f.Outcome]++
	}
	parts := []string{fmt.Sprintf("%d ok", n[passed])}
	for _, o := range []outcome{warned, failed, skipped} {
		if n[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[o], o))
		}
	}
	say := "the bucket can be used"
	if n[failed] > 0 {
		say = "the bucket cannot be used"
	}
	return fmt.Sprintf("%s: %s: %s", r.Volume, say, strings.Join(parts, ", "))
}

// exitCode is that of the first step that failed: the others follow from it.
func (r *checkResult) exitCode() int {
	for _, f := range r.Findings {
		if f.Outcome == failed {
			return f.code
		}
	}
	return exitOK
}
