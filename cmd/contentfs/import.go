package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"contentfs/fs/takeover"
)

func (p *program) importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "take over what is in a bucket",
		ArgsUsage: "VOLUME",
		Description: `Makes files of objects that are in a bucket already, mounted or not. Nothing is
uploaded, downloaded, copied or removed. --as says how the keys are made:

  addon      as collective.contentfiles2aws made them
  paths      a key is a path
  contentfs  as a volume made them, whose database is gone

What is not certain, or would replace a file, is reported and left alone. Run again,
it skips what it took already.`,
		Flags: append(flagsOf(func(s *setting) bool {
			return s.group == groupStore || s.key == "state" || s.key == "uid" || s.key == "gid" || s.key == "umask"
		}),
			&cli.StringFlag{Name: "as", Usage: "`LAYOUT` of the keys: addon, contentfs or paths"},
			&cli.StringFlag{Name: "from-bucket", Usage: "`NAME` of the bucket to take over", DefaultText: "the volume's"},
			&cli.StringFlag{Name: "from-prefix", Usage: "`PREFIX` of the keys to take over", DefaultText: "the volume's"},
			&cli.StringFlag{Name: "fields", Usage: "with --as addon: more `NAMES` of fields, with commas between them"},
			&cli.StringFlag{Name: "scales", Usage: "with --as addon: more `NAMES` of scales, with commas between them"},
			&cli.BoolFlag{Name: "dry-run", Usage: "tell what would be taken, and change nothing", DisableDefaultText: true},
			configFlag(), formatFlag()),
		Action: interruptible(p.importObjects),
	}
}

func (p *program) importObjects(ctx context.Context, c *cli.Context) (err error) {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	arg, err := oneArgument(c, "VOLUME")
	if err != nil {
		return err
	}
	t, err := importOptions(c)
	if err != nil {
		return err
	}
	dry := c.Bool("dry-run")
	s, err := p.session(c, arg, !dry)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.importFrom(c, t); err != nil {
		return err
	}
	if t.Objects, err = s.objects(t.Bucket); err != nil {
		return err
	}
	plan, err := t.Plan(ctx)
	if err != nil {
		return err
	}
	r, err := t.Execute(ctx, plan, dry, func() int64 { return p.now().UnixNano() })
	if !dry && r.Taken.Files > 0 {
		s.wake(ctx)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	out := newImportResult(s.name, t, plan, &r, dry, err == nil)
	if perr := p.print(asJSON, out); perr != nil {
		return perr
	}
	switch {
	case err != nil:
		return told(exitInterrupted)
	case len(r.Findings) > 0:
		return told(exitFailed)
	}
	return nil
}

// importOptions reads what the command line alone says.
func importOptions(c *cli.Context) (*takeover.Takeover, error) {
	t := &takeover.Takeover{Layout: takeover.Layout(c.String("as")), Fields: names(c.String("fields")), Scales: names(c.String("scales"))}
	if !slices.Contains(takeover.Layouts(), t.Layout) {
		return nil, usageError("option --as", "--as addon, --as contentfs, --as paths", "there is no layout %q", c.String("as"))
	}
	if t.Layout != takeover.Addon && (c.IsSet("fields") || c.IsSet("scales")) {
		return nil, usageError("command line", "", "--fields and --scales are for --as addon")
	}
	return t, nil
}

// names reads a list with commas.
func names(s string) (list []string) {
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// importFrom says where the objects are, and whose the files become.
func (s *session) importFrom(c *cli.Context, t *takeover.Takeover) error {
	from := *s.config
	if name := c.String("from-bucket"); name != "" {
		if err := setBucket(&from, name); err != nil {
			return usageError("option --from-bucket", "", "%w", err)
		}
	}
	if c.IsSet("from-prefix") {
		if err := setPrefix(&from, c.String("from-prefix")); err != nil {
			return usageError("option --from-prefix", "", "%w", err)
		}
	}
	if err := from.needBucket(s.p); err != nil {
		return err
	}
	t.Meta, t.Bucket, t.Prefix = s.store, from.store.bucket, from.store.prefix
	t.FileMode, t.DirMode = 0o644&^from.umask, 0o755&^from.umask
	t.UID, t.GID = uint32(os.Getuid()), uint32(os.Getgid())
	if from.uid != nil {
		t.UID = *from.uid
	}
	if from.gid != nil {
		t.GID = *from.gid
	}
	return nil
}
