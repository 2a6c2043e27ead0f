package sqlite

import (
	"errors"
	"strings"
	"syscall"

	sqlite3 "github.com/mattn/go-sqlite3"

	"contentfs/meta"
)

func dialect() meta.Dialect {
	return meta.Dialect{
		Name:     "sqlite",
		Rebind:   rebind,
		Classify: classify,
		InDoubt:  inDoubt,
		Begin:    "BEGIN IMMEDIATE",
		Durable:  "PRAGMA synchronous = FULL",
		Visible:  "PRAGMA synchronous = NORMAL",
		Others:   "PRAGMA data_version", // not changed by the connection's own commits
		Log: meta.Log{
			Pages:     "PRAGMA wal_checkpoint(NOOP)",
			Copy:      "PRAGMA wal_checkpoint(PASSIVE)",
			Restart:   "PRAGMA wal_checkpoint(RESTART)",
			Truncate:  "PRAGMA wal_checkpoint(TRUNCATE)",
			ShortWait: "PRAGMA busy_timeout = 50",
			LongWait:  "PRAGMA busy_timeout = 5000",
		},
		CopyTo:  "VACUUM INTO $1",
		Quick:   "PRAGMA quick_check(1)",
		Damaged: damaged,
		Verify: []string{
			"PRAGMA integrity_check",
			`SELECT 'a row of ' || "table" || ' refers to one of ' || parent || ' that does not exist'
				FROM pragma_foreign_key_check`,
		},
	}
}

// rebind makes numbered placeholders of $1, $2: SQLite takes those for names, and
// counts them in the order of their appearance. Statements have no other $.
func rebind(query string) string { return strings.ReplaceAll(query, "$", "?") }

func classify(err error) meta.Class {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return meta.ClassOther
	}
	switch e.Code {
	case sqlite3.ErrFull:
		return meta.ClassNoSpace
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return meta.ClassBusy
	case sqlite3.ErrConstraint:
		return meta.ClassConstraint
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return meta.ClassBroken
	case sqlite3.ErrIoErr:
		return classifyIO(e)
	}
	return meta.ClassOther
}

// classifyIO tells a full disk, which shows in the write that finds it full, from
// one that failed. A sync that failed may have dropped what it was to write,
// whatever its reason.
func classifyIO(e sqlite3.Error) meta.Class {
	// EFBIG: the file may not become larger (RLIMIT_FSIZE), which is told as early.
	full := e.SystemErrno == syscall.ENOSPC || e.SystemErrno == syscall.EDQUOT || e.SystemErrno == syscall.EFBIG
	switch e.ExtendedCode {
	case sqlite3.ErrIoErrSHMSize:
		// The index of the log cannot grow. SQLite gives no errno for it; nothing was
		// written to the log or the database by then.
		return meta.ClassNoSpace
	case sqlite3.ErrIoErrFsync, sqlite3.ErrIoErrDirFsync:
		return meta.ClassBroken
	case sqlite3.ErrIoErrNoMem, sqlite3.ErrIoErrLock, sqlite3.ErrIoErrSHMLock, sqlite3.ErrIoErrBlocked:
		return meta.ClassOther
	}
	if full {
		return meta.ClassNoSpace
	}
	return meta.ClassBroken
}

// inDoubt: the last frame of the log, which makes a commit of those before it, may have
// been written before the sync or the write itself failed. A disk that was full took it
// in part at most, which is no commit.
func inDoubt(err error) bool {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return true // nothing that SQLite says
	}
	return e.Code == sqlite3.ErrIoErr && classifyIO(e) == meta.ClassBroken
}

// damaged: SQLite cannot make sense of the file, or it is shorter than it says.
func damaged(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) &&
		(e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB || e.ExtendedCode == sqlite3.ErrIoErrShortRead)
}
