package volume_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixRights(t *testing.T) {
	volumetest.Each(t, alone, func(v *volumetest.Volume) {
		compare(v, "privileges", losePrivileges)
		compare(v, "capabilities", loseCapabilities)
		compare(v, "modes", whoMayWhat)
		compare(v, "changes", whoMayChange)
		compare(v, "groups", inheritGroups)
	})
}

// privileged are modes that give more than the caller's own rights, or look so. The
// kernel does not tell a FUSE file system whether the caller is in the file's group,
// on which it depends if a set-group-ID bit goes that gives nothing, for want of the
// group's right to execute.
var privileged = []uint32{0o4755, 0o2777, 0o6777, 0o4666, 0o1777}

// others are users: the owner, a member of the group, somebody else.
var others = []user{{}, {uid: 1234, gid: 1234}, {uid: 99, gid: 99, groups: []uint32{77}}, {uid: 98, gid: 98}}

// losePrivileges changes files of all modes, in all ways, as everybody.
func losePrivileges(p *place) {
	big := make([]byte, 10_000)
	ways := []struct {
		name string
		do   func(path string) error
	}{
		{"write", withOpen(unix.O_WRONLY, func(fd int) error { _, err := unix.Write(fd, []byte("xx")); return err })},
		{"write of nothing", withOpen(unix.O_WRONLY, func(fd int) error { _, err := unix.Write(fd, nil); return err })},
		{"append", withOpen(unix.O_WRONLY|unix.O_APPEND, func(fd int) error { _, err := unix.Write(fd, big); return err })},
		{"truncating open", withOpen(unix.O_WRONLY|unix.O_TRUNC, func(int) error { return nil })},
		{"open", withOpen(unix.O_RDWR, func(int) error { return nil })},
		{"ftruncate", withOpen(unix.O_WRONLY, func(fd int) error { return unix.Ftruncate(fd, 1) })},
		{"ftruncate to the same size", withOpen(unix.O_WRONLY, func(fd int) error { return unix.Ftruncate(fd, 10) })},
		{"truncate", func(path string) error { return unix.Truncate(path, 3) }},
		{"fallocate", withOpen(unix.O_WRONLY, func(fd int) error { return unix.Fallocate(fd, 0, 0, 5000) })},
		{"punch", withOpen(unix.O_WRONLY, func(fd int) error {
			return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 5)
		})},
		{"chown of nothing", func(path string) error { return unix.Chown(path, -1, -1) }},
		{"chown to the same", func(path string) error { return unix.Chown(path, 1234, 77) }},
		{"chgrp", func(path string) error { return unix.Chown(path, -1, 1234) }},
		{"chmod", func(path string) error { return unix.Chmod(path, 0o6755) }},
		{"utimes", func(path string) error { return unix.Utimes(path, nil) }},
		{"setxattr", func(path string) error { return unix.Setxattr(path, "user.x", []byte("x"), 0) }},
	}
	for _, way := range ways {
		for _, mode := range privileged {
			for _, u := range others {
				if way.name == "chown of nothing" && u.uid != 0 && u.uid != 1234 {
					// EPERM on a local disk; the kernel does not tell a FUSE file system
					// that it is a chown, and nothing happens.
					continue
				}
				must(p.T, os.WriteFile(p.path("f"), []byte("ten bytes."), 0o644))
				must(p.T, unix.Chown(p.path("f"), 1234, 77))
				must(p.T, unix.Chmod(p.path("f"), mode))
				as(p.T, u, func() {
					p.try(fmt.Sprintf("%s of %o by %d", way.name, mode, u.uid), way.do(p.path("f")))
				})
				p.stat("f")
				must(p.T, os.Remove(p.path("f")))
			}
		}
	}
	// What a user makes with such a mode, and writes at once.
	as(p.T, user{uid: 98, gid: 98}, func() {
		fd, err := unix.Open(p.path("new"), unix.O_CREAT|unix.O_RDWR, 0o6755)
		p.try("create", err)
		p.stat("new")
		_, err = unix.Write(fd, []byte("x"))
		p.try("write", err)
		p.stat("new")
		p.try("close", unix.Close(fd))
	})
	p.stat("new")
}

func withOpen(flags int, do func(fd int) error) func(path string) error {
	return func(path string) error {
		fd, err := unix.Open(path, flags, 0)
		if err != nil {
			return err
		}
		if err := do(fd); err != nil {
			unix.Close(fd)
			return err
		}
		return unix.Close(fd)
	}
}

// loseCapabilities shows what takes a program's capabilities.
func loseCapabilities(p *place) {
	for _, u := range []user{{}, {uid: 1234, gid: 1234}} {
		for name, do := range map[string]func(path string) error{
			"write":    withOpen(unix.O_WRONLY, func(fd int) error { _, err := unix.Write(fd, []byte("x")); return err }),
			"truncate": func(path string) error { return unix.Truncate(path, 0) },
			"chown":    func(path string) error { return unix.Chown(path, 1234, 1234) },
			"chmod":    func(path string) error { return unix.Chmod(path, 0o755) },
			"nothing":  func(string) error { return nil },
		} {
			file := fmt.Sprintf("%s %d", name, u.uid)
			p.make(file, "content")
			must(p.T, unix.Chown(p.path(file), 1234, 1234))
			must(p.T, unix.Setxattr(p.path(file), "security.capability", capability, 0))
			as(p.T, u, func() {
				if err := do(p.path(file)); err != nil {
					p.Errorf("%s: %v", file, err)
				}
			})
		}
	}
	for _, file := range sorted(p.T, p.dir) {
		p.note("%s: %q", file, p.attrs(file))
	}
}

// whoMayWhat tries all accesses to files and directories of all modes.
func whoMayWhat(p *place) {
	for _, mode := range []uint32{0, 0o700, 0o070, 0o007, 0o444, 0o222, 0o111, 0o604, 0o640, 0o755, 0o511} {
		dir, file := fmt.Sprintf("d%o", mode), fmt.Sprintf("f%o", mode)
		must(p.T, os.Mkdir(p.path(dir), 0o755))
		p.make(dir+"/x", "x")
		p.make(file, "x")
		for _, name := range []string{dir, file} {
			must(p.T, unix.Chown(p.path(name), 1234, 77))
			must(p.T, unix.Chmod(p.path(name), mode))
		}
		for _, u := range others {
			as(p.T, u, func() {
				what := fmt.Sprintf("%o by %d", mode, u.uid)
				for _, name := range []string{dir, file, dir + "/x"} {
					s := ""
					for access := range uint32(8) {
						s += " " + ending(unix.Access(p.path(name), access)) + "," + ending(unix.Faccessat2(unix.AT_FDCWD, p.path(name), access, unix.AT_EACCESS))
					}
					p.note("access %s %s:%s", name, what, s)
				}
				p.try("read "+what, withOpen(unix.O_RDONLY, func(int) error { return nil })(p.path(file)))
				p.try("write "+what, withOpen(unix.O_WRONLY, func(int) error { return nil })(p.path(file)))
				p.try("list "+what, withOpen(unix.O_RDONLY|unix.O_DIRECTORY, func(int) error { return nil })(p.path(dir)))
				p.try("create "+what, unix.Mkdir(p.path(dir, fmt.Sprint(u.uid)), 0o755))
				p.try("remove "+what, unix.Rmdir(p.path(dir, fmt.Sprint(u.uid))))
			})
		}
	}
}

// whoMayChange tries to change what belongs to somebody.
func whoMayChange(p *place) {
	now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
	then := []unix.Timespec{{Sec: 5}, {Sec: 6}}
	for _, mode := range []uint32{0o644, 0o666, 0o444} {
		for _, u := range others {
			name := fmt.Sprintf("%o %d", mode, u.uid)
			p.make(name, "x")
			must(p.T, unix.Chown(p.path(name), 1234, 77))
			must(p.T, unix.Chmod(p.path(name), mode))
			as(p.T, u, func() {
				p.try(name+" times of now", unix.UtimesNanoAt(unix.AT_FDCWD, p.path(name), now, 0))
				p.try(name+" other times", unix.UtimesNanoAt(unix.AT_FDCWD, p.path(name), then, 0))
				p.try(name+" chmod", unix.Chmod(p.path(name), mode|0o2010))
				p.try(name+" group of one's own", unix.Chown(p.path(name), -1, u.gid))
				p.try(name+" another group", unix.Chown(p.path(name), -1, 55))
				p.try(name+" owner", unix.Chown(p.path(name), 55, -1))
				p.try(name+" attribute", unix.Setxattr(p.path(name), "user.x", []byte("x"), 0))
				p.try(name+" truncate", unix.Truncate(p.path(name), 0))
			})
			p.stat(name)
		}
	}
}

// inheritGroups makes nodes in directories with the set-group-ID bit.
func inheritGroups(p *place) {
	must(p.T, os.Mkdir(p.path("d"), 0o755))
	must(p.T, unix.Chown(p.path("d"), 0, 77))
	must(p.T, unix.Chmod(p.path("d"), 0o2777))
	for _, u := range others {
		as(p.T, u, func() {
			name := func(s string) string { return p.path("d", fmt.Sprint(s, u.uid)) }
			p.try("mkdir", unix.Mkdir(name("dir"), 0o755))
			p.try("mkdir", unix.Mkdir(name("dir")+"/sub", 0o700))
			p.try("mkfifo", unix.Mkfifo(name("fifo"), 0o2755))
			p.try("symlink", unix.Symlink("x", name("symlink")))
			for _, mode := range []uint32{0o644, 0o2755, 0o2744, 0o6777} {
				fd, err := unix.Open(name(fmt.Sprintf("%o-", mode)), unix.O_CREAT|unix.O_WRONLY, mode)
				p.try("create", err)
				if err == nil {
					p.try("close", unix.Close(fd))
				}
				p.try("mknod", unix.Mknod(name(fmt.Sprintf("mknod%o-", mode)), unix.S_IFREG|mode, 0))
			}
		})
	}
	must(p.T, os.Rename(p.path("d/dir0"), p.path("moved")))
	must(p.T, os.Mkdir(p.path("moved/below"), 0o755))
	p.tree()
}
