package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/urfave/cli/v2"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/control"
	"contentfs/fs/transfer"
	"contentfs/fs/volume"
)

// transferFlags are the options that migrate, restore and move share.
func transferFlags(more ...cli.Flag) []cli.Flag {
	flags := append(flagsOf(func(s *setting) bool {
		return s.group == groupStore || s.key == "state" || s.key == "fallback"
	}),
		&cli.BoolFlag{Name: "all", Usage: "everything", DisableDefaultText: true},
		&cli.StringFlag{Name: "uid", Usage: "only files of this content item, by its `UID`", Category: "Selection"},
		&cli.StringFlag{Name: "field", Usage: "only files of this `FIELD`", Category: "Selection"},
		&cli.StringFlag{Name: "scale", Usage: "only images in this `SCALE`", Category: "Selection"},
		&cli.BoolFlag{Name: "originals", Usage: "only what is no scale", Category: "Selection", DisableDefaultText: true},
		&cli.StringFlag{Name: "min-size", Usage: "only files of at least this `SIZE`", Category: "Selection"},
		&cli.StringFlag{Name: "max-size", Usage: "only files of at most this `SIZE`", Category: "Selection"},
		&cli.StringFlag{Name: "older-than", Usage: "only files that were not changed for this `TIME`, such as 7d or 12h", Category: "Selection"},
		&cli.IntFlag{Name: "limit", Usage: "stop after this `NUMBER` of files", DefaultText: "none", Category: "Selection"},
		&cli.BoolFlag{Name: "dry-run", Usage: "count what would be moved, and move nothing", DisableDefaultText: true},
		&cli.IntFlag{Name: "concurrency", Usage: "`NUMBER` of files under way at a time", Value: 16},
		&cli.StringFlag{Name: "rate", Usage: "begin at most this `SIZE` a second", DefaultText: "no bound"},
	)
	return append(append(flags, more...), configFlag(), formatFlag())
}

// selected reads the selection of a command line. It reports whether there was any.
func selected(c *cli.Context) (s transfer.Selection, any bool, err error) {
	s = transfer.Selection{UID: c.String("uid"), Field: c.String("field"), Scale: c.String("scale"),
		NoScale: c.Bool("originals"), Limit: c.Int("limit")}
	if s.MinSize, err = sizeOption(c, "min-size"); err != nil {
		return s, false, err
	}
	if s.MaxSize, err = sizeOption(c, "max-size"); err != nil {
		return s, false, err
	}
	if text := c.String("older-than"); text != "" {
		if s.OlderThan, err = parseAge(text); err != nil {
			return s, false, usageError("option --older-than", "", "%w", err)
		}
	}
	if s.Scale != "" && s.NoScale {
		return s, false, usageError("option --originals", "", "an original has no scale: --scale and --originals exclude each other")
	}
	if s.Limit < 0 || c.Int("concurrency") < 1 {
		return s, false, usageError("command line", "", "--limit and --concurrency are positive numbers")
	}
	any = c.Bool("all")
	for _, name := range []string{"uid", "field", "scale", "originals", "min-size", "max-size", "older-than", "limit"} {
		any = any || c.IsSet(name)
	}
	return s, any, nil
}

func sizeOption(c *cli.Context, name string) (int64, error) {
	text := c.String(name)
	if text == "" {
		return 0, nil
	}
	n, err := parseSize(text)
	if err != nil {
		return 0, usageError("option --"+name, "", "%w", err)
	}
	return n, nil
}

// transferring is a transfer as a command line describes it.
type transferring struct {
	p      *program
	t      *target
	mover  transfer.Mover
	list   bool // nothing was selected: only list
	asJSON bool
	dry    bool
}

// prepare reads what all transfers have in common.
func (p *program) prepareTransfer(c *cli.Context, kind transfer.Kind, dropOption string) (*transferring, error) {
	asJSON, err := wantJSON(c)
	if err != nil {
		return nil, err
	}
	arg, err := oneArgument(c, "VOLUME")
	if err != nil {
		return nil, err
	}
	x := &transferring{p: p, asJSON: asJSON, dry: c.Bool("dry-run")}
	var any bool
	x.mover.Kind = kind
	if x.mover.Selection, any, err = selected(c); err != nil {
		return nil, err
	}
	x.list = !any
	x.mover.Concurrency = c.Int("concurrency")
	if x.mover.Rate, err = sizeOption(c, "rate"); err != nil {
		return nil, err
	}
	x.mover.DropSource = dropOption != "" && c.Bool(dropOption)
	if x.t, err = p.target(c, arg); err != nil {
		return nil, err
	}
	if err := x.t.exists(p); err != nil {
		return nil, err
	}
	return x, x.t.needBucket(p)
}

// run counts or moves, by the mount if there is one and by this process else.
func (x *transferring) run(ctx context.Context, c *cli.Context) error {
	if client, err := control.Dial(x.t.socket); err == nil {
		return x.beside(ctx, c, client)
	} else if !errors.Is(err, control.ErrNotRunning) {
		return configError("volume "+x.t.name, "contentfs status "+x.t.name, "its mount does not answer: %w", err)
	}
	v, err := volume.Open(ctx, volumeOptions(x.t.config, x.log()))
	if err != nil {
		return mountFailure(x.t.config, err)
	}
	return v.Work(ctx, func(ctx context.Context) error {
		x.mover.Tree = transfer.Tree{Meta: v.Meta(), Look: v.Engine().TakeIn}
		x.mover.Engine, x.mover.Wake = v.Engine(), v.Wake
		if err := x.reachable(ctx); err != nil {
			return err
		}
		return x.move(ctx)
	})
}

// reachable is an error when there is something to move, and the store does not answer
// or has no such bucket: a mount waits for it as long as it takes, a command without one tells.
func (x *transferring) reachable(ctx context.Context) error {
	if x.list || x.dry {
		return nil
	}
	something := errors.New("there is something to move")
	selection, now := &x.mover.Selection, x.p.now()
	err := x.mover.Walk(ctx, selection, func(i *transfer.Item) error {
		if selection.Fits(i, now) && x.mover.Needs(i) {
			return something
		}
		return nil
	})
	if !errors.Is(err, something) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bucketWait)
	defer cancel()
	store, err := x.p.openStore(ctx, x.t.store)
	if err == nil {
		err = store.CheckBucket(ctx)
	}
	switch {
	case err == nil:
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &failure{code: exitUnreachable, what: "bucket " + x.t.store.bucket, err: err, try: storeRemedy(err)}
	case backend.ClassOf(err) == backend.Transient, missingBucket(err):
		return &failure{code: storeCode(err), what: "bucket " + x.t.store.bucket, err: err, try: storeRemedy(err)}
	}
	return nil
}

func (x *transferring) log() *slog.Logger { return errorLog(x.p.stderr) }

// beside works on the database of a mounted volume.
func (x *transferring) beside(ctx context.Context, c *cli.Context, client *control.Client) (err error) {
	s, err := x.p.session(c, c.Args().First(), true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	o := content.Config{Meta: s.store, Objects: s.objects, Log: x.log()}
	if x.t.fallback != "" {
		if o.Fallback, err = content.OpenFallback(x.t.fallback); err != nil {
			return configError("fallback "+x.t.fallback, "", "%w", err)
		}
		defer o.Fallback.Close()
	}
	engine := content.New(o)
	if err := engine.UseFallback(); err != nil {
		return err
	}
	x.mover.Tree = transfer.Tree{Meta: s.store, Look: engine.TakeIn}
	x.mover.Engine = engine
	x.mover.Wake = func() { _ = client.Wake(ctx) } // the mount looks by itself a moment later
	return x.move(ctx)
}

// move counts, or moves and tells how it goes.
func (x *transferring) move(ctx context.Context) error {
	m := &x.mover
	if x.list || x.dry {
		found, err := m.Take(ctx, &m.Selection, m.Needs)
		if err != nil {
			return err
		}
		return x.p.print(x.asJSON, newSurveyResult(x, found))
	}
	bar := x.p.transferBar(x.t.name)
	r, err := m.Run(ctx, bar.report)
	bar.end()
	if err == nil && m.Kind == transfer.Restore && m.Selection == (transfer.Selection{}) {
		// From now on the fallback is made the whole tree whenever the volume ends.
		err = content.SetPlain(m.Meta, true)
	}
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, transfer.ErrStalled) {
		return err
	}
	done := newTransferResult(x, &r, err)
	if perr := x.p.print(x.asJSON, done); perr != nil {
		return perr
	}
	switch {
	case errors.Is(err, context.Canceled):
		return told(exitInterrupted)
	case err != nil:
		return &failure{code: exitUnreachable, what: "volume " + x.t.name, err: err, try: "contentfs status " + x.t.name}
	case r.Failed > 0:
		return told(exitFailed)
	}
	return nil
}
