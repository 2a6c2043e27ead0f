package content

import (
	"bytes"
	"errors"
	"fmt"

	"os"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// Directories of ours in the fallback. Their names begin with ours, which no name
// that comes from the volume does at that place: such files are parked.
const (
	ours      = ".contentfs-"
	newDir    = ours + "new"   // files that are being copied; nobody refers to them
	parkedDir = ours + "files" // contents whose path is not theirs to have, by version
	asideDir  = ours + "aside" // what lay in the way and is not ours
)

// isOurs reports whether a path of the fallback lies in one of our directories.
func isOurs(rel []byte) bool { return bytes.HasPrefix(rel, []byte(ours)) }

// parked is where a version's content lies when its path is taken.
func parked(id meta.VersionID) []byte {
	return []byte(parkedDir + "/" + strconv.FormatInt(int64(id), 10))
}

func isParked(rel []byte) bool { return bytes.HasPrefix(rel, []byte(parkedDir+"/")) }

// blocked reports whether a path cannot be had, whatever is tried.
func blocked(err error) bool {
	for _, e := range []error{unix.EEXIST, unix.ENOTDIR, unix.EISDIR, unix.ENAMETOOLONG, unix.ELOOP, unix.EXDEV} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// parent opens the directory that holds a path, and returns the last name. One of our
// directories is closed to others by then.
func (f *Fallback) parent(rel []byte) (*os.File, string, error) {
	dir, name := path.Split(string(rel))
	d, err := f.openDir([]byte(dir))
	if err != nil {
		return nil, "", fmt.Errorf("open in fallback: %w", err)
	}
	if dir != "" && isOurs(rel) {
		if err := takeOver(d); err != nil {
			d.Close()
			return nil, "", err
		}
	}
	return d, name, nil
}

func newName(id meta.VersionID) []byte {
	return []byte(newDir + "/" + strconv.FormatInt(int64(id), 10))
}

// newFile makes the file to which a version is copied. What an earlier attempt left
// there goes.
func (f *Fallback) newFile(id meta.VersionID) (*os.File, error) {
	if err := f.mkdir(newDir); err != nil {
		return nil, err
	}
	return f.create(newName(id))
}

// dropNew removes such a file.
func (f *Fallback) dropNew(id meta.VersionID) error {
	dir, name, err := f.parent(newName(id))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Unlinkat(int(dir.Fd()), name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s in fallback: %w", newName(id), err)
	}
	return nil
}

// moveNew moves such a file to a path where nothing lies, durably.
func (f *Fallback) moveNew(id meta.VersionID, rel []byte) error {
	if isOurs(rel) {
		if err := f.mkdir(path.Dir(string(rel))); err != nil {
			return err
		}
	}
	from, old, err := f.parent(newName(id))
	if err != nil {
		return err
	}
	defer from.Close()
	to, name, err := f.parent(rel)
	if err != nil {
		return err
	}
	defer to.Close()
	err = unix.Renameat2(int(from.Fd()), old, int(to.Fd()), name, unix.RENAME_NOREPLACE)
	if err != nil {
		return fmt.Errorf("move in fallback: %w", &os.LinkError{Op: "renameat2", Old: old, New: string(rel), Err: err})
	}
	if err := to.Sync(); err != nil {
		return fmt.Errorf("sync in fallback: %w", err)
	}
	return nil
}

// link gives a file one of our names besides, durably, and returns its inode. EEXIST if
// something else has the name.
func (f *Fallback) link(rel, ourName []byte) (int64, error) {
	if err := f.mkdir(path.Dir(string(ourName))); err != nil {
		return 0, err
	}
	inode, err := f.linkTo(rel, ourName)
	if errors.Is(err, unix.EEXIST) { // by somebody who had the directory before it was ours
		if _, err := f.setAside(ourName); err != nil && !gone(err) {
			return 0, err
		}
		return f.linkTo(rel, ourName)
	}
	return inode, err
}

// linkTo is link for a name in any directory that is there. EEXIST when another file has
// the name.
func (f *Fallback) linkTo(rel, ourName []byte) (int64, error) {
	from, old, err := f.parent(rel)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	to, name, err := f.parent(ourName)
	if err != nil {
		return 0, err
	}
	defer to.Close()
	inode, regular, err := lookAt(from, old)
	if err != nil {
		return 0, fmt.Errorf("look at %q in fallback: %w", rel, err)
	}
	if !regular {
		return 0, fmt.Errorf("%q in fallback is not a regular file", rel)
	}
	err = unix.Linkat(int(from.Fd()), old, int(to.Fd()), name, 0)
	if err == nil || errors.Is(err, unix.EEXIST) { // of an attempt that was broken off
		there, _, lerr := lookAt(to, name)
		if lerr == nil && there != inode {
			lerr = unix.EEXIST // another file, or another was linked
		}
		err = lerr
	}
	if err != nil {
		return 0, fmt.Errorf("link in fallback: %w", &os.LinkError{Op: "linkat", Old: string(rel), New: string(ourName), Err: err})
	}
	if err := to.Sync(); err != nil {
		return 0, fmt.Errorf("sync in fallback: %w", err)
	}
	return inode, nil
}

// setAside moves what lies at a path, unless it is a directory, to asideDir and
// returns its name there. fs.ErrNotExist when nothing lies there.
func (f *Fallback) setAside(rel []byte) (string, error) {
	dir, name, err := f.parent(rel)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return "", fmt.Errorf("look at %q in fallback: %w", rel, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return "", fmt.Errorf("%q in fallback: %w", rel, unix.EISDIR)
	}
	if err := f.mkdir(asideDir); err != nil {
		return "", err
	}
	to := fmt.Sprintf("%s/%d-%d", asideDir, st.Ino, now())
	aside, as, err := f.parent([]byte(to))
	if err != nil {
		return "", err
	}
	defer aside.Close()
	if err := unix.Renameat2(int(dir.Fd()), name, int(aside.Fd()), as, unix.RENAME_NOREPLACE); err != nil {
		return "", fmt.Errorf("set %q in fallback aside: %w", rel, err)
	}
	return to, errors.Join(aside.Sync(), dir.Sync())
}

// remove unlinks the file at a path if it is the inode that is meant; any for one of
// our own names.
func (f *Fallback) remove(rel []byte, inode int64) error {
	dir, name, err := f.parent(rel)
	if gone(err) || blocked(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	found, regular, err := lookAt(dir, name)
	if gone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at %q in fallback: %w", rel, err)
	}
	if !regular || found != inode && (inode != 0 || !isOurs(rel)) {
		return nil
	}
	if err := unix.Unlinkat(int(dir.Fd()), name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %q in fallback: %w", rel, err)
	}
	return dir.Sync()
}

func lookAt(dir *os.File, name string) (inode int64, regular bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, false, err
	}
	return int64(st.Ino), st.Mode&unix.S_IFMT == unix.S_IFREG, nil
}

// sameFile reports whether two paths are names of one file. In doubt they are not.
func (f *Fallback) sameFile(a, b []byte) bool {
	var inodes [2]int64
	for i, rel := range [][]byte{a, b} {
		dir, name, err := f.parent(rel)
		if err != nil {
			return false
		}
		inode, regular, err := lookAt(dir, name)
		dir.Close()
		if err != nil || !regular {
			return false
		}
		inodes[i] = inode
	}
	return inodes[0] == inodes[1]
}

func inodeOf(f *os.File) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, fmt.Errorf("look at %s in fallback: %w", f.Name(), err)
	}
	return int64(st.Ino), nil
}

// dress gives a file or directory of the fallback a node's owner, mode and times.
// Who is not root gives what may be given.
func dress(f *os.File, n *meta.Node) error {
	fd := int(f.Fd())
	if err := unix.Fchown(fd, int(n.UID), int(n.GID)); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("owner of %s in fallback: %w", f.Name(), err)
	}
	if err := unix.Fchmod(fd, n.Mode&0o7777); err != nil {
		return fmt.Errorf("mode of %s in fallback: %w", f.Name(), err)
	}
	times := []unix.Timespec{unix.NsecToTimespec(n.Atime), unix.NsecToTimespec(n.Mtime)}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), times, 0); err != nil {
		return fmt.Errorf("times of %s in fallback: %w", f.Name(), err)
	}
	return nil
}
