package rebuild

import (
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// TestHostileSnapshot: a copy brings no rights on this server. Who may write to the
// bucket can make one.
func TestHostileSnapshot(t *testing.T) {
	v := newVolume(t)
	make := func(name string, mode, rdev uint32) meta.Node {
		t.Helper()
		n, err := v.m.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: mode, Rdev: rdev, Now: now()})
		v.ok(err)
		return n
	}
	make("disk", unix.S_IFBLK|0o666, uint32(unix.Mkdev(8, 0)))
	make("mem", unix.S_IFCHR|0o666, uint32(unix.Mkdev(1, 1)))
	make("suid", unix.S_IFREG|0o6755, 0)
	make("sgid", unix.S_IFREG|0o2755, 0)
	make("lock", unix.S_IFREG|0o2644, 0) // no privilege
	make("dir", unix.S_IFDIR|0o2775, 0)  // nor this
	caps := make("caps", unix.S_IFREG|0o755, 0)
	attr := []byte("security.capability")
	v.ok(v.m.Setxattr(caps.Ino, attr, []byte("all"), false, false, now()))
	v.snapshot()
	v.lose()
	r := v.build(FromSnapshot)
	if len(r.Findings) != 2 {
		t.Errorf("%+v", r.Findings)
	}
	for name, mode := range map[string]uint32{"disk": unix.S_IFBLK | 0o666, "mem": unix.S_IFCHR | 0o666, "suid": unix.S_IFREG | 0o755,
		"sgid": unix.S_IFREG | 0o755, "lock": unix.S_IFREG | 0o2644, "dir": unix.S_IFDIR | 0o2775, "caps": unix.S_IFREG | 0o755} {
		n, err := v.m.Lookup(meta.Root, []byte(name))
		v.ok(err)
		if n.Mode != mode || n.Rdev != 0 {
			t.Errorf("%s: mode %o, device %x", name, n.Mode, n.Rdev)
		}
		if list, err := v.m.Listxattr(n.Ino); err != nil || len(list) > 0 {
			t.Errorf("%s has %q, %v", name, list, err)
		}
	}
}
