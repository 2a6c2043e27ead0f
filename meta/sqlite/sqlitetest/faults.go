package sqlitetest

import (
	"context"
	"database/sql/driver"
	"strings"
	"sync"
	"syscall"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// Faults stand between a store and its connections; give Wrap to sqlite.Options. The
// zero value lets everything pass.
type Faults struct {
	mu     sync.Mutex // guards what follows
	doubt  int        // commits until the one whose sync fails; 0: none
	unseen bool       // nobody sees what that one did
	full   string     // part of a statement that finds the disk full
	fulls  int        // how often; negative: always
	found  int        // how often it was, since it was asked for
	broken bool       // no statement works any more
	synced func()
}

// OnSync has f called after each commit that waited for the disk: what a power cut
// leaves, at the worst, is the log as it is at that moment.
func (f *Faults) OnSync(call func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.synced = call
}

// FailSync has the sync of the n-th commit from now on fail: the change is in the log,
// and whoever asked for it is told of an error. The disk takes nothing after that.
func (f *Faults) FailSync(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubt = n
}

// FailSyncUnseen is FailSync for a life in which nobody sees the change, as SQLite has
// it: only the next start would find it in the log, which a test does without.
func (f *Faults) FailSyncUnseen(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubt, f.unseen = n, true
}

// FailFull has statements that contain text find the disk full, times times, or for ever
// if it is negative; the transaction is rolled back then, as SQLite may do it.
func (f *Faults) FailFull(text string, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full, f.fulls, f.found = text, times, 0
}

// Found tells how often the disk was found full since FailFull.
func (f *Faults) Found() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.found
}

// Wrap is for sqlite.Options.
func (f *Faults) Wrap(c driver.Connector) driver.Connector { return connector{c, f} }

type connector struct {
	driver.Connector
	faults *Faults
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{SQLiteConn: inner.(*sqlite3.SQLiteConn), faults: c.faults}, nil
}

type conn struct {
	*sqlite3.SQLiteConn
	faults *Faults
	lazy   bool // commits do not wait for the disk
}

// ExecContext runs a statement that is not prepared.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if mode, ok := strings.CutPrefix(query, "PRAGMA synchronous = "); ok {
		c.lazy = mode != "FULL"
	}
	return c.SQLiteConn.ExecContext(ctx, query, args)
}

// PrepareContext hands out statements that fail when it is their turn.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.SQLiteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &stmt{s.(*sqlite3.SQLiteStmt), c, query}, nil
}

type stmt struct {
	*sqlite3.SQLiteStmt
	c     *conn
	query string
}

// ExecContext runs the statement, or fails as the disk would have it.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	switch o := s.c.faults.next(s.query); o {
	case fails:
		return nil, sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrWrite, SystemErrno: syscall.EIO}
	case full:
		if _, err := s.c.Exec("ROLLBACK", nil); err != nil {
			return nil, err
		}
		return nil, sqlite3.Error{Code: sqlite3.ErrFull, SystemErrno: syscall.ENOSPC}
	case doubtful, unseen:
		var err error
		if o == unseen {
			_, err = s.c.Exec("ROLLBACK", nil)
		} else {
			_, err = s.SQLiteStmt.ExecContext(ctx, args)
		}
		if err != nil {
			return nil, err
		}
		return nil, sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrFsync, SystemErrno: syscall.EIO}
	}
	r, err := s.SQLiteStmt.ExecContext(ctx, args)
	if err == nil && s.query == "COMMIT" && !s.c.lazy {
		s.c.faults.call()
	}
	return r, err
}

func (f *Faults) call() {
	f.mu.Lock()
	call := f.synced
	f.mu.Unlock()
	if call != nil {
		call()
	}
}

type outcome int

const (
	passes outcome = iota
	fails
	full
	doubtful
	unseen
)

func (f *Faults) next(query string) outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.broken:
		return fails
	case f.full != "" && f.fulls != 0 && strings.Contains(query, f.full):
		f.fulls--
		f.found++
		return full
	case query == "COMMIT" && f.doubt > 0:
		if f.doubt--; f.doubt == 0 {
			f.broken = true
			if f.unseen {
				return unseen
			}
			return doubtful
		}
	}
	return passes
}
