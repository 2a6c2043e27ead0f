package model

import (
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// No directory is sticky and open to all: there the kernel guards who follows and
// opens what (fs.protected_symlinks, protected_regular), whatever the filesystem.
func (m *machine) drawMkdir() {
	if m.full() {
		m.rt.Skip("enough names")
	}
	m.do(Op{Kind: Mkdir, Path: m.any(), Mode: pick[uint32](m, "mode", 0o755, 0o700, 0o2775, 0o1755)})
}

func (m *machine) drawMknod() {
	if m.full() {
		m.rt.Skip("enough names")
	}
	op := Op{Kind: Mknod, Path: m.any(), Mode: pick[uint32](m, "mode", 0o644, 0o600, 0o4755, 0o2755)}
	op.Mode |= pick[uint32](m, "type", unix.S_IFREG, unix.S_IFIFO, unix.S_IFREG, unix.S_IFSOCK, unix.S_IFCHR)
	if op.Mode&unix.S_IFMT == unix.S_IFCHR {
		op.N = int64(unix.Mkdev(1, uint32(rapid.IntRange(0, 9).Draw(m.rt, "device"))))
	}
	m.do(op)
}

func (m *machine) drawSymlink() {
	if m.full() {
		m.rt.Skip("enough names")
	}
	// Nothing has such a name: it points nowhere.
	target := append([]byte("nowhere/"), m.bytesOf(rapid.Int64Range(0, 300).Draw(m.rt, "length"))...)
	for i, c := range target {
		if c == 0 || c == '/' && i > 7 {
			target[i] = 1
		}
	}
	m.do(Op{Kind: Symlink, Path: m.any(), Data: target})
}

func (m *machine) drawLink() {
	if m.full() {
		m.rt.Skip("enough names")
	}
	m.do(Op{Kind: Link, Path: m.any(), Other: m.any()})
}

func (m *machine) drawRename() {
	op := Op{Kind: Rename, Path: m.any(), Other: m.any()}
	if m.odds(40, "flags") {
		op.Flags = pick(m, "flags", unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE, unix.RENAME_EXCHANGE,
			unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE)
	}
	if op.Path == "" || op.Other == "" {
		m.rt.Skip("the root has no name")
	}
	m.do(op)
}

func (m *machine) drawUnlink() {
	p := m.any()
	if p == "" {
		m.rt.Skip("the root has no name")
	}
	m.do(Op{Kind: Unlink, Path: p})
}

func (m *machine) drawRmdir() {
	p := m.any()
	if p == "" {
		m.rt.Skip("the root has no name")
	}
	m.do(Op{Kind: Rmdir, Path: p})
}

func (m *machine) drawChmod() {
	m.do(Op{Kind: Chmod, Path: m.any(), Mode: pick[uint32](m, "mode", 0o644, 0o755, 0o4755, 0o2755, 0o2644, 0o7755, 0)})
}

func (m *machine) drawChown() {
	id := func() int { return pick(m, "id", -1, 0, 1000, 65534) }
	m.do(Op{Kind: Chown, Path: m.any(), UID: id(), GID: id()})
}

func (m *machine) drawReaddir() {
	m.do(Op{Kind: Readdir, Path: m.any(), N: pick[int64](m, "entries", 1, 2, 5, 100)})
}

func (m *machine) drawStat() {
	m.do(Op{Kind: pick(m, "kind", Stat, Stat, Statfs, Readlink), Path: m.any()})
}
