package content

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Who owns the fallback is often the user of the application, while contentfs runs as
// root. That user may lay into it what they like: links, FIFOs, directories under our
// names, and may swap what is there between two of our steps. What counts is therefore
// always what a descriptor has open, and our own directories are closed to everybody
// else before anything is made in them.

// mkdir makes one of our directories.
func (f *Fallback) mkdir(name string) error {
	err := unix.Mkdirat(int(f.dir.Fd()), name, 0o700)
	if err == nil {
		return f.syncDir(".")
	}
	if !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("make %s in fallback: %w", name, err)
	}
	d, _, err := f.parent([]byte(name + "/x"))
	if err != nil {
		return err
	}
	return d.Close()
}

// takeOver closes one of our directories to others. One of another user, who made it
// first or to whom all of the fallback was given, becomes ours: what lies in it may be
// the only copy of content.
func takeOver(d *os.File) error {
	var st unix.Stat_t
	fd := int(d.Fd())
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("stat %s in fallback: %w", d.Name(), err)
	}
	own := os.Geteuid()
	if int(st.Uid) == own && st.Mode&0o077 == 0 {
		return nil
	}
	if err := unix.Fchown(fd, own, os.Getegid()); err != nil {
		return fmt.Errorf("%s in fallback belongs to user %d, and must be of user %d, who runs contentfs: %w", d.Name(), st.Uid, own, err)
	}
	if err := unix.Fchmod(fd, 0o700); err != nil {
		return fmt.Errorf("close %s in fallback to others: %w", d.Name(), err)
	}
	return nil
}

// create makes a new file, with mode 0600. What lies at the path goes before: it is one
// of our names, and what is there was left by an attempt that was broken off, or was
// laid there by others.
func (f *Fallback) create(rel []byte) (*os.File, error) {
	dir, name, err := f.parent(rel)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if err := unix.Unlinkat(int(dir.Fd()), name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("remove %q in fallback: %w", rel, err)
	}
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create in fallback: %w", &os.PathError{Op: "openat", Path: string(rel), Err: err})
	}
	return os.NewFile(uintptr(fd), string(rel)), nil
}
