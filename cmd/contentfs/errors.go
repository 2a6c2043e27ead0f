package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/meta"
)

func (p *program) errorsCommand() *cli.Command {
	return &cli.Command{
		Name: "errors", Usage: "list what could not be brought where it belongs", ArgsUsage: "VOLUME",
		Description: `Lists the files whose last attempt to reach S3 or the fallback failed, with the reason
and when the next attempt is due. They are tried again for ever by themselves.`,
		Flags:  append(placeFlags(), configFlag(), formatFlag()),
		Action: interruptible(p.listErrors),
	}
}

func (p *program) retryCommand() *cli.Command {
	return &cli.Command{
		Name: "retry", Usage: "try again at once what failed", ArgsUsage: "VOLUME",
		Description: `Makes everything due that contentfs errors lists.`,
		Flags:       append(placeFlags(), configFlag(), formatFlag()),
		Action:      interruptible(p.retryErrors),
	}
}

// failedFile is a file whose last attempt failed.
type failedFile struct {
	Path     string    `json:"path"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error"`
	Next     time.Time `json:"next"`
}

type errorsResult struct {
	Volume string       `json:"volume"`
	Files  []failedFile `json:"files"`
	retry  bool
}

func (r *errorsResult) table(w io.Writer) {
	if len(r.Files) == 0 || r.retry {
		return
	}
	row(w, "path", "attempts", "next", "error")
	for _, f := range r.Files {
		row(w, f.Path, fmt.Sprint(f.Attempts), formatTime(f.Next), f.Error)
	}
}

func (r *errorsResult) verdict() string {
	n := count(int64(len(r.Files)), "file")
	switch {
	case len(r.Files) == 0:
		return "nothing failed"
	case r.retry:
		return n + " will be tried again now"
	}
	return n + " failed; they are tried again by themselves, or now with contentfs retry " + r.Volume
}

func (p *program) listErrors(ctx context.Context, c *cli.Context) error {
	return p.failures(ctx, c, false)
}

func (p *program) retryErrors(ctx context.Context, c *cli.Context) error {
	return p.failures(ctx, c, true)
}

func (p *program) failures(ctx context.Context, c *cli.Context, retry bool) (err error) {
	s, asJSON, err := p.oneSession(c, retry)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r := &errorsResult{Volume: s.name, Files: []failedFile{}, retry: retry}
	for after := meta.VersionID(0); ; {
		list, err := s.store.FailedUploads(after, 256)
		if err != nil {
			return err
		}
		for _, u := range list {
			after = u.Version
			r.Files = append(r.Files, s.failedFile(&u))
		}
		if len(list) < 256 {
			break
		}
	}
	if retry && len(r.Files) > 0 {
		if err := s.store.Retry(p.now().UnixNano()); err != nil {
			return err
		}
		s.wake(ctx)
	}
	return p.print(asJSON, r)
}

func (s *session) failedFile(u *meta.Upload) failedFile {
	f := failedFile{Path: fmt.Sprintf("version %d", u.Version), Attempts: u.Attempts, Error: u.Error, Next: time.Unix(0, u.Due)}
	if v, err := s.store.Version(u.Version); err == nil {
		if path, err := s.store.Path(v.Ino); err == nil {
			f.Path = string(path)
		}
	}
	return f
}
