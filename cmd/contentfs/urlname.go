package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/backend"
	"contentfs/meta"
)

// fileName names a file by what the site knows of it.
type fileName struct{ uid, field, scale, filename string }

// urlOptions reads how url is asked: by name, or by paths (nil).
func urlOptions(c *cli.Context) (*fileName, error) {
	n := &fileName{c.String("uid"), c.String("field"), c.String("scale"), c.String("filename")}
	inside := c.String("volume") != ""
	ttl := c.Duration("signed")
	switch {
	case *n == fileName{} && c.NArg() == 0:
		return nil, usageError("command line", "contentfs url PATH", "PATH is missing")
	case (c.IsSet("signed") || *n != fileName{}) && !inside:
		return nil, usageError("command line", "--volume NAME", "--uid, --field, --scale, --filename and --signed need --volume")
	case c.IsSet("signed") && (ttl < time.Second || ttl > 7*24*time.Hour):
		return nil, usageError("option --signed", "--signed 15m", "%v is not between one second and seven days", ttl)
	case *n == fileName{}:
		return nil, nil
	case c.NArg() > 0:
		return nil, usageError("command line", "", "a PATH and --uid exclude each other")
	case n.uid == "" || n.field == "":
		return nil, usageError("command line", "--uid UID --field FIELD", "--uid and --field go together")
	}
	return n, nil
}

// dir is the directory that the file is in.
func (n *fileName) dir() string {
	dir := "/" + n.uid + "/" + n.field
	if n.scale != "" {
		dir += "/" + n.scale
	}
	return dir
}

// find returns the path of the file, which without a filename is the only one.
func (n *fileName) find(store *meta.Store) (string, error) {
	if n.filename != "" {
		return n.dir() + "/" + n.filename, nil
	}
	dir, err := store.Resolve([]byte(n.dir()))
	if errors.Is(err, meta.ErrNotExist) || errors.Is(err, meta.ErrNotDir) {
		return "", errors.New("there is no such directory in the volume")
	}
	if err != nil {
		return "", err
	}
	if err := store.Seen([]byte(n.dir())); err != nil {
		return "", err
	}
	var name string
	files := 0
	err = store.List(dir.Ino, 0, func(e *meta.Entry) bool {
		if e.Node.IsRegular() {
			name = string(e.Name)
			files++
		}
		return files < 2
	})
	switch {
	case err != nil:
		return "", err
	case files == 0:
		return "", errors.New("there is no file in it")
	case files > 1:
		return "", fmt.Errorf("there are several files in it; --filename says which, one of them is %q", name)
	}
	return n.dir() + "/" + name, nil
}

// errNotSigned is why a file has no signed address.
var errNotSigned = errors.New("not in S3, and only what is there has a signed address")

// signedURL returns an address of an object that is as good as a credential.
func signedURL(ctx context.Context, objects func(string) (backend.Backend, error), v *meta.Version, ttl time.Duration) (string, error) {
	if v.Remote != meta.Stored {
		return "", errNotSigned
	}
	b, err := objects(v.Bucket)
	if err != nil {
		return "", err
	}
	s, ok := b.(backend.Signer)
	if !ok {
		return "", errors.New("the store signs no addresses")
	}
	return s.SignedURL(ctx, v.Key, ttl)
}
