package content

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/local"
	"contentfs/meta"
)

// other is a user who owns the fallback and is neither root nor us.
const other = 65534

// planted is an engine with a fallback that belongs to another user, who lays things
// into it, and something of ours outside that must stay as it is.
type planted struct {
	*recoverEnv
	in      func(string) string
	outside string
	secret  string
}

func newPlanted(t *testing.T) *planted {
	e := &planted{recoverEnv: newRecoverEnv(t)}
	// One file system, so that nothing but our checks is in the way.
	top := t.TempDir()
	dir := filepath.Join(top, "fallback")
	e.outside, e.secret = filepath.Join(top, "outside"), filepath.Join(top, "outside", "secret")
	e.in = func(name string) string { return filepath.Join(dir, name) }
	e.ok(os.Mkdir(dir, 0o777), os.Chown(dir, other, other), os.Mkdir(e.outside, 0o700), os.WriteFile(e.secret, []byte("secret"), 0o600))
	f, err := OpenFallback(dir)
	e.ok(err)
	e.Fallback = f
	t.Cleanup(func() {
		f.Close()
		e.unharmed()
	})
	return e
}

func (e *planted) ok(errs ...error) {
	e.Helper()
	if err := errors.Join(errs...); err != nil {
		e.Fatal(err)
	}
}

// unharmed makes sure that what lies outside was neither read nor changed.
func (e *planted) unharmed() {
	e.Helper()
	list, err := os.ReadDir(e.outside)
	if err != nil || len(list) != 1 {
		e.Errorf("outside of the fallback are %v, %v", list, err)
	}
	b, err := os.ReadFile(e.secret)
	var st unix.Stat_t
	serr := unix.Stat(e.secret, &st)
	if err != nil || serr != nil || string(b) != "secret" || st.Mode&0o7777 != 0o600 || st.Uid != 0 {
		e.Errorf("a file outside of the fallback holds %q, has mode %o and owner %d: %v, %v", b, st.Mode&0o7777, st.Uid, err, serr)
	}
}

// content puts a file on record whose content is only here.
func (e *planted) content(name, text string) meta.Version {
	e.Helper()
	f, err := e.Local.Create(local.Identity{})
	e.ok(err)
	_, err = f.WriteAt([]byte(text), 0)
	e.ok(err)
	st, err := f.Stamp()
	e.ok(err, f.Close())
	v := e.committed(name, meta.FileID(f.ID), st.Size, st.Mtime)
	e.ok(e.Meta.Settled(v.ID))
	v, err = e.Meta.Version(v.ID)
	e.ok(err)
	return v
}

// settled puts a file on record whose content lies in the fallback at its path.
func (e *planted) settled(name, text string) meta.Version {
	e.Helper()
	v := e.content(name, text)
	e.ok(SetOffloading(e.Meta, false))
	if err := e.Settle(context.Background(), v.ID, Quiet); err != nil {
		e.Fatal(err)
	}
	v, err := e.Meta.Version(v.ID)
	e.ok(err)
	if string(v.Fallback) != name {
		e.Fatalf("%s lies at %q", name, v.Fallback)
	}
	return v
}

func (e *planted) own(name string) unix.Stat_t {
	e.Helper()
	var st unix.Stat_t
	e.ok(unix.Lstat(e.in(name), &st))
	return st
}

// TestPlantedDirectory: a directory of ours that somebody else made is ours before
// anything is written there.
func TestPlantedDirectory(t *testing.T) {
	for _, dir := range []string{newDir, overflowDir, parkedDir, asideDir} {
		e := newPlanted(t)
		e.ok(os.Mkdir(e.in(dir), 0o777), os.Chmod(e.in(dir), 0o777), os.Chown(e.in(dir), other, other))
		e.ok(e.Fallback.mkdir(dir))
		if st := e.own(dir); st.Uid != 0 || st.Mode&0o7777 != 0o700 {
			t.Errorf("%s is of user %d with mode %o", dir, st.Uid, st.Mode&0o7777)
		}
	}
}

// TestPlantedDirectoryLink: a link in the place of a directory of ours is not followed.
func TestPlantedDirectoryLink(t *testing.T) {
	for _, dir := range []string{newDir, overflowDir, parkedDir, asideDir} {
		e := newPlanted(t)
		e.ok(os.Symlink(e.outside, e.in(dir)), os.WriteFile(e.in("x"), []byte("somebody's"), 0o644))
		v := e.content("f", "content")
		if _, err := e.Fallback.setAside([]byte("x")); (err == nil) != (dir != asideDir) {
			t.Errorf("%s: set aside: %v", dir, err)
		}
		if err := e.overflow(&v); (err == nil) != (dir != overflowDir) {
			t.Errorf("%s: overflow: %v", dir, err)
		}
		if f, err := e.Fallback.newFile(v.ID); (err == nil) != (dir != newDir) {
			t.Errorf("%s: new file: %v", dir, err)
		} else if err == nil {
			f.Close()
		}
	}
}

// TestPlantedInOverflow: what lies at the name that a copy is to have is not written to.
func TestPlantedInOverflow(t *testing.T) {
	for what, plant := range map[string]func(e *planted, name string) error{
		"hard link": func(e *planted, name string) error { return os.Link(e.secret, name) },
		"link":      func(e *planted, name string) error { return os.Symlink(e.secret, name) },
		"FIFO":      func(e *planted, name string) error { return unix.Mkfifo(name, 0o666) },
		"own file": func(e *planted, name string) error {
			return errors.Join(os.WriteFile(name, nil, 0o666), os.Chown(name, other, other))
		},
	} {
		e := newPlanted(t)
		v := e.content("f", "content")
		name := string(overflowName(v.ID))
		e.ok(os.Mkdir(e.in(overflowDir), 0o777), os.Chown(e.in(overflowDir), other, other), plant(e, e.in(name)))
		if err := e.overflow(&v); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if st := e.own(name); st.Uid != 0 || st.Mode&0o7777 != 0o600 || st.Nlink != 1 || st.Size != int64(len("content")) {
			t.Errorf("%s: the copy: user %d, mode %o, %d links, %d bytes", what, st.Uid, st.Mode, st.Nlink, st.Size)
		}
	}
}

// TestPlantedAtTheWay: content that must leave its path is not taken for what somebody
// laid at the name that it gets.
func TestPlantedAtTheWay(t *testing.T) {
	e := newPlanted(t)
	v := e.settled("f", "content")
	to := string(parked(v.ID))
	e.ok(os.MkdirAll(e.in(parkedDir), 0o777), os.Chown(e.in(parkedDir), other, other), os.WriteFile(e.in(to), []byte("another"), 0o666))
	e.ok(e.makeWay([]byte("f")))
	v, err := e.Meta.Version(v.ID)
	e.ok(err)
	if b, err := os.ReadFile(e.in(string(v.Fallback))); err != nil || string(b) != "content" {
		t.Errorf("at %s lies %q, %v", v.Fallback, b, err)
	}
}

// TestPlantedAtTheTarget: nor when it is brought to a path where somebody was faster.
func TestPlantedAtTheTarget(t *testing.T) {
	e := newPlanted(t)
	v := e.settled("f", "content")
	e.ok(os.WriteFile(e.in("g"), []byte("another"), 0o666))
	if _, err := e.Fallback.linkTo(v.Fallback, []byte("g")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the content is said to be where something else lies: %v", err)
	}
	e.ok(os.Link(e.in("f"), e.in("h")))
	if _, err := e.Fallback.linkTo(v.Fallback, []byte("h")); err != nil {
		t.Errorf("of an attempt that was broken off: %v", err)
	}
}

// TestArrangePlanted: at the end of a mount no file gets an owner or a mode but the
// content that is on record.
func TestArrangePlanted(t *testing.T) {
	for what, c := range map[string]struct {
		text  string // of the content, in the volume
		mode  uint32
		uid   uint32
		plant func(e *planted, name string) error
		whole bool // the content is at its path in the end, dressed
	}{
		"hard link":                     {"content", 0o644, other, func(e *planted, name string) error { return os.Link(e.secret, name) }, false},
		"hard link with the same bytes": {"secret", 0o666, other, func(e *planted, name string) error { return os.Link(e.secret, name) }, true},
		"a private file that was moved in": {"content", 0o644, other,
			func(e *planted, name string) error { return os.WriteFile(name, []byte("private"), 0o600) }, false},
		"a program in the place of a privileged one": {"content", 0o4755, 0, func(e *planted, name string) error {
			return errors.Join(os.WriteFile(name, []byte("program"), 0o755), os.Chown(name, other, other))
		}, false},
		"a copy of a privileged one": {"content", 0o4755, 0, func(e *planted, name string) error {
			return errors.Join(os.WriteFile(name, []byte("content"), 0o755), os.Chown(name, other, other))
		}, true},
	} {
		t.Run(what, func(t *testing.T) {
			e := newPlanted(t)
			v := e.settled("f", c.text)
			_, err := e.Meta.SetAttr(v.Ino, meta.AttrChange{Valid: meta.AttrMode | meta.AttrUID | meta.AttrGID, Mode: c.mode, UID: c.uid, GID: c.uid, Ctime: now()})
			e.ok(err, os.Remove(e.in("f")), c.plant(e, e.in("f")))
			before := e.own("f")
			if _, err := e.Arrange(context.Background()); err != nil {
				t.Fatal(err)
			}
			e.unharmed()
			st := e.own("f")
			if !c.whole {
				if st.Uid != before.Uid || st.Mode != before.Mode || st.Ino != before.Ino {
					t.Errorf("user %d, mode %o; before it was %d, %o", st.Uid, st.Mode, before.Uid, before.Mode)
				}
				return
			}
			if b, err := os.ReadFile(e.in("f")); err != nil || string(b) != c.text || st.Uid != c.uid || st.Mode&0o7777 != c.mode || st.Ino == before.Ino {
				t.Errorf("%q, %v: user %d, mode %o, inode %d, before it was %d", b, err, st.Uid, st.Mode&0o7777, st.Ino, before.Ino)
			}
		})
	}
}

// TestArrangeLinks: the names of one file get its owner together, each time.
func TestArrangeLinks(t *testing.T) {
	e := newPlanted(t)
	v := e.settled("f", "content")
	n, err := e.Meta.Node(v.Ino)
	e.ok(err)
	_, err = e.Meta.Link(n.Ino, meta.Root, []byte("g"), now())
	e.ok(err)
	for _, uid := range []uint32{other, other - 1} {
		_, err := e.Meta.SetAttr(v.Ino, meta.AttrChange{Valid: meta.AttrUID, UID: uid, Ctime: now()})
		e.ok(err)
		if _, err := e.Arrange(context.Background()); err != nil {
			t.Fatal(err)
		}
		f, g := e.own("f"), e.own("g")
		if f.Ino != g.Ino || f.Uid != uid || f.Nlink != 2 {
			t.Errorf("inodes %d and %d, user %d, %d links", f.Ino, g.Ino, f.Uid, f.Nlink)
		}
		list, err := os.ReadDir(e.in(asideDir))
		if len(list) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("set aside: %v, %v", list, err)
		}
	}
}

// TestArrangeSpecialRace: who owns the directory swaps a special file, as soon as it is
// there, for a link to something of ours.
func TestArrangeSpecialRace(t *testing.T) {
	e := newPlanted(t)
	_, err := e.Meta.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("fifo"), Mode: unix.S_IFIFO | 0o666, UID: other, GID: other, Now: now()})
	e.ok(err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.ok(os.Symlink(e.secret, e.in("link")))
		for ctx.Err() == nil {
			// Swaps the two where both are there.
			_ = unix.Renameat2(unix.AT_FDCWD, e.in("link"), unix.AT_FDCWD, e.in("fifo"), unix.RENAME_EXCHANGE)
		}
	}()
	for range 200 {
		if _, err := e.Arrange(ctx); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		os.Remove(e.in("fifo"))
		e.unharmed()
		if t.Failed() {
			break
		}
	}
	stop()
	<-done
}

// TestPlantedKinds: nothing but a regular file within is ever opened, and nobody is
// waited for.
func TestPlantedKinds(t *testing.T) {
	e := newPlanted(t)
	e.ok(os.Symlink(e.secret, e.in("link")), unix.Mkfifo(e.in("fifo"), 0o666), os.Symlink(e.outside, e.in("dir")), os.Mkdir(e.in("d"), 0o777))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, name := range []string{"link", "fifo", "dir/secret", "d", "d/../../outside/secret", "../outside/secret", e.secret, "", "."} {
			if f, err := e.Fallback.open([]byte(name)); err == nil {
				t.Errorf("%q was opened", name)
				f.Close()
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("somebody is waited for")
	}
}
