// Package local keeps the bytes of versions and drafts on this server: one flat
// directory of files, each named by 32 random hexadecimal digits.
//
// # Contract
//
// A file's name says nothing about its content, and no file is ever renamed or
// linked: what a file is stands in the metadata, once. A copy of that goes into
// an extended attribute (Identity), for the day on which the metadata is lost.
//
// Files are created with O_EXCL and opened with O_NOFOLLOW, relative to the
// directory's own descriptor, with mode 0600 in a directory of mode 0700; what is
// not a regular file is refused.
//
// # Durability
//
// Create makes a file that a power cut may take away again, name included. Sync
// returns when its bytes are on stable storage, SyncDir when all names are.
// While Run is running, Create takes files that lie ready, whose names are durable
// already.
//
// Callers that wait at the same time share the work: directory syncs coalesce
// into the one that begins next, and where the store has a file system of its own
// (nobody else's dirty data to wait for) four or more waiting files are flushed
// by one syncfs, each then checked by its own fsync, since syncfs does not tell
// whose write failed.
//
// A failed sync is final: the kernel may have dropped the pages and reports the
// error once, so that a second attempt proves nothing. The caller gives the file
// up.
//
// # Writers we cannot see
//
// With passthrough the kernel lets an application write to a local file without
// telling us, through a descriptor or a mapping that may outlive the daemon that
// opened it. Unwritten asks the kernel: a read lease is granted only while nobody
// holds the file open for writing.
//
// # Room
//
// Reserve is room on the store's disk that is held back by a file, since what is free
// is anybody's. Crowded tells who opens files for others that descriptors are short.
// Volatile files are in memory, for content that is read while the disk is full.
//
// # Locks
//
// Store.mu guards the syncer's state and is never held during a system call that
// can wait for the disk. Reserve.mu is held while blocks are allocated or freed; its
// holder calls nobody.
package local
