// Package model says what a filesystem must do, in the simplest way, and compares
// one with it by random operations. It is imported by tests only.
//
// # Parts
//
// An Op is one operation of an application, a Result what it sees of it. A System
// is a filesystem that does operations. Reference is the tree in plain Go: it does
// every operation as well and says what the result must be, down to which errno
// comes first where several are right. Run draws operations and events at random,
// gives each to both, and compares; after some of them it compares the two trees
// whole. What fails is shrunk by package rapid to the shortest sequence that still
// does, and printed with its seed.
//
// Two systems are here. Engine is contentfs without a kernel: content.Engine on
// real metadata and local files, in front of a store in memory that can be told to
// fail. Its methods are called as the kernel would call them after its own checks.
// Disk is a directory of this machine by system calls: a mount, or a plain
// directory, which shows that the Reference is right.
//
// # Events
//
// Besides operations there is what happens to a volume: its content is uploaded,
// evicted, the store goes away and comes back, the process crashes. None of it may
// be seen by the application, with two exceptions that Reference knows:
//
//   - While the store is away, opening content that was evicted may be EIO.
//   - After a crash a file that was open for writing has the content of its last
//     commit (close, fsync, rename, link, truncate by name), or what was written
//     since, whole. A file that was never committed is gone. All names that were
//     answered are there, and all attributes.
//
// # Times
//
// Reference does not know the clock of the filesystem. It knows of every time
// between which moments it was set, or its exact value where it was given or seen;
// what it has seen must not change by itself.
//
// # Locks
//
// There are none: everything here runs on the test's goroutine.
package model
