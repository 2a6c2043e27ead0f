package redirect

import (
	"bytes"
	"errors"
	"net/url"
	"strings"

	"contentfs/meta"
)

const (
	// maxPath is the longest path that a file can have, as the kernel has it.
	maxPath = 4096
	// maxLinks is how many symlinks are followed, as the kernel does.
	maxLinks = 40
	// maxSteps is how many names are looked up for one request, those in the targets
	// of symlinks included.
	maxSteps = 1024
)

// errNowhere: a link leads out of the volume, in a circle, or too far.
var errNowhere = errors.New("symbolic link leads nowhere")

// clean reports whether the path of a request is one that a file can have, written so
// that nobody in front of us can take it for another.
func clean(u *url.URL) bool {
	path := u.Path
	if len(path) == 0 || path[0] != '/' || len(path) > maxPath || strings.IndexByte(path, 0) >= 0 {
		return false
	}
	if strings.Contains(strings.ToLower(u.EscapedPath()), "%2f") {
		return false // no name holds a slash
	}
	for name := range strings.SplitSeq(path[1:], "/") {
		if name == "." || name == ".." {
			return false
		}
	}
	return !strings.Contains(path, "//")
}

// found is what a path leads to.
type found struct {
	node meta.Node
	path []byte // without links
}

// name is the last name of the path.
func (f *found) name() string { return string(f.path[bytes.LastIndexByte(f.path, '/')+1:]) }

// walk is a way through the tree.
type walk struct {
	h     *Handler
	nodes []meta.Node // from the root to here
	names []string    // of all but the first
	rest  []string    // to be looked up
	links int
}

// resolve follows a clean path, symlinks included. A path that ends with a slash is a
// directory's, and leads to nothing else.
func (h *Handler) resolve(path string) (found, error) {
	w := &walk{h: h, nodes: []meta.Node{{Ino: meta.Root, Mode: meta.TypeDir}}, rest: strings.Split(path[1:], "/")}
	for steps := 0; len(w.rest) > 0; steps++ {
		if steps == maxSteps {
			return found{}, errNowhere
		}
		if err := w.step(); err != nil {
			return found{}, err
		}
	}
	return found{node: *w.here(), path: []byte("/" + strings.Join(w.names, "/"))}, nil
}

func (w *walk) here() *meta.Node { return &w.nodes[len(w.nodes)-1] }

// step takes the next name.
func (w *walk) step() error {
	name := w.rest[0]
	w.rest = w.rest[1:]
	if !w.here().IsDir() {
		return meta.ErrNotDir
	}
	switch name {
	case "", ".":
		return nil
	case "..":
		if len(w.names) == 0 {
			return errNowhere
		}
		w.nodes, w.names = w.nodes[:len(w.nodes)-1], w.names[:len(w.names)-1]
		return nil
	}
	n, err := w.h.Engine.Lookup(w.here().Ino, []byte(name))
	if err != nil {
		return err
	}
	if n.Mode&meta.TypeMask == meta.TypeSymlink {
		return w.follow(&n)
	}
	w.nodes, w.names = append(w.nodes, n), append(w.names, name)
	return nil
}

// follow puts the target of a link before what is still to be looked up.
func (w *walk) follow(n *meta.Node) error {
	if w.links++; w.links > maxLinks {
		return errNowhere
	}
	b, err := w.h.Engine.Readlink(n.Ino)
	if err != nil {
		return err
	}
	target := string(b)
	if strings.HasPrefix(target, "/") {
		inside, ok := strings.CutPrefix(target, w.h.Mountpoint)
		if !ok || inside != "" && inside[0] != '/' {
			return errNowhere
		}
		target = inside
		w.nodes, w.names = w.nodes[:1], w.names[:0]
	}
	w.rest = append(strings.Split(target, "/"), w.rest...)
	return nil
}
