// Package fs is the kernel adapter: it translates FUSE requests into calls of the
// engine (package content) and their results back, and does nothing else. Node
// ids are inode numbers of the metadata, so that no tree is kept here: what the
// kernel has visited costs nothing.
//
// # Passthrough
//
// Where the kernel can (6.9 and later, as root), reads and writes of a complete
// local file bypass us. The kernel's rules, from fs/fuse/iomode.c: while any
// handle of an inode is open in passthrough, all opens of it must be, and with the
// same backing file; while one is open in cached mode, none may be in passthrough.
// Breaking a rule is EIO for the application. So the mode belongs to the node, not
// to the handle: modes.go keeps it from the first open to the last release.
//
// A node that is first opened with O_DIRECT is in cached mode: in passthrough the
// kernel would keep that flag for the local file when fcntl takes it from the
// application's descriptor, and the last piece of a file, which is no multiple of a
// block, would fail with EINVAL (dd writes so).
//
// A handle with O_SYNC or O_DSYNC is in passthrough for mappings only: its writes come
// to us, since each of them is to be committed.
//
// So does a handle that may write to a file with set-user-ID, which a write takes away.
// If the file got the bit after the open, the kernel asks before it writes by itself, in
// the same words as for chown(path, -1, -1). While such a handle is open both take the
// bit, also from a file that belongs neither to the caller nor to root: on a local disk
// that chown is EPERM. Stores to a mapping take nothing, as on a local disk.
//
// A backing file is registered with a descriptor open for reading: the kernel
// opens it again for every handle with the handle's own flags.
//
// # Caching
//
// Every change of the tree comes through this mount, so that entries (negative
// ones too), attributes and listings may be kept for long. The kernel itself forgets
// a file's attributes at each write, and a directory's listing when a name in it
// changes; what a mapping wrote it is told of after the commit (Server.Changed). From
// a listing that it keeps it serves reads by itself, so that a directory's access time
// moves with the first listing after a change of its names. File data in cached mode
// is kept over opens only where passthrough never bypasses the cache.
//
// # Interrupts
//
// Go's own preemption signals interrupt requests. Opening and reading, which may
// wait for S3, honour an interrupt; all others ignore it.
//
// # When the daemon ends
//
// The connection to the kernel ends with the process. A supervisor that keeps a copy
// of the descriptor of /dev/fuse, so that a new daemon could go on with it and
// applications notice nothing, was tried (pidfd_getfd, Linux 6.18) and decided against:
//
//   - Descriptors in passthrough can be written to all along, as they can without a
//     supervisor. Everything else (open, and stat after a write) waits until there is
//     a new daemon, and what the dead one had taken cannot even be killed: a restart
//     that fails would hang every process that looks at the mount. Without the copy
//     they get ENOTCONN at once, and the new mount is there in well under a second.
//   - A file that is still open in passthrough cannot be opened again: the new daemon
//     can only register the local file anew, the kernel takes that for another backing
//     file, and the open is EIO until the last old descriptor is closed. Backing ids
//     cannot be handed on.
//   - Handles and lookup counts would have to be handed on as well, and the library
//     that speaks the protocol begins each connection with INIT, which comes once.
//
// So a killed daemon costs the applications the files that they have open: their
// close fails, and what they wrote is kept (content.Recover). Programs that look up
// a path afterwards find the new mount.
//
// # Locks
//
// handles.mu guards the table of open handles, modes.mu the modes; neither is held
// while the engine or the kernel is called, except modes.mu during the ioctl that
// registers a backing file.
package fs
