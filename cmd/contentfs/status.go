package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/fs/control"
	"contentfs/fs/transfer"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// statusWait bounds how long a live mount may take to answer before the database
// is asked instead.
const statusWait = 10 * time.Second

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "tell what is where and what is waiting",
		ArgsUsage: "VOLUME|PATH",
		Description: `Tells whether a volume is mounted, how much of it is on this server and in S3, what
is waiting to be uploaded and since when, and the last error. It works the same
whether the volume is mounted or not. PATH is the mount point or anything in it.`,
		Flags: append(flagsOf(func(s *setting) bool { return s.key == "state" || s.key == "offload" }),
			&cli.StringFlag{Name: "by", Usage: "count files by `WAY` as well: field, scale, type, size or location; more of them with commas"},
			configFlag(), formatFlag()),
		Action: interruptible(p.status),
	}
}

// placeFlags are the options of commands that only need to find the volume.
func placeFlags() []cli.Flag {
	return flagsOf(func(s *setting) bool { return s.key == "state" })
}

func (p *program) status(ctx context.Context, c *cli.Context) error {
	t, asJSON, err := p.oneVolume(c)
	if err != nil {
		return err
	}
	ways, err := waysOf(c.String("by"))
	if err != nil {
		return err
	}
	r, err := p.inspect(ctx, t)
	if err != nil {
		return err
	}
	if r.Counts != nil && len(ways) > 0 {
		if r.By, r.Unseen, err = surveyOf(ctx, t.database(), ways); err != nil {
			return configError("volume "+t.name, "", "%w", err)
		}
	}
	return p.print(asJSON, r)
}

// waysOf reads the option --by.
func waysOf(text string) (ways []transfer.By, err error) {
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		if !slices.Contains(transfer.Ways(), transfer.By(word)) {
			return nil, usageError("option --by", "--by field, --by scale,type", "files are not counted by %q", word)
		}
		ways = append(ways, transfer.By(word))
	}
	return ways, nil
}

// surveyOf counts the files of a volume.
func surveyOf(ctx context.Context, database string, ways []transfer.By) (by []survey, unseen bool, err error) {
	store, err := sqlite.Open(database, sqlite.Options{ReadOnly: true})
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if unseen, err = store.Unadopted(); err != nil {
		return nil, false, err
	}
	tree := transfer.Tree{Meta: store}
	found, err := tree.Take(ctx, &transfer.Selection{}, nil)
	for _, w := range ways {
		by = append(by, survey{w, found.Groups(w)})
	}
	return by, unseen, err
}

// inspect asks the mount, and the database where there is none or it is silent.
func (p *program) inspect(ctx context.Context, t *target) (*statusResult, error) {
	r := &statusResult{Volume: t.name, State: t.state, Bucket: t.store.bucket, Mount: mountNone, now: p.now()}
	live, err := liveStatus(ctx, t)
	switch {
	case err == nil:
		r.live(live)
		r.offloading(t, live.Stats)
		return r, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case t.mounted && dead(t.mount.point):
		r.Mount, r.Mountpoint = mountDead, t.mount.point
	case !errors.Is(err, control.ErrNotRunning):
		r.Mount, r.Mountpoint, r.Problem = mountSilent, t.mount.point, err.Error()
	case t.mounted:
		r.Mount, r.Mountpoint = mountSilent, t.mount.point
		r.Problem = fmt.Sprintf("nobody answers on %s; was another --state given when it was mounted?", t.socket)
	}
	r.Disk = lookAtDisk(t.state)
	st, err := readStats(t.database())
	if errors.Is(err, fs.ErrNotExist) && r.Mount == mountNone && !t.holds() {
		r.Problem = "it was never mounted"
		return r, nil
	}
	if err != nil {
		return nil, sessionFailure(t, err)
	}
	r.count(st)
	r.offloading(t, st)
	return r, nil
}

// offloading tells how the switch stands: as it was thrown last, or as configured.
func (r *statusResult) offloading(t *target, st meta.Stats) {
	on := st.Offload == "on" || st.Offload == "" && t.offload != "off"
	r.Offloading = &on
}

// liveStatus asks the mount of the volume.
func liveStatus(ctx context.Context, t *target) (control.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	client, err := control.Dial(t.socket)
	if err != nil {
		return control.Status{}, err
	}
	return client.Status(ctx)
}

// readStats counts what the database of a volume knows, mounted or not.
func readStats(database string) (st meta.Stats, err error) {
	store, err := sqlite.Open(database, sqlite.Options{ReadOnly: true})
	if err != nil {
		return meta.Stats{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.Stats()
}
