package volume_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b))[:16] }

const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
)

// Tags of an entry of an access control list.
const (
	aclOwner = 1 << iota
	aclUser
	aclGroupOwner
	aclGroup
	aclMask
	aclOther
)

type aclEntry struct {
	tag, perm uint16
	id        uint32
}

// acl encodes a list as setfacl(1) writes it.
func acl(entries ...aclEntry) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		id := e.id
		if e.tag != aclUser && e.tag != aclGroup {
			id = ^uint32(0)
		}
		b = binary.LittleEndian.AppendUint32(b, id)
	}
	return b
}

func TestPosixAccessLists(t *testing.T) {
	volumetest.Each(t, alone, func(v *volumetest.Volume) {
		compare(v, "lists", setLists)
		compare(v, "access", decideByLists)
		compare(v, "inheritance", inheritLists)
	})
}

// full gives user 1234 all and group 77 reading, as far as the mask goes.
func full(mask uint16) []byte {
	return acl(aclEntry{tag: aclOwner, perm: 6}, aclEntry{aclUser, 7, 1234}, aclEntry{tag: aclGroupOwner, perm: 4},
		aclEntry{aclGroup, 5, 77}, aclEntry{tag: aclMask, perm: mask}, aclEntry{tag: aclOther, perm: 0})
}

func (p *place) lists(name string) {
	for _, attr := range []string{aclAccess, aclDefault} {
		b := make([]byte, 1000)
		n, err := unix.Lgetxattr(p.path(name), attr, b)
		p.note("%s has %s %x: %s", name, attr, b[:max(n, 0)], ending(err))
	}
	p.note("%q", p.attrs(name))
	p.stat(name)
}

// setLists sets good lists and bad ones, and changes the mode with them.
func setLists(p *place) {
	short := acl(aclEntry{tag: aclOwner, perm: 7}, aclEntry{tag: aclGroupOwner, perm: 5}, aclEntry{tag: aclOther, perm: 1})
	lists := map[string][]byte{
		"full": full(7), "masked": full(4), "short": short, "empty": {}, "no entries": acl(),
		"no owner":  acl(aclEntry{tag: aclGroupOwner, perm: 5}, aclEntry{tag: aclOther, perm: 1}),
		"no mask":   acl(aclEntry{tag: aclOwner, perm: 6}, aclEntry{aclUser, 7, 1234}, aclEntry{tag: aclGroupOwner, perm: 4}, aclEntry{tag: aclOther}),
		"twice":     append(full(7), full(7)[4:]...),
		"truncated": full(7)[:20], "version": append([]byte{9, 0, 0, 0}, full(7)[4:]...),
		"unknown tag": append(short, acl(aclEntry{tag: 0x40, perm: 7})[4:]...),
	}
	for _, list := range []string{"full", "masked", "short", "empty", "no entries", "no owner", "no mask", "twice", "truncated", "version", "unknown tag"} {
		for _, kind := range kinds[1:] {
			name := list + " " + kind.name
			kind.make(p, name)
			p.try(name+" access", unix.Lsetxattr(p.path(name), aclAccess, lists[list], 0))
			p.try(name+" default", unix.Lsetxattr(p.path(name), aclDefault, lists[list], 0))
			p.lists(name)
		}
	}
	for _, mode := range []uint32{0o777, 0o700, 0o050, 0o2640, 0} {
		p.try("chmod", unix.Chmod(p.path("full file"), mode))
		p.lists("full file")
		p.try("chmod", unix.Chmod(p.path("full empty"), mode))
		p.lists("full empty")
	}
	for _, u := range others {
		as(p.T, u, func() {
			p.try("by a user", unix.Setxattr(p.path("full file"), aclAccess, full(6), 0))
			p.try("by a user", unix.Removexattr(p.path("masked file"), aclAccess))
		})
	}
	p.try("removal", unix.Removexattr(p.path("full file"), aclAccess))
	p.lists("full file")
	p.try("removal", unix.Removexattr(p.path("full empty"), aclDefault))
	p.try("removal of what is not", unix.Removexattr(p.path("full empty"), aclDefault))
	p.lists("full empty")
	must(p.T, unix.Setxattr(p.path("full file"), aclAccess, full(7), 0))
	must(p.T, os.Chown(p.path("full file"), 1234, 77))
	p.lists("full file")
	must(p.T, os.WriteFile(p.path("full file"), []byte("rewritten"), 0))
	p.lists("full file")
}

// decideByLists lets the lists decide who may what.
func decideByLists(p *place) {
	for mask := range uint16(8) {
		name := fmt.Sprint("f", mask)
		p.make(name, "x")
		must(p.T, os.Chown(p.path(name), 55, 66))
		must(p.T, unix.Setxattr(p.path(name), aclAccess, full(mask), 0))
		for _, u := range append(others, user{uid: 55, gid: 66}, user{uid: 5, gid: 66}, user{uid: 6, gid: 77}) {
			as(p.T, u, func() {
				s := ""
				for access := range uint32(8) {
					s += " " + ending(unix.Access(p.path(name), access))
				}
				p.note("%s with mask %d by %d:%d:%s", name, mask, u.uid, u.gid, s)
				p.try("write", withOpen(unix.O_WRONLY, func(int) error { return nil })(p.path(name)))
			})
		}
	}
}

// inheritLists makes nodes below directories with a default list.
func inheritLists(p *place) {
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	for _, mask := range []uint16{7, 5, 0} {
		dir := fmt.Sprint("d", mask)
		must(p.T, os.Mkdir(p.path(dir), 0o755))
		must(p.T, unix.Setxattr(p.path(dir), aclDefault, full(mask), 0))
		for _, mode := range []uint32{0o777, 0o640, 0o600, 0} {
			name := fmt.Sprintf("%s/%o", dir, mode)
			must(p.T, unix.Mkdir(p.path(name+"dir"), mode))
			must(p.T, unix.Mkdir(p.path(name+"dir/sub"), mode))
			must(p.T, unix.Mkfifo(p.path(name+"fifo"), mode))
			must(p.T, unix.Mknod(p.path(name+"node"), unix.S_IFREG|mode, 0))
			fd, err := unix.Open(p.path(name+"file"), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, mode)
			must(p.T, err)
			must(p.T, unix.Close(fd))
			for _, kind := range []string{"dir", "dir/sub", "fifo", "node", "file"} {
				p.lists(name + kind)
			}
		}
		must(p.T, os.Symlink("x", p.path(dir, "symlink")))
		p.lists(dir + "/symlink")
		must(p.T, os.Rename(p.path(dir, "777file"), p.path("moved"+dir)))
		p.lists("moved" + dir)
	}
	p.make("without", "x")
	p.lists("without")
}
