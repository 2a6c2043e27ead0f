package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/urfave/cli/v2"

	"contentfs/fs/audit"
	"contentfs/meta"
)

func (p *program) quarantineCommand() *cli.Command {
	flags := func(more ...cli.Flag) []cli.Flag {
		return append(append(placeFlags(), more...), configFlag(), formatFlag())
	}
	const id = "ID is an id that contentfs quarantine list shows, or its beginning. "
	return &cli.Command{
		Name:  "quarantine",
		Usage: "list, bring back or remove content that was set aside",
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "list the content that was set aside", ArgsUsage: "VOLUME",
				Description: `Lists content that is not in the tree and was kept: what was being written at a crash
and never closed, what could not be committed, local files that were not what they
should be. It takes room on this server until it is restored or removed.`,
				Flags: flags(), Action: interruptible(p.quarantineList),
			},
			{
				Name: "show", Usage: "print the bytes of one", ArgsUsage: "VOLUME ID",
				Description: id + "The bytes go to standard output, and nowhere to a terminal.",
				Flags:       append(placeFlags(), configFlag()), Action: interruptible(p.quarantineShow),
			},
			{
				Name: "restore", Usage: "make one a file of the tree", ArgsUsage: "VOLUME ID",
				Description: id + `It becomes a file under the path that it was written
for, or another (--as), in a live mount at once. What has the name is replaced, and
contentfs undelete brings that back. With --to it is copied to a file outside of the
volume instead, and stays in the quarantine.`,
				Flags: flags(&cli.StringFlag{Name: "as", Usage: "restore it under this `PATH` inside the volume", DefaultText: "its own"},
					&cli.StringFlag{Name: "to", Usage: "copy it to this new `FILE` instead"}),
				Action: interruptible(p.quarantineRestore),
			},
			{
				Name: "remove", Usage: "remove one, or all, for good", ArgsUsage: "VOLUME [ID...]",
				Description: id + "Without --yes it only tells what would go.",
				Flags: flags(&cli.BoolFlag{Name: "all", Usage: "everything in the quarantine", DisableDefaultText: true},
					&cli.BoolFlag{Name: "yes", Usage: "remove it", DisableDefaultText: true}),
				Action: interruptible(p.quarantineRemove),
			},
		},
	}
}

// quarantineOf opens the quarantine of the volume that the first argument means.
func (p *program) quarantineOf(c *cli.Context, write bool) (s *session, q *audit.Quarantine, end func() error, err error) {
	if c.NArg() == 0 {
		return nil, nil, nil, usageError("command line", "contentfs "+commandName(c)+" --help", "VOLUME is missing")
	}
	if s, err = p.session(c, c.Args().First(), write); err != nil {
		return nil, nil, nil, err
	}
	files, err := audit.LookLocal(s.state)
	if err != nil {
		return nil, nil, nil, errors.Join(configError("volume "+s.name, "--state DIR, as it was given when the volume was mounted", "%w", err), s.close())
	}
	end = func() error { return errors.Join(files.Close(), s.close()) }
	return s, &audit.Quarantine{Meta: s.store, Files: files}, end, nil
}

func (p *program) quarantineList(_ context.Context, c *cli.Context) (err error) {
	asJSON, err := wantJSON(c)
	if err == nil {
		_, err = oneArgument(c, "VOLUME")
	}
	if err != nil {
		return err
	}
	s, q, end, err := p.quarantineOf(c, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	list, err := q.List()
	if err != nil {
		return err
	}
	r := &quarantineResult{Volume: s.name, Files: []heldFile{}}
	for i := range list {
		r.add(&list[i])
	}
	return p.print(asJSON, r)
}

// oneHeld finds the file of the quarantine that the second of two arguments means.
func (p *program) oneHeld(c *cli.Context, write bool) (s *session, q *audit.Quarantine, h audit.Held, end func() error, err error) {
	if c.NArg() != 2 {
		err = usageError("command line", "contentfs "+commandName(c)+" VOLUME ID", "there are not just VOLUME and ID")
		return nil, nil, h, nil, err
	}
	if s, q, end, err = p.quarantineOf(c, write); err != nil {
		return nil, nil, h, nil, err
	}
	if h, err = q.Find(c.Args().Get(1)); err != nil {
		return nil, nil, h, nil, errors.Join(heldFailure(s, c.Args().Get(1), err), end())
	}
	return s, q, h, end, nil
}

func heldFailure(s *session, id string, err error) error {
	f := &failure{code: exitFailed, what: fmt.Sprintf("quarantine of %s, %.40q", s.name, id), err: err}
	switch {
	case errors.Is(err, audit.ErrAmbiguous), errors.Is(err, meta.ErrNotExist):
		f.try = "contentfs quarantine list " + s.name
	case errors.Is(err, meta.ErrIsDir):
		f.try = "--as PATH: a directory has the name"
	case errors.Is(err, meta.ErrNotDir):
		f.try = "--as PATH: something that is no directory is in the way"
	case errors.Is(err, meta.ErrUnseen):
		f.try = "again after ls of that directory in the mount, or --as PATH"
	case errors.Is(err, audit.ErrWritten):
		f.try = "again when it was closed"
	}
	return f
}

func (p *program) quarantineShow(_ context.Context, c *cli.Context) (err error) {
	s, q, h, end, err := p.oneHeld(c, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	if isTerminal(p.stdout) {
		return usageError("command line", "contentfs quarantine show "+s.name+" ID > FILE", "a terminal is no place for the bytes of a file")
	}
	if err := q.CopyTo(p.stdout, &h); err != nil {
		return heldFailure(s, string(h.File), err)
	}
	return nil
}

func (p *program) quarantineRestore(ctx context.Context, c *cli.Context) (err error) {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	to := c.String("to")
	if to != "" && c.String("as") != "" {
		return usageError("option --to", "", "--as is a path inside the volume, --to one outside: only one of them can be meant")
	}
	s, q, h, end, err := p.oneHeld(c, to == "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	r := &restoredResult{Volume: s.name, ID: h.File, To: to, Size: h.Size}
	if to != "" {
		if err := copyOut(q, &h, to); err != nil {
			return heldFailure(s, string(h.File), err)
		}
		return p.print(asJSON, r)
	}
	as := string(h.Path)
	if text := c.String("as"); text != "" {
		as = path.Clean("/" + text)
	}
	if as == "" {
		return usageError("option --as", "--as PATH", "it is not known where this file was; a path must be given")
	}
	v, err := q.Restore(&h, []byte(as), p.now().UnixNano())
	if err != nil {
		return heldFailure(s, string(h.File), err)
	}
	s.wake(ctx)
	r.Path, r.Version = as, v.ID
	return p.print(asJSON, r)
}

// copyOut copies a file of the quarantine to a new file, whole or not at all.
func copyOut(q *audit.Quarantine, h *audit.Held, to string) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(q.CopyTo(f, h), f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

func (p *program) quarantineRemove(ctx context.Context, c *cli.Context) (err error) {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	if ids := c.NArg() > 1; ids == c.Bool("all") {
		return usageError("command line", "contentfs quarantine remove VOLUME ID, or --all", "either ids are given or --all")
	}
	s, q, end, err := p.quarantineOf(c, c.Bool("yes"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	var list []audit.Held
	for _, id := range c.Args().Tail() {
		h, err := q.Find(id)
		if err != nil {
			return heldFailure(s, id, err)
		}
		list = append(list, h)
	}
	if c.Bool("all") {
		if list, err = q.List(); err != nil {
			return err
		}
	}
	r := &quarantineResult{Volume: s.name, Files: []heldFile{}, plan: true}
	for i := range list {
		r.add(&list[i])
	}
	if c.Bool("yes") {
		n, err := q.Remove(list, p.now().UnixNano())
		if err != nil {
			return err
		}
		r.Removed = &n
		s.wake(ctx)
	}
	return p.print(asJSON, r)
}
