package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	sqlite3 "github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// checkLimit is the size up to which a database is read whole before it is opened, after
// an end that was not in order: some seconds where the disk is slow. A larger one, of more
// than some hundred thousand files, is read beside the work. One that somebody wrote to
// since an orderly end is read before in any case.
const checkLimit = 256 << 20

// begin opens the mark of a database and finds out whether the database is the one that
// was left: before the first connection, which ends the log of the last life and writes
// to the database. Nothing is changed by that but the mark, which is taken back first:
// a start that is killed leaves one that the next accepts.
func begin(path string, o Options) (_ *keeper, err error) {
	k := &keeper{path: path, pass: o.pass}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	there, err := exists(path)
	if err != nil {
		return nil, err
	}
	if !there && o.MustExist {
		return nil, missing(path)
	}
	if err := k.open(there, o); err != nil {
		return nil, err
	}
	alone, err := lockMark(k.file)
	if err == nil {
		k.mark, err = readMark(k.file)
	}
	if err != nil {
		return nil, err
	}
	if !alone {
		return k, nil // it is being used, and was examined for that
	}
	if err := k.examine(o); err != nil {
		return nil, err
	}
	if k.mark.State == ended {
		if err := k.set(func(m *mark) { m.State = starting }); err != nil {
			return nil, err
		}
		k.pass("mark-begun")
	}
	return k, share(k.file)
}

// missing says that there is no database, and whether there was one.
func missing(path string) error {
	err := error(&os.PathError{Op: "open", Path: path, Err: fs.ErrNotExist})
	m, merr := peekMark(path)
	if merr == nil && m != nil && m.State != made {
		return fmt.Errorf("%w: %s", meta.ErrMissing, path) // which is more than that there is none
	}
	return errors.Join(err, merr)
}

// open opens the mark, and makes one where there is none: for a database that is to be
// made, or one of before there were marks.
func (k *keeper) open(there bool, o Options) error {
	flags := os.O_RDWR | unix.O_NOFOLLOW
	f, err := os.OpenFile(k.path+markSuffix, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err := k.first(there, o); err != nil {
			return err
		}
		f, err = os.OpenFile(k.path+markSuffix, flags, 0)
	}
	k.file = f
	return err
}

// first makes the mark. A database that is not ours gets none.
func (k *keeper) first(there bool, o Options) (err error) {
	if there {
		k.mark = mark{State: starting}
		err = k.examine(o)
	} else {
		k.mark = mark{State: made}
		err = o.fresh()
	}
	if err != nil {
		return err
	}
	if err := makeMark(k.path, k.mark); err != nil {
		return fmt.Errorf("make the mark: %w", err)
	}
	k.pass("mark-made")
	return nil
}

// fresh refuses to make a database where there is content that one must have been about.
func (o Options) fresh() error {
	if o.Holds == nil {
		return nil
	}
	holds, err := o.Holds()
	if err == nil && holds {
		err = meta.ErrMissing
	}
	return err
}

func (o Options) checkLimit() int64 {
	if o.CheckLimit > 0 {
		return o.CheckLimit
	}
	return checkLimit
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// examine compares the database with the mark. Nobody else has it open.
func (k *keeper) examine(o Options) error {
	m := &k.mark
	there, err := exists(k.path)
	if err != nil {
		return err
	}
	if !there {
		if m.State != made {
			return meta.ErrMissing
		}
		return nil
	}
	log, err := logSize(k.path)
	switch {
	case err != nil:
		return err
	case log < 0 && m.State == running:
		return meta.ErrLogMissing
	case log > 0 && m.State == ended:
		return meta.ErrLogForeign
	}
	st, err := stampOf(k.path)
	if err != nil {
		return err
	}
	whole := m.State == ended && st == m.File && !m.Suspect
	if !whole {
		if err := dropCaches(k.path); err != nil {
			return err
		}
	}
	k.unchecked = !whole && m.State != ended && !m.Suspect && st.Size > o.checkLimit()
	if err := k.look(o, log, whole || k.unchecked); err != nil || !m.Suspect {
		return err
	}
	return k.set(func(m *mark) { m.Suspect = false }) // it was mended, or put back
}

// logSize is the length of the log, -1 if there is none.
func logSize(path string) (int64, error) {
	st, err := os.Lstat(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// dropCaches has the next read come from the disk: of a file whose sync failed the
// kernel may go on showing what the disk never got. What is dirty stays.
func dropCaches(path string) error {
	for _, name := range []string{path, path + "-wal"} {
		f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED), f.Close())
		}
		if err != nil {
			return fmt.Errorf("read anew: %w", err)
		}
	}
	return nil
}

// look reads the database through its log, strictly read-only. Unless it is known to be
// whole, all of it.
func (k *keeper) look(o Options, log int64, whole bool) error {
	c := connector{path: k.path, role: inspecting, probe: true}
	if log < 0 {
		c.role = immutable // nobody can have it open
	}
	db := pool(c, 1)
	err := k.compare(db, o, whole)
	return k.damage(errors.Join(err, db.Close()))
}

func (k *keeper) compare(db queryer, o Options, whole bool) error {
	ctx := context.Background()
	m := &k.mark
	empty, err := isEmpty(ctx, db)
	switch {
	case err != nil:
		return foreign(err)
	case empty && m.State == made:
		return nil
	case empty && m.Volume == "": // of before there were marks
		return o.fresh()
	case empty:
		return fmt.Errorf("%w: it is empty", meta.ErrDamaged)
	}
	if err := checkFormat(ctx, db); err != nil && !(o.Migrate && errors.Is(err, meta.ErrTooOld)) {
		return err
	}
	if err := m.fits(ctx, db); err != nil || whole {
		return err
	}
	return k.sound(ctx, db)
}

// sound reads the database whole. A complaint is one only if the files can be read: to
// SQLite's check a page that the disk did not give is one that is wrong.
func (k *keeper) sound(ctx context.Context, db queryer) error {
	var found string
	for range 2 {
		if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
			return err
		}
		if found == "ok" {
			return nil
		}
		for _, name := range []string{k.path, k.path + "-wal"} {
			if err := readable(name); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%w: %s", meta.ErrDamaged, found)
}

// readable reads a file to its end, from the disk. Its close ends the locks that this
// process has on the file: those of the connection that looks, which is alone.
func readable(name string) error {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, f)
	return err
}

// fits compares the volume and the number of durable transactions. The mark was read
// before the database: beside a writer, too, that has seen no fewer then.
func (m *mark) fits(ctx context.Context, db queryer) error {
	var volume string
	var syncs int64
	err := db.QueryRowContext(ctx, `SELECT (SELECT value FROM setting WHERE key = 'volume'), (SELECT syncs FROM counter)`).
		Scan(&volume, &syncs)
	switch {
	case err != nil:
		return err
	case m.Volume != "" && volume != m.Volume:
		return fmt.Errorf("%w: it is of volume %s, and this is %s", meta.ErrOther, volume, m.Volume)
	case syncs < m.Syncs:
		return fmt.Errorf("%w: it has seen %d changes, and there were %d", meta.ErrBehind, syncs, m.Syncs)
	}
	return nil
}

// damage says of what SQLite cannot make sense of that it is damaged. Of a file that
// never was a database of ours it is not known.
func (k *keeper) damage(err error) error {
	var e sqlite3.Error
	bad := damaged(err) || errors.As(err, &e) && e.Code == sqlite3.ErrError // no such table
	errors.As(err, &e)
	if k.mark.Volume != "" && (bad || errors.Is(err, meta.ErrForeign)) || bad && e.Code != sqlite3.ErrNotADB {
		return fmt.Errorf("%w: %w", meta.ErrDamaged, err)
	}
	return err
}

// opened notes that the database and its log are there, once they durably are: from now
// on nothing is missing by right.
func (k *keeper) opened(volume string) error {
	if k.mark.State == running && k.mark.Volume == volume {
		return nil
	}
	log, err := logSize(k.path)
	if err != nil {
		return err
	}
	if log < 0 {
		return errors.New("the database has no write-ahead log")
	}
	if err := syncDir(filepath.Dir(k.path)); err != nil {
		return err
	}
	err = k.set(func(m *mark) { m.State, m.Volume = running, volume })
	k.pass("mark-running")
	return err
}
