package main

import (
	"context"
	"errors"
	"io"
	"path"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/fs/crash"
	"contentfs/meta"
)

func (p *program) undeleteCommand() *cli.Command {
	return &cli.Command{
		Name: "undelete", Usage: "bring back a deleted or replaced file", ArgsUsage: "VOLUME PATH | PATH",
		Description: `Brings back the newest version of a file that was deleted or replaced, or the one that
--version says, under its path or another one (--as), in a live mount at once. What has
the name is replaced and can be brought back in turn. Directories that are missing are
made. Mode and owner are those that the file had; extended attributes and access lists
do not come back. contentfs history lists the versions.`,
		Flags: append(placeFlags(),
			&cli.StringFlag{Name: "version", Usage: "the version with this `ID`", DefaultText: "the newest that is not current"},
			&cli.StringFlag{Name: "as", Usage: "bring it back under this `PATH` inside the volume", DefaultText: "its own"},
			configFlag(), formatFlag()),
		Action: interruptible(p.undelete),
	}
}

type undeleteResult struct {
	Volume  string         `json:"volume"`
	Path    string         `json:"path"`
	Of      meta.VersionID `json:"of"`      // the version that came back
	Version meta.VersionID `json:"version"` // its id from now on
	Size    int64          `json:"size"`
	Written time.Time      `json:"written"`
}

func (r *undeleteResult) table(io.Writer) {}

func (r *undeleteResult) verdict() string {
	return r.Path + " is back as it was written " + formatTime(r.Written) + " (" + formatSize(r.Size) + ")"
}

func (p *program) undelete(ctx context.Context, c *cli.Context) (err error) {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	var wanted meta.VersionID
	if text := c.String("version"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 {
			return usageError("option --version", "contentfs history", "%.40q is no version's id", text)
		}
		wanted = meta.VersionID(n)
	}
	s, inside, err := p.sessionAt(c, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	as := inside
	if text := c.String("as"); text != "" {
		as = path.Clean("/" + text)
	}
	if wanted == 0 {
		if wanted, err = s.newestRetired(inside); err != nil {
			return err
		}
	}
	n, err := s.store.Undelete(wanted, []byte(as), p.now().UnixNano())
	if err != nil {
		return s.undeleteFailure(as, err)
	}
	crash.Here(crash.UndeleteDone)
	s.wake(ctx)
	return p.print(asJSON, &undeleteResult{Volume: s.name, Path: as, Of: wanted, Version: n.Version, Size: n.Size,
		Written: time.UnixMicro(int64(wanted)).UTC()})
}

// newestRetired finds the newest version of a path that can be brought back.
func (s *session) newestRetired(inside string) (meta.VersionID, error) {
	list, err := s.store.History([]byte(inside))
	if err != nil {
		return 0, err
	}
	for i := range list {
		if v := s.versionOf(&list[i]); list[i].Retired != 0 && len(v.Where) > 0 {
			return v.ID, nil
		}
	}
	why := "no deleted or replaced version of it is left"
	if len(list) > 0 && list[0].Retired == 0 {
		why = "it is there, and no other version of it is left"
	}
	return 0, &failure{code: exitFailed, what: inside, err: errors.New(why), try: "contentfs history " + s.name + " " + inside}
}

func (s *session) undeleteFailure(as string, err error) error {
	f := &failure{code: exitFailed, what: as, err: err}
	switch {
	case errors.Is(err, meta.ErrIsDir):
		f.try = "--as PATH: a directory has the name"
	case errors.Is(err, meta.ErrNotDir):
		f.try = "--as PATH: something that is no directory is in the way"
	case errors.Is(err, meta.ErrCurrent):
		f.try = "cp: it is the content of a file, contentfs history tells of which"
	case errors.Is(err, meta.ErrSuperseded):
		f.try = "contentfs history " + s.name + " " + as + "; it is not on record any more, or still open for writing"
	case errors.Is(err, meta.ErrNowhere):
		f.try = "another --version"
	}
	return f
}
