package model

import "bytes"

// saved is what of a regular file survives a crash.
type saved struct {
	acked   bool   // there was a commit: the file survives
	content []byte // of the last commit
	open    bool   // it was while somebody had the file open for writing, and still has

	// extra are contents that may have been committed since: nobody was told.
	extra [][]byte
}

// commit notes that the application was told that its content is safe.
func (s *saved) commit(n *node) {
	if !n.isRegular() {
		return
	}
	*s = saved{acked: true, content: n.content, open: n.writers > 0}
}

// perhaps notes that the content may have been committed.
func (s *saved) perhaps(n *node) {
	if n.isRegular() && n.writers > 0 {
		s.extra = append(s.extra, n.content)
	}
}

// outcome says whether the file may look so after a crash.
func (s *saved) outcome(n *node, there bool, content []byte) bool {
	if !there {
		return !s.acked
	}
	if s.acked && bytes.Equal(content, s.content) {
		return true
	}
	for _, c := range s.extra {
		if bytes.Equal(content, c) {
			return true
		}
	}
	// What is written after a commit goes to the committed file.
	return (s.open || len(s.extra) > 0) && bytes.Equal(content, n.content)
}

// remote is where the content of a regular file may be.
type remote struct {
	stored  bool // it may be in the store
	away    bool // it may be nowhere else
	streams bool // it is large and may be read from there while it is open
}

// streamSize is the size from which content may be fetched while it is read.
const streamSize = 8 << 20

func (m *remote) changed() { *m = remote{} }

// isAway reports whether the content may be nowhere but in the store.
func (r *Reference) isAway(n *node) bool {
	return n.remote.away || r.Background && n.opens == 0 && len(n.content) > 0
}

// fetch notes that the content was opened, and with that is here, or comes.
func (r *Reference) fetch(n *node) {
	if r.isAway(n) && len(n.content) > streamSize {
		n.remote.streams = true
	}
	n.remote.away = false
}

// delivered notes that close or fsync waited for the store.
func (r *Reference) delivered(n *node) {
	n.remote.stored = n.remote.stored || r.Deliver && !r.outage
}

// Happened notes an event. After a Crash, Recovered says what it left.
func (r *Reference) Happened(e Event) {
	switch e {
	case OutageBegin:
		r.outage = true
	case OutageEnd:
		r.outage = false
	case Upload:
		r.each(func(n *node) { n.remote.stored = n.remote.stored || n.writers == 0 && !r.outage })
	case Evict:
		r.each(func(n *node) { n.remote.away = n.remote.away || n.opens == 0 && n.remote.stored && len(n.content) > 0 })
	case Remount:
		for fd := range r.fds {
			r.close(Op{FD: fd})
		}
	}
}

// each calls do with every regular file that has a name.
func (r *Reference) each(do func(*node)) {
	r.walk(r.root, "", func(_ string, n *node) {
		if n.isRegular() {
			do(n)
		}
	})
}

// Excused reports whether an operation may fail with EIO because the store is away,
// and whether it counts as done nevertheless.
func (r *Reference) Excused(op Op) (may, done bool) {
	if !r.outage {
		return false, false
	}
	switch op.Kind {
	case Open, Truncate, Cat:
		p, errno := r.find(op.Path)
		return errno == 0 && p.n != nil && r.isAway(p.n), false
	case Pread, Copy:
		return r.fds[op.FD].n.remote.streams, false
	case Close, DupClose, Fsync:
		return r.Deliver, true
	}
	return false, false
}
