package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"contentfs/fs/rebuild"
	"contentfs/fs/volume"
	"contentfs/meta"
)

func (p *program) rebuildCommand() *cli.Command {
	return &cli.Command{
		Name: "rebuild", Usage: "make a lost or damaged database again", ArgsUsage: "VOLUME",
		Description: `Makes the database of a volume again, of the newest copy that the mount put in the
bucket, of the objects made since, and of the local files that were not uploaded.
Without --yes it only tells what it found. The volume must not be mounted.

--from listing begins without a copy, with nothing but the objects, as it does where
there is none. Then only files come back: no links, no empty folders, no attributes of
folders. The volume keeps its id, which its objects name.

What was deleted or renamed after the copy may be there again under its old name. The
old database is kept beside the new one. contentfs gc removes nothing for 7 days.`,
		Flags: append(flagsOf(func(s *setting) bool {
			return s.group == groupStore || s.key == "state" || s.key == "uid" || s.key == "gid" || s.key == "umask"
		}),
			&cli.StringFlag{Name: "from", Value: string(rebuild.FromSnapshot), Usage: "begin with `WHAT`: snapshot (a copy of the database, if there is one) or listing"},
			&cli.BoolFlag{Name: "all-volumes", Usage: "take objects that say they are of another volume, too: only if nobody uses that any more"},
			&cli.StringFlag{Name: "volume-id", Usage: "`ID` of the volume, where the bucket tells of several", DefaultText: "the only one, or that of most objects"},
			&cli.BoolFlag{Name: "yes", Usage: "put the new database in place", DisableDefaultText: true},
			&cli.BoolFlag{Name: "force", Usage: "also in the place of a database that is not damaged", DisableDefaultText: true},
			configFlag(), formatFlag()),
		Action: interruptible(p.rebuild),
	}
}

func (p *program) rebuild(ctx context.Context, c *cli.Context) (err error) {
	from := rebuild.Source(c.String("from"))
	if from != rebuild.FromSnapshot && from != rebuild.FromListing {
		return usageError("option --from", "--from snapshot, --from listing", "it is not possible to begin with %q", c.String("from"))
	}
	t, asJSON, err := p.oneVolume(c)
	if err != nil {
		return err
	}
	if err := t.needBucket(p); err != nil {
		return err
	}
	lock, err := volume.Lock(t.state, errorLog(p.stderr))
	if err != nil {
		return rebuildFailure(t, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	work, err := p.rebuildOf(ctx, t, from, c.String("volume-id"), c.Bool("all-volumes"))
	if err != nil {
		return err
	}
	out := &rebuildResult{Name: t.name, Bucket: t.store.bucket, Prefix: t.store.prefix, From: from, now: p.now()}
	if out.Database, out.Damage, err = work.Examine(ctx); err != nil {
		return rebuildFailure(t, err)
	}
	if out.Database == rebuild.Healthy && c.Bool("yes") && !c.Bool("force") {
		return configError("volume "+t.name, "contentfs status "+t.name+"; --force, if it is to be replaced all the same",
			"its database is not damaged")
	}
	if out.Report, err = work.Build(ctx); err != nil {
		return rebuildFailure(t, err)
	}
	return p.rebuilt(asJSON, c.Bool("yes"), work, out)
}

// rebuilt puts the new database in place, or drops it, and tells.
func (p *program) rebuilt(asJSON, yes bool, work *rebuild.Rebuild, out *rebuildResult) (err error) {
	if yes {
		out.Kept, err = work.Install()
		out.Replaced = err == nil
	} else {
		err = work.Discard()
	}
	if err != nil {
		return err
	}
	if err := p.print(asJSON, out); err != nil {
		return err
	}
	if yes && len(out.Findings) > 0 {
		return told(exitFailed)
	}
	return nil
}

// rebuildOf says what is to be rebuilt, as the settings have it.
func (p *program) rebuildOf(ctx context.Context, t *target, from rebuild.Source, id string, all bool) (*rebuild.Rebuild, error) {
	b, err := p.openStore(ctx, t.store)
	if err != nil {
		return nil, err
	}
	r := &rebuild.Rebuild{State: t.state, Objects: b, Bucket: t.store.bucket, From: from, Volume: id, Now: p.now,
		DirMode: 0o755 &^ t.umask, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	r.Prefixes = prefixesOf(t.config)
	r.AllVolumes = all
	if t.uid != nil {
		r.UID = *t.uid
	}
	if t.gid != nil {
		r.GID = *t.gid
	}
	return r, nil
}

// prefixesOf returns the prefix of a volume, and those that its rules put behind it.
func prefixesOf(c *config) []string {
	list := []string{c.store.prefix}
	if c.policy == nil {
		return list
	}
	for _, rule := range c.policy.Rules() {
		if rule.Prefix != nil {
			if behind := strings.Trim(*rule.Prefix, "/"); behind != "" {
				list = append(list, strings.Trim(c.store.prefix+"/"+behind, "/"))
			}
		}
	}
	return list
}

func rebuildFailure(t *target, err error) error {
	what := "volume " + t.name
	switch {
	case errors.Is(err, volume.ErrLocked):
		return configError(what, "contentfs unmount "+t.name, "%w", err)
	case errors.Is(err, rebuild.ErrVolumes):
		return configError(what, "--volume-id ID", "%w", err)
	case errors.Is(err, meta.ErrTooNew):
		return configError(what, "the contentfs that wrote it", "%w", err)
	case errors.Is(err, meta.ErrNoSpace):
		return &failure{code: exitFailed, what: what, err: err, try: "room on the disk of " + t.state}
	}
	if missingBucket(err) {
		return configError("bucket "+t.store.bucket, "the --bucket and --endpoint that the volume was mounted with", "%w", err)
	}
	if exitCode(err) == exitUnreachable {
		return &failure{code: exitUnreachable, what: "bucket " + t.store.bucket, err: err, try: "again when S3 answers; nothing was changed"}
	}
	if code := exitCode(err); code == exitConfig {
		return &failure{code: code, what: "bucket " + t.store.bucket, err: err, try: storeRemedy(err)}
	}
	return err
}
