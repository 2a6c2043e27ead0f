package volume_test

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixAccessTimes(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "files", accessFiles)
		if v.Options.Passthrough {
			// Else the kernel answers who has a file open from its cache, and does not
			// tell.
			compare(v, "open files", accessOpenFiles)
		}
		compare(v, "others", accessOthers)
	})
}

// accessed notes whether a step moved a node's access time, and nothing else.
func (p *place) accessed(name, what string, step func() error) {
	p.Helper()
	p.tick()
	before, _ := p.times(name)
	p.try(what, step())
	after, _ := p.times(name)
	p.note("%s: accessed %v, modified %v, changed %v", what, before.Atim != after.Atim, before.Mtim != after.Mtim, before.Ctim != after.Ctim)
	if now := time.Now(); before.Atim != after.Atim && now.Sub(time.Unix(after.Atim.Unix())) > time.Minute {
		p.Errorf("%s: the access time became %v", what, after.Atim)
	}
}

// setAccess sets the access time to so long ago, and the modification time too.
func (p *place) setAccess(name string, access, modification time.Duration) {
	p.Helper()
	now := time.Now()
	must(p.T, unix.UtimesNanoAt(unix.AT_FDCWD, p.path(name), []unix.Timespec{
		unix.NsecToTimespec(now.Add(-access).UnixNano()), unix.NsecToTimespec(now.Add(-modification).UnixNano())}, unix.AT_SYMLINK_NOFOLLOW))
}

func (p *place) reader(name string, flags int) func() error {
	return withOpenAt(p.path(name), flags, func(fd int) error { _, err := unix.Read(fd, make([]byte, 100)); return err })
}

func withOpenAt(path string, flags int, do func(fd int) error) func() error {
	return func() error { return withOpen(flags, do)(path) }
}

// accessFiles opens a file, reads it and closes it.
func accessFiles(p *place) {
	p.make("f", "some content")
	read := p.reader("f", unix.O_RDONLY)
	p.accessed("f", "read", read)
	p.accessed("f", "read again", read)
	p.setAccess("f", 2*time.Hour, time.Hour)
	p.accessed("f", "read what was modified", read)
	p.accessed("f", "read again", read)
	must(p.T, os.Chmod(p.path("f"), 0o600))
	p.accessed("f", "read what was changed", read)
	p.accessed("f", "read again", read)
	must(p.T, os.Rename(p.path("f"), p.path("g")))
	must(p.T, os.Rename(p.path("g"), p.path("f")))
	p.accessed("f", "read what was renamed", read)
	must(p.T, os.Link(p.path("f"), p.path("g")))
	p.accessed("f", "read what was linked", read)
	must(p.T, os.Remove(p.path("g")))
	p.accessed("f", "read what was unlinked elsewhere", read)
	must(p.T, unix.Setxattr(p.path("f"), "user.x", []byte("x"), 0))
	p.accessed("f", "read what got an attribute", read)
	must(p.T, unix.Removexattr(p.path("f"), "user.x"))
	p.accessed("f", "read what lost an attribute", read)
	p.accessed("f", "read again", read)
	p.setAccess("f", 25*time.Hour, 26*time.Hour)
	p.accessed("f", "read a day later", read)
	p.make("f", "other content")
	p.accessed("f", "open", withOpenAt(p.path("f"), unix.O_RDONLY, func(int) error { return nil }))
	p.accessed("f", "open for both", withOpenAt(p.path("f"), unix.O_RDWR, func(int) error { return nil }))
	p.accessed("f", "read without trace", p.reader("f", unix.O_RDONLY|unix.O_NOATIME))
	p.accessed("f", "stat", func() error { return nil })
	p.accessed("f", "write", withOpenAt(p.path("f"), unix.O_WRONLY, func(fd int) error { _, err := unix.Write(fd, []byte("x")); return err }))
	p.accessed("f", "read by who may write", p.reader("f", unix.O_RDWR))
	p.make("f", "other content")
	p.accessed("f", "sendfile", withOpenAt(p.path("f"), unix.O_RDONLY, func(fd int) error {
		to, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer to.Close()
		_, err = unix.Sendfile(int(to.Fd()), fd, nil, 100)
		return err
	}))
	p.program("true", "program")
	p.accessed("program", "run", func() error { _, err := shell(p, `"$DIR/program"`); return err })
	p.accessed("program", "run again", func() error { _, err := shell(p, `"$DIR/program"`); return err })
	// As programs do that look at files and leave no trace.
	p.make("kept", "some content")
	p.setAccess("kept", 3*time.Hour, 2*time.Hour)
	before, _ := p.times("kept")
	must(p.T, withOpenAt(p.path("kept"), unix.O_RDONLY, func(fd int) error {
		if _, err := unix.Read(fd, make([]byte, 10)); err != nil {
			return err
		}
		return unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), []unix.Timespec{before.Atim, {Nsec: unix.UTIME_OMIT}}, 0)
	})())
	after, _ := p.times("kept")
	p.note("put back: %v", before.Atim == after.Atim)
	p.accessed("kept", "read after that", p.reader("kept", unix.O_RDONLY))
}

// accessOpenFiles reads what stays open, beside writers.
func accessOpenFiles(p *place) {
	p.make("f", "some content")
	r, err := os.Open(p.path("f"))
	must(p.T, err)
	defer r.Close()
	read := func() error { _, err := r.ReadAt(make([]byte, 5), 0); return err }
	p.accessed("f", "read", read)
	p.accessed("f", "read again", read)
	must(p.T, os.WriteFile(p.path("f"), []byte("rewritten"), 0))
	p.accessed("f", "read what was rewritten", read)
	p.accessed("f", "read again", read)
	w, err := os.OpenFile(p.path("f"), os.O_RDWR, 0)
	must(p.T, err)
	defer w.Close()
	write(p.T, w, []byte("w"), 0)
	p.accessed("f", "read what is open for writing", read)
	write(p.T, w, []byte("ww"), 0)
	p.accessed("f", "sync", w.Sync)
	p.accessed("f", "read what was synced", func() error { _, err := w.ReadAt(make([]byte, 5), 0); return err })
	p.setAccess("f", 2*time.Hour, time.Hour)
	p.accessed("f", "read what was modified", read)
	must(p.T, w.Close())
	p.accessed("f", "read again", read)
	p.setAccess("f", 2*time.Hour, time.Hour)
	p.accessed("f", "read what was modified", read)
	must(p.T, r.Close())
	p.accessed("f", "nothing", func() error { return nil })
}

// accessOthers reads directories and symlinks.
func accessOthers(p *place) {
	must(p.T, os.Mkdir(p.path("d"), 0o755))
	list := func() error { _, err := os.ReadDir(p.path("d")); return err }
	p.accessed("d", "list", list)
	p.accessed("d", "list again", list)
	p.make("d/f", "x")
	p.accessed("d", "list a changed one", list)
	p.accessed("d", "list again", list)
	p.accessed("d", "look up", func() error { return unix.Access(p.path("d/f"), unix.F_OK) })
	must(p.T, os.Symlink("d", p.path("l")))
	follow := func() error { _, err := os.Stat(p.path("l/f")); return err }
	p.accessed("l", "follow", follow)
	p.accessed("l", "follow again", follow)
	p.setAccess("l", 2*time.Hour, time.Hour)
	p.accessed("l", "read", func() error { _, err := os.Readlink(p.path("l")); return err })
	p.accessed("l", "follow again", follow)
}

// TestPosixAccessTimesFetched: what was read counts as read wherever it was, and
// over a remount.
func TestPosixAccessTimesFetched(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		t := v.T
		p := &place{T: t, dir: v.Path}
		const small, large = 10_000, 10 << 20
		for name, size := range map[string]int{"small": small, "large": large, "quiet": small, "fresh": small} {
			v.Write(name, random(size))
			p.setAccess(name, 2*time.Hour, time.Hour)
			awaitS3(v, name)
		}
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, v.Join("fresh"), []unix.Timespec{{Sec: time.Now().Unix() + 5}, {Nsec: unix.UTIME_OMIT}}, 0))
		before := make(map[string]unix.Stat_t)
		v.EvictAll()
		for _, name := range []string{"small", "large", "quiet", "fresh"} {
			before[name], _ = p.times(name)
			flags := os.O_RDONLY
			if name == "quiet" {
				flags |= unix.O_NOATIME
			}
			f := open(v, name, flags)
			_, err := io.Copy(io.Discard, f)
			must(t, err)
			must(t, f.Close())
		}
		check := func(when string) {
			t.Helper()
			for name, b := range before {
				st, _ := p.times(name)
				want := name == "small" || name == "large"
				if moved := st.Atim != b.Atim; moved != want || st.Mtim != b.Mtim || st.Ctim != b.Ctim {
					t.Errorf("%s, %s: access time moved: %v; %+v was %+v", when, name, moved, st, b)
				}
			}
		}
		check("after the read")
		v.Unmount()
		v.Mount()
		check("after a remount")
	})
}
