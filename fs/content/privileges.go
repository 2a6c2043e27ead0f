package content

import (
	"errors"
	"fmt"

	"contentfs/meta"
)

// Set-user-id and set-group-id bits of a mode. Without the group's execute bit
// the latter means mandatory locking, not privilege.
const (
	setUID    = 0o4000
	setGID    = 0o2000
	groupExec = 0o010
)

// privileged reports whether a file of this mode gives who runs it more than
// their own rights.
func privileged(mode uint32) bool {
	return mode&setUID != 0 || mode&(setGID|groupExec) == setGID|groupExec
}

// capabilities is the attribute that gives a program rights besides its mode.
var capabilities = []byte("security.capability")

// DropPrivileges takes from a node that is no directory what must not outlive a
// change of its content or owner by somebody without privileges of their own. The
// kernel leaves it to us and says when (FUSE_HANDLE_KILLPRIV_V2).
func (e *Engine) DropPrivileges(ino meta.Ino) error {
	n, err := e.Meta.Node(ino)
	if err != nil {
		return fmt.Errorf("drop privileges of node %d: %w", ino, err)
	}
	if n.IsDir() {
		return nil
	}
	if privileged(n.Mode) {
		mode := n.Mode &^ setUID
		if mode&groupExec != 0 {
			mode &^= setGID
		}
		c := meta.AttrChange{Valid: meta.AttrMode, Mode: mode & 0o7777, Ctime: now()}
		if _, err := e.Meta.SetAttr(ino, c); err != nil {
			return fmt.Errorf("drop privileges of node %d: %w", ino, err)
		}
		e.live.renamed(ino)
		e.Changed(ino)
	}
	err = e.Meta.Removexattr(ino, capabilities, now())
	if errors.Is(err, meta.ErrNoAttr) {
		return nil
	}
	return err
}

// Chown is a chown that names neither owner nor group. It takes privileges from
// what belongs to the caller; root may do so with everything.
func (e *Engine) Chown(ino meta.Ino, caller uint32) error {
	n, err := e.Meta.Node(ino)
	if err != nil {
		return fmt.Errorf("change owner of node %d: %w", ino, err)
	}
	if caller != 0 && caller != n.UID {
		return nil
	}
	return e.DropPrivileges(ino)
}
