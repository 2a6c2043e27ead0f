package main

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/backend"
	"contentfs/fs/audit"
	"contentfs/fs/content"
	"contentfs/fs/control"
	"contentfs/fs/volume"
	"contentfs/meta"
)

func (p *program) gcCommand() *cli.Command {
	return &cli.Command{
		Name: "gc", Usage: "remove for good what was deleted or replaced", ArgsUsage: "VOLUME",
		Description: `Content that was deleted or replaced is kept, and contentfs history and undelete find
it, until this command removes it: objects, copies in the fallback and on this server
that were given up longer ago than the grace (grace in the configuration, 7d if it is
not set). Without --yes it only tells what would go.

Only what is on record as garbage of this volume is removed, and old copies of its
database: the newest three stay, and one a day of the last week. Uploads in parts that
were begun more than a day ago and that nobody finished are aborted. It can be
interrupted at any time and run again, also while the volume is mounted.

With --orphans the bucket is listed, too, for objects that say they are this volume's
and that no row of its database knows. They are put on record, and go with --yes when a
later run, after a day, finds them again and they are two days old, by the store's own
clock. None goes while the database may be older than the bucket.`,
		Flags: append(flagsOf(func(s *setting) bool {
			return s.group == groupStore || s.group == groupGarbage || s.key == "state" || s.key == "fallback"
		}),
			&cli.BoolFlag{Name: "yes", Usage: "remove it", DisableDefaultText: true},
			&cli.BoolFlag{Name: "orphans", Usage: "also objects that no row of the database knows", DisableDefaultText: true},
			&cli.BoolFlag{Name: "force", Usage: "also when that is more than half of all objects, or soon after a rebuild, or more than 1 % of them are orphans, or 1,000", DisableDefaultText: true},
			&cli.IntFlag{Name: "limit", Usage: "remove at most this `NUMBER` of versions, and of objects", DefaultText: "none"},
			configFlag(), formatFlag()),
		Action: interruptible(p.gc),
	}
}

func (p *program) gc(ctx context.Context, c *cli.Context) (err error) {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	arg, err := oneArgument(c, "VOLUME")
	if err != nil {
		return err
	}
	if c.Int("limit") < 0 {
		return usageError("option --limit", "", "it is a positive number")
	}
	// What was seen of orphans is put on record by a plan, too.
	s, err := p.session(c, arg, c.Bool("orphans"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	now := p.now()
	work := &audit.Collection{Meta: s.store, Objects: s.objects, Before: now.Add(-s.grace).UnixNano(),
		Limit: c.Int("limit"), Force: c.Bool("force")}
	r := &gcResult{Volume: s.name, Grace: s.grace.String(), now: now}
	plan, err := work.Plan(now)
	r.plan(&plan)
	if err != nil && !errors.Is(err, audit.ErrTooMuch) {
		return gcFailure(s, err)
	}
	if !c.Bool("yes") {
		r.tooMuch = err != nil
		return p.gcPlan(ctx, c, asJSON, s, work, r)
	}
	if err != nil {
		return gcFailure(s, err)
	}
	if s.fallback != "" {
		if work.Fallback, err = content.OpenFallback(s.fallback); err != nil {
			return configError("fallback "+s.fallback, "", "%w", err)
		}
		defer work.Fallback.Close()
	}
	r.Collected = true
	r.done, err = p.collect(ctx, c, s, work, r)
	return p.gcEnd(ctx, asJSON, s, r, err)
}

// gcPlan tells what would go.
func (p *program) gcPlan(ctx context.Context, c *cli.Context, asJSON bool, s *session, work *audit.Collection, r *gcResult) error {
	if c.Bool("orphans") {
		if err := s.needBucket(p); err != nil {
			return err
		}
		if client, err := control.Dial(s.socket); err == nil {
			if err := notAway(ctx, client); err != nil {
				return err
			}
		}
		if err := s.unrecorded(work, s.store, r, true, false).run(ctx); err != nil {
			return err
		}
	}
	return p.print(asJSON, r)
}

// collect removes: beside the mount if there is one, and else with the volume locked,
// so that none comes meanwhile.
func (p *program) collect(ctx context.Context, c *cli.Context, s *session, work *audit.Collection, r *gcResult) (done audit.Collected, err error) {
	orphans := c.Bool("orphans")
	run := func(ctx context.Context, m *meta.Store) error {
		work.Meta = m
		if done, err = work.Run(ctx, p.now()); err == nil {
			r.done = done
			r.after = s.unrecorded(work, m, r, orphans, true).run(ctx)
		}
		return err
	}
	client, err := control.Dial(s.socket)
	switch {
	case err == nil:
		if orphans {
			if err := notAway(ctx, client); err != nil {
				return done, err
			}
		}
		w, err := p.session(c, c.Args().First(), true)
		if err != nil {
			return done, err
		}
		err = errors.Join(run(ctx, w.store), w.close())
		_ = client.Wake(ctx) // the mount sweeps by itself a moment later
		return done, err
	case !errors.Is(err, control.ErrNotRunning): // who is not seen here has the lock
		return done, configError("volume "+s.name, "contentfs status "+s.name, "its mount does not answer: %w", err)
	}
	if err := s.needBucket(p); err != nil {
		return done, err
	}
	v, err := volume.Open(ctx, volumeOptions(s.config, errorLog(p.stderr)))
	if err != nil {
		return done, mountFailure(s.config, err)
	}
	err = v.Work(ctx, func(ctx context.Context) (err error) {
		return errors.Join(run(ctx, v.Meta()), v.Engine().SweepNow())
	})
	return done, err
}

// gcEnd tells what was removed, and what was not.
func (p *program) gcEnd(ctx context.Context, asJSON bool, s *session, r *gcResult, err error) error {
	if err != nil && !errors.Is(err, context.Canceled) {
		return gcFailure(s, err)
	}
	r.interrupted = err != nil
	// A permission that only the rest needs is no reason to keep the copies.
	if err == nil && exitCode(r.after) != exitUnreachable && exitCode(r.after) != exitInterrupted && len(r.done.Failed) == 0 {
		if r.copies, err = p.thinCopies(ctx, s); err != nil && r.after == nil {
			return &failure{code: storeCode(err), what: "bucket " + s.config.store.bucket, err: err, try: deleteRemedy(err)}
		}
	}
	if perr := p.print(asJSON, r); perr != nil {
		return perr
	}
	if r.interrupted {
		return told(exitInterrupted)
	}
	if r.after != nil {
		return r.after
	}
	for bucket, err := range r.done.Failed {
		return &failure{code: storeCode(err), what: "bucket " + bucket, err: err, try: deleteRemedy(err)}
	}
	if r.done.Kept > 0 {
		return &failure{code: exitFailed, what: "volume " + s.name, err: r.done.Why, try: "the right --fallback"}
	}
	return nil
}

// deleteRemedy is storeRemedy for a deletion, which needs a permission of its own.
func deleteRemedy(err error) string {
	if backend.ClassOf(err) == backend.Denied {
		return "allow s3:DeleteObject on the prefix in the policy of these credentials; " + storeRemedy(err)
	}
	return storeRemedy(err)
}

func gcFailure(s *session, err error) error {
	what := "volume " + s.name
	switch {
	case errors.Is(err, audit.ErrRebuilt):
		return &failure{code: exitFailed, what: what, err: err, try: "again later; --force, if nothing is missing"}
	case errors.Is(err, audit.ErrTooMuch):
		return &failure{code: exitFailed, what: what, err: err, try: "--force, if that is what you mean"}
	case errors.Is(err, audit.ErrClock):
		return configError(what, "set this server's clock (timedatectl)", "%w", err)
	case errors.Is(err, meta.ErrNoSpace):
		return &failure{code: exitFailed, what: what, err: err, try: "room on the disk of " + s.state}
	}
	return err
}

// gcResult is what a collection would remove, or did.
type gcResult struct {
	Volume    string     `json:"volume"`
	Grace     string     `json:"grace"`
	Oldest    *time.Time `json:"oldest,omitempty"`
	Versions  gcCount    `json:"versions"`
	Objects   gcCount    `json:"objects"`
	Lost      int64      `json:"lost_objects"`
	Fallback  gcCount    `json:"fallback"`
	Local     gcCount    `json:"local"`
	Collected bool       `json:"collected"`
	Uploads   *gcUploads `json:"uploads,omitempty"`
	Orphans   *gcOrphans `json:"orphans,omitempty"`

	now         time.Time
	tooMuch     bool
	interrupted bool
	done        audit.Collected
	after       error // of what is not on record
	copies      int   // of the metadata that were removed
}

// gcCount is a number of versions and their bytes.
type gcCount struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}
