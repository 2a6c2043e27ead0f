package fs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"contentfs/fs/content"
	"contentfs/meta"
)

// Create makes a regular file and opens it.
func (f *filesystem) Create(cancel <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	if len(name) > nameMax {
		return fuse.Status(syscall.ENAMETOOLONG)
	}
	n, h, err := f.engine.Create(request(&in.InHeader, name, in.Mode|syscall.S_IFREG, in.Umask))
	if err != nil {
		return f.status("create", err)
	}
	fillEntry(&out.EntryOut, n)
	f.opened(h, in.Flags, &out.OpenOut)
	return fuse.OK
}

// Tmpfile makes a regular file without a name and opens it.
func (f *filesystem) Tmpfile(cancel <-chan struct{}, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	n, h, err := f.engine.Tmpfile(request(&in.InHeader, "", in.Mode|syscall.S_IFREG, in.Umask))
	if err != nil {
		return f.status("tmpfile", err)
	}
	fillEntry(&out.EntryOut, n)
	f.opened(h, in.Flags, &out.OpenOut)
	return fuse.OK
}

// Open opens a regular file.
func (f *filesystem) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	ctx, stop := interruptible(cancel)
	defer stop()
	h, err := f.engine.Open(ctx, meta.Ino(in.NodeId), int(in.Flags))
	if err != nil {
		return f.status("open", err)
	}
	if in.Mode&fuse.OPEN_KILL_SUIDGID != 0 {
		if err := f.engine.DropPrivileges(meta.Ino(in.NodeId)); err != nil {
			f.engine.Release(h)
			return f.status("open", err)
		}
	}
	f.opened(h, in.Flags, out)
	return fuse.OK
}

func (f *filesystem) opened(h *content.Handle, flags uint32, out *fuse.OpenOut) {
	f.modes.enter(h, flags, out)
	if !h.Writes() {
		// There is nothing to commit: its close need not wait for us.
		out.OpenFlags |= fuse.FOPEN_NOFLUSH
	}
	out.Fh = f.handles.addFile(h)
}

// Read is called for nodes in cached mode and for handles with O_SYNC or O_DSYNC.
func (f *filesystem) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	h := f.handles.file(in.Fh)
	if h == nil {
		return nil, fuse.EBADF
	}
	if in.Flags&syscall.O_NOATIME != 0 {
		ctx, stop := interruptible(cancel)
		defer stop()
		n, err := f.engine.ReadQuietly(ctx, h, buf[:in.Size], int64(in.Offset))
		return fuse.ReadResultData(buf[:n]), f.status("read", err)
	}
	if file := h.File(); file != nil {
		return fuse.ReadResultFd(file.Fd(), int64(in.Offset), int(in.Size)), fuse.OK
	}
	ctx, stop := interruptible(cancel)
	defer stop()
	n, err := f.engine.Read(ctx, h, buf[:in.Size], int64(in.Offset))
	if err != nil {
		return nil, f.status("read", err)
	}
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

// Write is called for nodes in cached mode and for handles with O_SYNC or O_DSYNC.
func (f *filesystem) Write(cancel <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	h := f.handles.file(in.Fh)
	if h == nil {
		return 0, fuse.EBADF
	}
	if in.WriteFlags&fuse.WRITE_KILL_SUIDGID != 0 {
		if err := f.engine.DropPrivileges(meta.Ino(in.NodeId)); err != nil {
			return 0, f.status("write", err)
		}
	}
	n, err := f.engine.Write(h, data, int64(in.Offset))
	if err == nil && in.Flags&syscall.O_DSYNC != 0 { // O_SYNC has its bit
		err = f.engine.Fsync(context.Background(), h)
	}
	return uint32(n), f.status("write", err)
}

// Flush is called at every close of a descriptor.
func (f *filesystem) Flush(cancel <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	h := f.handles.file(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	return f.status("flush", f.engine.Flush(context.Background(), h))
}

// Fsync makes a file's content durable.
func (f *filesystem) Fsync(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	h := f.handles.file(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	return f.status("fsync", f.engine.Fsync(context.Background(), h))
}

// Release ends a handle.
func (f *filesystem) Release(cancel <-chan struct{}, in *fuse.ReleaseIn) {
	h := f.handles.takeFile(in.Fh)
	if h == nil {
		return
	}
	// The kernel lets go of the file before the engine looks whether anybody still
	// writes to it.
	f.modes.leave(h.Ino())
	f.engine.Release(h)
}

// Fallocate reserves or frees room in a file.
func (f *filesystem) Fallocate(cancel <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	h := f.handles.file(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	if err := f.engine.Fallocate(h, in.Mode, int64(in.Offset), int64(in.Length)); err != nil {
		return f.status("fallocate", err)
	}
	if in.Uid == 0 {
		return fuse.OK
	}
	// Of this change of content the kernel does not say that it takes privileges.
	return f.status("fallocate", f.engine.DropPrivileges(meta.Ino(in.NodeId)))
}

// CopyFileRange copies within the volume. What it refuses the kernel does itself, by
// reading and writing.
func (f *filesystem) CopyFileRange(cancel <-chan struct{}, in *fuse.CopyFileRangeIn) (uint32, fuse.Status) {
	from, to := f.handles.file(in.FhIn), f.handles.file(in.FhOut)
	if from == nil || to == nil {
		return 0, fuse.EBADF
	}
	ctx, stop := interruptible(cancel)
	defer stop()
	n, err := f.engine.CopyRange(ctx, from, to, int64(in.OffIn), int64(in.OffOut), int64(in.Len))
	if err == nil && n > 0 && in.Uid != 0 {
		err = f.engine.DropPrivileges(to.Ino()) // as with Fallocate
	}
	return uint32(n), f.status("copy_file_range", err)
}

// Lseek finds data and holes.
func (f *filesystem) Lseek(cancel <-chan struct{}, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	h := f.handles.file(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	ctx, stop := interruptible(cancel)
	defer stop()
	pos, err := f.engine.Seek(ctx, h, int64(in.Offset), int(in.Whence))
	out.Offset = uint64(pos)
	return f.status("lseek", err)
}
