package metatest

import (
	"encoding/binary"
	"io/fs"

	"contentfs/meta"
)

// aclBytes makes an access control list of tag, permission, id triples.
func aclBytes(triples ...uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for i := 0; i < len(triples); i += 3 {
		b = binary.LittleEndian.AppendUint16(b, uint16(triples[i]))
		b = binary.LittleEndian.AppendUint16(b, uint16(triples[i+1]))
		b = binary.LittleEndian.AppendUint32(b, triples[i+2])
	}
	return b
}

// named is a list with an entry for user 33: owner, user 33, group, mask, others.
func named(owner, user, group, mask, others uint32) []byte {
	const none = ^uint32(0)
	return aclBytes(0x01, owner, none, 0x02, user, 33, 0x04, group, none, 0x10, mask, none, 0x20, others, none)
}

// testACL: list and mode agree whatever is changed.
func testACL(e *env) {
	f := e.file(meta.Root, "f")
	set := func(ino meta.Ino, name string, value []byte) {
		e.Helper()
		e.ok(e.s.SetACL(ino, name, value, false, e.now()))
	}
	value := func(ino meta.Ino, name string, want []byte) {
		e.Helper()
		v, err := e.s.Getxattr(ino, []byte(name))
		if want == nil {
			e.fails(err, meta.ErrNoAttr)
			return
		}
		e.ok(err)
		e.sameBytes(name, v, string(want))
	}
	set(f.Ino, meta.ACLAccess, named(6, 7, 5, 4, 0))
	same(e, "mode", e.node(f.Ino).Mode, meta.TypeRegular|0o640)
	same(e, "change time", e.node(f.Ino).Ctime, e.clock)
	get(e.s.SetAttr(f.Ino, meta.AttrChange{Valid: meta.AttrMode, Mode: 0o2775}))(e)
	value(f.Ino, meta.ACLAccess, named(7, 7, 5, 7, 5))
	e.ok(e.s.SetACL(f.Ino, meta.ACLAccess, named(7, 7, 5, 7, 5), true, e.now()))
	same(e, "no set-group-ID", e.node(f.Ino).Mode, meta.TypeRegular|0o775)
	set(f.Ino, meta.ACLAccess, aclBytes(1, 6, 0, 4, 4, 0, 0x20, 4, 0))
	same(e, "mode alone", e.node(f.Ino).Mode, meta.TypeRegular|0o644)
	value(f.Ino, meta.ACLAccess, nil)
	set(f.Ino, meta.ACLAccess, named(6, 7, 5, 7, 0))
	set(f.Ino, meta.ACLAccess, nil)
	value(f.Ino, meta.ACLAccess, nil)
	same(e, "mode stays", e.node(f.Ino).Mode, meta.TypeRegular|0o670)

	e.fails(e.s.SetACL(f.Ino, meta.ACLAccess, []byte("no list"), false, 1), fs.ErrInvalid)
	e.fails(e.s.SetACL(f.Ino, meta.ACLDefault, named(6, 7, 5, 7, 0), false, 1), meta.ErrNotDir)
	e.fails(e.s.SetACL(99, meta.ACLAccess, nil, false, 1), meta.ErrNotExist)
}

// testACLInherited: a default list is for what is made in a directory, and the
// maker's mask only where there is none.
func testACLInherited(e *env) {
	make := func(dir meta.Ino, name string, mode, umask uint32) meta.Node {
		return get(e.s.Create(meta.CreateRequest{Parent: dir, Name: []byte(name), Mode: mode, Umask: umask, Now: e.now()}))(e)
	}
	d := make(meta.Root, "d", meta.TypeDir|0o777, 0o027)
	same(e, "mode with a mask", d.Mode, meta.TypeDir|0o750)
	dflt := named(7, 6, 5, 7, 5)
	e.ok(e.s.SetACL(d.Ino, meta.ACLDefault, dflt, false, e.now()))
	same(e, "mode of the directory", e.node(d.Ino).Mode, meta.TypeDir|0o750)

	f := make(d.Ino, "f", meta.TypeRegular|0o664, 0o077)
	same(e, "mode of a file", f.Mode, meta.TypeRegular|0o664)
	same(e, "as stored", e.node(f.Ino).Mode, f.Mode)
	e.sameBytes("of a file", get(e.s.Getxattr(f.Ino, []byte(meta.ACLAccess)))(e), string(named(6, 6, 5, 6, 4)))
	_, err := e.s.Getxattr(f.Ino, []byte(meta.ACLDefault))
	e.fails(err, meta.ErrNoAttr)

	sub := make(d.Ino, "sub", meta.TypeDir|0o777, 0o077)
	same(e, "mode of a subdirectory", sub.Mode, meta.TypeDir|0o775)
	e.sameBytes("of a subdirectory", get(e.s.Getxattr(sub.Ino, []byte(meta.ACLAccess)))(e), string(dflt))
	e.sameBytes("to be inherited", get(e.s.Getxattr(sub.Ino, []byte(meta.ACLDefault)))(e), string(dflt))

	l := get(e.s.Create(meta.CreateRequest{Parent: d.Ino, Name: []byte("l"), Mode: meta.TypeSymlink | 0o777, Target: []byte("f"), Now: e.now()}))(e)
	same(e, "lists of a symlink", len(get(e.s.Listxattr(l.Ino))(e)), 0)
	o := get(e.s.CreateOrphan(meta.CreateRequest{Parent: d.Ino, Mode: meta.TypeRegular | 0o600, Umask: 0o077, Now: e.now()}))(e)
	same(e, "mode of an orphan", o.Mode, meta.TypeRegular|0o600)
	e.sameBytes("of an orphan", get(e.s.Getxattr(o.Ino, []byte(meta.ACLAccess)))(e), string(named(6, 6, 5, 0, 0)))

	// A default list that says no more than a mode leaves no list behind.
	e.ok(e.s.SetACL(d.Ino, meta.ACLDefault, aclBytes(1, 7, 0, 4, 5, 0, 0x20, 0, 0), false, e.now()))
	plain := make(d.Ino, "plain", meta.TypeRegular|0o666, 0o077)
	same(e, "mode by a plain list", plain.Mode, meta.TypeRegular|0o640)
	same(e, "lists", len(get(e.s.Listxattr(plain.Ino))(e)), 0)
}
