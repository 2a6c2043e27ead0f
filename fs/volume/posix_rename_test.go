package volume_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixRename(t *testing.T) {
	volumetest.Each(t, alone, func(v *volumetest.Volume) {
		compare(v, "kinds", renameKinds)
		compare(v, "places", renamePlaces)
		compare(v, "in use", renameInUse)
		compare(v, "rights", renameRights)
	})
}

// TestPosixRenameChildren has nothing to do with the way to the content.
func TestPosixRenameChildren(t *testing.T) {
	compare(volumetest.Start(t, alone), "children", renameChildren)
}

// kinds make what can have a name.
var kinds = []struct {
	name string
	make func(p *place, name string)
}{
	{"nothing", func(*place, string) {}},
	{"file", func(p *place, name string) { p.make(name, name) }},
	{"symlink", func(p *place, name string) { must(p.T, os.Symlink("x", p.path(name))) }},
	{"fifo", func(p *place, name string) { must(p.T, unix.Mkfifo(p.path(name), 0o600)) }},
	{"empty", func(p *place, name string) { must(p.T, os.Mkdir(p.path(name), 0o755)) }},
	{"full", func(p *place, name string) { must(p.T, os.MkdirAll(p.path(name, "sub"), 0o755)) }},
}

// renameKinds moves each kind of node over each other, in every way.
func renameKinds(p *place) {
	ways := map[string]uint{"replace": 0, "noreplace": unix.RENAME_NOREPLACE, "exchange": unix.RENAME_EXCHANGE,
		"both": unix.RENAME_NOREPLACE | unix.RENAME_EXCHANGE, "unknown": 1 << 10}
	for _, way := range []string{"replace", "noreplace", "exchange", "both", "unknown"} {
		for _, from := range kinds {
			for _, to := range kinds {
				if (way == "both" || way == "unknown") && from.name != to.name {
					continue // refused before anybody looks
				}
				dir := fmt.Sprintf("%s %s %s", way, from.name, to.name)
				must(p.T, os.MkdirAll(p.path(dir, "a"), 0o755))
				must(p.T, os.Mkdir(p.path(dir, "b"), 0o755))
				from.make(p, dir+"/a/from")
				to.make(p, dir+"/b/to")
				p.try(dir, unix.Renameat2(unix.AT_FDCWD, p.path(dir, "a/from"), unix.AT_FDCWD, p.path(dir, "b/to"), ways[way]))
			}
		}
	}
	p.tree()
}

// renamePlaces tries names that cannot be moved, or not there.
func renamePlaces(p *place) {
	must(p.T, os.MkdirAll(p.path("d/e/f"), 0o755))
	p.make("file", "x")
	must(p.T, os.Link(p.path("file"), p.path("link")))
	must(p.T, os.Symlink("d", p.path("symlink")))
	for _, c := range [][2]string{
		{".", "x"}, {"d/.", "x"}, {"d/..", "x"}, {"d", "d/."}, {"d", "d/e/.."}, {"d", "."},
		{"d", "d"}, {"d", "d/e"}, {"d", "d/e/f/g"}, {"d/e/f", "d"}, {"d/e", "d/e/f"}, {"d/e/f", "d/e"},
		{"file", "file"}, {"file", "link"}, {"file", "new/"}, {"file/", "new"}, {"file", "file/x"}, {"file", "none/x"},
		{"none", "x"}, {"none/x", "y"}, {"file/x", "y"}, {"symlink/", "x"}, {"symlink/e", "file"}, {"symlink/e", "moved"},
		{"moved/", "again/"}, {"file", "/proc/x"}, {"symlink", "d"}, {"d", "symlink"}, {"file", ""},
	} {
		to := p.path(c[1])
		if c[1] == "" || c[1][0] == '/' {
			to = c[1]
		}
		p.try(fmt.Sprintf("%q to %q", c[0], c[1]), unix.Rename(p.path(c[0]), to))
	}
	p.tree()
}

// renameInUse moves what is open, and a shell's working directory.
func renameInUse(p *place) {
	must(p.T, os.MkdirAll(p.path("d/sub"), 0o755))
	p.make("d/file", "content")
	dir, err := os.Open(p.path("d"))
	must(p.T, err)
	defer dir.Close()
	f, err := os.OpenFile(p.path("d/file"), os.O_RDWR, 0)
	must(p.T, err)
	defer f.Close()
	must(p.T, os.Rename(p.path("d"), p.path("e")))
	p.make("e/late", "made under the new name")
	names, err := dir.Readdirnames(-1)
	p.note("%d names in the moved directory: %s", len(names), ending(err))
	p.try("look below the moved directory", unix.Faccessat(int(dir.Fd()), "file", unix.R_OK, 0))
	write(p.T, f, []byte("CON"), 0)
	must(p.T, os.Rename(p.path("e/file"), p.path("moved")))
	write(p.T, f, []byte("TENT and more"), 3)
	p.try("sync", f.Sync())
	p.read("moved")
	p.make("over", "replaces what is open")
	must(p.T, os.Rename(p.path("over"), p.path("moved")))
	write(p.T, f, []byte("still here"), 0)
	p.note("%q", contentOf(p.T, f))
	p.read("moved")
	out, err := shell(p, `cd "$DIR/e/sub" && mv "$DIR/e" "$DIR/f" && ls .. && cd .. && touch here && mv "$DIR/f" . 2>&1 | sed 's,.*: ,,'; rmdir sub && ls`)
	p.note("%s: %v", out, err)
	p.tree()
}

// renameRights moves as others: sticky directories, and directories of others.
func renameRights(p *place) {
	for _, d := range []struct {
		name string
		mode os.FileMode
	}{{"free", 0o777}, {"sticky", 0o777 | os.ModeSticky}, {"closed", 0o755}} {
		must(p.T, os.Mkdir(p.path(d.name), 0o755))
		must(p.T, os.Chmod(p.path(d.name), d.mode))
		for _, name := range []string{"root's", "theirs"} {
			p.make(d.name+"/"+name, "x")
			must(p.T, os.Mkdir(p.path(d.name, name+" directory"), 0o755))
		}
		for _, name := range []string{"theirs", "theirs directory"} {
			must(p.T, os.Lchown(p.path(d.name, name), 1234, 1234))
		}
		as(p.T, user{uid: 1234, gid: 1234}, func() {
			for _, name := range []string{"root's", "theirs", "root's directory", "theirs directory"} {
				what := d.name + " " + name
				p.try(what+" moved", os.Rename(p.path(d.name, name), p.path(d.name, "x")))
				p.try(what+" moved back", os.Rename(p.path(d.name, "x"), p.path(d.name, name)))
				p.try(what+" moved out", os.Rename(p.path(d.name, name), p.path("out "+what)))
				p.try(what+" unlinked", unix.Unlink(p.path(d.name, name)))
				p.try(what+" removed", unix.Rmdir(p.path(d.name, name)))
			}
			p.try("create in "+d.name, os.WriteFile(p.path(d.name, "new"), nil, 0o644))
		})
	}
	p.tree()
}

// renameChildren moves a directory with many names in it. Whoever looks meanwhile
// finds all of them under one of the two names.
func renameChildren(p *place) {
	const number, makers, moves = 10_000, 8, 4
	must(p.T, os.Mkdir(p.path("a"), 0o755))
	dir, err := unix.Open(p.path("a"), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(p.T, err)
	defer unix.Close(dir)
	var wg sync.WaitGroup
	for m := range makers {
		wg.Go(func() {
			for i := m; i < number; i += makers {
				if err := unix.Symlinkat("x", dir, fmt.Sprint(i)); err != nil {
					p.Errorf("make child %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	p.make("a/content", "below the directory")
	stop := make(chan struct{})
	var there, here int
	wg.Go(func() {
		for i := 0; ; i = (i + 1) % number {
			select {
			case <-stop:
				return
			default:
			}
			if unix.Access(p.path("a"), unix.F_OK) == nil {
				there++
			} else {
				here++
			}
			if err := unix.Faccessat(dir, fmt.Sprint(i), unix.F_OK, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				p.Errorf("child %d is not in its directory: %v", i, err)
			}
		}
	})
	for range moves {
		must(p.T, os.Rename(p.path("a"), p.path("b")))
		must(p.T, os.Rename(p.path("b"), p.path("a")))
	}
	must(p.T, os.Rename(p.path("a"), p.path("b")))
	close(stop)
	wg.Wait()
	p.Logf("seen under the first name %d times, else %d times", there, here)
	p.note("%d names", len(sorted(p.T, p.path("b"))))
	p.read("b/content")
	_, err = os.Lstat(p.path("a", "1"))
	p.try("child under the old name", err)
}
