package volume_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// alone keeps uploads from what does not concern them.
func alone(o *volume.Options) { o.Debounce, o.Drain = time.Hour, 0 }

// undrained is for tests that upload, but need not wait for all of it at the end.
func undrained(o *volume.Options) { o.Drain = 0 }

// place is one of two directories in which the same steps are taken: one inside
// the mount, one on the local disk. What the steps note must be the same.
type place struct {
	*testing.T
	dir   string
	notes []string
}

// compare takes the steps on the local disk and in the mount. They note results
// and end by themselves: no step may depend on what a place notes.
func compare(v *volumetest.Volume, name string, steps func(p *place)) {
	v.T.Run(name, func(t *testing.T) {
		plain := &place{T: t, dir: t.TempDir()}
		var st unix.Statfs_t
		must(t, unix.Statfs(plain.dir, &st))
		if st.Type != unix.EXT4_SUPER_MAGIC {
			t.Fatalf("%s is not on ext4, which the mount is compared with: set TMPDIR", plain.dir)
		}
		mount := &place{T: t, dir: v.Join(name)}
		must(t, os.Mkdir(mount.dir, 0o755))
		for _, p := range []*place{plain, mount} {
			open777(t, p.dir)
			steps(p)
		}
		if len(plain.notes) == 0 {
			t.Fatal("no step noted anything")
		}
		for i := range max(len(plain.notes), len(mount.notes)) {
			if a, b := plain.at(i), mount.at(i); a != b {
				t.Errorf("on the local disk: %s\n           in the mount: %s", a, b)
			}
		}
	})
}

// open777 lets everybody into dir, and through the directories above it that the
// test made.
func open777(t testing.TB, dir string) {
	t.Helper()
	must(t, os.Chmod(dir, 0o777))
	top := filepath.Clean(os.TempDir())
	for d := filepath.Dir(dir); strings.HasPrefix(d, top+"/"); d = filepath.Dir(d) {
		st, err := os.Stat(d)
		must(t, err)
		must(t, os.Chmod(d, st.Mode().Perm()|0o011))
	}
}

func (p *place) at(i int) string {
	if i < len(p.notes) {
		return p.notes[i]
	}
	return "nothing"
}

// path returns a path below the place. It cleans nothing away: a trailing slash
// has a meaning.
func (p *place) path(elem ...string) string {
	return p.dir + "/" + strings.Join(elem, "/")
}

// note remembers a result.
func (p *place) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// try notes how a step ended.
func (p *place) try(what string, err error) {
	p.note("%s: %s", what, ending(err))
}

// ending names the errno in err, which differs in nothing but that from one place
// to the other.
func ending(err error) string {
	if err == nil {
		return "ok"
	}
	if errno, ok := errnoIn(err); ok {
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

// make writes a file and fails the test if that does not work.
func (p *place) make(name, content string) {
	p.Helper()
	must(p.T, os.WriteFile(p.path(name), []byte(content), 0o644))
}

// stat notes what lstat tells, but for what no two file systems agree on.
func (p *place) stat(name string) {
	var st unix.Stat_t
	if err := unix.Lstat(p.path(name), &st); err != nil {
		p.try("lstat "+name, err)
		return
	}
	p.note("%s is %s", name, described(&st))
}

func described(st *unix.Stat_t) string {
	s := fmt.Sprintf("mode %o, %d links, owner %d:%d, device %x", st.Mode, st.Nlink, st.Uid, st.Gid, st.Rdev)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		s += fmt.Sprintf(", %d bytes", st.Size)
	}
	return s
}

// tree notes all names below the place and what they are.
func (p *place) tree() {
	p.Helper()
	must(p.T, filepath.WalkDir(p.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(p.dir, path)
		if err == nil && rel != "." {
			p.stat(rel)
		}
		return err
	}))
}

// read notes a file's content.
func (p *place) read(name string) {
	b, err := os.ReadFile(p.path(name))
	p.note("%s holds %s: %s", name, brief(b), ending(err))
}

// user is who takes a step.
type user struct {
	uid, gid int
	groups   []uint32
}

// as calls do with the rights of u, in another goroutine: it must not call Fatal.
func as(t testing.TB, u user, do func()) {
	t.Helper()
	done := make(chan error)
	go func() { done <- u.act(do) }()
	must(t, <-done)
}

// act changes this thread only, which the library's calls do not, and changes it
// back. The saved user id stays root's for that; no access is decided by it.
func (u user) act(do func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	groups := u.groups
	if len(groups) == 0 {
		groups = []uint32{uint32(u.gid)}
	}
	if err := setIDs(u.uid, u.gid, groups); err != nil {
		return err
	}
	do()
	if err := setIDs(0, 0, []uint32{0}); err != nil {
		panic(err) // the thread would go on with the rights of another
	}
	return nil
}

func setIDs(uid, gid int, groups []uint32) error {
	users := func(call uintptr, r, e, s int) error {
		if _, _, errno := syscall.RawSyscall(call, uintptr(r), uintptr(e), uintptr(s)); errno != 0 {
			return errno
		}
		return nil
	}
	if uid == 0 {
		if err := users(unix.SYS_SETRESUID, 0, 0, 0); err != nil {
			return err
		}
	}
	if err := setGroups(groups); err != nil {
		return err
	}
	if err := users(unix.SYS_SETRESGID, gid, gid, gid); err != nil {
		return err
	}
	return users(unix.SYS_SETRESUID, uid, uid, 0)
}

// sorted returns the names in a directory.
func sorted(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// crashed copies a volume's state as a crash of the process at this moment would leave
// it, and returns where to. The files of the database belong together: they are copied
// again if one of them changed meanwhile.
func crashed(v *volumetest.Volume) string {
	t := v.T
	t.Helper()
	to := v.Options.State + ".crash"
	stamps := func() (s string) {
		for _, name := range []string{"meta.db", "meta.db-wal", "meta.db-mark"} {
			st, err := os.Stat(filepath.Join(v.Options.State, name))
			must(t, err)
			s += fmt.Sprintln(name, st.Size(), st.ModTime().UnixNano())
		}
		return s
	}
	for range 1000 {
		before := stamps()
		must(t, os.RemoveAll(to))
		must(t, exec.CommandContext(t.Context(), "cp", "-a", v.Options.State, to).Run())
		if stamps() == before {
			return to
		}
	}
	t.Fatal("the database is never at rest")
	return ""
}
