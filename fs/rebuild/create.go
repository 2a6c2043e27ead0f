package rebuild

import (
	"bytes"
	"errors"
	"io/fs"

	"contentfs/meta"
)

// create makes the file of a local file, with the directories that are missing. why
// says what is in the way.
func (w *work) create(c *candidate) (n meta.Node, why string, err error) {
	names := bytes.Split(c.who.Path, []byte{'/'})
	if len(names) < 2 || len(names[0]) != 0 || len(c.who.Path) > 4096 {
		return n, "its path cannot be", nil
	}
	dir, now := meta.Root, w.Now().UnixNano()
	for i, name := range names[1:] {
		last := i == len(names)-2
		r := meta.CreateRequest{Parent: dir, Name: name, Mode: meta.TypeDir | w.DirMode, UID: w.UID, GID: w.GID, Now: now}
		if last {
			r.Mode, r.UID, r.GID = meta.TypeRegular|c.who.Mode&0o777, c.who.UID, c.who.GID
		}
		n, err = w.meta.Lookup(dir, name)
		if errors.Is(err, meta.ErrNotExist) {
			n, err = w.meta.Create(r)
		}
		switch {
		case errors.Is(err, fs.ErrInvalid):
			return n, "its path cannot be", nil
		case errors.Is(err, meta.ErrNotDir), err == nil && !last && !n.IsDir():
			return n, "there is something else than a directory on the way to it", nil
		case err != nil:
			return n, "", err
		}
		dir = n.Ino
	}
	return n, "", nil
}
