package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// request is what the engine must know for making a node.
func request(in *fuse.InHeader, name string, mode, umask uint32) meta.CreateRequest {
	return meta.CreateRequest{
		Parent: meta.Ino(in.NodeId), Name: []byte(name),
		Mode: mode, Umask: umask, UID: in.Uid, GID: in.Gid,
	}
}

func (f *filesystem) make(op string, r meta.CreateRequest, out *fuse.EntryOut) fuse.Status {
	if len(r.Name) > nameMax {
		return fuse.Status(syscall.ENAMETOOLONG)
	}
	a, err := f.engine.Mknod(r)
	if err != nil {
		return f.status(op, err)
	}
	fillEntry(out, a)
	return fuse.OK
}

// Mknod makes a special file or an empty regular one.
func (f *filesystem) Mknod(cancel <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	r := request(&in.InHeader, name, in.Mode, in.Umask)
	r.Rdev = in.Rdev
	return f.make("mknod", r, out)
}

// Mkdir makes a directory.
func (f *filesystem) Mkdir(cancel <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return f.make("mkdir", request(&in.InHeader, name, in.Mode&^syscall.S_IFMT|syscall.S_IFDIR, in.Umask), out)
}

// Symlink makes a symbolic link.
func (f *filesystem) Symlink(cancel <-chan struct{}, in *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	if len(target) >= unix.PathMax {
		return fuse.Status(syscall.ENAMETOOLONG)
	}
	r := request(in, name, syscall.S_IFLNK|0o777, 0)
	r.Target = []byte(target)
	return f.make("symlink", r, out)
}

// Readlink returns where a symbolic link points.
func (f *filesystem) Readlink(cancel <-chan struct{}, in *fuse.InHeader) ([]byte, fuse.Status) {
	t, err := f.engine.Readlink(meta.Ino(in.NodeId))
	return t, f.status("readlink", err)
}

// Link gives a node another name.
func (f *filesystem) Link(cancel <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	if len(name) > nameMax {
		return fuse.Status(syscall.ENAMETOOLONG)
	}
	a, err := f.engine.Link(meta.Ino(in.Oldnodeid), meta.Ino(in.NodeId), []byte(name))
	if err != nil {
		return f.status("link", err)
	}
	fillEntry(out, a)
	return fuse.OK
}

// Unlink removes a name.
func (f *filesystem) Unlink(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return f.status("unlink", f.engine.Unlink(meta.Ino(in.NodeId), []byte(name)))
}

// Rmdir removes an empty directory.
func (f *filesystem) Rmdir(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return f.status("rmdir", f.engine.Rmdir(meta.Ino(in.NodeId), []byte(name)))
}

// Rename moves a name, or swaps two.
func (f *filesystem) Rename(cancel <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	if len(newName) > nameMax {
		return fuse.Status(syscall.ENAMETOOLONG)
	}
	if in.Flags&^(unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE) != 0 {
		return fuse.EINVAL // RENAME_WHITEOUT is for overlay file systems
	}
	return f.status("rename", f.engine.Rename(meta.RenameRequest{
		OldParent: meta.Ino(in.NodeId), OldName: []byte(oldName),
		NewParent: meta.Ino(in.Newdir), NewName: []byte(newName),
		NoReplace: in.Flags&unix.RENAME_NOREPLACE != 0,
		Exchange:  in.Flags&unix.RENAME_EXCHANGE != 0,
	}))
}
