package content

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// noInode is an inode that no file has: what lies there stays.
const noInode = -1

// InodeToDiscard returns which file may be removed from a version's path in the
// fallback once nobody refers to it: the one that is there now, if it can be the
// version's. A path whose record does not hold any more, as after changes by hand,
// gives a number that no file has.
func (f *Fallback) InodeToDiscard(v *meta.Version) (int64, error) {
	dir, name, err := f.parent(v.Fallback)
	if gone(err) || blocked(err) {
		return noInode, nil
	}
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	var st unix.Stat_t
	err = unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if gone(err) {
		return noInode, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at %q in fallback: %w", v.Fallback, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size != v.Size {
		return noInode, nil
	}
	return int64(st.Ino), nil
}

// SweepNow removes what nothing refers to any more, in the fallback and on this
// server, for who works on a volume that is not mounted.
func (e *Engine) SweepNow() error { return e.sweepOnce(time.Now().Add(-orphanGrace)) }
