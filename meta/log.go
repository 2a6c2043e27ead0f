package meta

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

const (
	// copyAfter is the length of the log, in pages, at which it is copied to the
	// database.
	copyAfter = 1000
	// insistAfter is the length at which readers are waited for, a little.
	insistAfter = 4 * copyAfter
	// lookAfter is the number of requests after which the log may have grown by
	// that much.
	lookAfter = 32
)

// logKeeper keeps the write-ahead log short. Copying it takes a sync of the log
// and one of the database, so the bulk is done beside the writer, on a connection
// of its own. What was added meanwhile the writer copies between two batches: only
// with nothing left to copy does the next transaction start the log anew. A reader
// who began before the last change is in the way of that. Then the same comes again
// one copyAfter later; and where there are always readers, and the log has grown to
// insistAfter, the writer waits for those who are there. One that takes longer than
// that, as Check does, keeps the log growing until it is done, and nobody waiting.
type logKeeper struct {
	s    *Store
	conn *sql.Conn

	requests int  // committed since the last look
	at       int  // length at which the log is copied next
	last     int  // length at the last look
	copying  bool // the goroutine has work
	emptied  bool // at the end

	work   chan struct{} // closed to end the goroutine
	copied chan error    // its answer to each piece of work
	done   sync.WaitGroup
}

// open starts the goroutine that copies; close ends it.
func (l *logKeeper) open(s *Store) error {
	l.s, l.at = s, copyAfter
	if s.dialect.Log.Copy == "" {
		return nil
	}
	var err error
	if l.conn, err = s.writes.Conn(context.Background()); err != nil {
		return fmt.Errorf("log connection: %w", err)
	}
	l.work = make(chan struct{}, 1)
	l.copied = make(chan error, 1)
	l.done.Add(1)
	go func() {
		defer l.done.Done()
		for range l.work {
			_, _, err := l.control(l.conn, s.dialect.Log.Copy)
			l.copied <- err
		}
	}()
	return nil
}

func (l *logKeeper) close() error {
	if l.conn == nil {
		return nil
	}
	close(l.work)
	l.done.Wait()
	return l.conn.Close()
}

// look has the log copied when it has grown long.
func (l *logKeeper) look(w *writer) error {
	if l.conn == nil || l.copying || l.requests < lookAfter {
		return nil
	}
	l.requests = 0
	pages, _, err := l.control(w.conn, l.s.dialect.Log.Pages)
	if err != nil {
		return err
	}
	if pages < l.last {
		l.at = copyAfter // it was started anew
	}
	l.last = pages
	if pages >= l.at {
		l.copying = true
		l.work <- struct{}{}
	}
	return nil
}

// finishCopy takes the goroutine's answer and copies on the writer's connection
// what was added to the log meanwhile. What failed is tried again later.
func (l *logKeeper) finishCopy(w *writer, err error) error {
	l.copying = false
	w.pass("copied")
	if err != nil {
		l.at = l.last + copyAfter
		return err
	}
	pages, _, err := l.control(w.conn, l.s.dialect.Log.Copy)
	if err == nil && pages >= insistAfter {
		pages, err = l.insist(w)
	}
	l.last, l.at = pages, pages+copyAfter
	return err
}

// insist waits a little for the readers that are in the way.
func (l *logKeeper) insist(w *writer) (pages int, err error) {
	log := l.s.dialect.Log
	if _, err := w.conn.ExecContext(context.Background(), log.ShortWait); err != nil {
		return 0, fmt.Errorf("short wait: %w", err)
	}
	pages, _, err = l.control(w.conn, log.Restart)
	if _, e := w.conn.ExecContext(context.Background(), log.LongWait); e != nil {
		err = errors.Join(err, fmt.Errorf("long wait: %w", e))
	}
	return pages, err
}

// empty copies everything and cuts the log to nothing, or leaves that to the
// next who opens the database if a reader is in the way.
func (l *logKeeper) empty(w *writer) error {
	if l.conn == nil {
		return nil
	}
	if l.copying {
		if err := w.fatal(<-l.copied); err != nil {
			return err
		}
	}
	var err error
	l.emptied, err = l.truncate(w.conn)
	if err != nil && l.s.dialect.Classify(err) == ClassNoSpace {
		return nil // the database cannot grow now; all is in the log, and durable
	}
	return err
}

// truncate reports whether nobody was in the way.
func (l *logKeeper) truncate(conn *sql.Conn) (bool, error) {
	pages, _, err := l.control(conn, l.s.dialect.Log.Truncate)
	return err == nil && pages == 0, err
}

// control runs one of the dialect's statements for the log. A lock in the way is
// no error: the pages say what was reached.
func (l *logKeeper) control(conn *sql.Conn, statement string) (pages, copied int, err error) {
	var busy int
	if err := conn.QueryRowContext(context.Background(), statement).Scan(&busy, &pages, &copied); err != nil {
		return 0, 0, fmt.Errorf("write-ahead log: %w", err)
	}
	l.s.activity.logPages.Store(int64(pages))
	if statement != l.s.dialect.Log.Pages {
		l.s.activity.checkpoints.Add(1)
	}
	return pages, copied, nil
}
