package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/meta"
)

// deletedFile is a path at which there is no file any more.
type deletedFile struct {
	Path    string    `json:"path"`
	Deleted time.Time `json:"deleted"`
	versionOf
}

type deletedResult struct {
	Volume string        `json:"volume"`
	Path   string        `json:"path"`
	Files  []deletedFile `json:"files"`
}

func (r *deletedResult) table(w io.Writer) {
	if len(r.Files) == 0 {
		return
	}
	row(w, "path", "deleted", "version", "size", "where", "kept until")
	for _, f := range r.Files {
		row(w, f.Path, formatTime(f.Deleted), fmt.Sprint(f.ID), formatSize(f.Size), f.where(), formatTime(*f.Until))
	}
}

func (r *deletedResult) verdict() string {
	if len(r.Files) == 0 {
		return "nothing that was deleted below " + r.Path + " is kept"
	}
	return count(int64(len(r.Files)), "deleted file") + " below " + r.Path +
		"; contentfs undelete " + r.Volume + " PATH brings one back"
}

// deleted lists what was deleted below a directory.
func (p *program) deleted(c *cli.Context) (err error) {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	s, inside, err := p.deletedSession(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r := &deletedResult{Volume: s.name, Path: inside, Files: []deletedFile{}}
	err = s.store.Deleted([]byte(inside), func(v *meta.Past) error {
		r.Files = append(r.Files, deletedFile{Path: string(v.Path), Deleted: time.Unix(0, v.Retired).UTC(), versionOf: s.versionOf(v)})
		return nil
	})
	if err != nil {
		return err
	}
	return p.print(asJSON, r)
}

// deletedSession is sessionAt, for a volume alone as well, which means all of it.
func (p *program) deletedSession(c *cli.Context) (*session, string, error) {
	if arg := c.Args().First(); c.NArg() != 1 || strings.Contains(arg, "/") {
		return p.sessionAt(c, false)
	}
	s, err := p.session(c, c.Args().First(), false)
	return s, "/", err
}
