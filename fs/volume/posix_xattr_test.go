package volume_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixAttributes(t *testing.T) {
	volumetest.Each(t, alone, func(v *volumetest.Volume) {
		compare(v, "classes", attrClasses)
		compare(v, "sizes", attrSizes)
		compare(v, "descriptors", attrDescriptors)
	})
}

// capability is a value that setcap(8) would write: cap_net_bind_service.
var capability = []byte{0, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

// attrClasses sets attributes of all classes on all kinds of nodes, as root and as
// their owner.
func attrClasses(p *place) {
	names := []string{"user.a", "trusted.a", "security.capability", "security.a", "system.a", "system.posix_acl_access",
		"system.posix_acl_default", "a", "", "user.", "user", "unknown.a", "trusted.", "security.", "user.\xff\n", "user.a.b/c"}
	for _, kind := range kinds[1:] {
		kind.make(p, kind.name)
		must(p.T, os.Lchown(p.path(kind.name), 1234, 1234))
		for _, u := range []user{{}, {uid: 1234, gid: 1234}, {uid: 99, gid: 99}} {
			as(p.T, u, func() {
				for _, name := range names {
					value := []byte("value")
					if name == "security.capability" {
						value = capability
					}
					what := fmt.Sprintf("%s %q by %d", kind.name, name, u.uid)
					path := p.path(kind.name)
					p.try(what+" set", unix.Lsetxattr(path, name, value, 0))
					b := make([]byte, 100)
					n, err := unix.Lgetxattr(path, name, b)
					p.note("%s is %q: %s", what, b[:max(n, 0)], ending(err))
					p.note("listed: %q", p.attrs(kind.name))
					if u.uid != 0 {
						p.try(what+" removed", unix.Lremovexattr(path, name))
					}
				}
			})
		}
	}
	p.tree()
}

// attrs returns the names of a node's attributes.
func (p *place) attrs(name string) []string {
	b := make([]byte, 4096)
	n, err := unix.Llistxattr(p.path(name), b)
	if err != nil {
		return []string{ending(err)}
	}
	var names []string
	for s := range strings.SplitSeq(strings.TrimSuffix(string(b[:n]), "\x00"), "\x00") {
		if s != "security.selinux" { // of the machine the test runs on
			names = append(names, s)
		}
	}
	slices.Sort(names)
	return names
}

// attrSizes tries how long names and values may be. ext4 keeps what fits a block,
// other disks 64 KiB: whatever is taken is given back.
func attrSizes(p *place) {
	p.make("f", "x")
	for _, n := range []int{1, 100, 249, 250, 251, 300} {
		name := "user." + strings.Repeat("n", n)
		p.try(fmt.Sprintf("name of %d", n), unix.Setxattr(p.path("f"), name, []byte("v"), 0))
		p.try("removal", unix.Removexattr(p.path("f"), name))
	}
	for _, n := range []int{0, 1, 100, 3000, 65536, 65537, 100_000} {
		value := bytes.Repeat([]byte{byte(n)}, n)
		err := unix.Setxattr(p.path("f"), "user.v", value, 0)
		if n != 65536 {
			p.try(fmt.Sprintf("value of %d", n), err)
		} else if err != nil {
			fails(p.T, "a value of 64 KiB", err, unix.ENOSPC)
		}
		if err != nil {
			continue
		}
		b := make([]byte, 65536)
		got, err := unix.Getxattr(p.path("f"), "user.v", b)
		if err != nil || !bytes.Equal(b[:got], value) {
			p.Errorf("a value of %d bytes came back as %s: %v", n, brief(b[:max(0, got)]), err)
		}
		for _, room := range []int{0, max(0, n-1), n, n + 1} {
			got, err := unix.Getxattr(p.path("f"), "user.v", b[:min(room, len(b))])
			if n != 65536 {
				p.note("%d of %d: %d %s", room, n, got, ending(err))
			}
		}
	}
	for i := range 20 {
		p.try("one of many", unix.Setxattr(p.path("f"), fmt.Sprintf("user.%d", i), []byte("x"), unix.XATTR_CREATE))
	}
	p.try("both flags", unix.Setxattr(p.path("f"), "user.v", nil, unix.XATTR_CREATE|unix.XATTR_REPLACE))
	p.try("unknown flag", unix.Setxattr(p.path("f"), "user.v", nil, 8))
	_, err := unix.Listxattr(p.path("f"), make([]byte, 10))
	p.try("list in a small buffer", err)
	n, err := unix.Listxattr(p.path("f"), nil)
	p.note("list has %d bytes: %s", n, ending(err))
	p.note("%q", p.attrs("f"))
}

// attrDescriptors uses attributes by descriptors of all kinds.
func attrDescriptors(p *place) {
	p.make("f", "x")
	must(p.T, os.Chmod(p.path("f"), 0o444))
	for name, flags := range map[string]int{"": unix.O_RDONLY, "w": unix.O_WRONLY, "p": unix.O_PATH} {
		fd, err := unix.Open(p.path("f"), flags, 0)
		must(p.T, err)
		defer unix.Close(fd)
		err = unix.Fsetxattr(fd, "user.by"+name, []byte(name), 0)
		if name == "p" {
			fails(p.T, "fsetxattr of a path", err, unix.EBADF)
			continue
		}
		must(p.T, err)
		n, err := unix.Fgetxattr(fd, "user.by"+name, make([]byte, 10))
		if err != nil || n != len(name) {
			p.Errorf("fgetxattr: %d %v", n, err)
		}
	}
	must(p.T, os.Symlink("f", p.path("l")))
	p.try("through a symlink", unix.Setxattr(p.path("l"), "user.l", []byte("x"), 0))
	p.try("of the symlink", unix.Lsetxattr(p.path("l"), "trusted.l", []byte("x"), 0))
	must(p.T, os.Rename(p.path("f"), p.path("g")))
	must(p.T, os.Link(p.path("g"), p.path("f")))
	p.note("%q %q", p.attrs("f"), p.attrs("l"))
	must(p.T, os.WriteFile(p.path("f"), []byte("rewritten"), 0))
	p.note("%q", p.attrs("g"))
}
