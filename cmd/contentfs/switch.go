package main

import (
	"context"
	"errors"
	"io"

	"github.com/urfave/cli/v2"

	"contentfs/fs/content"
)

func (p *program) enableCommand() *cli.Command {
	return &cli.Command{
		Name: "enable", Usage: "send new content to S3", ArgsUsage: "VOLUME",
		Description: `Switches offloading on, for a live mount at once and for all that follow. What settled
in the fallback meanwhile stays there; contentfs migrate brings it to S3.`,
		Flags:  append(switchFlags(), configFlag(), formatFlag()),
		Action: interruptible(func(ctx context.Context, c *cli.Context) error { return p.throw(ctx, c, true) }),
	}
}

func (p *program) disableCommand() *cli.Command {
	return &cli.Command{
		Name: "disable", Usage: "keep new content in the fallback", ArgsUsage: "VOLUME",
		Description: `Switches offloading off, for a live mount at once and for all that follow: new content
goes to the fallback directory, or stays on this server where there is none. What is
in S3 goes on working: it can be read, renamed and deleted.`,
		Flags:  append(switchFlags(), configFlag(), formatFlag()),
		Action: interruptible(func(ctx context.Context, c *cli.Context) error { return p.throw(ctx, c, false) }),
	}
}

func switchFlags() []cli.Flag {
	return flagsOf(func(s *setting) bool { return s.key == "state" || s.key == "fallback" })
}

// switchResult is the position of the switch.
type switchResult struct {
	Volume     string `json:"volume"`
	Offloading bool   `json:"offloading"`
	Fallback   string `json:"fallback,omitempty"`
}

func (r *switchResult) table(io.Writer) {}

func (r *switchResult) verdict() string {
	switch {
	case r.Offloading:
		return "volume " + r.Volume + ": new content goes to S3"
	case r.Fallback == "":
		return "volume " + r.Volume + ": new content stays on this server; the volume has no fallback directory"
	}
	return "volume " + r.Volume + ": new content goes to " + r.Fallback
}

func (p *program) throw(ctx context.Context, c *cli.Context, on bool) (err error) {
	s, asJSON, err := p.oneSession(c, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := content.SetOffloading(s.store, on); err != nil {
		return err
	}
	s.wake(ctx)
	return p.print(asJSON, &switchResult{Volume: s.name, Offloading: on, Fallback: s.fallback})
}
