package volume_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixPrograms(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "run", runPrograms)
		compare(v, "busy", busyPrograms)
	})
}

// program copies a program of this machine to the place.
func (p *place) program(name, to string) {
	p.Helper()
	path, err := exec.LookPath(name)
	must(p.T, err)
	b, err := os.ReadFile(path)
	must(p.T, err)
	must(p.T, os.WriteFile(p.path(to), b, 0o755))
}

// runPrograms runs what lies there.
func runPrograms(p *place) {
	p.program("echo", "binary")
	p.make("script", "#!/bin/sh\necho script \"$@\"\n")
	p.make("interpreted", "#!"+p.path("binary")+"\n")
	p.make("empty", "")
	p.make("nonsense", "\x7fELF but no more")
	for _, name := range []string{"binary", "script", "interpreted", "empty", "nonsense"} {
		for _, mode := range []os.FileMode{0o755, 0o644, 0o111} {
			must(p.T, os.Chmod(p.path(name), mode))
			out, err := shell(p, `"$DIR/`+name+`" argument 2>&1`)
			p.note("%s with mode %o: %s %s", name, mode, strings.ReplaceAll(out, p.dir, "DIR"), ending(err))
		}
	}
	must(p.T, os.Chmod(p.path("binary"), 0o755))
	must(p.T, os.Symlink("binary", p.path("symlink")))
	must(p.T, os.Link(p.path("binary"), p.path("link")))
	out, err := shell(p, `cd "$DIR" && ./symlink a && ./link b && PATH=. link c && rm binary && ./link d; ./binary e 2>/dev/null`)
	p.note("%s %s", out, ending(err))
}

// busyPrograms writes to what runs, and runs what is written to.
func busyPrograms(p *place) {
	p.program("cat", "cat")
	w, err := os.OpenFile(p.path("cat"), os.O_WRONLY|os.O_APPEND, 0)
	must(p.T, err)
	out, err := shell(p, `"$DIR/cat" </dev/null 2>&1`)
	p.note("run while open for writing: %s %s", strings.ReplaceAll(out, p.dir, "DIR"), ending(err))
	must(p.T, w.Close())

	running := exec.CommandContext(p.Context(), "/bin/sh", "-c", `exec "$0"`, p.path("cat"))
	in, err := running.StdinPipe()
	must(p.T, err)
	from, err := running.StdoutPipe()
	must(p.T, err)
	must(p.T, running.Start())
	hear := func(text string) {
		p.Helper()
		_, err := io.WriteString(in, text)
		must(p.T, err)
		b := make([]byte, len(text))
		_, err = io.ReadFull(from, b)
		p.note("heard %q: %s", b, ending(err))
	}
	hear("running")
	for name, flags := range map[string]int{"write": unix.O_WRONLY, "both": unix.O_RDWR, "truncate": unix.O_WRONLY | unix.O_TRUNC} {
		fd, err := unix.Open(p.path("cat"), flags, 0)
		if err == nil {
			unix.Close(fd)
		}
		fails(p.T, "open of a running program: "+name, err, unix.ETXTBSY)
	}
	p.try("truncate", unix.Truncate(p.path("cat"), 0))
	p.try("chmod", os.Chmod(p.path("cat"), 0o700))
	p.try("rename", os.Rename(p.path("cat"), p.path("moved")))
	hear("moved")
	p.make("new", "another")
	p.try("replace", os.Rename(p.path("new"), p.path("moved")))
	hear("replaced")
	must(p.T, in.Close())
	p.try("end", running.Wait())
	p.read("moved")
}

// TestPosixNoSetuid: a program of the mount never runs with the rights of its owner.
func TestPosixNoSetuid(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		t := v.T
		p := &place{T: t, dir: v.Path}
		open777(t, v.Path)
		p.program("id", "id")
		must(t, os.Chmod(v.Join("id"), 0o6755|os.ModeSetuid|os.ModeSetgid))
		as(t, user{uid: 1234, gid: 1234}, func() {
			out, err := shell(p, `"$DIR/id" -u; "$DIR/id" -g`)
			if err != nil || out != "1234\n1234\n" {
				t.Errorf("who runs it is %q: %v", out, err)
			}
		})
		if st := lstat(v, "id"); st.Mode&(unix.S_ISUID|unix.S_ISGID) != unix.S_ISUID|unix.S_ISGID {
			t.Errorf("mode %o: the bits themselves stay", st.Mode)
		}
		must(t, unix.Mknod(v.Join("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		_, err := os.ReadFile(v.Join("null"))
		if !errors.Is(err, unix.EACCES) {
			t.Errorf("a device of the mount opens: %v", err)
		}
	})
}
