package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/meta"
)

func (p *program) historyCommand() *cli.Command {
	return &cli.Command{
		Name: "history", Usage: "list the versions of a file, also of a deleted one", ArgsUsage: "VOLUME PATH | PATH | --deleted VOLUME [PATH]",
		Description: `Lists what content a file has and had, the newest first: when it was written, its size,
where its bytes are, whether it is current, was replaced or deleted, and until when it
is kept at least (grace). PATH is a path inside the volume, such as /UID/FIELD/FILENAME,
or, without VOLUME, a path in a mount. contentfs undelete brings a version back. With
--deleted it lists the files that were deleted below PATH, or in the whole volume, and
are kept still.`,
		Flags: append(append(flagsOf(func(s *setting) bool { return s.group == groupGarbage || s.key == "state" }),
			&cli.BoolFlag{Name: "deleted", DisableDefaultText: true, Usage: "list what was deleted below a directory"}),
			configFlag(), formatFlag()),
		Action: interruptible(p.history),
	}
}

// versionOf is one version of a file as it is listed.
type versionOf struct {
	ID    meta.VersionID `json:"version"`
	Time  time.Time      `json:"time"`
	Size  int64          `json:"size"`
	Where []string       `json:"where"`
	State string         `json:"state"`
	Until *time.Time     `json:"kept_until,omitempty"`
}

type historyResult struct {
	Volume   string      `json:"volume"`
	Path     string      `json:"path"`
	Versions []versionOf `json:"versions"`
}

func (r *historyResult) table(w io.Writer) {
	if len(r.Versions) == 0 {
		return
	}
	row(w, "version", "time", "size", "where", "state", "kept until")
	for _, v := range r.Versions {
		until := ""
		if v.Until != nil {
			until = formatTime(*v.Until)
		}
		row(w, fmt.Sprint(v.ID), formatTime(v.Time), formatSize(v.Size), v.where(), v.State, until)
	}
}

func (v *versionOf) where() string {
	if len(v.Where) == 0 {
		return "nowhere"
	}
	return strings.Join(v.Where, ", ")
}

func (r *historyResult) verdict() string {
	if len(r.Versions) == 0 {
		return "nothing is known of " + r.Path + " in volume " + r.Volume
	}
	text := count(int64(len(r.Versions)), "version") + " of " + r.Path
	if r.Versions[0].State != "current" {
		text += "; contentfs undelete brings it back"
	}
	return text
}

func (p *program) history(_ context.Context, c *cli.Context) (err error) {
	if c.Bool("deleted") {
		return p.deleted(c)
	}
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	s, inside, err := p.sessionAt(c, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	list, err := s.store.History([]byte(inside))
	if err != nil {
		return err
	}
	r := &historyResult{Volume: s.name, Path: inside, Versions: []versionOf{}}
	for i := range list {
		r.Versions = append(r.Versions, s.versionOf(&list[i]))
	}
	if err := p.print(asJSON, r); err != nil {
		return err
	}
	if len(list) == 0 {
		return told(exitFailed)
	}
	return nil
}

var fates = map[meta.Fate]string{meta.FateCurrent: "current", meta.FateReplaced: "replaced", meta.FateDeleted: "deleted"}

func (s *session) versionOf(v *meta.Past) versionOf {
	out := versionOf{ID: v.ID, Time: time.UnixMicro(int64(v.ID)).UTC(), Size: v.Size, State: fates[v.Fate], Where: []string{}}
	if !v.Lost {
		if v.Local() {
			out.Where = append(out.Where, "here")
		}
		if v.Remote == meta.Stored {
			out.Where = append(out.Where, "S3")
		}
		if v.Fallback != nil {
			out.Where = append(out.Where, "fallback")
		}
	}
	if v.Retired != 0 {
		until := time.Unix(0, v.Retired).Add(s.grace).UTC()
		out.Until = &until
	}
	return out
}

// sessionAt opens the database of the volume that the arguments mean, VOLUME PATH or
// a path in a mount, and returns the path inside the volume.
func (p *program) sessionAt(c *cli.Context, write bool) (*session, string, error) {
	switch c.NArg() {
	case 0:
		return nil, "", usageError("command line", "contentfs "+c.Command.Name+" VOLUME PATH", "VOLUME and PATH are missing")
	case 1, 2:
	default:
		return nil, "", usageError("command line", "contentfs "+c.Command.Name+" --help", "there are more arguments than VOLUME and PATH")
	}
	arg := c.Args().First()
	if c.NArg() == 1 && !strings.Contains(arg, "/") {
		// A name could be a file's in a mount that is the working directory, too.
		arg = "./" + arg
	}
	s, err := p.session(c, arg, write)
	if err != nil && arg != c.Args().First() && volumeName.MatchString(c.Args().First()) {
		return nil, "", usageError("command line", "contentfs "+c.Command.Name+" "+c.Args().First()+" PATH",
			"PATH is missing: %q is no file in a mount here", c.Args().First())
	}
	if err != nil {
		return nil, "", err
	}
	if c.NArg() == 2 {
		return s, path.Clean("/" + c.Args().Get(1)), nil
	}
	rel, err := filepath.Rel(s.mount.point, s.path)
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("path %q: %w", s.path, err), s.close())
	}
	return s, path.Clean("/" + rel), nil
}
