package fs

import (
	"context"
	"math"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"contentfs/fs/content"
	"contentfs/meta"
)

// dirSize is what every directory seems to hold, in bytes: the least it can be on
// ext4. A size of 0 is that of an empty file to find(1), and nothing to du(1).
const dirSize = 4096

// nameMax is the longest name in bytes, as on other file systems.
const nameMax = 255

// Lookup finds a name. That there is none is an answer, and kept too.
func (f *filesystem) Lookup(cancel <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if len(name) > nameMax {
		return fuse.Status(syscall.ENAMETOOLONG)
	}
	a, err := f.engine.Lookup(meta.Ino(in.NodeId), []byte(name))
	if err != nil {
		s := f.status("lookup", err)
		if s == fuse.ENOENT {
			out.SetEntryTimeout(cacheTime)
			out.NodeId = 0
			return fuse.OK
		}
		return s
	}
	fillEntry(out, a)
	return fuse.OK
}

// GetAttr is stat.
func (f *filesystem) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	a, err := f.engine.GetAttr(meta.Ino(in.NodeId))
	if err != nil {
		return f.status("getattr", err)
	}
	fillAttr(&out.Attr, a)
	out.SetTimeout(cacheTime)
	return fuse.OK
}

// SetAttr is chmod, chown, utimens and truncate.
func (f *filesystem) SetAttr(cancel <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	now := time.Now().UnixNano()
	c := meta.AttrChange{Ctime: now}
	if mode, ok := in.GetMode(); ok {
		c.Valid |= meta.AttrMode
		c.Mode = mode & 0o7777
	}
	if uid, ok := in.GetUID(); ok {
		c.Valid |= meta.AttrUID
		c.UID = uid
	}
	if gid, ok := in.GetGID(); ok {
		c.Valid |= meta.AttrGID
		c.GID = gid
	}
	if size, ok := in.GetSize(); ok {
		c.Valid |= meta.AttrSize
		c.Size = int64(size)
	}
	if t, ok := in.GetATime(); ok {
		c.Valid |= meta.AttrAtime
		c.Atime = nanoseconds(t)
	}
	if t, ok := in.GetMTime(); ok {
		c.Valid |= meta.AttrMtime
		c.Mtime = nanoseconds(t)
	}
	var h *content.Handle
	if fh, ok := in.GetFh(); ok {
		h = f.handles.file(fh)
	}
	if in.Valid&fuse.FATTR_KILL_SUIDGID != 0 {
		if err := f.engine.DropPrivileges(meta.Ino(in.NodeId)); err != nil {
			return f.status("setattr", err)
		}
	}
	if in.Valid&^fuse.FATTR_FH == 0 {
		if err := f.wordless(meta.Ino(in.NodeId), in.InHeader.Uid); err != nil {
			return f.status("setattr", err)
		}
	}
	a, err := f.engine.SetAttr(context.Background(), meta.Ino(in.NodeId), h, c)
	if err != nil {
		return f.status("setattr", err)
	}
	fillAttr(&out.Attr, a)
	out.SetTimeout(cacheTime)
	return fuse.OK
}

// wordless is a change of attributes of which the kernel does not say what it is:
// chown(path, -1, -1), or a write by somebody whose writes take privileges away. Of
// most writes it says more when they come to us. Of those that do not, this is all we
// hear.
func (f *filesystem) wordless(ino meta.Ino, caller uint32) error {
	if f.modes.blind(ino) {
		return f.engine.DropPrivileges(ino)
	}
	return f.engine.Chown(ino, caller)
}

func fillEntry(out *fuse.EntryOut, a meta.Node) {
	out.NodeId = uint64(a.Ino)
	out.Generation = 1 // inode numbers are never used again
	out.SetEntryTimeout(cacheTime)
	out.SetAttrTimeout(cacheTime)
	fillAttr(&out.Attr, a)
}

func fillAttr(out *fuse.Attr, a meta.Node) {
	out.Ino = uint64(a.Ino)
	out.Mode = a.Mode
	out.Size = uint64(a.Size)
	out.Blocks = uint64(a.Blocks)
	if a.IsDir() {
		out.Size, out.Blocks = dirSize, dirSize/512
	}
	out.Nlink = a.Nlink
	out.Uid, out.Gid = a.UID, a.GID
	out.Rdev = a.Rdev
	out.Blksize = 4096
	out.Atime, out.Atimensec = split(a.Atime)
	out.Mtime, out.Mtimensec = split(a.Mtime)
	out.Ctime, out.Ctimensec = split(a.Ctime)
}

// nanoseconds counts a time from 1970. Times beyond what can be counted so, before
// 1678 and after 2262, become the nearest that can, as on disks with other limits.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// split cuts nanoseconds since 1970 into seconds and the rest, which is never
// negative: times before 1970 count up to the next second as well.
func split(ns int64) (sec uint64, nsec uint32) {
	s, n := ns/1e9, ns%1e9
	if n < 0 {
		s, n = s-1, n+1e9
	}
	return uint64(s), uint32(n)
}

// StatFs tells the room on the volume.
func (f *filesystem) StatFs(cancel <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	s, err := f.engine.StatFS()
	if err != nil {
		return f.status("statfs", err)
	}
	out.Bsize, out.Frsize = uint32(s.BlockSize), uint32(s.BlockSize)
	out.Blocks, out.Bfree, out.Bavail = uint64(s.Blocks), uint64(s.Free), uint64(s.Available)
	out.Files, out.Ffree = s.Files, s.FilesFree
	out.NameLen = nameMax
	return fuse.OK
}
