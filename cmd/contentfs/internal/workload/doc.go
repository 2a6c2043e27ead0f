// Package workload writes files as a CMS does, and knows at every moment what a
// crash may leave of them.
//
// A Team is some writers, each in directories of its own. A writer does one
// operation after the other and keeps a ledger outside of the mount:
//
//   - the state that its last answered operation left;
//   - the states that the operation under way may leave instead, on record before
//     it begins;
//   - the states that a power cut, but no crash of the process alone, may bring
//     back: those since the last operation that was answered as durable.
//
// After a crash the tree must be, byte for byte and name for name, one of these
// for every writer. Close, fsync, rename and link are durable when they are
// answered; mkdir, rmdir, unlink and truncate are so with the next of the former.
//
// A team that is told of errors (Told) goes on after one: from then until the next
// durable answer the operation may have happened or not, also in the eyes of a
// later life.
//
// A Sequence is some operations in a small directory, every order of them in turn,
// with all that a power cut may leave of them (Plan).
//
// History has every content that was ever complete under a path, or may have
// been: what lies in the bucket must be one of them.
package workload
