package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	sqlite3 "github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// minVersion is the first SQLite without the WAL-reset bug, which could lose
// commits when two connections copied the log at the same time.
const minVersion = 3051003

// defaultReaders is enough for lookups on a few processors while one listing is
// long.
const defaultReaders = 4

// Options say how to open.
type Options struct {
	// ReadOnly opens for a command that only looks, beside a live mount or
	// without one. Methods that change something fail with fs.ErrPermission.
	ReadOnly bool
	// Readers is the number of reading connections, 0 for the default.
	Readers int
	// MustExist makes a database that does not exist an error (fs.ErrNotExist)
	// instead of a reason to create it. ReadOnly implies it.
	MustExist bool
	// Migrate brings a database of an older schema to the present one. Only who
	// holds the volume's lock may ask for it; for others it is meta.ErrTooOld. It also
	// carries out what a Replace that a crash cut off had decided; for others that is
	// ErrReplacing.
	Migrate bool
	// Volume is the id that a database gets that is created here, "" for a new one.
	Volume string
	// Untrusted: the database comes from where others may have written it. One with
	// parts that a program of ours never makes, which could act or answer for its
	// tables, is meta.ErrForeign.
	Untrusted bool
	// Holds reports whether there is content that a database must have been about: then
	// none is made where it is missing or empty (meta.ErrMissing). Nil: it is not known.
	Holds func() (bool, error)
	// CheckLimit is the size in bytes up to which a database is read whole before it is
	// used, after a crash; 0 for the usual one.
	CheckLimit int64
	// Wrap stands between the store and its connections where a test stages faults
	// of the disk; nil otherwise.
	Wrap func(driver.Connector) driver.Connector
	// Pass is told the steps that are done and that a crash may follow, those of
	// opening and of the store (meta.Dialect.Pass). It may be nil.
	Pass func(step string)
}

// Open opens the database at path, and creates it with mode 0600 and its schema
// if it does not exist; the file and its name are durable then. Errors are, with
// the path around them, meta.ErrForeign, meta.ErrTooNew, meta.ErrTooOld and
// meta.ErrNoSpace, and what the file system says. The path must not be a symlink if it is created.
func Open(path string, o Options) (*meta.Store, error) {
	s, err := open(path, o)
	if err != nil && classify(err) == meta.ClassNoSpace {
		err = fmt.Errorf("%w: %w", meta.ErrNoSpace, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open metadata %s: %w", path, err)
	}
	return s, nil
}

func open(path string, o Options) (*meta.Store, error) {
	if _, number, _ := sqlite3.Version(); number < minVersion {
		return nil, fmt.Errorf("SQLite %d is older than %d", number, minVersion)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := replacing(path, o.Migrate && !o.ReadOnly, &o); err != nil {
		return nil, err
	}
	if o.ReadOnly {
		return openReadOnly(path, o)
	}
	if o.Untrusted {
		if err := onlyTables(path); err != nil {
			return nil, err
		}
	}
	k, err := begin(path, o)
	if err != nil {
		return nil, err
	}
	s, err := openKept(path, o, k)
	if err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return s, nil
}

func openKept(path string, o Options, k *keeper) (*meta.Store, error) {
	if !o.MustExist {
		if err := create(path); err != nil {
			return nil, err
		}
		o.pass("made")
	}
	if err := k.begins(); err != nil {
		return nil, err
	}
	err := probe(connector{path: path, role: reading, probe: true}, true, nil)
	old := o.Migrate && errors.Is(err, meta.ErrTooOld)
	if err != nil && !old {
		return nil, err
	}
	// The writer's, that of who copies the log, and one for a copy of the database.
	writes := o.pool(connector{path: path, role: writing}, 3)
	if old {
		err = migrate(path, writes, &o)
	}
	if err == nil {
		err = prepare(writes, &o)
	}
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	d := dialect()
	d.Pass = o.Pass
	s, err := newStore(d, writes, o.pool(connector{path: path, role: reading}, o.readers()), k)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(k.opened(s.VolumeID()), k.begun()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// pass tells of a step that is done.
func (o *Options) pass(step string) {
	if o.Pass != nil {
		o.Pass(step)
	}
}

func (o Options) readers() int {
	if o.Readers > 0 {
		return o.Readers
	}
	return defaultReaders
}

// newStore closes what it was given if it fails.
func newStore(d meta.Dialect, writes, reads *sql.DB, k meta.Keeper) (*meta.Store, error) {
	s, err := meta.New(d, writes, reads, k)
	if err != nil {
		err = errors.Join(err, reads.Close())
		if writes != nil {
			err = errors.Join(err, writes.Close())
		}
		return nil, err
	}
	return s, nil
}

// openReadOnly opens a database so that nothing is left behind that was not there.
// With a log there, the database is opened strictly for reading: the log may be
// that of a crash, and is not this command's to copy. Without one, SQLite would
// create one and, being read-only, could not remove it: so it is opened for
// writing, told to write nothing, and cleans up when it closes. Where that is not
// allowed, on a read-only file system, nothing can change the file meanwhile.
func openReadOnly(path string, o Options) (*meta.Store, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, missing(path)
	} else if err != nil {
		return nil, err
	}
	m, err := peekMark(path)
	if err != nil {
		return nil, err
	}
	r := reading
	switch _, err := os.Stat(path + "-wal"); {
	case err == nil:
		r = inspecting
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case m != nil && m.State == running:
		return nil, meta.ErrLogMissing
	case unix.Access(filepath.Dir(path), unix.W_OK) != nil:
		r = immutable
	}
	if err := probe(connector{path: path, role: r, probe: true}, false, m); err != nil {
		return nil, err
	}
	return newStore(dialect(), nil, pool(connector{path: path, role: r}, o.readers()), meta.NoKeeper{})
}

// probe tells whether the database is ours, or empty if that is allowed, before
// anything about it is changed; and whether it fits a mark, nil for none.
func probe(c connector, allowEmpty bool, m *mark) (err error) {
	ctx := context.Background()
	db := pool(c, 1)
	defer func() { err = errors.Join(err, db.Close()) }()
	empty, err := isEmpty(ctx, db)
	if err != nil {
		return foreign(err)
	}
	if empty && allowEmpty {
		return nil
	}
	if err := checkFormat(ctx, db); err != nil || m == nil {
		return err
	}
	return m.fits(ctx, db)
}

func (o Options) pool(c connector, size int) *sql.DB {
	if o.Wrap == nil {
		return pool(c, size)
	}
	return pool(o.Wrap(c), size)
}

// pool makes a database whose connections, once made, are kept.
func pool(c driver.Connector, size int) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db
}

// create makes an empty file for a database that does not exist, before SQLite
// does it with another mode. It never opens a file that is there already.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// syncFile makes a file as it is durable. One that is missing is left alone.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
