package content

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// A file at a path of the fallback need not be the one that we put there: who owns the
// directory may have moved or linked another to it, one of root's or of a third user.
// To give such a file the owner and the mode of the node would hand it over, or make a
// program of theirs one of root's. So a file gets another owner or mode only when it
// has no name but those of its node and nothing is given away; else its bytes are
// compared first, and where that is not enough, a copy of ours takes its place.
//
//	has the owner and mode already                      nothing to give
//	others may read it, nothing privileged              owner and mode are set
//	others may not read it                              as well, if the bytes are the content
//	has a name that is not the node's, or becomes       replaced by a copy, if the bytes
//	privileged, and was another user's                  are the content
//
// What is not the content, or cannot be compared because there is no checksum, stays as
// it is, which is logged.

// dressed gives the open file at rel the owner, mode, times and attributes of the node.
// trusted: it comes from one of our own directories.
func (a *arranging) dressed(f *os.File, v *meta.Version, n *meta.Node, rel []byte, trusted bool) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fmt.Errorf("stat %q in fallback: %w", rel, err)
	}
	given, err := a.given(f, &st, n)
	if err != nil {
		return err
	}
	ours := given.nothing || !given.strange && !given.privileged
	if ours && (given.nothing || trusted || v.SHA256 == nil || st.Mode&0o004 != 0) {
		return errors.Join(dress(f, n), a.dressAttrs(f, n.Ino))
	}
	if v.SHA256 == nil {
		a.leave(rel, v, "it has no checksum to compare it by")
		return nil
	}
	if ours {
		same, err := a.sameBytes(io.Discard, f, v)
		if err != nil || same {
			return errors.Join(err, dress(f, n), a.dressAttrs(f, n.Ino))
		}
		a.leave(rel, v, "its bytes are not the content")
		return nil
	}
	return a.replace(f, v, n, rel)
}

func (a *arranging) leave(rel []byte, v *meta.Version, why string) {
	a.Log.Warn("a file in the fallback may not be the one that contentfs put there; it keeps its owner and mode",
		"path", string(rel), "version", v.ID, "reason", why)
}

// giving is what a file would get.
type giving struct {
	nothing    bool // owner and mode are right, and no capabilities are to be set
	strange    bool // it has a name that is none of the node's
	privileged bool // who runs it would get rights that its owner has not
}

func (a *arranging) given(f *os.File, st *unix.Stat_t, n *meta.Node) (g giving, err error) {
	owner := st.Uid == n.UID && st.Gid == n.GID
	caps, err := a.Meta.Getxattr(n.Ino, capabilities)
	switch {
	case errors.Is(err, meta.ErrNoAttr):
		err = nil
	case err != nil:
		return g, err
	default:
		there, err := attrValue(func(buf []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), string(capabilities), buf) })
		if err != nil {
			return g, fmt.Errorf("attributes of %s in fallback: %w", f.Name(), err)
		}
		g.privileged = !bytes.Equal(there, caps)
	}
	g.nothing = owner && st.Mode&0o7777 == n.Mode&0o7777 && !g.privileged
	g.privileged = g.privileged || !owner && privileged(n.Mode)
	if st.Nlink > 1 && !g.nothing {
		g.strange, err = a.strangerLinks(st, n.Ino)
	}
	return g, err
}

// strangerLinks reports whether a file of the fallback has other names than the node
// has in the volume.
func (a *arranging) strangerLinks(st *unix.Stat_t, ino meta.Ino) (bool, error) {
	paths, err := a.Meta.Paths(ino)
	if err != nil {
		return false, err
	}
	var known uint64
	for _, p := range paths {
		dir, name, err := a.Fallback.parent(p[1:])
		if err != nil {
			continue // then it is no name of the file
		}
		inode, regular, err := lookAt(dir, name)
		dir.Close()
		if err == nil && regular && uint64(inode) == st.Ino {
			known++
		}
	}
	return known != uint64(st.Nlink), nil
}

// sameBytes copies a file to w and reports whether it is a version's content.
func (a *arranging) sameBytes(w io.Writer, f *os.File, v *meta.Version) (bool, error) {
	h := sha256.New()
	// One byte more than expected shows that the file is longer.
	n, err := io.Copy(io.MultiWriter(h, w), contextReader{a.ctx, io.NewSectionReader(f, 0, v.Size+1)})
	if err != nil {
		return false, fmt.Errorf("read %s in fallback: %w", f.Name(), err)
	}
	return n == v.Size && bytes.Equal(h.Sum(nil), v.SHA256), nil
}

// replace puts a copy of ours in the place of a file, if that is the content.
func (a *arranging) replace(f *os.File, v *meta.Version, n *meta.Node, rel []byte) error {
	made, err := a.Fallback.newFile(v.ID)
	if err != nil {
		return err
	}
	defer made.Close()
	same, err := a.sameBytes(made, f, v)
	if err == nil && !same {
		a.leave(rel, v, "its bytes are not the content")
		return a.Fallback.dropNew(v.ID)
	}
	if err == nil {
		err = errors.Join(dress(made, n), a.dressAttrs(made, n.Ino), made.Sync())
	}
	if err == nil {
		err = a.Fallback.moveOver(newName(v.ID), rel)
	}
	if err != nil {
		return errors.Join(err, a.Fallback.dropNew(v.ID))
	}
	return nil
}

// moveOver moves one of our files over what lies at a path, durably.
func (f *Fallback) moveOver(ourName, rel []byte) error {
	from, old, err := f.parent(ourName)
	if err != nil {
		return err
	}
	defer from.Close()
	to, name, err := f.parent(rel)
	if err != nil {
		return err
	}
	defer to.Close()
	if err := unix.Renameat(int(from.Fd()), old, int(to.Fd()), name); err != nil {
		return fmt.Errorf("move in fallback: %w", &os.LinkError{Op: "renameat", Old: old, New: string(rel), Err: err})
	}
	return to.Sync()
}

// specialName is where special files are made, before they get their path.
const specialName = newDir + "/special"

// special makes what is no regular file, and with owner, mode and times before anybody
// else reaches it: under its own name it could be a link by the next step.
func (a *arranging) special(d *os.File, name string, n *meta.Node) error {
	if n.IsDir() {
		return unix.Mkdirat(int(d.Fd()), name, 0o700)
	}
	if err := a.Fallback.mkdir(newDir); err != nil {
		return err
	}
	dir, made, err := a.Fallback.parent([]byte(specialName))
	if err != nil {
		return err
	}
	defer dir.Close()
	fd := int(dir.Fd())
	if err := unix.Unlinkat(fd, made, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := a.makeSpecial(fd, made, n); err != nil {
		return err
	}
	return unix.Renameat2(fd, made, int(d.Fd()), name, unix.RENAME_NOREPLACE)
}

func (a *arranging) makeSpecial(fd int, name string, n *meta.Node) error {
	if n.Mode&meta.TypeMask == meta.TypeSymlink {
		target, err := a.Meta.Readlink(n.Ino)
		if err == nil {
			err = unix.Symlinkat(string(target), fd, name)
		}
		if err != nil {
			return err
		}
	} else {
		if err := unix.Mknodat(fd, name, n.Mode, int(n.Rdev)); err != nil {
			return err
		}
		if err := unix.Fchmodat(fd, name, n.Mode&0o7777, 0); err != nil {
			return err
		}
	}
	if err := unix.Fchownat(fd, name, int(n.UID), int(n.GID), unix.AT_SYMLINK_NOFOLLOW); err != nil && !errors.Is(err, unix.EPERM) {
		return err
	}
	times := []unix.Timespec{unix.NsecToTimespec(n.Atime), unix.NsecToTimespec(n.Mtime)}
	return unix.UtimesNanoAt(fd, name, times, unix.AT_SYMLINK_NOFOLLOW)
}

// file brings a file's content to its path.
func (a *arranging) file(n *meta.Node, rel string) error {
	v, err := a.Meta.Current(n.Ino)
	if err != nil && !gone(err) {
		return err
	}
	if gone(err) || v.Fallback == nil {
		a.Missing++
		return nil
	}
	if string(v.Fallback) != rel {
		err := a.moveTo(n, &v, rel)
		if err != nil {
			err = fmt.Errorf("bring %q to its path: %w", rel, err)
		}
		if blocked(err) {
			a.blocked = err
			return nil
		}
		if err != nil {
			return err
		}
	}
	f, err := a.Fallback.open([]byte(rel))
	if err != nil {
		return err
	}
	defer f.Close()
	a.Files++
	if v.SHA256 == nil && !isOurs(v.Fallback) {
		err := a.hashTouched(&v, n, []byte(rel), f)
		if errors.Is(err, ErrAltered) {
			return nil // it stays as it is, and shows that
		}
		if err != nil {
			return err
		}
	}
	return a.dressed(f, &v, n, []byte(rel), isOurs(v.Fallback))
}
