package content

import (
	"context"

	"contentfs/fs/local"
	"contentfs/meta"
)

// tellName has the local file of a renamed node say the new name: a file that is saved
// under a temporary name and renamed into place would otherwise come back under the
// temporary one when the metadata are lost. What is being written to says it with its
// next commit. That it fails costs nothing else, and nobody waits for the disk.
func (e *Engine) tellName(n *meta.Node) {
	if !n.IsRegular() || n.Version == 0 {
		return
	}
	if l := e.live.peek(n.Ino); l != nil {
		defer e.live.drop(l)
		if err := l.acquire(context.Background()); err != nil {
			return
		}
		defer l.release()
		if l.writers > 0 || l.draft {
			return
		}
	}
	v, err := e.Meta.Version(n.Version)
	if err != nil || !v.Local() || v.Open {
		return
	}
	path, err := e.Meta.Path(n.Ino)
	if err != nil {
		return
	}
	f, err := e.Local.Open(local.ID(v.File))
	if err != nil {
		return
	}
	defer f.Close()
	who, err := f.Identity()
	if err == nil && who.Kind != "" && string(who.Path) != string(path) {
		who.Path = path
		err = f.SetIdentity(who)
	}
	if err != nil {
		e.Log.Info("a local file does not say the new name of its content", "file", v.File, "err", err)
	}
}
