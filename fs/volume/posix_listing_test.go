package volume_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

// TestPosixListings has nothing to do with the way to the content.
func TestPosixListings(t *testing.T) {
	v := volumetest.Start(t, alone)
	compare(v, "kinds", listKinds)
	compare(v, "removing", listAndRemove)
	compare(v, "changing", listAndChange)
	compare(v, "positions", listPositions)
	compare(v, "buffers", listBuffers)
}

// dirent is an entry as getdents64 gives it.
type dirent struct {
	name string
	ino  uint64
	kind byte
	next int64 // the position behind it
}

// list reads one buffer full of entries.
func (p *place) list(fd, size int) []dirent {
	p.Helper()
	b := make([]byte, size)
	n, err := unix.Getdents(fd, b)
	must(p.T, err)
	var entries []dirent
	for b = b[:n]; len(b) > 0; {
		length := binary.NativeEndian.Uint16(b[16:])
		name, _, _ := strings.Cut(string(b[19:length]), "\x00")
		entries = append(entries, dirent{name, binary.NativeEndian.Uint64(b), b[18], int64(binary.NativeEndian.Uint64(b[8:]))})
		b = b[length:]
	}
	return entries
}

func (p *place) openDir(name string) int {
	p.Helper()
	fd, err := unix.Open(p.path(name), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(p.T, err)
	p.Cleanup(func() { unix.Close(fd) })
	return fd
}

// all lists a directory from where it is to its end.
func (p *place) all(fd, size int) []dirent {
	p.Helper()
	var all []dirent
	for {
		some := p.list(fd, size)
		if len(some) == 0 {
			return all
		}
		all = append(all, some...)
	}
}

// listKinds notes each entry's type, and that its number is that of stat.
func listKinds(p *place) {
	for _, kind := range kinds[1:] {
		kind.make(p, kind.name)
	}
	for name, mode := range map[string]uint32{"char": unix.S_IFCHR, "block": unix.S_IFBLK, "socket": unix.S_IFSOCK} {
		must(p.T, unix.Mknod(p.path(name), mode|0o600, int(unix.Mkdev(1, 3))))
	}
	entries := p.all(p.openDir("."), 4096)
	slices.SortFunc(entries, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
	for _, e := range entries {
		st, ok := p.times(e.name)
		p.note("%s is of type %d, there %v, same number %v", e.name, e.kind, ok, e.name == ".." || st.Ino == e.ino)
	}
}

// listAndRemove removes what it was shown, piece by piece.
func listAndRemove(p *place) {
	const number = 1000
	for _, size := range []int{280, 4096} {
		must(p.T, os.Mkdir(p.path("d"), 0o755))
		for i := range number {
			must(p.T, unix.Symlink("x", p.path("d", fmt.Sprint(i))))
		}
		fd, removed := p.openDir("d"), 0
		for {
			entries := p.list(fd, size)
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				if e.name == "." || e.name == ".." {
					continue
				}
				if err := unix.Unlinkat(fd, e.name, 0); err != nil {
					p.Errorf("unlink of %s, which was listed: %v", e.name, err)
				}
				removed++
			}
		}
		p.note("%d names removed", removed)
		p.try("removal of the rest", os.RemoveAll(p.path("d")))
	}
}

// listAndChange shows what stays once and once only, whatever comes and goes.
func listAndChange(p *place) {
	const number = 600
	for i := range number {
		must(p.T, unix.Symlink("x", p.path(fmt.Sprintf("stays%d", i))))
		must(p.T, unix.Symlink("x", p.path(fmt.Sprintf("goes%d", i))))
	}
	fd := p.openDir(".")
	seen := make(map[string]int)
	for i := 0; ; i++ {
		entries := p.list(fd, 1024)
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			seen[e.name]++
		}
		for j := i * 10; j < i*10+10 && j < number; j++ {
			must(p.T, unix.Unlink(p.path(fmt.Sprintf("goes%d", number-1-j))))
			must(p.T, unix.Symlink("x", p.path(fmt.Sprintf("comes%d", j))))
			must(p.T, unix.Rename(p.path(fmt.Sprintf("comes%d", j)), p.path(fmt.Sprintf("a%d", j))))
		}
	}
	missing := 0
	for i := range number {
		if seen[fmt.Sprintf("stays%d", i)] == 0 {
			missing++
		}
	}
	p.note("%d of %d that stay were not listed; most often listed: %d times", missing, number, slices.Max(slices.Collect(maps.Values(seen))))
}

// listPositions goes to each position that was given out, and to the beginning.
func listPositions(p *place) {
	const number = 300
	for i := range number {
		must(p.T, unix.Symlink("x", p.path(fmt.Sprint(i))))
	}
	fd := p.openDir(".")
	entries := p.all(fd, 4096)
	p.note("%d entries", len(entries))
	for i := len(entries) - 2; i >= 0; i -= 7 {
		if _, err := unix.Seek(fd, entries[i].next, 0); err != nil {
			p.Fatalf("seek to %d: %v", entries[i].next, err)
		}
		if rest := p.list(fd, 4096); len(rest) == 0 || rest[0] != entries[i+1] {
			p.Errorf("behind %+v there is %+v, not %+v", entries[i], rest[:min(1, len(rest))], entries[i+1])
		}
	}
	must(p.T, unix.Symlink("x", p.path("new")))
	_, err := unix.Seek(fd, 0, 0)
	p.try("rewind", err)
	p.note("%d entries", len(p.all(fd, 4096)))
	_, err = unix.Seek(fd, -1, 0)
	p.try("seek to a negative position", err)
	must(p.T, withOpen(unix.O_RDONLY, func(fd int) error {
		_, err := unix.Read(fd, make([]byte, 10))
		p.try("read", err)
		return nil
	})(p.dir))
	_, err = unix.Write(fd, make([]byte, 10))
	p.try("write", err)
}

// listBuffers asks with buffers of odd sizes.
func listBuffers(p *place) {
	long := strings.Repeat("n", 255)
	must(p.T, unix.Symlink("x", p.path(long)))
	for _, size := range []int{0, 1, 23, 24, 100, 279, 280, 10_000} {
		fd := p.openDir(".")
		var names []string
		var err error
		for {
			var n int
			b := make([]byte, size)
			if n, err = unix.Getdents(fd, b); err != nil || n <= 0 {
				break
			}
			names = append(names, strings.Repeat(".", strings.Count(string(b[:n]), ".")), fmt.Sprint(strings.Contains(string(b[:n]), long)))
		}
		p.note("%d bytes: %s", size, ending(err))
		if size >= 280 {
			p.note("%v", slices.Contains(names, "true"))
		}
	}
	_, err := unix.Getdents(p.openDir("."), nil)
	p.try("no buffer", err)
}
