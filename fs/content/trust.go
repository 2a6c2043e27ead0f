package content

import (
	"sync"

	"contentfs/meta"
)

// trust remembers which local files are known to hold what is on record. Those that
// were made in this life are: what lay there at its start is not, until its bytes were
// compared with their checksum. It costs nothing for what nobody opens.
type trust struct {
	mu    sync.Mutex     // guards what follows; never held during I/O
	last  meta.VersionID // the last id that was given when this life began
	since int64          // when that was

	upTo     meta.VersionID // all up to this one were compared
	seen     map[meta.VersionID]struct{}
	doubtful map[meta.VersionID]struct{} // not, although the two above say so

	lingering map[meta.VersionID]struct{} // sent while unseen writers could still change them
}

// begin forgets all at the start of a life.
func (t *trust) begin(last meta.VersionID, now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// File times may be a tick behind the clock.
	t.last, t.since, t.upTo = last, now-int64(coarseTick), 0
	t.seen, t.doubtful = make(map[meta.VersionID]struct{}), make(map[meta.VersionID]struct{})
}

// has reports whether a version's local file, which was last changed at ctime, needs
// no look. A version with a new id may have an old file: that of a deleted one that
// was brought back.
func (t *trust) has(id meta.VersionID, ctime int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.doubtful[id]; ok {
		return false
	}
	_, ok := t.seen[id]
	return ok || id <= t.upTo || id > t.last && ctime >= t.since
}

// add notes that a version's local file was compared, or made, in this life.
func (t *trust) add(id meta.VersionID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.doubtful, id)
	if id > t.upTo && t.seen != nil {
		t.seen[id] = struct{}{}
	}
}

// fetched is add for a file that was made a moment ago, which of new versions needs no
// note.
func (t *trust) fetched(id meta.VersionID) {
	t.mu.Lock()
	old := id <= t.last
	t.mu.Unlock()
	if old {
		t.add(id)
	}
}

// doubt has a version's local file compared at its next open.
func (t *trust) doubt(id meta.VersionID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.doubtful != nil {
		t.doubtful[id] = struct{}{}
	}
}

// reached notes that all versions up to one were compared, or are in doubt.
func (t *trust) reached(id meta.VersionID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.upTo = max(t.upTo, min(id, t.last))
	if t.upTo == t.last {
		clear(t.seen) // of new ones, those that are looked at again cost a read each
	}
}

// linger notes that a version was sent while unseen writers could still change it; end
// of that with yes false.
func (t *trust) linger(id meta.VersionID, yes bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !yes {
		delete(t.lingering, id)
		return
	}
	if t.lingering == nil {
		t.lingering = make(map[meta.VersionID]struct{})
	}
	t.lingering[id] = struct{}{}
}

func (t *trust) lingers(id meta.VersionID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.lingering[id]
	return ok
}
