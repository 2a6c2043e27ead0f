package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/fs/content"
	"contentfs/fs/policy"
	"contentfs/meta/sqlite"
)

func (p *program) policyCommand() *cli.Command {
	return &cli.Command{
		Name:  "policy",
		Usage: "tell which content goes where, and by which rule",
		Subcommands: []*cli.Command{
			{
				Name:      "explain",
				Usage:     "tell where a file goes, and what each rule says about it",
				ArgsUsage: "[VOLUME] PATH",
				Description: `Tells for each rule whether it fits a file and why not, and what comes of it. PATH is
a file in a mount; with VOLUME it is a path inside the volume, such as
/UID/FIELD/FILENAME, which need not exist: then it is taken as an empty file that
was changed just now, unless --size, --type and --age say otherwise. The media type
is the one that the name says.`,
				Flags: append(placeFlags(), configFlag(), formatFlag(),
					&cli.StringFlag{Name: "size", Usage: "take the file to have this `SIZE`"},
					&cli.StringFlag{Name: "type", Usage: "take the file to have this media `TYPE`"},
					&cli.StringFlag{Name: "age", Usage: "take the file to be this `TIME` old, such as 7d"}),
				Action: interruptible(p.policyExplain),
			},
			{
				Name:        "list",
				Usage:       "print the rules in force",
				ArgsUsage:   "VOLUME|PATH",
				Description: `Prints the rules of a volume in the order in which they are asked. The first that fits decides.`,
				Flags:       append(placeFlags(), configFlag(), formatFlag()),
				Action:      interruptible(p.policyList),
			},
		},
	}
}

func (p *program) policyList(_ context.Context, c *cli.Context) error {
	t, asJSON, err := p.oneVolume(c)
	if err != nil {
		return err
	}
	return p.print(asJSON, newPolicyList(t.config))
}

func (p *program) policyExplain(_ context.Context, c *cli.Context) error {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	t, inside, err := p.fileArgument(c)
	if err != nil {
		return err
	}
	r := &explainResult{Volume: t.name, Path: inside, Exists: true, now: p.now()}
	f, err := fileInside(t, inside)
	if errors.Is(err, fs.ErrNotExist) {
		r.Exists, err = false, nil
		f.Modified = r.now
	}
	if err == nil {
		err = pretend(c, &f, r.now)
	}
	if err != nil {
		return err
	}
	r.explain(t.policy, f)
	return p.print(asJSON, r)
}

// fileArgument returns the volume that is meant and the path inside it: of a
// volume and a path in it, or of a path in a mount.
func (p *program) fileArgument(c *cli.Context) (*target, string, error) {
	if c.NArg() == 2 {
		name, inside := c.Args().Get(0), c.Args().Get(1)
		t, err := p.target(c, name)
		if err != nil {
			return nil, "", err
		}
		if !path.IsAbs(inside) || path.Clean(inside) != inside || inside == "/" {
			return nil, "", usageError(fmt.Sprintf("path %q", inside), "/UID/FIELD/FILENAME",
				"a path inside a volume begins with / and has no empty part, \".\" or \"..\"")
		}
		return t, inside, t.exists(p)
	}
	arg, err := oneArgument(c, "[VOLUME] PATH")
	if err != nil {
		return nil, "", err
	}
	if !strings.Contains(arg, "/") && volumeName.MatchString(arg) {
		return nil, "", usageError("command line", "contentfs policy explain "+arg+" PATH", "PATH is missing, or a \"/\" in it")
	}
	t, err := p.target(c, arg)
	if err != nil {
		return nil, "", err
	}
	inside := strings.TrimPrefix(t.path, strings.TrimSuffix(t.mount.point, "/"))
	if inside == "" || inside == "/" {
		return nil, "", usageError(fmt.Sprintf("path %q", arg), "", "is the mount itself; only files have a place")
	}
	return t, inside, nil
}

// fileInside returns what the database knows about a file, as the policy wants it.
// For a file that it does not have the error is fs.ErrNotExist, and what the path
// says is there all the same.
func fileInside(t *target, inside string) (policy.File, error) {
	f := policy.File{Path: []byte(inside), Name: path.Base(inside)}
	f.Type = content.ContentType(f.Name, nil)
	if a, ok := content.ParseAddress(f.Path); ok {
		f.Addressed, f.Scaled = true, a.Scaled
		f.UID, f.Field, f.Scale = a.UID, a.Field, a.Scale
	}
	store, err := sqlite.Open(t.database(), sqlite.Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) {
		return f, err // never mounted
	}
	if err != nil {
		return f, configError("volume "+t.name, "--state DIR, as it was given when the volume was mounted", "%w", err)
	}
	defer store.Close()
	node, err := store.Resolve(f.Path)
	if err != nil {
		return f, err
	}
	if !node.IsRegular() {
		return f, &failure{code: exitFailed, what: inside, err: errors.New("only files have a place")}
	}
	f.Size, f.Modified = node.Size, time.Unix(0, node.Mtime)
	return f, nil
}

// pretend makes the file what the options say it is.
func pretend(c *cli.Context, f *policy.File, now time.Time) (err error) {
	if s := c.String("size"); s != "" {
		if f.Size, err = parseSize(s); err != nil {
			return usageError("option --size", "", "%w", err)
		}
	}
	if s := c.String("type"); s != "" {
		f.Type = s
	}
	if s := c.String("age"); s != "" {
		age, err := parseAge(s)
		if err != nil {
			return usageError("option --age", "", "%w", err)
		}
		f.Modified = now.Add(-age)
	}
	return nil
}
