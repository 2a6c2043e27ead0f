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
// # Format
//
// application_id is 0x63667331 ("cfs1"), user_version is the schema version, and
// schema.sql is the schema. A database of an older schema is brought to it step by
// step (migrate.go), by the mount only, which keeps a copy of the old one beside it.
// testdata has a database of every schema that ever was; each must still open.
package sqlite
