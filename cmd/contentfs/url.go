package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

func (p *program) urlCommand() *cli.Command {
	return &cli.Command{
		Name:      "url",
		Usage:     "print the address under which visitors get a file",
		ArgsUsage: "PATH...",
		Description: `Prints one address a line: of the object when the file is in S3, else of the path
on the site (site_url). PATH is a file in a mount, or with --volume a path inside
the volume, such as /UID/FIELD/FILENAME, whether it is mounted or not. Instead of a
path, --uid, --field, --scale and --filename name a file; without a filename it is
the only one there. --signed gives an address with which an object that is not for
everybody can be fetched for a while.`,
		Flags: append(flagsOf(func(s *setting) bool {
			return s.group == groupURL || s.key == "state" || s.key == "region" || s.key == "endpoint" || s.key == "path_style"
		}),
			&cli.StringFlag{Name: "volume", Usage: "the paths are paths inside this `VOLUME`"},
			&cli.StringFlag{Name: "uid", Usage: "with --volume: the file of the content item with this `UID`", Category: "Instead of a path"},
			&cli.StringFlag{Name: "field", Usage: "in this `FIELD`", Category: "Instead of a path"},
			&cli.StringFlag{Name: "scale", Usage: "in this `SCALE`", Category: "Instead of a path", DefaultText: "the original"},
			&cli.StringFlag{Name: "filename", Usage: "with this `NAME`", Category: "Instead of a path", DefaultText: "the only one there"},
			&cli.DurationFlag{Name: "signed", Usage: "with --volume: valid for this `TIME`, such as 15m, whoever asks; 7 days at most", DefaultText: "not signed"},
			configFlag(), formatFlag()),
		Action: interruptible(p.url),
	}
}

func (p *program) url(ctx context.Context, c *cli.Context) error {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	byName, err := urlOptions(c)
	if err != nil {
		return err
	}
	paths := c.Args().Slice()
	find := p.urlOfFile
	if name := c.String("volume"); name != "" {
		cfg, err := p.load(name, c.String("config"), cliOptions{c})
		if err != nil {
			return err
		}
		store, err := sqlite.Open(cfg.database(), sqlite.Options{ReadOnly: true})
		if err != nil {
			return configError("volume "+name, "--state DIR, as it was given when the volume was mounted", "%w", err)
		}
		defer store.Close()
		find = p.urlInside(ctx, cfg, store, c.Duration("signed"))
		if byName != nil {
			path, err := byName.find(store)
			if err != nil {
				return &failure{code: exitFailed, what: byName.dir(), err: err}
			}
			paths = []string{path}
		}
	}
	r := &urlResult{}
	for _, path := range paths {
		u, err := find(path)
		r.add(path, u, err)
		if err != nil && !asJSON {
			report(p.stderr, &failure{code: exitFailed, what: path, err: err})
		}
	}
	return p.printLines(asJSON, r, r.failed)
}

// errNoURL is why a file has no address.
var errNoURL = errors.New("not in S3 yet, and no site_url is set")

// urlOfFile asks the mount that holds a file.
func (p *program) urlOfFile(path string) (string, error) {
	buf := make([]byte, 16<<10)
	n, err := unix.Getxattr(path, content.AttrURL, buf)
	switch {
	case errors.Is(err, unix.ENODATA) && p.holds(path):
		return "", errNoURL
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP):
		return "", errors.New("not in a mount of contentfs")
	case err != nil:
		return "", err
	}
	return string(buf[:n]), nil
}

// holds reports whether a mount of ours holds path.
func (p *program) holds(path string) bool {
	list, err := p.mounts()
	if err != nil {
		return false
	}
	_, _, ok, err := locate(list, path)
	return ok && err == nil
}

// urlInside returns a function that asks the database of a volume, by the rule of
// the engine. Above 0, what is in S3 gets an address that is signed for that time.
func (p *program) urlInside(ctx context.Context, cfg *config, store *meta.Store, signed time.Duration) func(string) (string, error) {
	objects := func(bucket string) (backend.Backend, error) {
		at := cfg.store
		at.bucket = bucket // the one that was recorded with the content
		return p.openStore(ctx, at)
	}
	engine := content.New(content.Config{Meta: store, SiteURL: cfg.siteURL, CDNDomain: cfg.cdnDomain, Objects: objects})
	return func(path string) (string, error) {
		v, err := versionAt(cfg, store, path)
		if err != nil {
			return "", err
		}
		if signed != 0 {
			return signedURL(ctx, objects, &v, signed)
		}
		u, err := engine.URL(&v)
		if err == nil && u == "" {
			err = errNoURL
		}
		return u, err
	}
}

// versionAt gives the content of the file at a path inside a volume.
func versionAt(cfg *config, store *meta.Store, path string) (meta.Version, error) {
	if !strings.HasPrefix(path, "/") {
		return meta.Version{}, errors.New("a path inside a volume begins with /")
	}
	node, err := store.Resolve([]byte(path))
	if errors.Is(err, fs.ErrNotExist) {
		return meta.Version{}, fmt.Errorf("there is no such file in volume %s", cfg.name)
	}
	if err != nil {
		return meta.Version{}, err
	}
	if !node.IsRegular() {
		return meta.Version{}, errors.New("only files have addresses")
	}
	v, err := store.Current(node.Ino)
	if errors.Is(err, fs.ErrNotExist) {
		err = errNoURL
	}
	return v, err
}
