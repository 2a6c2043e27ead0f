package content

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/local"
	"contentfs/meta"
)

// The access time of a node moves as on a disk that is mounted with relatime: when
// it is no later than the last change, or a day old.
//
// A kernel that reads the local file by itself says nothing of it: the file's own
// access time does. It is compared with what it was at the open, and the file made
// ready to have it moved by the next read if the disk would not do so by itself. All
// other reads of local files are made without a trace.

const day = int64(24 * time.Hour)

// stale reports whether a read at this time moves an access time.
func stale(atime, mtime, ctime, at int64) bool {
	return atime <= mtime || atime <= ctime || at-atime >= day
}

// reading tells when a node that is open was last read.
type reading struct {
	file *local.File
	base int64 // access time of file while nobody has read it
	due  bool  // when the watch began, a read would have counted
}

// last returns the time of the last read, 0 if there was none. It fails if the file
// was closed meanwhile.
func (r *reading) last() (int64, error) {
	st, err := r.file.Stamp()
	if err != nil || st.Atime == r.base {
		return 0, err
	}
	return st.Atime, nil
}

// complete gives a node the time of a read that is not on record yet.
func (r *reading) complete(n *meta.Node) error {
	at, err := r.last()
	if at != 0 && stale(n.Atime, n.Mtime, n.Ctime, at) {
		n.Atime = at
	}
	return err
}

// watch begins to look out for reads of a node that is open. The caller holds l's
// lock.
func (e *Engine) watch(l *live) {
	if e.ReadOnly {
		return
	}
	if r := l.reading.Load(); r != nil {
		if at, _ := r.last(); at == 0 && r.due {
			return
		}
		e.noteRead(l)
	}
	st, err := l.file.Stamp()
	if err != nil {
		return
	}
	due := stale(st.Atime, st.Mtime, st.Ctime, now())
	if !due && e.alterations.since(l.ino, st.Atime) {
		n, err := e.Meta.Node(l.ino)
		if err == nil && stale(n.Atime, n.Mtime, n.Ctime, now()) {
			l.watchAnew()
			return
		}
	}
	l.reading.Store(&reading{l.file, st.Atime, due})
}

// watchAnew forgets reads up to now. The caller holds l's lock.
func (l *live) watchAnew() {
	if l.file.ForgetRead() == nil {
		l.reading.Store(&reading{l.file, 0, true})
	}
}

// noteRead puts on record when a node was read that is open. The caller holds l's
// lock. An access time that cannot be recorded is lost: no content depends on it.
func (e *Engine) noteRead(l *live) {
	r := l.reading.Load()
	if r == nil {
		return
	}
	if at, _ := r.last(); at != 0 {
		_ = e.readAt(l.ino, at)
		// Who finds the new value finds the record too.
		l.reading.Store(&reading{file: r.file, base: at})
	}
}

// alterations are the nodes that were changed while nobody had them open, in all but
// content: of that their local files know nothing. Only for them must an open look
// what is on record.
type alterations struct {
	mu    sync.Mutex // guards what follows
	known int64      // before that, nothing is known
	nodes map[meta.Ino]struct{}
}

// alterationLimit bounds what is remembered. When it is reached all is forgotten.
const alterationLimit = 1 << 14

func (a *alterations) add(ino meta.Ino) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nodes == nil || len(a.nodes) >= alterationLimit {
		a.nodes, a.known = make(map[meta.Ino]struct{}), now()
	}
	a.nodes[ino] = struct{}{}
}

// since reports whether a node may have been altered since the time given, and
// forgets that it was.
func (a *alterations) since(ino meta.Ino, at int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, altered := a.nodes[ino]
	delete(a.nodes, ino)
	return altered || at <= a.known
}

// readAt records a read of a node.
func (e *Engine) readAt(ino meta.Ino, at int64) error {
	n, err := e.Meta.Node(ino)
	if err != nil || e.ReadOnly || !stale(n.Atime, n.Mtime, n.Ctime, at) {
		return err
	}
	_, err = e.Meta.SetAttr(ino, meta.AttrChange{Valid: meta.AttrAtime, Atime: at})
	e.Changed(ino) // who asked a moment ago may have been told the old time
	return err
}

// reads reports whether a handle with these flags leaves a trace when it reads.
func reads(flags int) bool {
	return flags&unix.O_ACCMODE != unix.O_WRONLY && flags&unix.O_NOATIME == 0
}

// Unread reports whether a read of the handle's node has still to be noticed: then
// it must reach the local file, and not what the kernel keeps of it.
func (h *Handle) Unread() bool {
	r := h.l.reading.Load()
	if r == nil || !r.due {
		return false
	}
	at, err := r.last()
	return err == nil && at == 0
}
