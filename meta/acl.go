package meta

import (
	"encoding/binary"
	"errors"
	"io/fs"
)

// Names of the attributes that hold access control lists, as Linux calls them.
const (
	ACLAccess  = "system.posix_acl_access"  // who may do what with the node
	ACLDefault = "system.posix_acl_default" // what nodes made in a directory begin with
)

// Tags of an entry and the format's version: include/uapi/linux/posix_acl_xattr.h.
const (
	aclVersion = 2

	aclUserObj  = 0x01
	aclUser     = 0x02
	aclGroupObj = 0x04
	aclGroup    = 0x08
	aclMask     = 0x10
	aclOther    = 0x20
)

// modeAccess are the bits of a mode that an access list shares with it.
const modeAccess = 0o777

// acl is an access control list, its entries in the order of the kernel: the
// owner, users, the owning group, groups, the mask, the others.
type acl []aclEntry

type aclEntry struct {
	tag, perm uint16
	id        uint32 // of a user or group
}

// parseACL reads a list in the form it has as an attribute. fs.ErrInvalid for what
// the kernel would not take either.
func parseACL(b []byte) (acl, error) {
	const head, size = 4, 8
	if len(b) < head || (len(b)-head)%size != 0 || binary.LittleEndian.Uint32(b) != aclVersion {
		return nil, fs.ErrInvalid
	}
	var list acl
	for b = b[head:]; len(b) > 0; b = b[size:] {
		list = append(list, aclEntry{
			tag:  binary.LittleEndian.Uint16(b),
			perm: binary.LittleEndian.Uint16(b[2:]),
			id:   binary.LittleEndian.Uint32(b[4:]),
		})
	}
	if !list.valid() {
		return nil, fs.ErrInvalid
	}
	return list, nil
}

// valid reports whether the entries are complete and in order.
func (a acl) valid() bool {
	var seen uint16
	for _, e := range a {
		switch e.tag {
		case aclUserObj, aclGroupObj, aclMask, aclOther:
			if seen&e.tag != 0 {
				return false
			}
		case aclUser, aclGroup:
		default:
			return false
		}
		if e.perm > 7 || seen >= e.tag<<1 { // nothing that belongs behind it came before
			return false
		}
		seen |= e.tag
	}
	const always = aclUserObj | aclGroupObj | aclOther
	named := seen&(aclUser|aclGroup) != 0
	return seen&always == always && (!named || seen&aclMask != 0)
}

func (a acl) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range a {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

// extended reports whether the list says more than a mode can.
func (a acl) extended() bool {
	for _, e := range a {
		if e.tag&(aclUser|aclGroup|aclMask) != 0 {
			return true
		}
	}
	return false
}

// each calls f with the entries that mirror the bits of a mode, and where those
// bits are. The group's bits are the mask where there is one: they are the most
// that any group or named user gets.
func (a acl) each(f func(e *aclEntry, shift int)) {
	group := uint16(aclGroupObj)
	for i := range a {
		if a[i].tag == aclMask {
			group = aclMask
		}
	}
	for i := range a {
		switch a[i].tag {
		case aclUserObj:
			f(&a[i], 6)
		case group:
			f(&a[i], 3)
		case aclOther:
			f(&a[i], 0)
		}
	}
}

// mode returns mode with the access bits that the list stands for.
func (a acl) mode(mode uint32) uint32 {
	mode &^= modeAccess
	a.each(func(e *aclEntry, shift int) { mode |= uint32(e.perm) << shift })
	return mode
}

// chmod makes the list agree with a mode.
func (a acl) chmod(mode uint32) {
	a.each(func(e *aclEntry, shift int) { e.perm = uint16(mode>>shift) & 7 })
}

// restrict takes away what the mode that a node is made with does not allow.
func (a acl) restrict(mode uint32) {
	a.each(func(e *aclEntry, shift int) { e.perm &= uint16(mode>>shift) & 7 })
}

// inherit gives a node that is made in dir what it has from there: the group, the
// set-group-ID bit of a directory, and the access bits that the default list or
// else the maker's mask leaves. It returns the node's own lists, nil where it gets
// none.
func (t *tx) inherit(n *Node, dir *Node, umask uint32) (access, dflt acl, err error) {
	if dir.Mode&modeSetGID != 0 {
		n.GID = dir.GID
		if n.IsDir() {
			n.Mode |= modeSetGID
		}
	}
	if n.Mode&TypeMask == TypeSymlink {
		return nil, nil, nil
	}
	dflt, err = t.acl(dir.Ino, ACLDefault)
	if err != nil {
		return nil, nil, err
	}
	if dflt == nil {
		n.Mode &^= umask & modeAccess
		return nil, nil, nil
	}
	access = append(acl{}, dflt...)
	access.restrict(n.Mode)
	n.Mode = access.mode(n.Mode)
	if !access.extended() {
		access = nil
	}
	if !n.IsDir() {
		dflt = nil
	}
	return access, dflt, nil
}

// acl reads one of a node's lists, nil if it has none.
func (t *tx) acl(ino Ino, name string) (acl, error) {
	var value []byte
	err := one(t.row(`SELECT value FROM xattr WHERE ino = $1 AND name = $2`, ino, []byte(name)), &value)
	if errors.Is(err, ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseACL(value)
}

// putACL stores one of a node's lists; nil is none.
func (t *tx) putACL(ino Ino, name string, a acl) error {
	if a == nil {
		return t.exec(`DELETE FROM xattr WHERE ino = $1 AND name = $2`, ino, []byte(name))
	}
	return t.putXattr(ino, []byte(name), a.bytes())
}

// followMode makes a node's access list agree with its mode, which was changed.
func (t *tx) followMode(n *Node) error {
	a, err := t.acl(n.Ino, ACLAccess)
	if err != nil || a == nil {
		return err
	}
	a.chmod(n.Mode)
	return t.putACL(n.Ino, ACLAccess, a)
}

// SetACL sets one of a node's access control lists, ACLAccess or ACLDefault, from
// the form it has as an attribute; an empty one removes it. The mode's access bits
// follow an access list, and a list that says no more than they do is not kept.
// dropSetGID takes the set-group-ID bit away as well. fs.ErrInvalid for a list
// that is none, ErrNotDir for a default list of something else, ErrNotExist.
// Visible.
func (s *Store) SetACL(ino Ino, name string, value []byte, dropSetGID bool, now int64) error {
	err := s.visible(func(t *tx) error {
		n, err := getNode(t, ino)
		if err != nil {
			return err
		}
		var a acl
		if len(value) > 0 {
			if a, err = parseACL(value); err != nil {
				return err
			}
		}
		if name == ACLDefault {
			if !n.IsDir() {
				return ErrNotDir
			}
		} else if a != nil {
			n.Mode = a.mode(n.Mode)
			if dropSetGID {
				n.Mode &^= modeSetGID
			}
			if !a.extended() {
				a = nil
			}
		}
		n.Ctime = now
		if err := t.updateNode(&n); err != nil {
			return err
		}
		return t.putACL(ino, name, a)
	})
	return nameErr("set access list", ino, []byte(name), err)
}
