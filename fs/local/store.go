package local

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ID names a local file: 32 lower-case hexadecimal digits.
type ID string

// valid reports whether id has the form that newID makes.
func (id ID) valid() bool {
	if len(id) != 32 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func newID() ID {
	var b [16]byte
	rand.Read(b[:]) // never fails, says crypto/rand
	return ID(hex.EncodeToString(b[:]))
}

// Store is the directory of local files. Its methods may be called from many
// goroutines.
type Store struct {
	dir   *os.File
	whole bool // the store has its file system to itself: syncfs touches nobody else
	fine  bool // see FineTimes

	room descriptors // how many files may be open

	spare chan *File    // empty files that lie ready, see Run
	taken chan struct{} // capacity 1: one of them was asked for

	mu    sync.Mutex // guards what follows
	files batch      // callers waiting for their file
	names batch      // callers waiting for the directory
}

// File is an open local file.
type File struct {
	*os.File
	ID ID

	// named: the file's name is on stable storage. It is false for files that were
	// made a moment ago, and set by the first SyncNew. Only the owner of a file that
	// is not committed yet looks at it.
	named bool

	of      *Store // whose descriptor it takes; nil: nobody counts it
	counted atomic.Bool

	// attrs is how many blocks of 512 bytes the attributes take; nil: not known.
	attrs atomic.Pointer[int64]
}

// Open opens the store in dir, which is made with mode 0700 when it is missing.
func Open(dir string) (*Store, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make local store: %w", err)
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open local store: %w", &fs.PathError{Op: "open", Path: dir, Err: err})
	}
	d := os.NewFile(uintptr(fd), dir)
	if err := Private(d); err != nil {
		d.Close()
		return nil, fmt.Errorf("open local store: %w", err)
	}
	whole, err := ownFileSystem(dir)
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("open local store: %w", err)
	}
	s := &Store{dir: d, whole: whole, room: descriptors{limit: descriptorLimit()}, spare: make(chan *File, spares), taken: make(chan struct{}, 1)}
	// The file for it also shows that the file system takes our attributes. A
	// full disk must not keep the volume from starting: it then takes the clock
	// for coarse.
	if s.fine, err = s.probeTimes(); err != nil && !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
		d.Close()
		return nil, err
	}
	return s, nil
}

// Look opens the store in dir for reading, beside whoever has it open. It makes and
// changes nothing.
func Look(dir string) (*Store, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open local store: %w", &fs.PathError{Op: "open", Path: dir, Err: err})
	}
	return &Store{dir: os.NewFile(uintptr(fd), dir)}, nil
}

// Private takes from others what a directory with the only copy of somebody's
// content must not give them. One that belongs to another user is refused with
// fs.ErrPermission: what lies there may be that user's making.
func Private(d *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(d.Fd()), &st); err != nil {
		return fmt.Errorf("stat %s: %w", d.Name(), err)
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to uid %d, not to the uid %d that runs contentfs: %w", d.Name(), st.Uid, os.Geteuid(), fs.ErrPermission)
	}
	if st.Mode&0o077 != 0 {
		if err := d.Chmod(0o700); err != nil {
			return fmt.Errorf("close %s to others: %w", d.Name(), err)
		}
	}
	return nil
}

// ownFileSystem reports whether the state directory above dir is a mount point:
// then everything on that file system is ours.
func ownFileSystem(dir string) (bool, error) {
	state := filepath.Dir(filepath.Clean(dir))
	var here, above unix.Stat_t
	if err := unix.Stat(state, &here); err != nil {
		return false, &fs.PathError{Op: "stat", Path: state, Err: err}
	}
	if err := unix.Stat(filepath.Join(state, ".."), &above); err != nil {
		return false, &fs.PathError{Op: "stat", Path: state, Err: err}
	}
	return here.Dev != above.Dev, nil
}

// Close closes the store's directory. Files stay open.
func (s *Store) Close() error { return s.dir.Close() }

// Create makes an empty file and tells in its Identity what it is for. It is
// opened for reading and writing.
func (s *Store) Create(who Identity) (*File, error) {
	var err error
	f := s.takeSpare()
	if f == nil {
		if f, err = s.create(); err != nil {
			return nil, err
		}
	} else {
		// It may have lain there for days, and nothing need ever be written to it.
		err = f.touch()
	}
	if err == nil {
		err = f.SetIdentity(who)
	}
	if err != nil {
		f.Close()
		return nil, errors.Join(err, s.unlink(f.ID))
	}
	return f, nil
}

func (s *Store) create() (*File, error) {
	return s.openat(newID(), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
}

// Open opens a file for reading. It fails with fs.ErrNotExist when the file is
// gone and with ErrNotRegular when something else took its place.
func (s *Store) Open(id ID) (*File, error) { return s.openat(id, unix.O_RDONLY) }

// OpenWrite is Open for reading and writing.
func (s *Store) OpenWrite(id ID) (*File, error) { return s.openat(id, unix.O_RDWR) }

// Reopen opens f for reading only, as a file that can be told from one that is
// being written to (see Unwritten).
func (s *Store) Reopen(f *File) (*File, error) {
	r, err := s.Open(f.ID)
	if err == nil {
		r.named = f.named
	}
	return r, err
}

// ErrNotRegular: something else than a file stands in a local file's place.
var ErrNotRegular = errors.New("local file is not a regular file")

func (s *Store) openat(id ID, flags int) (*File, error) {
	if !id.valid() {
		return nil, fmt.Errorf("open local file %q: %w", id, fs.ErrInvalid)
	}
	// O_NONBLOCK: a FIFO put in the file's place must not hold us up. It means
	// nothing for a regular file.
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK
	fd, err := unix.Openat(int(s.dir.Fd()), string(id), flags, 0o600)
	if err == unix.EACCES && unix.Fchmodat(int(s.dir.Fd()), string(id), 0o600, 0) == nil {
		// The file is ours, and somebody took the permission from it.
		fd, err = unix.Openat(int(s.dir.Fd()), string(id), flags, 0o600)
	}
	if err != nil {
		switch err {
		case unix.ELOOP, unix.EISDIR, unix.ENXIO, unix.ENODEV: // symlink, directory, socket or device
			err = ErrNotRegular
		}
		return nil, fmt.Errorf("open local file %s: %w", id, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("stat local file %s: %w", id, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return nil, fmt.Errorf("open local file %s: %w", id, ErrNotRegular)
	}
	return s.count(&File{File: os.NewFile(uintptr(fd), string(id)), ID: id}), nil
}

// Remove unlinks files. Those that are gone already are no error, nor those with a
// directory in their place. The unlinks are durable when it returns.
func (s *Store) Remove(ids []ID) error {
	var errs []error
	for _, id := range ids {
		if err := s.unlink(id); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.EISDIR) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, s.SyncDir())...)
}

func (s *Store) unlink(id ID) error {
	if !id.valid() {
		return fmt.Errorf("remove local file %q: %w", id, fs.ErrInvalid)
	}
	if err := unix.Unlinkat(int(s.dir.Fd()), string(id), 0); err != nil {
		return fmt.Errorf("remove local file %s: %w", id, err)
	}
	return nil
}

// List returns the ids of all files, in no order. Names that no Store made are
// left out and counted.
func (s *Store) List() (ids []ID, foreign int, err error) {
	// A descriptor of its own, for its own position, but of the same directory.
	fd, err := unix.Openat(int(s.dir.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("list local files: %w", err)
	}
	d := os.NewFile(uintptr(fd), s.dir.Name())
	defer d.Close()
	for {
		names, err := d.Readdirnames(4096)
		for _, n := range names {
			if ID(n).valid() {
				ids = append(ids, ID(n))
			} else {
				foreign++
			}
		}
		if len(names) == 0 || err != nil {
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, 0, fmt.Errorf("list local files: %w", err)
			}
			return ids, foreign, nil
		}
	}
}
