package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/fs/content"
	"contentfs/fs/policy"
	"contentfs/meta/sqlite"
)

func (p *program) policyCommand() *cli.Command {
	explain := &cli.Command{
		Name: "explain", Usage: "say where a file goes, and which rule says so",
		ArgsUsage: "VOLUME PATH | PATH",
		Description: `Asks the rules of the configuration file about a file: in a mount, or by its path
inside the volume, where it need not exist; then --size and --type describe it.`,
		Flags: append(placeFlags(),
			&cli.StringFlag{Name: "size", Usage: "`SIZE` of a file that does not exist"},
			&cli.StringFlag{Name: "type", Usage: "media `TYPE`, instead of that of the name"},
			configFlag(), formatFlag()),
		Action: interruptible(p.explain),
	}
	explain.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
		return usageError("command line", "contentfs policy explain --help", "%w", err)
	}
	return &cli.Command{
		Name: "policy", Usage: "ask the rules that say what goes where",
		Subcommands: []*cli.Command{explain}, HideHelpCommand: true,
		Action: func(*cli.Context) error {
			return usageError("command line", "contentfs policy explain VOLUME PATH", "policy needs a word behind it: explain")
		},
	}
}

// explainResult is what the rules say of a file.
type explainResult struct {
	Volume       string        `json:"volume"`
	Path         string        `json:"path"`
	Type         string        `json:"type"`
	Size         int64         `json:"size"`
	To           string        `json:"to"`
	Rule         string        `json:"rule"`
	Prefix       string        `json:"prefix,omitempty"`
	StorageClass string        `json:"storage_class,omitempty"`
	CacheControl string        `json:"cache_control,omitempty"`
	ACL          string        `json:"acl,omitempty"`
	Private      bool          `json:"private,omitempty"`
	Again        *time.Time    `json:"again,omitempty"`
	Steps        []explainStep `json:"rules"`
	Offloading   bool          `json:"offloading"`
}

type explainStep struct {
	Rule string `json:"rule"`
	Fits bool   `json:"fits"`
	Why  string `json:"why,omitempty"`
}

func (r *explainResult) table(w io.Writer) {
	for _, s := range r.Steps {
		if s.Fits {
			row(w, s.Rule, "fits")
		} else {
			row(w, s.Rule, "no: "+s.Why)
		}
	}
}

func (r *explainResult) verdict() string {
	text := fmt.Sprintf("%s goes to %s by rule %q", r.Path, r.To, r.Rule)
	switch {
	case r.To == policy.Here.String():
		text = fmt.Sprintf("%s stays on this server by rule %q", r.Path, r.Rule)
	case r.To == policy.S3.String() && !r.Offloading:
		text += ", but offloading is switched off: contentfs enable " + r.Volume
	}
	if r.Again != nil {
		text += ", until " + formatTime(*r.Again)
	}
	return text
}

func (p *program) explain(_ context.Context, c *cli.Context) error {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	if n := c.NArg(); n != 1 && n != 2 {
		return usageError("command line", "contentfs policy explain VOLUME PATH", "what to explain is a volume and a path, or a path in a mount")
	}
	t, err := p.target(c, c.Args().First())
	if err != nil {
		return err
	}
	inside := c.Args().Get(1)
	if inside == "" {
		if t.path == "" {
			return usageError("command line", "contentfs policy explain "+t.name+" PATH", "PATH is missing")
		}
		inside = "/" + strings.TrimPrefix(strings.TrimPrefix(t.path, t.mount.point), "/")
	}
	f, on, err := t.describe(c, inside, p.now())
	if err != nil {
		return err
	}
	d, steps := t.policy().Explain(f, p.now())
	r := &explainResult{Volume: t.name, Path: inside, Type: f.Type, Size: f.Size, To: d.To.String(), Rule: d.Rule,
		StorageClass: d.StorageClass, CacheControl: d.CacheControl, ACL: d.ACL, Private: d.Private, Offloading: on}
	if d.Prefix != nil {
		r.Prefix = *d.Prefix
	}
	if !d.Again.IsZero() {
		r.Again = &d.Again
	}
	for _, s := range steps {
		r.Steps = append(r.Steps, explainStep{s.Rule, s.Fits, s.Why})
	}
	return p.print(asJSON, r)
}

// describe finds a file in the database, as far as there is one, and takes from the
// options what they say. It tells as well whether the volume offloads.
func (t *target) describe(c *cli.Context, path string, now time.Time) (f policy.File, on bool, err error) {
	size, err := sizeOption(c, "size")
	if err != nil {
		return f, false, err
	}
	if !strings.HasPrefix(path, "/") {
		return f, false, usageError("path "+path, "", "a path inside a volume begins with /")
	}
	mtime, on := now.UnixNano(), !t.offloadOff
	store, err := sqlite.Open(t.database(), sqlite.Options{ReadOnly: true})
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return f, false, sessionFailure(t, err)
	default:
		defer store.Close()
		n, err := store.Resolve([]byte(path))
		if err == nil && !c.IsSet("size") {
			size, mtime = n.Size, n.Mtime
		}
		e := content.New(content.Config{Meta: store, OffloadOff: t.offloadOff})
		if on, err = e.Offloading(); err != nil {
			return f, false, err
		}
	}
	f = content.PolicyFile([]byte(path), size, mtime)
	if typ := c.String("type"); typ != "" {
		f.Type = typ
	}
	return f, on, nil
}
