package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// look is what a file of the existing tree looks like beside its bytes.
type look struct {
	mode     uint32 // st_mode
	uid, gid int
	mtime    int64
	target   string // of a link
	rdev     uint64
}

// newLook makes up modes, owners and times as trees that grew over the years have them.
func newLook(r *rand.Rand) *look {
	modes := []uint32{0o644, 0o644, 0o640, 0o600, 0o444, 0o755, 0o4755, 0o2711, 0o000}
	owners := [][2]int{{0, 0}, {33, 33}, {1000, 100}, {65534, 70000}}
	times := []int64{
		time.Date(2009, 11, 10, 23, 0, 0, 123456789, time.UTC).UnixNano(), time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC).UnixNano(),
		0, time.Date(2037, 1, 1, 0, 0, 0, 1, time.UTC).UnixNano(), time.Now().UnixNano(),
	}
	o := owners[r.IntN(len(owners))]
	return &look{mode: unix.S_IFREG | modes[r.IntN(len(modes))], uid: o[0], gid: o[1], mtime: times[r.IntN(len(times))] + r.Int64N(1e9)}
}

// put gives what lies at a path this look.
func (l *look) put(file string) error {
	err := unix.Lchown(file, l.uid, l.gid)
	if err == nil && l.mode&unix.S_IFMT != unix.S_IFLNK {
		err = unix.Chmod(file, l.mode&0o7777) // after the owner, which takes the set-id bits
	}
	if err == nil {
		t := unix.NsecToTimespec(l.mtime)
		err = unix.UtimesNanoAt(unix.AT_FDCWD, file, []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		return fmt.Errorf("look of %q: %w", file, err)
	}
	return nil
}

// check says how what lies at a path looks different, nil when it does not.
func (l *look) check(file string) error {
	var st unix.Stat_t
	if err := unix.Lstat(file, &st); err != nil {
		return err
	}
	got := look{mode: st.Mode, uid: int(st.Uid), gid: int(st.Gid), mtime: st.Mtim.Nano()}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		target, err := os.Readlink(file)
		if err != nil {
			return err
		}
		got.target = target
	case unix.S_IFCHR, unix.S_IFBLK:
		got.rdev = st.Rdev
	}
	if got != *l {
		return fmt.Errorf("looks like %+v instead of %+v", got, *l)
	}
	return nil
}

// existing writes the tree that the site used until now, below dir, and makes it the
// truth: items that the load will work on, and others that nobody changes.
func (l *load) existing(dir string, files int) error {
	r := rand.New(rand.NewPCG(l.seed, 1<<32))
	names := hurting(l.longest)
	crowd := files / 10 // in one directory
	for n := range files - crowd - len(names) {
		i := l.items[n%len(l.items)]
		name := places()[n/len(l.items)%len(places())] + "/" + names[n%len(names)]
		if err := l.plant(dir, i, name, r); err != nil {
			return err
		}
	}
	still := l.keepStill("still, and 100% of it")
	for _, name := range names {
		if err := l.plant(dir, still, "image/"+name, r); err != nil {
			return err
		}
	}
	crowded := l.keepStill("crowd")
	for n := range crowd {
		if err := l.plant(dir, crowded, fmt.Sprintf("file/%d %s", n, names[n%10]), r); err != nil {
			return err
		}
	}
	l.others = make(map[string]*look)
	if err := l.oddities(dir); err != nil {
		return err
	}
	// Last, since making names moves the times of directories.
	for name, look := range l.others {
		if err := look.put(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// keepStill adds an item that the load leaves alone.
func (l *load) keepStill(uid string) *item {
	i := &item{uid: uid, files: make(map[string]text), gone: make(map[string]bool)}
	l.still, l.byUID[uid] = append(l.still, i), i
	return i
}

func (l *load) plant(dir string, i *item, name string, r *rand.Rand) error {
	t := newText(r)
	t.look = newLook(r)
	file := filepath.Join(dir, i.uid) + "/" + name
	if err := os.MkdirAll(path.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, t.bytes(), 0o600); err != nil {
		return err
	}
	i.files[name] = t
	return t.look.put(file)
}

// oddities makes what is no regular file, and names a directory in which nobody works:
// links into the tree, out of it, into nothing and in a circle, special files, and
// directories that hold nothing.
func (l *load) oddities(dir string) error {
	const top = "odd \xff things"
	when := time.Date(2011, 3, 4, 5, 6, 7, 8, time.UTC).UnixNano()
	l.others[top] = &look{mode: unix.S_IFDIR | 0o2751, uid: 33, gid: 44, mtime: when}
	if err := os.Mkdir(filepath.Join(dir, top), 0o755); err != nil {
		return err
	}
	for name, target := range map[string]string{
		"in":                     "../" + l.still[0].uid + "/image/plain.jpg",
		"in, absolute":           filepath.Join(l.point, l.still[0].uid, "image"),
		"out":                    "../../../../../../../../etc/hostname",
		"out, absolute":          "/etc",
		"nowhere":                "no such\nfile",
		"circle":                 "circle",
		strings.Repeat("l", 255): strings.Repeat("x/", 2000) + "y",
		"bytes \xfe":             "\xff\xfe",
	} {
		l.others[top+"/"+name] = &look{mode: unix.S_IFLNK | 0o777, uid: 1000, gid: 100, mtime: when, target: target}
		if err := os.Symlink(target, filepath.Join(dir, top, name)); err != nil {
			return err
		}
	}
	for name, what := range map[string]look{
		"pipe": {mode: unix.S_IFIFO | 0o620}, "socket": {mode: unix.S_IFSOCK | 0o700},
		"null": {mode: unix.S_IFCHR | 0o666, rdev: unix.Mkdev(1, 3)}, "disk": {mode: unix.S_IFBLK | 0o600, rdev: unix.Mkdev(7, 99)},
		"empty": {mode: unix.S_IFDIR | 0o1777}, "closed": {mode: unix.S_IFDIR}, strings.Repeat("\xc3", 255): {mode: unix.S_IFDIR | 0o500},
	} {
		what.uid, what.gid, what.mtime = 5, 60, when+1
		l.others[top+"/"+name] = &what
		file := filepath.Join(dir, top, name)
		err := unix.Mknod(file, what.mode, int(what.rdev))
		if what.mode&unix.S_IFMT == unix.S_IFDIR {
			err = unix.Mkdir(file, 0o700)
		}
		if err != nil {
			return fmt.Errorf("make %q: %w", file, err)
		}
	}
	return nil
}

// checkOthers compares what is no regular file of the load.
func (p *play) checkOthers(where, dir string) {
	for name, look := range p.load.others {
		if err := look.check(filepath.Join(dir, name)); err != nil {
			p.findings.add("%s: %q: %v", where, name, err)
		}
	}
	p.compared += len(p.load.others)
}

// walk looks into every directory of the mount, as the first search of a site's files
// would. The load may take files away meanwhile. It returns how many names there were.
func (p *play) walk() (names int, err error) {
	err = filepath.WalkDir(p.site.point, func(_ string, d fs.DirEntry, err error) error {
		names++
		if err != nil && (d == nil || d.IsDir() || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		return p.ctx.Err()
	})
	return names, err
}
