package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"contentfs/fs/volume"
)

func (p *program) mountCommand() *cli.Command {
	return &cli.Command{
		Name:      "mount",
		Usage:     "mount a volume",
		ArgsUsage: "VOLUME [MOUNTPOINT]",
		Description: `Mounts a volume and serves it until it is unmounted or stopped. S3 need not be
reachable: what is written waits on this server.

On SIGTERM or SIGINT (Ctrl-C) the mount uploads what is waiting for as long as
drain_deadline allows, unmounts, and ends with exit code 0; the next mount goes
on with the rest. A second signal ends it at once; nothing is lost by that.

In the foreground the log goes to stderr, in the background to contentfs.log in
the volume's state. Under systemd use Type=notify and the foreground.`,
		Flags: append(flagsOf(func(*setting) bool { return true }),
			&cli.BoolFlag{Name: "background", Usage: "return when the mount answers, and leave it running", DisableDefaultText: true},
			createBucketFlag(), configFlag(), formatFlag(),
			&cli.IntFlag{Name: readyOption, Hidden: true}),
		Action: p.mount,
	}
}

func (p *program) mount(c *cli.Context) error {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	cfg, err := p.mountConfig(c)
	if err == nil && c.Bool("background") && !c.IsSet(readyOption) {
		return p.background(c.Context, cfg, asJSON)
	}
	tell := func(r *mountResult) error { return p.print(asJSON, r) }
	if c.IsSet(readyOption) {
		pipe, pipeErr := openReady(c.Int(readyOption))
		if pipeErr != nil {
			return pipeErr
		}
		defer pipe.close()
		tell = pipe.ready
		defer func() { pipe.failed(err) }()
	}
	if err == nil {
		err = p.serve(c.Context, cfg, c.Bool("create-bucket"), tell)
	}
	return err
}

// mountConfig reads arguments and settings of a mount.
func (p *program) mountConfig(c *cli.Context) (*config, error) {
	switch n := c.NArg(); {
	case n == 0:
		return nil, usageError("command line", "contentfs mount VOLUME [MOUNTPOINT]", "VOLUME is missing")
	case n > 2:
		return nil, usageError("command line", "contentfs mount --help", "there are more arguments than VOLUME and MOUNTPOINT")
	}
	cfg, err := p.load(c.Args().First(), c.String("config"), cliOptions{c})
	if err != nil {
		return nil, err
	}
	if point := c.Args().Get(1); point != "" {
		if cfg.mountpoint, err = filepath.Abs(point); err != nil {
			return nil, usageError("mount point "+point, "", "%w", err)
		}
	}
	if cfg.mountpoint == "" {
		return nil, configError("volume "+cfg.name,
			fmt.Sprintf("contentfs mount %s MOUNTPOINT, or mountpoint = \"…\" in %s", cfg.name, p.configFile(cfg.name)),
			"no mount point is set")
	}
	return cfg, cfg.needBucket(p)
}

// serve runs a mount until it is unmounted or stopped by a signal.
func (p *program) serve(ctx context.Context, cfg *config, createBucket bool, tell func(*mountResult) error) error {
	log := p.logger(cfg)
	for _, text := range cfg.idleRules() {
		log.Warn(text)
	}
	stop := p.stopping(ctx, cfg, log)
	defer stop.end()
	if err := p.releaseDead(cfg.mountpoint, log); err != nil {
		return err
	}
	if createBucket {
		if err := p.ensureBucket(stop.ctx, cfg, log); err != nil {
			return err
		}
	}
	v, err := volume.Open(stop.ctx, volumeOptions(cfg, log))
	if err != nil {
		return mountFailure(cfg, err)
	}
	err = stop.run(v, func() {
		p.notify(log, "READY=1\nSTATUS=mounted on "+cfg.mountpoint)
		err := tell(&mountResult{Volume: cfg.name, Mountpoint: cfg.mountpoint, Bucket: cfg.store.bucket, PID: os.Getpid()})
		if err != nil { // nobody may be listening, and the mount serves others
			log.Warn("cannot tell that the mount answers", "error", err)
		}
	})
	if err != nil {
		return mountFailure(cfg, err)
	}
	log.Info("unmounted", "volume", cfg.name)
	return nil
}

// volumeOptions says to the engine what the settings say.
func volumeOptions(c *config, log *slog.Logger) volume.Options {
	o := volume.Options{
		Name: c.name, State: c.state, Mountpoint: c.mountpoint, Socket: c.socket,
		Bucket: c.store.bucket, Prefix: c.store.prefix, Region: c.store.region,
		Endpoint: c.store.endpoint, PathStyle: c.store.pathStyle,
		CacheSize: c.cacheSize, Fallback: c.fallback, Policy: c.policy, OffloadOff: c.offload == "off", Durability: c.durability,
		UID: c.uid, GID: c.gid, Umask: c.umask, ReadOnly: c.readOnly,
		AllowOther: os.Geteuid() == 0, Passthrough: c.passthrough,
		Drain: c.drain, SiteURL: c.siteURL, CDNDomain: c.cdnDomain, HTTP: c.http, Log: log,
	}
	if c.allowOther != nil {
		o.AllowOther = *c.allowOther
	}
	return o
}

// logger returns the log of a mount.
func (p *program) logger(c *config) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.logLevel}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(p.stderr, o))
	}
	return slog.New(slog.NewTextHandler(p.stderr, o))
}
