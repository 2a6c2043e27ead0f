package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// keeper keeps the mark of a database that is open for changes, and its files as they
// are when the disk failed. It is a meta.Keeper.
type keeper struct {
	path string
	pass func(step string)

	mu     sync.Mutex // guards what follows
	file   *os.File   // the mark
	mark   mark
	dirty  bool     // noted since the last sync
	failed error    // of the last note
	guard  *os.File // the database; locked, it keeps SQLite from copying the log

	unchecked bool // set by begin
}

// Note writes down that the database has seen so many durable transactions. A process
// that is killed leaves it; a power cut leaves what Sync was called for, at least.
func (k *keeper) Note(syncs int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mark.Syncs = max(k.mark.Syncs, syncs)
	k.failed, k.dirty = k.put(), true
}

// put writes the mark, to where the one before the last is.
func (k *keeper) put() error {
	k.mark.Seq++
	b, err := k.mark.encode()
	if err != nil {
		return err
	}
	if _, err := k.file.WriteAt(b, k.mark.Seq%2*markPlace); err != nil {
		return fmt.Errorf("write the mark: %w", err)
	}
	return nil
}

// Sync makes what was noted durable.
func (k *keeper) Sync() error {
	k.mu.Lock()
	failed, dirty := k.failed, k.dirty
	k.dirty = false
	k.mu.Unlock()
	if failed != nil || !dirty {
		return failed
	}
	return unix.Fdatasync(int(k.file.Fd()))
}

// set changes the mark for good.
func (k *keeper) set(change func(*mark)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.mark)
	if err := k.put(); err != nil {
		return err
	}
	if err := unix.Fdatasync(int(k.file.Fd())); err != nil {
		return fmt.Errorf("sync the mark: %w", err)
	}
	return nil
}

// End marks an orderly end, if nobody else has the database open and all is in it.
// Else the last one does.
func (k *keeper) End(emptied bool) error {
	if !emptied || unix.Flock(int(k.file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return k.Sync()
	}
	m, err := readMark(k.file) // others may have written since
	if err != nil {
		return err
	}
	// One that came and was killed since the log was emptied has left some of it.
	if log, err := logSize(k.path); err != nil || log > 0 {
		return errors.Join(err, k.Sync())
	}
	// That it is empty must not be less durable than the mark: with what was in it, it
	// would be taken for the log of another database.
	if err := syncFile(k.path + "-wal"); err != nil {
		return err
	}
	st, err := stampOf(k.path)
	if err != nil {
		return err
	}
	err = k.set(func(now *mark) {
		now.Seq, now.Syncs = max(now.Seq, m.Seq), max(now.Syncs, m.Syncs)
		now.Suspect = now.Suspect || m.Suspect
		now.State, now.File = ended, st
	})
	k.pass("mark-ended")
	return err
}

// Unchecked reports whether the database was too large to be read at the start.
func (k *keeper) Unchecked() bool { return k.unchecked }

// Suspect has the next start read the database whole, however large it is.
func (k *keeper) Suspect() error { return k.set(func(m *mark) { m.Suspect = true }) }

// Bytes of a database that SQLite locks (os_unix.c).
const (
	sharedFirst = 0x40000000 + 2
	sharedSize  = 510
)

// Freeze has SQLite believe that somebody else has the database open: then the last
// connection that is closed leaves the log alone. What the kernel shows of a file whose
// sync failed may not be on the disk, and must not be copied.
func (k *keeper) Freeze() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.lockLocked(unix.F_RDLCK); err != nil {
		return fmt.Errorf("freeze the database: %w", err)
	}
	k.pass("frozen")
	return nil
}

// begins is Freeze for as long as connections are being made: the driver reads before it
// can be told to keep the log, and a connection that fails there is closed, as the last
// one, and would copy the log and remove it.
func (k *keeper) begins() error {
	if log, err := logSize(k.path); err != nil || log < 0 {
		return err // there is nothing to keep
	}
	return k.Freeze()
}

// begun ends begins. There is a connection by now that stays.
func (k *keeper) begun() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.guard == nil {
		return nil
	}
	return k.lockLocked(unix.F_UNLCK)
}

// lockLocked locks the bytes that SQLite locks for as long as a connection is there, or
// unlocks them. k.mu is held.
func (k *keeper) lockLocked(how int16) (err error) {
	if k.guard == nil {
		// Closed after all connections: to close it ends the locks of those.
		if k.guard, err = os.OpenFile(k.path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0); err != nil {
			k.guard = nil
			return err
		}
	}
	l := unix.Flock_t{Type: how, Whence: io.SeekStart, Start: sharedFirst, Len: sharedSize}
	return unix.FcntlFlock(k.guard.Fd(), unix.F_OFD_SETLK, &l)
}

// Close lets go of the files.
func (k *keeper) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, f := range []*os.File{k.guard, k.file} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	k.guard, k.file = nil, nil
	return errors.Join(errs...)
}
