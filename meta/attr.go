package meta

// AttrMask says which fields of an AttrChange count.
type AttrMask uint32

// The fields of an AttrChange. Ctime has no bit: it counts unless it is 0.
const (
	AttrMode AttrMask = 1 << iota
	AttrUID
	AttrGID
	AttrSize
	AttrAtime
	AttrMtime
)

// AttrChange is a change of a node's attributes.
type AttrChange struct {
	Valid   AttrMask
	Mode    uint32 // permission bits; the type stays
	UID     uint32
	GID     uint32
	Size    int64
	Atime   int64
	Mtime   int64
	Ctime   int64 // set unless 0
	Durable bool
}

// SetAttr changes a node's attributes and gives the node as it is then. An access
// control list follows the mode. It touches no content. ErrNotExist. Durable if the change says so, else visible.
func (s *Store) SetAttr(ino Ino, c AttrChange) (Node, error) {
	var n Node
	err := s.change(c.Durable, func(t *tx) (err error) {
		if n, err = getNode(t, ino); err != nil {
			return err
		}
		c.apply(&n)
		if err := t.updateNode(&n); err != nil || c.Valid&AttrMode == 0 {
			return err
		}
		return t.followMode(&n)
	})
	if err != nil {
		return Node{}, nodeErr("set attributes of", ino, err)
	}
	return n, nil
}

func (c *AttrChange) apply(n *Node) {
	if c.Valid&AttrMode != 0 {
		n.Mode = n.Mode&^modePermission | c.Mode&modePermission
	}
	if c.Valid&AttrUID != 0 {
		n.UID = c.UID
	}
	if c.Valid&AttrGID != 0 {
		n.GID = c.GID
	}
	if c.Valid&AttrSize != 0 {
		n.Size = c.Size
	}
	if c.Valid&AttrAtime != 0 {
		n.Atime = c.Atime
	}
	if c.Valid&AttrMtime != 0 {
		n.Mtime = c.Mtime
	}
	if c.Ctime != 0 {
		n.Ctime = c.Ctime
	}
}

// updateNode stores everything of a node that can change.
func (t *tx) updateNode(n *Node) error {
	return t.must(ErrNotExist, `UPDATE node SET mode = $2, uid = $3, gid = $4, nlink = $5, size = $6,
		blocks = $7, atime = $8, mtime = $9, ctime = $10, version = $11, parent = $12 WHERE ino = $1`,
		n.Ino, n.Mode, n.UID, n.GID, n.Nlink, n.Size, n.Blocks, n.Atime, n.Mtime, n.Ctime, n.Version, n.Parent)
}
