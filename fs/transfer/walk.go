package transfer

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"contentfs/fs/content"
	"contentfs/meta"
)

// Item is a file with content.
type Item struct {
	Path    []byte // absolute, inside the volume
	Node    meta.Node
	Version meta.Version
	Address content.Address // zero without one
	Type    string          // media type by name, without parameters

	gone int // looks that found it neither in the queue nor where it was to go
}

// Selection says which files are meant. The zero value is all of them.
type Selection struct {
	UID, Field, Scale string // exact; "" any
	NoScale           bool   // originals only
	MinSize, MaxSize  int64  // bytes, both included; MaxSize 0: no bound
	OlderThan         time.Duration
	Limit             int // of files that are moved; 0: no bound
}

// Fits reports whether a file is selected, but for Limit.
func (s *Selection) Fits(i *Item, now time.Time) bool {
	a := &i.Address
	switch {
	case s.UID != "" && a.UID != s.UID, s.Field != "" && a.Field != s.Field, s.Scale != "" && a.Scale != s.Scale:
		return false
	case s.NoScale && a.Scaled:
		return false
	case i.Version.Size < s.MinSize, s.MaxSize != 0 && i.Version.Size > s.MaxSize:
		return false
	case s.OlderThan != 0 && now.Sub(time.Unix(0, i.Version.Mtime)) < s.OlderThan:
		return false
	}
	return true
}

// Tree is what Walk walks over.
type Tree struct {
	Meta *meta.Store
	// Look is called before a directory is listed, nil for nothing: names that are
	// still to be taken in are taken in by it.
	Look func(meta.Ino) error
}

// errEnough ends a walk early.
// linked are the versions with several names that were met: each is one content.
type linked map[meta.VersionID]struct{}

// met reports whether a version was met before.
func (l *linked) met(i *Item) bool {
	if i.Node.Nlink < 2 {
		return false
	}
	if _, ok := (*l)[i.Version.ID]; ok {
		return true
	}
	if *l == nil {
		*l = make(linked)
	}
	(*l)[i.Version.ID] = struct{}{}
	return false
}

var errEnough = errors.New("enough")

// Walk calls use for each file with content below the path of the selection, in no
// order that means anything. What is renamed meanwhile may be met twice or not at
// all; what stays is met once. use may use the store; its error ends the walk and is
// returned.
func (t *Tree) Walk(ctx context.Context, s *Selection, use func(*Item) error) error {
	top := []byte("/")
	if s.UID != "" {
		top = append(top, s.UID...)
	}
	if t.Look != nil {
		if err := t.Look(meta.Root); err != nil {
			return err
		}
	}
	n, err := t.Meta.Resolve(top)
	if errors.Is(err, meta.ErrNotExist) && s.UID != "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	if !n.IsDir() {
		return nil
	}
	err = t.dir(ctx, n.Ino, strings.TrimSuffix(string(top), "/"), use)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// dir walks one directory, some of its names at a time.
func (t *Tree) dir(ctx context.Context, ino meta.Ino, above string, use func(*Item) error) error {
	const some = 512
	if t.Look != nil {
		if err := t.Look(ino); err != nil {
			return err
		}
	}
	for after := meta.Place(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		list := make([]meta.Entry, 0, some)
		err := t.Meta.List(ino, after, func(e *meta.Entry) bool {
			list = append(list, *e)
			return len(list) < some
		})
		if errors.Is(err, meta.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("walk %s: %w", above, err)
		}
		for i := range list {
			after = list[i].Place
			if err := t.entry(ctx, &list[i], above, use); err != nil {
				return err
			}
		}
		if len(list) < some {
			return nil
		}
	}
}

func (t *Tree) entry(ctx context.Context, e *meta.Entry, above string, use func(*Item) error) error {
	at := above + "/" + string(e.Name)
	if e.Node.IsDir() {
		return t.dir(ctx, e.Node.Ino, at, use)
	}
	if e.Node.Version == 0 {
		return nil
	}
	v, err := t.Meta.Version(e.Node.Version)
	if errors.Is(err, meta.ErrNotExist) {
		return nil // replaced meanwhile
	}
	if err != nil {
		return fmt.Errorf("walk %s: %w", at, err)
	}
	i := &Item{Path: []byte(at), Node: e.Node, Version: v}
	i.Address, _ = content.ParseAddress(i.Path)
	i.Type, _, _ = strings.Cut(content.ContentType(path.Base(at), nil), ";")
	return use(i)
}
