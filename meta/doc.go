// Package meta is the store of everything contentfs knows and is not content:
// nodes and their names, versions and where each of them is, drafts, the upload
// queue, and what may be thrown away. It is the only place that speaks SQL.
//
// There is one concrete Store. A small Dialect value tells the databases apart;
// the packages below open the Store on each of them.
//
// # Words
//
// A node is a file, directory, symlink or special file; its Ino is its id for
// ever and never used again. A name binds a node into a directory. A version is
// one committed content of a regular file, never changed once it is closed. A
// draft is a local file that is open for writing and holds what was never
// committed. Trash are local files that nothing points to any more and that wait
// to be unlinked. The quarantine holds local files whose content was never committed
// and that a crash left behind, and such that are not what was committed: they are kept,
// and shown. A version is lost when its bytes are nowhere: Lost says why.
//
// # One writer
//
// All changes go through the only writing connection, and one goroutine at a time
// has the turn to use it: that of Run, or a caller's who finds nobody at work and so
// spares itself to be woken by another. Whoever has the turn takes every request that
// waits, runs them in one transaction, commits, and answers them all: commits that
// wait together share one sync, and nobody waits for a timer. What comes in meanwhile
// is the next batch, which is Run's. A request that fails is undone alone.
//
// A change is either durable or visible. A durable one is answered when it is on
// stable storage (synchronous=FULL). A visible one is answered when every reader
// sees it; it becomes durable with the next durable change, with Sync, or within
// a second by itself. Transactions reach the disk in order, so that a durable
// change never survives a crash without all that were made before it. Every
// method says which of the two it is.
//
// A batch that holds no durable change is committed with synchronous=NORMAL,
// which in WAL mode leaves the sync of the log to the next commit that does sync;
// the order of the log is the order of commits, so the rule above holds.
//
// Readers use their own connections and see all that was answered before they
// began.
//
// # Where versions go
//
// The queue holds what is not where it belongs. An entry has a Goal: what switch and
// rules say, or what a command asked for: S3, the fallback, another key in S3. What
// rules keep on this server stays in the queue, held, so that it is decided anew when
// it gets another name, when it gets old, or when the rules change.
//
// A copy in the fallback has a path there, which stands in at most one version. Before
// a file of ours comes to lie under a path, and from when no version has it any more,
// the path is on record as stray, with the file's inode: what lies there is removed
// only if it is that file and no version's.
//
// # Lives
//
// Ids of versions go on with the time, so that the counter of an old copy that was put
// back soon passes the ids of what was lost. The first id that a process gives out is
// on record, with what the last one was before and a token of its own. Issued tells
// with that whether an id, and the token that an object names, are of this database.
//
// # A tree that was there before
//
// A directory may have an origin: the path in the fallback of the one whose names are
// still to be taken in. Adopt does that, some names in each transaction, and the last
// one ends it; so after a crash it goes on from the start, and finds what it took in
// before. The root gets the origin of all when a volume first has a fallback. A file
// that is taken in has a version like others, whose bytes are at their path in the
// fallback; it is not queued.
//
// # Commands beside a mount
//
// Commands change rows with a Store of their own, in another process; the mount
// notices (Elsewhere). Names that they change stand in the alterations, so that the
// mount can tell the kernel.
//
// # What is garbage
//
// A version that was replaced or deleted is kept, for the grace of whoever collects
// garbage. Until then Undelete brings it back. A collection gives up versions
// (Discard): row gone, and what they had on record as lost object, stray path and
// trash, in one transaction. Objects are removed by one place only, in three steps:
// condemned (durable: no version has the key, and none gets it any more), deleted,
// forgotten. A crash in between leaves the record, and the next collection repeats
// the step.
// An import makes files of objects that were there before: a node and a version that
// is stored from the start, with a key that is not made of its id and perhaps no
// checksum. A key that a version has, or that was given up, is not imported.
//
// # Metadata that were lost
//
// CopyTo copies the whole database while it is used. RestoreObjects, Unstore and Advance
// are for who makes a database again of such a copy, or of none, and of what the bucket
// has: an object that no version knows becomes a file's content, or ends an upload, or
// tells of a rename. They expect nobody else to use the store.
//
// # Listings
//
// A directory is listed in the order of its names' places, and a place depends on the
// name alone (see Place). A listing is a cursor and no state: it goes on from any
// place, whatever came and went meanwhile, and reads no more than what it gives.
//
// # Invariants
//
//   - A regular file's node points to its current version (Version 0: never
//     committed, empty). A version that is current is not retired, and the other
//     way round, but for the versions of nodes without a name, which are retired
//     when the last name goes.
//   - A local file id stands in at most one of: a version, a draft, the trash,
//     the quarantine.
//   - A version that is not retired and is not in S3 (Stored) nor in the fallback
//     has a local file, and stands in the upload queue.
//   - An origin is had by directories with a name, each of them another.
//   - A version has a key from the moment before its upload begins, and the key is
//     never used for another.
//   - Nlink of a node is the number of its names; of a directory, 2 plus its
//     subdirectories. A node whose Nlink fell to 0 (directories too) is an orphan:
//     it stays until RemoveOrphan, so that what is open goes on working.
//
// Check verifies all of them.
//
// # Format
//
// The database carries an application id, a schema version and the volume's id.
// Opening tells three cases apart: ErrForeign (not a contentfs database),
// ErrTooNew (written by a later contentfs), ErrTooOld (needs a migration, which is
// not known here or not this process's to make). Times are nanoseconds since 1970 in UTC, as integers;
// names, targets and paths are bytes.
//
// # A change in doubt
//
// When the disk fails during a commit it is not known whether the change will be found
// after the next start. Whoever asked gets ErrInDoubt, and must not undo on the disk what
// the change would need; the store takes no more changes. Of requests that share a
// transaction each gets its own answer: where one found the disk full and all were rolled
// back, the others get a transaction of their own.
//
// # What a crash leaves
//
// SQLite rolls back what was not committed. After a power cut the last visible
// changes may be missing, always as a suffix of the order in which they were
// made. No row refers to bytes that were not on disk before it: callers sync the
// file first.
package meta
