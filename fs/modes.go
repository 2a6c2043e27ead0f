package fs

import (
	"log/slog"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"contentfs/fs/content"
	"contentfs/meta"
)

// modes keeps how the kernel reads and writes each open node; see the package
// documentation.
type modes struct {
	wanted bool
	log    *slog.Logger

	mu     sync.Mutex // guards what follows
	server *fuse.Server
	can    bool // the kernel agreed to passthrough and never refused a file
	ever   bool // passthrough was used in this mount
	nodes  map[meta.Ino]*mode
}

// mode is how one node is open.
type mode struct {
	opens   int
	backing int32 // registered with the kernel; 0: cached mode
	blind   bool  // a handle was opened whose writes do not come to us
}

func (m *modes) init(s *fuse.Server) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.server = s
	m.can = m.wanted && s.KernelSettings().Flags64()&fuse.CAP_PASSTHROUGH != 0
}

func (m *modes) usable() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.can
}

// enter chooses the mode for a new handle and fills in what the kernel must know
// of it. flags are those of its open.
func (m *modes) enter(h *content.Handle, flags uint32, out *fuse.OpenOut) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nodes[h.Ino()]
	if n == nil {
		n = &mode{}
		if flags&syscall.O_DIRECT == 0 {
			n.backing = m.register(h)
		}
		m.nodes[h.Ino()] = n
	}
	n.opens++
	switch {
	case n.backing != 0:
		m.ever = true
		out.OpenFlags |= fuse.FOPEN_PASSTHROUGH
		out.BackingID = n.backing
		if flags&syscall.O_DSYNC != 0 || h.Guarded() {
			// Each write is to be committed, or takes privileges away: it must come to
			// us. Mappings do not, and on a disk they take none away either.
			out.OpenFlags |= fuse.FOPEN_DIRECT_IO
		} else if h.Writes() {
			n.blind = true
		}
	case !m.ever && !h.Unread():
		// All reads and writes of this mount went through the kernel's cache: it is
		// right about what it holds. Once a day a read must reach us all the same.
		out.OpenFlags |= fuse.FOPEN_KEEP_CACHE
	}
}

// register gives the kernel the node's local file and returns its id there, 0
// when passthrough is not to be had.
func (m *modes) register(h *content.Handle) int32 {
	f := h.File()
	if !m.can || f == nil {
		return 0
	}
	var id int32
	err := f.Control(func(fd int) error {
		var errno error
		n, e := m.server.RegisterBackingFd(&fuse.BackingMap{Fd: int32(fd)})
		if e != 0 {
			errno = e
		}
		id = n
		return errno
	})
	if err != nil {
		// No permission, or the state lies on a stacked file system: the next file
		// would fare the same.
		m.can = false
		m.log.Warn("the kernel refuses passthrough; reads and writes go through contentfs", "err", err)
		return 0
	}
	return id
}

// blind reports whether a node is open for writes that do not come to us.
func (m *modes) blind(ino meta.Ino) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nodes[ino]
	return n != nil && n.blind
}

// leave ends a handle's part in the node's mode.
func (m *modes) leave(ino meta.Ino) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nodes[ino]
	if n == nil {
		return
	}
	if n.opens--; n.opens > 0 {
		return
	}
	delete(m.nodes, ino)
	if n.backing != 0 {
		if errno := m.server.UnregisterBackingFd(n.backing); errno != 0 {
			m.log.Warn("the kernel does not let go of a local file", "node", ino, "err", errno)
		}
	}
}
