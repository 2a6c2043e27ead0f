package content

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// Arranged counts what Arrange found.
type Arranged struct {
	Files   int // that lie at their paths now
	Missing int // whose content is not in the fallback
	Other   int // directories, links and special files that were made
}

// plainSetting is the volume's setting that asks for Arrange at the end of a mount.
const plainSetting = "plain-fallback"

// SetPlain asks for the fallback to be arranged whenever the volume is taken out of
// use, or ends that.
func SetPlain(m *meta.Store, on bool) error {
	value := "off"
	if on {
		value = "on"
	}
	return m.SetSetting(plainSetting, value)
}

// Plain reports whether that was asked for.
func (e *Engine) Plain() (bool, error) {
	s, err := e.Meta.Setting(plainSetting)
	if gone(err) {
		return false, nil
	}
	return s == "on" && e.Fallback != nil, err
}

// Arrange makes the fallback the tree of the volume, so that it can be used without
// us: files lie at the paths that they have now, with owner, mode and times of now;
// directories, links and special files are made; what was replaced or deleted lies
// apart; directories that are no more are removed where they are empty. It runs alone,
// when nobody uses the volume, and may be broken off and begun again.
func (e *Engine) Arrange(ctx context.Context) (Arranged, error) {
	if e.Fallback == nil {
		return Arranged{}, ErrNoFallback
	}
	e.placing.Lock()
	defer e.placing.Unlock()
	a := &arranging{Engine: e, ctx: ctx}
	err := a.takeInAll(meta.Root)
	if err == nil {
		err = a.retired()
	}
	if err == nil {
		err = a.tree()
	}
	if err == nil && a.blocked != nil {
		// A directory that is no more held what had its place later in the tree.
		err = a.tree()
	}
	if err == nil {
		err = a.blocked
	}
	if err != nil {
		return a.Arranged, fmt.Errorf("arrange the fallback: %w", err)
	}
	return a.Arranged, nil
}

type arranging struct {
	*Engine
	Arranged
	ctx     context.Context
	blocked error // why a file could not be brought to its path, the last of them
}

// tree arranges all there is, but for files whose paths cannot be had.
func (a *arranging) tree() error {
	a.Arranged, a.blocked = Arranged{}, nil
	if err := a.dir(meta.Root, ""); err != nil {
		return err
	}
	return a.prune("")
}

// retired moves what is not current any more out of the tree.
func (a *arranging) retired() error {
	const some = 256
	var after meta.VersionID
	for {
		list, err := a.Meta.RetiredInFallback(after, some)
		if err != nil {
			return err
		}
		for i := range list {
			after = list[i].ID
			if isOurs(list[i].Fallback) {
				continue
			}
			if err := errors.Join(a.ctx.Err(), a.makeWay(list[i].Fallback)); err != nil {
				return err
			}
		}
		if len(list) < some {
			return nil
		}
	}
}

// takeInAll takes in what nobody has looked into: what lies in such a directory must
// have a version before its path can be another's.
func (a *arranging) takeInAll(ino meta.Ino) error {
	if !a.adoption.some.Load() {
		return nil
	}
	if err := a.takeIn(ino); err != nil {
		return err
	}
	return a.each(ino, func(m *meta.Entry) error {
		if !m.Node.IsDir() {
			return nil
		}
		return a.takeInAll(m.Node.Ino)
	})
}

// each calls use for what a directory holds, and reads some names at a time.
func (a *arranging) each(ino meta.Ino, use func(m *meta.Entry) error) error {
	const some = 256
	for after := meta.Place(0); ; {
		list := make([]meta.Entry, 0, some)
		err := a.Meta.List(ino, after, func(m *meta.Entry) bool {
			list = append(list, *m)
			return len(list) < some
		})
		if err != nil {
			return err
		}
		for i := range list {
			after = list[i].Place
			if err := errors.Join(a.ctx.Err(), use(&list[i])); err != nil {
				return err
			}
		}
		if len(list) < some {
			return nil
		}
	}
}

// dir arranges what a directory holds, and then itself.
func (a *arranging) dir(ino meta.Ino, rel string) error {
	err := a.each(ino, func(m *meta.Entry) error { return a.entry(&m.Node, path.Join(rel, string(m.Name))) })
	if err != nil {
		return err
	}
	if rel == "" {
		return nil // the directory itself is the administrator's
	}
	return a.finish(ino, rel)
}

// finish gives a directory its times, which making its names has moved.
func (a *arranging) finish(ino meta.Ino, rel string) error {
	n, err := a.Meta.Node(ino)
	if err != nil {
		return err
	}
	d, _, err := a.Fallback.parent([]byte(rel + "/x"))
	if err != nil {
		return err
	}
	defer d.Close()
	return errors.Join(dress(d, &n), a.dressAttrs(d, ino), d.Sync()) // a change of owner takes capabilities
}

func (a *arranging) entry(n *meta.Node, rel string) error {
	if n.IsRegular() {
		return a.file(n, rel)
	}
	d, name, err := a.Fallback.parent([]byte(rel))
	if err != nil {
		return err
	}
	defer d.Close()
	var st unix.Stat_t
	err = unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	same := err == nil && st.Mode&unix.S_IFMT == n.Mode&meta.TypeMask
	if same && n.Mode&meta.TypeMask == meta.TypeSymlink {
		if same, err = a.sameLink(d, name, n); err != nil {
			return err
		}
	}
	if err == nil && !same {
		if err := a.makeWay([]byte(rel)); err != nil {
			return err
		}
	}
	if !same {
		err := a.special(d, name, n)
		if err != nil {
			err = fmt.Errorf("make %q: %w", rel, err)
		}
		if blocked(err) && !n.IsDir() {
			a.blocked = err
			return nil
		}
		if err != nil {
			return err
		}
		a.Other++
	}
	if n.IsDir() {
		return a.dir(n.Ino, rel)
	}
	return nil
}

// sameLink reports whether a link leads where the node's does.
func (a *arranging) sameLink(d *os.File, name string, n *meta.Node) (bool, error) {
	target, err := a.Meta.Readlink(n.Ino)
	if err != nil {
		return false, err
	}
	there := make([]byte, len(target)+1)
	size, err := unix.Readlinkat(int(d.Fd()), name, there)
	return err == nil && string(there[:size]) == string(target), err
}

// hashTouched gives a file that was taken in, and got other times since, a checksum:
// till now its time was what told that it is the one that was taken in.
func (a *arranging) hashTouched(v *meta.Version, n *meta.Node, rel []byte, f *os.File) error {
	if err := a.unaltered(v, rel, f); err != nil || n.Mtime == v.Mtime {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, contextReader{a.ctx, f}); err != nil {
		return fmt.Errorf("read %q: %w", rel, err)
	}
	if err := a.unaltered(v, rel, f); err != nil {
		return err
	}
	w, err := a.Meta.Version(v.ID) // its path may be that of another name
	if err != nil {
		return err
	}
	return a.Meta.SettleFallback(w.ID, w.Fallback, h.Sum(nil), nil, now())
}

// moveTo gives a file of the fallback the path that it should have, besides the one it
// has if that is another name of the same node.
func (a *arranging) moveTo(n *meta.Node, v *meta.Version, rel string) error {
	other, err := a.Meta.Resolve(append([]byte{'/'}, v.Fallback...))
	linked := err == nil && other.Ino == n.Ino && !isOurs(v.Fallback)
	if linked && a.Fallback.sameFile(v.Fallback, []byte(rel)) {
		return nil // since the last time
	}
	if err := a.makeWay([]byte(rel)); err != nil {
		return err
	}
	inode, err := a.Fallback.linkTo(v.Fallback, []byte(rel))
	crash.Here(crash.ArrangePlaced)
	if err != nil || linked {
		return err
	}
	if err := a.Meta.MoveFallback(v.ID, v.Fallback, []byte(rel), inode, now()); err != nil {
		return err
	}
	crash.Here(crash.ArrangeMoved)
	return a.removeStray(&meta.Stray{Path: v.Fallback, Inode: inode})
}

// prune removes directories of the fallback that the volume has not and that are
// empty.
func (a *arranging) prune(rel string) error {
	d, _, err := a.Fallback.parent([]byte(path.Join(rel, "x")))
	if err != nil {
		return err
	}
	defer d.Close()
	list, err := d.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, entry := range list {
		below := path.Join(rel, entry.Name())
		if !entry.IsDir() || rel == "" && isOurs([]byte(below)) {
			continue
		}
		if err := errors.Join(a.ctx.Err(), a.prune(below)); err != nil {
			return err
		}
		n, err := a.Meta.Resolve([]byte("/" + below))
		if err == nil && n.IsDir() || err != nil && !gone(err) && !errors.Is(err, meta.ErrNotDir) {
			continue
		}
		err = unix.Unlinkat(int(d.Fd()), entry.Name(), unix.AT_REMOVEDIR)
		if err != nil && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	return nil
}
