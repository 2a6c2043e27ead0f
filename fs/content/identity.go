package content

import (
	"context"

	"contentfs/fs/local"
	"contentfs/meta"
)

// tellName has the local file of a renamed node say the new name: a file that is saved
// under a temporary name and renamed into place would otherwise come back under the
// temporary one when the metadata are lost. What was never committed says it when it
// is. That it fails costs nothing else, and nobody waits for the disk.
func (e *Engine) tellName(n *meta.Node) {
	if !n.IsRegular() || n.Version == 0 {
		return
	}
	// Who commits meanwhile would write an identity of another size.
	l := e.live.peek(n.Ino)
	if l != nil {
		defer e.live.drop(l)
		if err := l.acquire(context.Background()); err != nil {
			return
		}
		defer l.release()
		if l.draft {
			return
		}
	}
	if err := e.renameFile(l, n); err != nil && !gone(err) {
		e.Log.Info("a local file does not say the new name of its content", "node", n.Ino, "err", err)
	}
}

// renameFile writes a node's path into its local file. The caller holds l's lock, if the
// node is live.
func (e *Engine) renameFile(l *live, n *meta.Node) error {
	path, err := e.Meta.Path(n.Ino)
	if err != nil {
		return err
	}
	var f *local.File
	if l != nil && l.file != nil {
		f = l.file
	} else {
		v, err := e.Meta.Version(n.Version)
		if err != nil || !v.Local() {
			return err
		}
		if f, err = e.Local.Open(local.ID(v.File)); err != nil {
			return err
		}
		defer f.Close()
	}
	who, err := f.Identity()
	if err != nil || who.Kind == "" || string(who.Path) == string(path) {
		return err
	}
	who.Path = path
	return f.SetIdentity(who)
}

// tellDraft has a committed file that is about to be written to in place say that it
// is a draft: half of a write must not be taken for content when the metadata are lost.
func (e *Engine) tellDraft(l *live, base meta.VersionID) {
	if err := l.file.SetIdentity(e.identity(l, local.Draft, base, 0)); err != nil {
		e.Log.Info("a local file does not say that it is being written to", "node", l.ino, "err", err)
	}
}
