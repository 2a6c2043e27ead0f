package volume_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

// TestPosixPrivilegesInUse: a file that others have open loses its privileges by a
// change of its content as any other does.
func TestPosixPrivilegesInUse(t *testing.T) {
	volumetest.Each(t, alone, func(v *volumetest.Volume) {
		compare(v, "beside a reader", func(p *place) { loseInUse(p, unix.O_RDONLY, false) })
		compare(v, "beside a writer", func(p *place) { loseInUse(p, unix.O_RDWR, false) })
		compare(v, "given while open", func(p *place) { loseInUse(p, unix.O_RDWR, true) })
	})
}

// loseInUse changes files, by a descriptor that may write, that somebody else opened
// first with the flags given. They get their privileges before that, or when all is open.
func loseInUse(p *place, flags int, late bool) {
	p.make("source", "source")
	source, err := os.Open(p.path("source"))
	must(p.T, err)
	defer source.Close()
	changes := []struct {
		name string
		do   func(fd int) error
	}{
		{"read", func(fd int) error { _, err := unix.Pread(fd, make([]byte, 5), 0); return err }},
		{"write", func(fd int) error { _, err := unix.Pwrite(fd, []byte("xx"), 3); return err }},
		{"ftruncate", func(fd int) error { return unix.Ftruncate(fd, 4) }},
		{"fallocate", func(fd int) error { return unix.Fallocate(fd, 0, 0, 5000) }},
		{"copy", func(fd int) error {
			_, err := unix.CopyFileRange(int(source.Fd()), new(int64), fd, new(int64), 5, 0)
			return err
		}},
	}
	for _, change := range changes {
		for _, mode := range []uint32{0o4755, 0o2777, 0o6777, 0o4666} {
			for _, u := range others {
				p.make("f", "ten bytes.")
				must(p.T, unix.Chown(p.path("f"), 1234, 77))
				if !late {
					must(p.T, unix.Chmod(p.path("f"), mode))
				}
				first, err := unix.Open(p.path("f"), flags, 0)
				must(p.T, err)
				fd, err := unix.Open(p.path("f"), unix.O_RDWR, 0) // as root: only the change is made by others
				must(p.T, err)
				if late {
					must(p.T, unix.Chmod(p.path("f"), mode))
				}
				what := fmt.Sprintf("%s of %o by %d", change.name, mode, u.uid)
				as(p.T, u, func() { p.note("after %s, %s,", what, ending(change.do(fd))) })
				p.notes[len(p.notes)-1] += modeOf(p, "f")
				p.stat("f")
				must(p.T, errors.Join(unix.Close(fd), unix.Close(first)))
				p.stat("f")
				must(p.T, os.Remove(p.path("f")))
			}
		}
	}
}

// modeOf returns a file's mode, in words of the notes.
func modeOf(p *place, name string) string {
	st, err := os.Stat(p.path(name))
	must(p.T, err)
	return fmt.Sprintf(" it is %v", st.Mode())
}
