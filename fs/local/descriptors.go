package local

import (
	"errors"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ErrCrowded: so many local files are open that the process would soon have no
// descriptor left for its database and its connections.
var ErrCrowded = errors.New("too many files are open at the same time")

// ownDescriptors is what the process needs for everything but local files: the
// database, connections to S3 and of web servers, directories, the kernel.
const ownDescriptors = 192

// descriptors counts the local files that are open.
type descriptors struct {
	limit int64
	open  atomic.Int64
}

// descriptorLimit is how many local files may be open, by what the process may have
// at this moment.
func descriptorLimit() int64 {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 1024 - ownDescriptors
	}
	n := int64(min(r.Cur, 1<<30))
	return max(n-ownDescriptors, n/2)
}

// Crowded fails with ErrCrowded where another file should not be opened for somebody
// who can be told so.
func (s *Store) Crowded() error {
	if s.room.open.Load() < s.room.limit {
		return nil
	}
	return ErrCrowded
}

// count notes that a file is open.
func (s *Store) count(f *File) *File {
	s.room.open.Add(1)
	f.of = s
	f.counted.Store(true)
	return f
}

// Close closes the file.
func (f *File) Close() error {
	if f.counted.Swap(false) {
		f.of.room.open.Add(-1)
	}
	return f.File.Close()
}
