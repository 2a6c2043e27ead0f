package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"contentfs/backend"
	"contentfs/meta"
)

func (p *program) lookupCommand() *cli.Command {
	return &cli.Command{
		Name:      "lookup",
		Usage:     "find the file that an address or a key belongs to",
		ArgsUsage: "VOLUME URL|KEY...",
		Description: `The way back of url: prints the path inside the volume for a key, for the address of
an object in the bucket or behind cdn_domain, and for an address below site_url. Of
content that was replaced or removed since, it says so. It asks the database alone.`,
		Flags: append(flagsOf(func(s *setting) bool {
			return s.group == groupStore || s.group == groupURL || s.key == "state"
		}), configFlag(), formatFlag()),
		Action: interruptible(p.lookup),
	}
}

// lookupFinding is the path of one address, or why it has none.
type lookupFinding struct {
	Asked   string `json:"asked"`
	Path    string `json:"path,omitempty"`
	Bucket  string `json:"bucket,omitempty"`
	Key     string `json:"key,omitempty"`
	Retired bool   `json:"retired,omitempty"` // the content was replaced or removed since
	Error   string `json:"error,omitempty"`
}

type lookupResult struct {
	Files  []lookupFinding `json:"files"`
	failed int
}

// lines are the paths that were found, one a line.
func (r *lookupResult) lines() string {
	var b strings.Builder
	for _, f := range r.Files {
		switch {
		case f.Error != "":
		case f.Retired:
			b.WriteString(printable(f.Path) + "  (no longer: it was replaced or removed)\n")
		default:
			b.WriteString(printable(f.Path) + "\n")
		}
	}
	return b.String()
}

func (r *lookupResult) table(w io.Writer) { io.WriteString(w, r.lines()) }

func (r *lookupResult) verdict() string {
	return fmt.Sprintf("%d of %d found", len(r.Files)-r.failed, len(r.Files))
}

func (p *program) lookup(_ context.Context, c *cli.Context) (err error) {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	if c.NArg() < 2 {
		return usageError("command line", "contentfs lookup VOLUME URL", "VOLUME or URL is missing")
	}
	s, err := p.session(c, c.Args().First(), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r := &lookupResult{}
	for _, asked := range c.Args().Tail() {
		f, err := s.find(asked)
		if f.Asked = asked; err != nil {
			f = lookupFinding{Asked: asked, Error: err.Error()}
			r.failed++
			if !asJSON {
				report(p.stderr, &failure{code: exitFailed, what: asked, err: err})
			}
		}
		r.Files = append(r.Files, f)
	}
	return p.printLines(asJSON, r, r.failed)
}

// errNotFound is why an address leads nowhere.
var errNotFound = errors.New("nothing in this volume has it")

// find returns what an address or a key belongs to.
func (s *session) find(asked string) (lookupFinding, error) {
	u, err := url.Parse(asked)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return s.findKey(s.anyBucket(), asked)
	}
	if path, ok := below(u, s.config.siteURL); ok {
		f, err := s.findPath(path)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	if host := s.config.cdnDomain; host != "" && strings.EqualFold(u.Host, host) {
		return s.findKey(s.anyBucket(), strings.TrimPrefix(u.Path, "/"))
	}
	return s.findObject(u)
}

// findObject reads the address of an object as a bucket's: with the bucket in front
// of the host, or of the path. It is the database that knows which it is.
func (s *session) findObject(u *url.URL) (lookupFinding, error) {
	path := strings.TrimPrefix(u.Path, "/")
	if bucket := s.config.store.bucket; bucket != "" {
		b, err := s.objects(bucket)
		if err != nil {
			return lookupFinding{}, err
		}
		if l, ok := b.(backend.Linker); ok {
			if key, ok := below(u, strings.TrimSuffix(l.URL("x"), "/x")); ok {
				return s.findKey([]string{bucket}, strings.TrimPrefix(key, "/"))
			}
		}
	}
	if bucket, key, ok := strings.Cut(path, "/"); ok {
		if f, err := s.findKey([]string{bucket}, key); !errors.Is(err, errNotFound) {
			return f, err
		}
	}
	// A bucket's name may hold dots.
	host, buckets := u.Hostname(), []string(nil)
	for i := range len(host) {
		if host[i] == '.' {
			buckets = append(buckets, host[:i])
		}
	}
	if len(buckets) > 64 {
		return lookupFinding{}, errNotFound
	}
	return s.findKey(buckets, path)
}

// below returns the path of u below an address.
func below(u *url.URL, base string) (string, bool) {
	b, err := url.Parse(base)
	if err != nil || b.Host == "" || !strings.EqualFold(u.Host, b.Host) {
		return "", false
	}
	path, ok := strings.CutPrefix(u.Path, strings.TrimSuffix(b.Path, "/"))
	return path, ok && strings.HasPrefix(path, "/")
}

// anyBucket is where a key is looked for that comes without a bucket: in the volume's
// first.
func (s *session) anyBucket() []string {
	if bucket := s.config.store.bucket; bucket != "" {
		return []string{bucket, ""}
	}
	return []string{""}
}

// findKey looks for a key in buckets; "" is any.
func (s *session) findKey(buckets []string, key string) (lookupFinding, error) {
	for _, bucket := range buckets {
		v, err := s.store.ByKey(bucket, key)
		if errors.Is(err, meta.ErrNotExist) {
			continue
		}
		if err != nil {
			return lookupFinding{}, err
		}
		f := lookupFinding{Bucket: v.Bucket, Key: v.Key, Retired: v.Retired != 0, Path: string(v.Path)}
		if !f.Retired {
			path, err := s.store.Path(v.Ino)
			if err != nil {
				return lookupFinding{}, err
			}
			f.Path = string(path)
		}
		if f.Path == "" {
			return lookupFinding{}, errors.New("the content of a file that was removed, of which no path is known")
		}
		return f, nil
	}
	return lookupFinding{}, errNotFound
}

// findPath looks for a path inside the volume.
func (s *session) findPath(path string) (lookupFinding, error) {
	n, err := s.store.Resolve([]byte(path))
	if errors.Is(err, meta.ErrNotExist) || errors.Is(err, meta.ErrNotDir) || err == nil && !n.IsRegular() {
		list, err := s.store.RetiredAt([]byte(path))
		if err != nil {
			return lookupFinding{}, err
		}
		if len(list) == 0 {
			return lookupFinding{}, fmt.Errorf("%w: %w", errNotFound, fs.ErrNotExist)
		}
		return lookupFinding{Path: path, Bucket: list[0].Bucket, Key: list[0].Key, Retired: true}, nil
	}
	if err != nil {
		return lookupFinding{}, err
	}
	f := lookupFinding{Path: path}
	if v, err := s.store.Current(n.Ino); err == nil {
		f.Bucket, f.Key = v.Bucket, v.Key
	}
	return f, nil
}
