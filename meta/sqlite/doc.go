// Package sqlite opens a meta.Store on a SQLite database.
//
// The database runs in WAL mode. Every connection is told the same settings when
// it is made, and asked whether it has them: the compiled-in defaults of the driver
// are not safe (synchronous=NORMAL loses what was committed since the last
// checkpoint when the power fails), and a setting that was misspelt is no error to
// SQLite. The writer alone goes down to NORMAL for transactions that need not be
// durable.
//
// The log is copied to the database by the store and never by a commit
// (wal_autocheckpoint is 0). The three files (the database, -wal and -shm) belong
// together and must never be copied apart from each other. Nor may a process that
// has the store open read the files in any other way: closing such a descriptor
// drops SQLite's locks.
//
// # The mark
//
// Beside the database lies a small file, -mark, which tells what it was when it was last
// used: the volume's id, how many durable transactions it had seen, whether the end was in
// order, and then how the file looked. It is compared before the first connection, which
// would end the log of the last life and so write to the database; a database that is not
// as it was left is refused, nothing of it is changed, and none is made in its place:
//
//	meta.ErrMissing     deleted, with a mark or with local files there
//	meta.ErrLogMissing  its log deleted after an end that was not in order
//	meta.ErrLogForeign  a log with content beside it after an orderly end
//	meta.ErrBehind      an older copy, or an older, cut or emptied log: changes are missing
//	meta.ErrOther       of another volume
//	meta.ErrDamaged     pages zeroed, cut, no database any more
//	meta.ErrMark        neither place of the mark can be read
//
// The number is written after each durable transaction and before its answer, without a
// sync, which comes every five seconds: after a kill it is exact, after a power cut never
// ahead. A start takes the mark of an orderly end back before its first connection, and
// says that the log is there once it durably is; the log is never deleted, but emptied. So
// a start may be killed at any moment. All who write hold a shared lock on the mark, and
// the last one to go marks the orderly end. A database of before there were marks gets one.
//
// What the mark cannot tell: all files put back as they were once, the mark among them.
//
// # Checks
//
// After an orderly end of which the file looks as it did, nothing is read. Where somebody
// wrote to it since, it is read whole (quick_check). After any other end it is read whole
// up to 256 MiB; a larger one is read beside the work, and damage found there ends the
// store and is remembered in the mark, so that the next start refuses.
//
// # A disk that fails
//
// A commit whose sync failed is meta.ErrInDoubt, and the store ends. Its connections are
// then closed with a lock in the way that keeps the last of them from copying the log: the
// kernel shows what it could not write, and forgets it later. The next start drops what
// the kernel holds of the files before it reads them.
//
// # Format
//
// application_id is 0x63667331 ("cfs1"), user_version is the schema version, and
// schema.sql is the schema. A database of an older schema is brought to it step by
// step (migrate.go), by the mount only, which keeps a copy of the old one beside it.
// testdata has a database of every schema that ever was; each must still open.
package sqlite
