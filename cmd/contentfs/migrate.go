package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"contentfs/fs/transfer"
)

func (p *program) migrateCommand() *cli.Command {
	return &cli.Command{
		Name:      "migrate",
		Usage:     "bring to S3 what is not there",
		ArgsUsage: "VOLUME",
		Description: `Without a selection it lists what is not in S3, by field, scale, media type and size.
With one, or with --all, it brings it there, verified by checksum, while the
application goes on working. It can be interrupted at any time; run again, it goes
on where it stopped. The copy in the fallback stays unless --remove-local is given,
and is removed only after the object was looked at.`,
		Flags: transferFlags(&cli.BoolFlag{Name: "remove-local", DisableDefaultText: true,
			Usage: "remove the copy in the fallback once the object is verified"}),
		Action: interruptible(p.migrate),
	}
}

func (p *program) migrate(ctx context.Context, c *cli.Context) error {
	x, err := p.prepareTransfer(c, transfer.Migrate, "remove-local")
	if err != nil {
		return err
	}
	return x.run(ctx, c)
}

func (p *program) restoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "bring back to the fallback what is in S3",
		ArgsUsage: "VOLUME",
		Description: `The way back: without a selection it lists what is not in the fallback directory;
with one, or with --all, it brings it there as plain files, verified by checksum,
while the application goes on working. The object stays unless --remove-remote is
given; then, once the copy was read and is right, it is given up, and the next
garbage collection removes it.

To leave S3: contentfs disable VOLUME, contentfs restore VOLUME --all, contentfs
unmount VOLUME. The fallback is then a directory that needs no contentfs.`,
		Flags: transferFlags(&cli.BoolFlag{Name: "remove-remote", DisableDefaultText: true,
			Usage: "give up the object once the copy in the fallback is verified"}),
		Action: interruptible(p.restore),
	}
}

func (p *program) restore(ctx context.Context, c *cli.Context) error {
	x, err := p.prepareTransfer(c, transfer.Restore, "remove-remote")
	if err != nil {
		return err
	}
	if x.t.fallback == "" {
		return configError("volume "+x.t.name, "fallback = \"/srv/files\" in "+p.configFile(x.t.name),
			"it has no fallback directory to restore to")
	}
	return x.run(ctx, c)
}

func (p *program) moveCommand() *cli.Command {
	return &cli.Command{
		Name:      "move",
		Usage:     "move objects to another bucket or prefix",
		ArgsUsage: "VOLUME",
		Description: `Moves objects by copies within the store to where new content goes (bucket and prefix
of the configuration), or to --to-bucket and --to-prefix; nothing is downloaded or
uploaded. The old objects are given up, and removed by a garbage collection. Without
a selection it lists what lies elsewhere.`,
		Flags: transferFlags(
			&cli.StringFlag{Name: "to-bucket", Usage: "`NAME` of the bucket to move to", DefaultText: "the volume's"},
			&cli.StringFlag{Name: "to-prefix", Usage: "`PREFIX` to move to", DefaultText: "the volume's"}),
		Action: interruptible(p.moveObjects),
	}
}

func (p *program) moveObjects(ctx context.Context, c *cli.Context) error {
	x, err := p.prepareTransfer(c, transfer.Move, "")
	if err != nil {
		return err
	}
	to := *x.t.config
	if name := c.String("to-bucket"); name != "" {
		if err := setBucket(&to, name); err != nil {
			return usageError("option --to-bucket", "", "%w", err)
		}
	}
	if c.IsSet("to-prefix") {
		if err := setPrefix(&to, c.String("to-prefix")); err != nil {
			return usageError("option --to-prefix", "", "%w", err)
		}
	}
	x.mover.ToBucket, x.mover.ToPrefix = to.store.bucket, to.store.prefix
	return x.run(ctx, c)
}
