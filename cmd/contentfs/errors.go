package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/meta"
)

func (p *program) errorsCommand() *cli.Command {
	return &cli.Command{
		Name: "errors", Usage: "list what could not be brought where it belongs", ArgsUsage: "VOLUME",
		Description: `Lists the files whose last attempt to reach S3 or the fallback failed, with the reason
and when the next attempt is due: they are tried again for ever by themselves. Then
the files whose content is lost, because it was damaged on this server before it was
anywhere else, with the reason, and how much is in the quarantine.`,
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

// lostFile is a file whose content is nowhere.
type lostFile struct {
	Path    string         `json:"path"`
	Version meta.VersionID `json:"version"`
	Size    int64          `json:"size"`
	Reason  string         `json:"reason"`
	Since   time.Time      `json:"since,omitzero"`
}

type errorsResult struct {
	Volume      string       `json:"volume"`
	Files       []failedFile `json:"files"`
	Lost        []lostFile   `json:"lost"`
	Quarantined int64        `json:"quarantined"`
	retry       bool
}

func (r *errorsResult) table(w io.Writer) {
	if r.retry {
		return
	}
	if len(r.Files) > 0 {
		row(w, "path", "attempts", "next", "error")
	}
	for _, f := range r.Files {
		row(w, f.Path, fmt.Sprint(f.Attempts), formatTime(f.Next), f.Error)
	}
	if len(r.Lost) > 0 {
		row(w, "path", "size", "since", "lost, because")
	}
	for _, f := range r.Lost {
		row(w, f.Path, formatSize(f.Size), formatTime(f.Since), f.Reason)
	}
}

func (r *errorsResult) verdict() string {
	n := count(int64(len(r.Files)), "file")
	var parts []string
	switch {
	case len(r.Files) == 0 && (r.retry || len(r.Lost) == 0):
		parts = append(parts, "nothing failed")
	case r.retry:
		parts = append(parts, n+" will be tried again now")
	case len(r.Files) > 0:
		parts = append(parts, n+" failed; they are tried again by themselves, or now with contentfs retry "+r.Volume)
	}
	if len(r.Lost) > 0 && !r.retry {
		parts = append(parts, count(int64(len(r.Lost)), "file")+" LOST; contentfs history "+r.Volume+" PATH lists older versions")
	}
	if r.Quarantined > 0 && !r.retry {
		parts = append(parts, count(r.Quarantined, "file")+" in the quarantine; contentfs quarantine list "+r.Volume)
	}
	return strings.Join(parts, "; ")
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
	r := &errorsResult{Volume: s.name, Files: []failedFile{}, Lost: []lostFile{}, retry: retry}
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
	if err := s.losses(r); err != nil {
		return err
	}
	if retry && len(r.Files) > 0 {
		if err := s.store.Retry(p.now().UnixNano()); err != nil {
			return err
		}
		s.wake(ctx)
	}
	return p.print(asJSON, r)
}

// losses lists what is nowhere, and counts the quarantine.
func (s *session) losses(r *errorsResult) error {
	st, err := s.store.Stats()
	if err != nil {
		return err
	}
	r.Quarantined = st.Quarantined
	for after := meta.VersionID(0); st.Nowhere.Number > 0; {
		list, err := s.store.LostVersions(after, 256)
		if err != nil {
			return err
		}
		for _, l := range list {
			after = l.ID
			f := lostFile{Path: fmt.Sprintf("version %d", l.ID), Version: l.ID, Size: l.Size, Reason: l.Why, Since: timeOf(l.At)}
			if path, err := s.store.Path(l.Ino); err == nil {
				f.Path = string(path)
			}
			r.Lost = append(r.Lost, f)
		}
		if len(list) < 256 {
			break
		}
	}
	return nil
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
