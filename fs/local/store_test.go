package local

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestModes(t *testing.T) {
	defer unix.Umask(unix.Umask(0))
	s := newStore(t)
	f := create(t, s, []byte("x"))
	for p, want := range map[string]fs.FileMode{s.dir.Name(): fs.ModeDir | 0o700, path(s, f.ID): 0o600} {
		st, err := os.Lstat(p)
		must(t, err)
		if st.Mode() != want {
			t.Errorf("%s has mode %v, not %v", p, st.Mode(), want)
		}
	}
}

func TestOpenClosesTheDirectoryToOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "local")
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.Chmod(dir, 0o755))
	openIn(t, dir)
	st, err := os.Stat(dir)
	must(t, err)
	if st.Mode().Perm() != 0o700 {
		t.Errorf("mode is %v", st.Mode())
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"symlink":   func(dir string) error { return os.Symlink(t.TempDir(), dir) },
		"file":      func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"no parent": func(dir string) error { return os.Remove(filepath.Dir(dir)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state", "local")
			must(t, os.Mkdir(filepath.Dir(dir), 0o700))
			must(t, prepare(dir))
			if s, err := Open(dir); err == nil {
				s.Close()
				t.Error("opened")
			}
		})
	}
	t.Run("another's directory", func(t *testing.T) {
		dir := t.TempDir()
		must(t, os.Chown(dir, 4711, 4711))
		_, err := Open(dir)
		wantErr(t, "open", err, fs.ErrPermission)
		must(t, os.Chown(dir, os.Getuid(), os.Getgid()))
	})
}

// TestOpenLeavesNothingBehind: opening leaves no file behind.
func TestOpenLeavesNothingBehind(t *testing.T) {
	if ids := list(t, newStore(t)); len(ids) != 0 {
		t.Errorf("files of an empty store: %v", ids)
	}
}

func TestIDs(t *testing.T) {
	s := newStore(t)
	seen := make(map[ID]bool)
	for range 200 {
		f, err := s.Create(Identity{Kind: Draft})
		must(t, err)
		f.Close()
		if !f.ID.valid() || seen[f.ID] {
			t.Fatalf("id %q", f.ID)
		}
		seen[f.ID] = true
	}
	if got := len(list(t, s)); got != len(seen) {
		t.Errorf("%d files listed of %d", got, len(seen))
	}
}

func TestInvalidIDs(t *testing.T) {
	s := newStore(t)
	f := create(t, s, []byte("x"))
	for _, id := range []ID{
		"", ".", "..", "a", "../../etc/passwd", f.ID[:31], f.ID + "0", ID(strings.ToUpper("abcdef") + string(f.ID[6:])),
		"/" + f.ID[1:], f.ID[:31] + "\x00", f.ID[:31] + "g",
	} {
		_, err := s.Open(id)
		wantErr(t, "open", err, fs.ErrInvalid)
		_, err = s.OpenWrite(id)
		wantErr(t, "open for writing", err, fs.ErrInvalid)
		wantErr(t, "remove", s.Remove([]ID{id}), fs.ErrInvalid)
	}
}

// TestCreateReplacesNothing: not even what a dangling symlink points to.
func TestCreateReplacesNothing(t *testing.T) {
	s := newStore(t)
	f := create(t, s, []byte("first"))
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_EXCL
	_, err := s.openat(f.ID, flags)
	wantErr(t, "create over a file", err, fs.ErrExist)
	if got := contentOf(t, f); string(got) != "first" {
		t.Errorf("content is %q", got)
	}
	target, id := filepath.Join(t.TempDir(), "target"), newID()
	must(t, os.Symlink(target, path(s, id)))
	_, err = s.openat(id, flags)
	wantErr(t, "create over a symlink", err, fs.ErrExist)
	if _, err := os.Lstat(target); err == nil {
		t.Error("the symlink was followed")
	}
}

// TestNotRegular: what took a file's place is neither followed, nor waited for,
// nor opened.
func TestNotRegular(t *testing.T) {
	victim := filepath.Join(t.TempDir(), "victim")
	must(t, os.WriteFile(victim, []byte("victim"), 0o600))
	for name, put := range map[string]func(p string) error{
		"symlink":   func(p string) error { return os.Symlink(victim, p) },
		"loop":      func(p string) error { return os.Symlink(p, p) },
		"FIFO":      func(p string) error { return unix.Mkfifo(p, 0o600) },
		"directory": func(p string) error { return os.Mkdir(p, 0o700) },
		"device":    func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) },
		"socket": func(p string) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			t.Chdir(filepath.Dir(p)) // the address has room for 107 bytes
			return unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Base(p)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			id := newID()
			must(t, put(path(s, id)))
			_, err := s.Open(id)
			wantErr(t, "open", err, ErrNotRegular)
			_, err = s.OpenWrite(id)
			wantErr(t, "open for writing", err, ErrNotRegular)
		})
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "victim" {
		t.Errorf("victim: %q, %v", got, err)
	}
}

func TestOpenWhatIsGone(t *testing.T) {
	s := newStore(t)
	_, err := s.Open(newID())
	wantErr(t, "open", err, fs.ErrNotExist)
	_, err = s.OpenWrite(newID())
	wantErr(t, "open for writing", err, fs.ErrNotExist)
}

// TestForeignNames: they are counted and left alone.
func TestForeignNames(t *testing.T) {
	s := newStore(t)
	f := create(t, s, nil)
	foreign := []string{"lost+found", "notes.txt", string(f.ID) + "~", strings.Repeat("A", 32), "\xff\xfe"}
	for _, name := range foreign {
		must(t, os.WriteFile(filepath.Join(s.dir.Name(), name), []byte("theirs"), 0o600))
	}
	ids, n, err := s.List()
	must(t, err)
	if n != len(foreign) || !slices.Equal(ids, []ID{f.ID}) {
		t.Errorf("ids %v, %d foreign", ids, n)
	}
}

// TestListManyFiles crosses the listing's page.
func TestListManyFiles(t *testing.T) {
	s := openIn(t, filepath.Join(tmpfs(t, "size=64m"), "local"))
	var want []ID
	for range 9000 {
		f, err := s.create()
		must(t, err)
		f.Close()
		want = append(want, f.ID)
	}
	slices.Sort(want)
	if got := list(t, s); !slices.Equal(got, want) {
		t.Errorf("%d files listed of %d", len(got), len(want))
	}
}

// TestRelativeToTheDirectory: another directory under the store's path is not the
// store.
func TestRelativeToTheDirectory(t *testing.T) {
	s := newStore(t)
	f := create(t, s, []byte("mine"))
	dir := s.dir.Name()
	must(t, os.Rename(dir, dir+"-moved"))
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, string(newID())), nil, 0o600))

	r, err := s.Open(f.ID)
	must(t, err)
	defer r.Close()
	if got := contentOf(t, r); string(got) != "mine" {
		t.Errorf("content is %q", got)
	}
	if ids := list(t, s); !slices.Equal(ids, []ID{f.ID}) {
		t.Errorf("listed %v, not %v", ids, f.ID)
	}
	must(t, s.Remove([]ID{f.ID}))
	if _, err := os.Lstat(filepath.Join(dir+"-moved", string(f.ID))); err == nil {
		t.Error("not removed")
	}
}

func TestRemove(t *testing.T) {
	s := newStore(t)
	a, b, c := create(t, s, nil), create(t, s, []byte("open")), create(t, s, nil)
	must(t, s.Remove([]ID{a.ID, newID(), b.ID, a.ID}))
	if ids := list(t, s); !slices.Equal(ids, []ID{c.ID}) {
		t.Errorf("left: %v", ids)
	}
	if got := contentOf(t, b); string(got) != "open" {
		t.Errorf("an open file that was removed has %q", got)
	}
	must(t, s.Remove(nil))
	// One that cannot be removed, or has a directory in its place, does not keep the
	// others.
	stuck := newID()
	must(t, os.Mkdir(path(s, stuck), 0o700))
	wantErr(t, "remove", s.Remove([]ID{"no id", stuck, c.ID}), fs.ErrInvalid)
	if ids := list(t, s); !slices.Equal(ids, []ID{stuck}) {
		t.Errorf("left: %v", ids)
	}
	must(t, s.Remove([]ID{stuck}))
}

func TestOpenModes(t *testing.T) {
	s := newStore(t)
	f := create(t, s, []byte("abc"))
	r, err := s.Reopen(f)
	must(t, err)
	defer r.Close()
	if _, err := r.WriteAt([]byte("x"), 0); err == nil {
		t.Error("wrote through a reader")
	}
	w, err := s.OpenWrite(f.ID)
	must(t, err)
	defer w.Close()
	if _, err := w.WriteAt([]byte("x"), 0); err != nil {
		t.Error(err)
	}
	if got := contentOf(t, r); !bytes.Equal(got, []byte("xbc")) {
		t.Errorf("content is %q", got)
	}
	for _, f := range []*File{f, r, w} {
		must(t, f.Control(func(fd int) error {
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if flags&unix.FD_CLOEXEC == 0 {
				t.Error("a child would inherit the descriptor")
			}
			return err
		}))
	}
}

func TestStamp(t *testing.T) {
	s := newStore(t)
	f := create(t, s, random(5000))
	before, err := f.Stamp()
	must(t, err)
	if before.Size != 5000 || before.Blocks == 0 {
		t.Errorf("stamp %+v", before)
	}
	const atime, mtime = 1_600_000_000_123_456_789, 1_700_000_000_987_654_321
	must(t, f.SetTimes(atime, mtime))
	must(t, f.SetIdentity(Identity{Kind: Committed}))
	st, err := f.Stamp()
	must(t, err)
	if st.Mtime != mtime || st.SameContent(before) {
		t.Errorf("stamp %+v", st)
	}
	must(t, f.SetIdentity(Identity{Kind: Copy}))
	again, err := f.Stamp()
	must(t, err)
	if !again.SameContent(st) {
		t.Errorf("an attribute changed the content: %+v, %+v", st, again)
	}
}
