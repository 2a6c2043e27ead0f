package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/fs/control"
)

func (p *program) unmountCommand() *cli.Command {
	return &cli.Command{
		Name:      "unmount",
		Aliases:   []string{"umount"},
		Usage:     "upload what is waiting, and unmount",
		ArgsUsage: "VOLUME|PATH",
		Description: `Waits until everything is in S3, shows how far it is, and unmounts. Ctrl-C ends
the wait and leaves the volume mounted. With --no-drain, or after --wait, it
unmounts at once: what is waiting stays on this server and goes on with the next
mount. Nothing is ever lost by unmounting. Where the process of a mount is gone,
the mount point is released. PATH is the mount point or anything in it.`,
		Flags: append(placeFlags(),
			&cli.BoolFlag{Name: "no-drain", Usage: "do not wait for uploads", DisableDefaultText: true},
			&cli.DurationFlag{Name: "wait", Usage: "`TIME` to wait for uploads at most", DefaultText: "until all is in S3"},
			configFlag(), formatFlag()),
		Action: interruptible(p.unmount),
	}
}

func (p *program) unmount(ctx context.Context, c *cli.Context) error {
	t, asJSON, err := p.oneVolume(c)
	if err != nil {
		return err
	}
	r, err := p.end(ctx, t, !c.Bool("no-drain"), c.Duration("wait"))
	if err != nil {
		return err
	}
	return p.print(asJSON, r)
}

// end unmounts a volume, whatever state its mount is in.
func (p *program) end(ctx context.Context, t *target, drain bool, wait time.Duration) (*unmountResult, error) {
	r := &unmountResult{Volume: t.name, State: t.state, Mountpoint: t.mount.point}
	client, err := control.Dial(t.socket)
	switch {
	case err == nil:
		if err := p.endLive(ctx, t, client, r, drain, wait); err != nil {
			return nil, err
		}
	case !errors.Is(err, control.ErrNotRunning):
		return nil, configError("unmount "+t.name, "as root, or as the user of the mount", "%w", err)
	case !t.mounted:
		r.How = wasNotMounted
	case dead(t.mount.point):
		if err := p.release(t.mount.point); err != nil {
			return nil, &failure{code: exitFailed, what: "unmount " + t.name, err: err, try: "umount -l " + t.mount.point}
		}
		r.How = releasedDead
	default:
		return nil, configError("unmount "+t.name, "--state DIR, as it was given when the volume was mounted",
			"it is mounted on %s, but nobody answers on %s", t.mount.point, t.socket)
	}
	if st, err := readStats(filepath.Join(r.State, databaseName)); err == nil {
		r.pending(st.Queue.Number, st.Queue.Bytes)
	}
	return r, nil
}

// endLive asks the process of the mount to end it.
func (p *program) endLive(ctx context.Context, t *target, client *control.Client, r *unmountResult, drain bool, wait time.Duration) error {
	before, err := client.Status(ctx)
	if err != nil {
		return p.unmountFailure(ctx, t, err)
	}
	r.Mountpoint, r.State = before.Mountpoint, before.State
	gone, err := watchProcess(before.PID)
	if err != nil {
		return p.unmountFailure(ctx, t, err)
	}
	defer gone.close()

	g := p.progress(t.name)
	defer g.end()
	if drain && wait > 0 {
		if drain, err = drainFor(ctx, client, wait, g); err != nil {
			return p.unmountFailure(ctx, t, err)
		}
	}
	res, err := client.Unmount(ctx, drain, g.report)
	g.end()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil:
		// The process ended before it could answer: its database tells the rest.
	case err != nil:
		return p.unmountFailure(ctx, t, err)
	case res.Error != "":
		return &failure{code: exitFailed, what: "unmount " + t.name, err: errors.New(res.Error),
			try: "fuser -vm " + before.Mountpoint + ", to see who uses it"}
	}
	if err := gone.wait(ctx); err != nil {
		code := exitFailed
		if ctx.Err() != nil {
			code = exitInterrupted
		}
		return &failure{code: code, what: "unmount " + t.name, try: "contentfs status " + t.name,
			err: fmt.Errorf("the volume is unmounted, but its process %d is still closing: %w", before.PID, err)}
	}
	if dead(r.Mountpoint) {
		if err := p.release(r.Mountpoint); err != nil {
			return p.unmountFailure(ctx, t, err)
		}
	}
	r.How = ended
	return nil
}
