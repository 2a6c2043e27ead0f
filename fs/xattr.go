package fs

import (
	"bytes"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// attrClasses are what names of attributes begin with. Who may do what with which
// class is the kernel's business.
var attrClasses = [...]string{"user.", trustedClass, "security."}

// trustedClass is for root, who alone may know of it.
const trustedClass = "trusted."

// checkAttr tells names that a local disk takes from those it does not.
func checkAttr(attr string) fuse.Status {
	for _, class := range attrClasses {
		if rest, ok := strings.CutPrefix(attr, class); ok {
			if rest == "" {
				return fuse.EINVAL
			}
			return fuse.OK
		}
	}
	if isACL(attr) {
		return fuse.OK
	}
	return fuse.Status(syscall.EOPNOTSUPP)
}

func isACL(attr string) bool { return attr == meta.ACLAccess || attr == meta.ACLDefault }

// GetXAttr reads an extended attribute.
func (f *filesystem) GetXAttr(cancel <-chan struct{}, in *fuse.InHeader, attr string, dest []byte) (uint32, fuse.Status) {
	if s := checkAttr(attr); !s.Ok() {
		return 0, s
	}
	v, err := f.engine.Getxattr(meta.Ino(in.NodeId), []byte(attr))
	if err != nil {
		return 0, f.status("getxattr", err)
	}
	return fit(dest, v)
}

// ListXAttr lists the names of extended attributes.
func (f *filesystem) ListXAttr(cancel <-chan struct{}, in *fuse.InHeader, dest []byte) (uint32, fuse.Status) {
	names, err := f.engine.Listxattr(meta.Ino(in.NodeId))
	if err != nil {
		return 0, f.status("listxattr", err)
	}
	var list []byte
	for _, n := range names {
		if in.Uid != 0 && bytes.HasPrefix(n, []byte(trustedClass)) {
			continue
		}
		list = append(append(list, n...), 0)
	}
	return fit(dest, list)
}

// fit copies v to dest and returns its length, which alone is asked for when dest
// is empty.
func fit(dest, v []byte) (uint32, fuse.Status) {
	if len(dest) > 0 && len(v) > len(dest) {
		return uint32(len(v)), fuse.ERANGE
	}
	copy(dest, v)
	return uint32(len(v)), fuse.OK
}

// SetXAttr sets an extended attribute.
func (f *filesystem) SetXAttr(cancel <-chan struct{}, in *fuse.SetXAttrIn, attr string, data []byte) fuse.Status {
	if len(attr) > nameMax {
		return fuse.Status(syscall.ERANGE)
	}
	if s := checkAttr(attr); !s.Ok() {
		return s
	}
	if isACL(attr) {
		err := f.engine.SetACL(meta.Ino(in.NodeId), attr, data, in.SetXAttrFlags&fuse.SETXATTR_ACL_KILL_SGID != 0)
		return f.status("setxattr", err)
	}
	err := f.engine.Setxattr(meta.Ino(in.NodeId), []byte(attr), data,
		in.Flags&unix.XATTR_CREATE != 0, in.Flags&unix.XATTR_REPLACE != 0)
	return f.status("setxattr", err)
}

// RemoveXAttr removes an extended attribute.
func (f *filesystem) RemoveXAttr(cancel <-chan struct{}, in *fuse.InHeader, attr string) fuse.Status {
	if s := checkAttr(attr); !s.Ok() {
		return s
	}
	if isACL(attr) {
		return f.status("removexattr", f.engine.SetACL(meta.Ino(in.NodeId), attr, nil, false))
	}
	return f.status("removexattr", f.engine.Removexattr(meta.Ino(in.NodeId), []byte(attr)))
}
