package volume_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixOpen(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "flags", openFlags)
		compare(v, "exclusive", openExclusive)
		compare(v, "append", appendTogether)
		compare(v, "offsets", useOffsets)
		compare(v, "direct", useDirect)
		compare(v, "path", openPath)
		compare(v, "resolve", openResolve)
		compare(v, "again", openAgain)
		compare(v, "many", openMany)
		const spares = 64 // local files that lie ready for writers
		v.Await("no descriptor of a local file", func() bool { return localDescriptors(v) <= spares })
	})
}

// openFlags opens each kind of node with each set of flags.
func openFlags(p *place) {
	flags := map[string]int{
		"read": unix.O_RDONLY, "write": unix.O_WRONLY, "both": unix.O_RDWR, "neither": unix.O_ACCMODE,
		"create": unix.O_CREAT | unix.O_RDWR, "exclusive": unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY,
		"truncate": unix.O_TRUNC | unix.O_WRONLY, "truncate for reading": unix.O_TRUNC, "directory": unix.O_DIRECTORY,
		"create directory": unix.O_CREAT | unix.O_DIRECTORY, "no follow": unix.O_NOFOLLOW,
		"create no follow": unix.O_CREAT | unix.O_NOFOLLOW | unix.O_RDWR, "no access time": unix.O_NOATIME,
		"path": unix.O_PATH, "append": unix.O_APPEND | unix.O_WRONLY, "truncate append": unix.O_APPEND | unix.O_TRUNC | unix.O_RDWR,
	}
	var names []string
	for name := range flags {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, kind := range kinds {
		for _, name := range names {
			dir := kind.name + " " + name
			must(p.T, os.MkdirAll(p.path(dir), 0o777))
			must(p.T, os.Chmod(p.path(dir), 0o777))
			kind.make(p, dir+"/x")
			for _, u := range []user{{}, {uid: 1234, gid: 1234}} {
				as(p.T, u, func() {
					fd, err := unix.Open(p.path(dir, "x"), flags[name]|unix.O_NONBLOCK, 0o640)
					p.try(fmt.Sprintf("%s by %d", dir, u.uid), err)
					if err == nil {
						p.try("close", unix.Close(fd))
					}
				})
			}
		}
	}
	p.tree()
}

// openExclusive lets many make the same name: one of them does.
func openExclusive(p *place) {
	for i := range 10 {
		var made, refused atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				f, err := os.OpenFile(p.path(fmt.Sprint(i)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
				switch {
				case err == nil:
					made.Add(1)
					f.Close()
				case os.IsExist(err):
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		p.note("made by %d, refused to %d", made.Load(), refused.Load())
	}
	p.tree()
}

// appendTogether writes lines from many processes; none is lost or torn.
func appendTogether(p *place) {
	const writers, lines = 4, 500
	p.make("log", "")
	out, err := shell(p, fmt.Sprintf(`for w in 0 1 2 3; do
		(i=0; text=x; while [ $i -lt %d ]; do echo $w $i $text; i=$((i+1)); text=x$text
			[ ${#text} -lt 50 ] || text=x; done) >>"$DIR/log" & done; wait`, lines))
	p.note("%s: %s", out, ending(err))
	b, err := os.ReadFile(p.path("log"))
	must(p.T, err)
	next := make([]int, writers)
	for _, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		var w, n int
		var rest string
		if _, err := fmt.Sscanf(line, "%d %d %s", &w, &n, &rest); err != nil || w >= writers || len(rest) != n%49+1 || n != next[w] {
			p.Fatalf("line %q; writer %d is at %d", line, w, next[w])
		}
		next[w]++
	}
	p.note("lines %v", next)
}

// useOffsets reads and writes where there is nothing, or not allowed.
func useOffsets(p *place) {
	p.make("f", "0123456789")
	f, err := os.OpenFile(p.path("f"), os.O_RDWR|os.O_APPEND, 0)
	must(p.T, err)
	defer func() { f.Close() }()
	fd := int(f.Fd())
	n, err := unix.Pwrite(fd, []byte("ab"), 3) // Linux appends all the same
	p.note("pwrite of an appender: %d %s", n, ending(err))
	p.read("f")
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	p.note("flags %x: %s", flags&^unix.O_LARGEFILE, ending(err))
	must(p.T, f.Close())
	f, err = os.OpenFile(p.path("f"), os.O_RDWR, 0)
	must(p.T, err)
	fd = int(f.Fd())
	n, err = unix.Pwrite(fd, []byte("cd"), 3)
	p.note("pwrite: %d %s", n, ending(err))
	p.read("f")
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, unix.O_APPEND)
	p.try("appender from now on", err)
	n, err = unix.Pwrite(fd, []byte("ef"), 3)
	p.note("pwrite: %d %s", n, ending(err))
	p.read("f")
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, 0)
	p.try("no appender any more", err)
	for _, off := range []int64{0, 11, 12, 5000, -1, 1<<63 - 1, 1 << 62} {
		n, err := unix.Pread(fd, make([]byte, 4), off)
		p.note("read at %d: %d %s", off, n, ending(err))
		if off <= 5000 { // the kernel lets a FUSE file have any size
			pos, err := unix.Seek(fd, off, io.SeekStart)
			p.note("seek to %d: %d %s", off, pos, ending(err))
		}
		n, err = unix.Pread(fd, nil, off)
		p.note("read of nothing at %d: %d %s", off, n, ending(err))
		p.try("truncate", unix.Ftruncate(fd, off))
		p.try("fallocate", unix.Fallocate(fd, 0, off, 1))
		p.stat("f")
	}
	n, err = unix.Pwritev(fd, [][]byte{[]byte("one "), nil, []byte("two")}, 0)
	p.note("pwritev: %d %s", n, ending(err))
	parts := [][]byte{make([]byte, 2), make([]byte, 100)}
	n, err = unix.Preadv(fd, parts, 0)
	p.note("preadv: %d %s %q %q", n, ending(err), parts[0], bytes.TrimRight(parts[1], "\x00"))
	pos, err := unix.Seek(fd, -3, io.SeekEnd)
	p.note("seek from the end: %d %s", pos, ending(err))
	w, err := os.OpenFile(p.path("f"), os.O_WRONLY, 0)
	must(p.T, err)
	defer w.Close()
	_, err = w.Read(make([]byte, 1))
	p.try("read of a writer", err)
	_, err = unix.Read(int(w.Fd()), nil)
	p.try("read of nothing of a writer", err)
}

// useDirect reads and writes past the cache, in pieces a disk can do.
func useDirect(p *place) {
	const block = 4096
	whole := make([]byte, 5*block)
	at := block - int(uintptr(addressOf(whole))%block)
	buf := whole[at : at+3*block]
	for i := range buf {
		buf[i] = byte(i / 7)
	}
	fd, err := unix.Open(p.path("f"), unix.O_CREAT|unix.O_RDWR|unix.O_DIRECT, 0o644)
	p.try("open", err)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	n, err := unix.Pwrite(fd, buf, 0)
	p.note("write: %d %s", n, ending(err))
	n, err = unix.Pwrite(fd, buf[:block], 10*block)
	p.note("write behind the end: %d %s", n, ending(err))
	clear(buf)
	n, err = unix.Pread(fd, buf, block)
	p.note("read: %d %s %x", n, ending(err), buf[block-1:block+1])
	n, err = unix.Pread(fd, buf, 10*block)
	p.note("read across the end: %d %s", n, ending(err))
	n, err = unix.Pread(fd, buf, 11*block)
	p.note("read behind the end: %d %s", n, ending(err))
	b, err := os.ReadFile(p.path("f"))
	must(p.T, err)
	p.note("%d bytes, %x", len(b), b[block:block+8])
	p.stat("f")
}

// openMany opens 5,000 files at the same time.
func openMany(p *place) {
	const number = 5000
	must(p.T, os.Mkdir(p.path("d"), 0o755))
	p.make("d/f", "one of many")
	for i := range 50 {
		p.make(fmt.Sprintf("d/%d", i), fmt.Sprint("file ", i))
	}
	files := make([]*os.File, 0, number)
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for i := range number {
		f, err := os.Open(p.path("d", fmt.Sprint(i%50)))
		if err != nil {
			p.Fatalf("open of file %d: %v", i, err)
		}
		files = append(files, f)
	}
	for i := 0; i < number; i += 97 {
		if got, want := string(contentOf(p.T, files[i])), fmt.Sprint("file ", i%50); got != want {
			p.Errorf("descriptor %d holds %q", i, got)
		}
	}
	p.note("%d files are open", len(files))
}

// localDescriptors counts this process's descriptors of local files.
func localDescriptors(v *volumetest.Volume) int {
	v.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(v.T, err)
	n := 0
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && strings.HasPrefix(target, v.LocalFile("")+"/") {
			n++
		}
	}
	return n
}
