package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"contentfs/meta"
)

// A listing is addressed by places, and a place depends on nothing but the name that
// is there (see meta.Place). So nothing is kept here for a directory that is open,
// the kernel need not tell us of it, and what it keeps of a listing stays good: it
// drops that when it changes the directory itself, and by Server.Invalidate when
// somebody else did. Only with a listing that it does not have, or not whole, it
// comes to us, and may begin anywhere.
//
// Positions 1 and 2 are those behind "." and "..", which have no place.
const dots = 2

// OpenDir opens a directory; a kernel that can does it by itself from then on.
func (f *filesystem) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if f.noOpenDir {
		return fuse.ENOSYS
	}
	out.OpenFlags |= fuse.FOPEN_CACHE_DIR | fuse.FOPEN_KEEP_CACHE
	return fuse.OK
}

// ReleaseDir closes a directory.
func (f *filesystem) ReleaseDir(in *fuse.ReleaseIn) {}

// FsyncDir makes all changes of names durable.
func (f *filesystem) FsyncDir(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return f.status("fsyncdir", f.engine.SyncAll())
}

// ReadDir lists names.
func (f *filesystem) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return f.list(in, func(e fuse.DirEntry, _ *meta.Node) bool { return out.AddDirEntry(e) })
}

// ReadDirPlus lists names with attributes.
func (f *filesystem) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return f.list(in, func(e fuse.DirEntry, n *meta.Node) bool {
		entry := out.AddDirLookupEntry(e)
		if entry == nil {
			return false
		}
		if n != nil {
			fillEntry(entry, *n)
		}
		return true
	})
}

// list adds entries from the position in.Offset on until add returns false.
func (f *filesystem) list(in *fuse.ReadIn, add func(fuse.DirEntry, *meta.Node) bool) fuse.Status {
	at := in.Offset
	for ; at < dots; at++ {
		e := fuse.DirEntry{Name: [dots]string{".", ".."}[at], Mode: syscall.S_IFDIR, Ino: in.NodeId, Off: at + 1}
		if !add(e, nil) {
			return fuse.OK
		}
	}
	after := meta.Place(at)
	if at == dots {
		after = 0
	}
	err := f.engine.List(meta.Ino(in.NodeId), after, func(e *meta.Entry) bool {
		n := &e.Node
		return add(fuse.DirEntry{Name: string(e.Name), Mode: n.Mode, Ino: uint64(n.Ino), Off: uint64(e.Place)}, n)
	})
	return f.status("readdir", err)
}
