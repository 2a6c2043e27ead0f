package local

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Reserve is room on a disk that nobody else can take: a file whose blocks are
// allocated and never written. When the disk is full they are given back, piece by
// piece, for what must be written nevertheless; and are taken again when there is
// room. What statfs calls free is no reserve: others fill the disk too.
//
// Its methods may be called from many goroutines.
type Reserve struct {
	name string // below dir
	dir  *os.File
	size int64 // what it should hold, bytes
	step int64 // what is given back at once
	pass func(step string)

	mu     sync.Mutex // guards what follows; held while blocks are allocated or freed
	held   int64
	gave   time.Time // when a piece was given back last
	unable bool      // the file system cannot allocate blocks that are not written
}

const (
	// reserveSteps is the number of pieces: who fills the disk may get the first of
	// them, and is told that it is full before the last.
	reserveSteps = 16
	// reservePause is how long a piece counts as enough: many find the disk full at
	// the same time.
	reservePause = 20 * time.Millisecond
	// reserveMost and reserveShare bound a reserve: the smaller one counts.
	reserveMost  = 128 << 20
	reserveShare = 20 // a twentieth of the disk
)

// ReserveSize is how large the reserve of a disk is: 5 %, at most 128 MiB.
func ReserveSize(disk int64) int64 { return min(disk/reserveShare, reserveMost) }

// OpenReserve opens the reserve of a directory, a file of the given name, and takes
// what it holds. It allocates nothing yet, and a disk on which the file cannot be
// made has an empty one. Close it. pass is told the steps that are done and that a
// crash may follow; it may be nil.
func OpenReserve(dir, name string, pass func(step string)) (*Reserve, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open reserve: %w", &os.PathError{Op: "open", Path: dir, Err: err})
	}
	if pass == nil {
		pass = func(string) {}
	}
	r := &Reserve{name: name, dir: os.NewFile(uintptr(fd), dir), pass: pass}
	sp, err := spaceOf(r.dir)
	if err != nil {
		r.dir.Close()
		return nil, err
	}
	r.size = ReserveSize(sp.Size)
	r.step = max(r.size/reserveSteps, 256<<10)
	var st unix.Stat_t
	if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
		r.held = min(st.Size, st.Blocks*512)
	}
	return r, nil
}

// Close closes the directory. The file keeps its blocks.
func (r *Reserve) Close() error { return r.dir.Close() }

// Size is what the reserve should hold, in bytes.
func (r *Reserve) Size() int64 { return r.size }

// Held is what it holds, in bytes.
func (r *Reserve) Held() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// Missing is how much of the reserve is not there and could be, in bytes.
func (r *Reserve) Missing() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unable {
		return 0
	}
	return max(0, r.size-r.held)
}

// Release gives a piece of the reserve back to the disk and reports whether
// something may fit now that did not: also when another call gave one a moment ago,
// unless that was not enough (again).
func (r *Reserve) Release(again bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !again && time.Since(r.gave) < reservePause {
		return true
	}
	if r.held == 0 {
		return false
	}
	left := max(0, r.held-r.step)
	if left < r.step/2 {
		left = 0
	}
	// On a full disk a file can still be cut: that frees blocks and takes none.
	if err := r.resize(left, func(fd int) error { return unix.Ftruncate(fd, left) }); err != nil {
		return false
	}
	r.gave = time.Now()
	return true
}

// ReleaseUpTo gives back as much as makes n bytes, or all that is held.
func (r *Reserve) ReleaseUpTo(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := max(0, r.held-n)
	if r.held > 0 {
		_ = r.resize(left, func(fd int) error { return unix.Ftruncate(fd, left) }) // then there is none
	}
}

// Fill allocates what is missing, as far as that leaves spare bytes of the disk free.
// An error that is not about room comes back; a disk that cannot do it has none.
func (r *Reserve) Fill(spare int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.unable && r.held < r.size {
		sp, err := spaceOf(r.dir)
		if err != nil {
			return err
		}
		want := min(r.held+r.step, r.size)
		if sp.Free-(want-r.held) < spare {
			return nil
		}
		err = r.resize(want, func(fd int) error { return unix.Fallocate(fd, 0, r.held, want-r.held) })
		switch {
		case errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS):
			r.unable = true
			return nil
		case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG):
			return nil // somebody was faster, or it may not be larger
		case err != nil:
			return err
		}
	}
	return nil
}

// resize changes the file's size; r.mu is held.
func (r *Reserve) resize(to int64, do func(fd int) error) error {
	fd, err := unix.Openat(int(r.dir.Fd()), r.name,
		unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return fmt.Errorf("open reserve: %w", &os.PathError{Op: "open", Path: r.name, Err: err})
	}
	defer unix.Close(fd)
	if err := do(fd); err != nil {
		_ = unix.Ftruncate(fd, r.held) // what was allocated by half
		return fmt.Errorf("resize reserve: %w", err)
	}
	if to > r.held {
		r.pass("taken")
	} else {
		r.pass("given")
	}
	r.held = to
	return nil
}
