package meta

import "sync"

// lazyLimit bounds what waits in memory; changes above it are dropped, which
// costs a little accuracy and nothing else.
const lazyLimit = 4096

// lazy holds changes nobody waits for until the writer's next turn of the clock:
// many of one kind on one row become one.
type lazy struct {
	mu      sync.Mutex // guards what follows; taken before Store.mu
	touched map[Ino]int64
	used    map[VersionID]int64
	settled []VersionID // never dropped: one for each close within a second
}

// Touch sets a node's access time, some time soon and never backwards. It does
// not wait, and may be forgotten when too much is going on. Visible.
func (s *Store) Touch(ino Ino, atime int64) error {
	s.lazy.mu.Lock()
	defer s.lazy.mu.Unlock()
	return nodeErr("touch", ino, remember(s, s.lazy.touched, ino, atime))
}

// Used notes when a version was last opened, under the same terms as Touch.
func (s *Store) Used(id VersionID, now int64) error {
	s.lazy.mu.Lock()
	defer s.lazy.mu.Unlock()
	return versionErr("use", id, remember(s, s.lazy.used, id, now))
}

// SettleSoon is Settled without the wait, and without an error for a version that
// is gone by then.
func (s *Store) SettleSoon(id VersionID) error {
	s.lazy.mu.Lock()
	defer s.lazy.mu.Unlock()
	if err := s.lazyErr(); err != nil {
		return versionErr("settle", id, err)
	}
	s.lazy.settled = append(s.lazy.settled, id)
	return nil
}

// lazyErr refuses what the writer will not get round to any more.
func (s *Store) lazyErr() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.closedErrLocked()
	}
	return nil
}

// remember keeps the later of two times; s.lazy.mu is held.
func remember[K comparable](s *Store, m map[K]int64, key K, at int64) error {
	if err := s.lazyErr(); err != nil {
		return err
	}
	if old, ok := m[key]; ok {
		m[key] = max(old, at)
	} else if len(m) < lazyLimit {
		m[key] = at
	}
	return nil
}

// remembered is what was taken from lazy.
type remembered struct {
	touched map[Ino]int64
	used    map[VersionID]int64
	settled []VersionID
}

// takeLazy empties what was remembered, nil when there is nothing.
func (s *Store) takeLazy() *remembered {
	s.lazy.mu.Lock()
	defer s.lazy.mu.Unlock()
	if len(s.lazy.touched)+len(s.lazy.used)+len(s.lazy.settled) == 0 {
		return nil
	}
	r := &remembered{s.lazy.touched, s.lazy.used, s.lazy.settled}
	s.lazy.settled = nil
	s.lazy.touched = make(map[Ino]int64)
	s.lazy.used = make(map[VersionID]int64)
	return r
}

// returnLazy remembers again what was taken and could not be written down.
func (s *Store) returnLazy(r *remembered) {
	s.lazy.mu.Lock()
	defer s.lazy.mu.Unlock()
	s.lazy.settled = append(r.settled, s.lazy.settled...)
	later(s.lazy.touched, r.touched)
	later(s.lazy.used, r.used)
}

// later adds times to others, of which the later count.
func later[K comparable](to, from map[K]int64) {
	for key, at := range from {
		if old, ok := to[key]; ok {
			to[key] = max(old, at)
		} else if len(to) < lazyLimit {
			to[key] = at
		}
	}
}

func (r *remembered) apply(t *tx) error {
	for ino, at := range r.touched {
		if err := t.exec(`UPDATE node SET atime = $2 WHERE ino = $1 AND atime < $2`, ino, at); err != nil {
			return err
		}
	}
	for _, id := range r.settled {
		if err := t.exec(`UPDATE version SET open = 0 WHERE id = $1`, id); err != nil {
			return err
		}
	}
	for id, at := range r.used {
		if err := t.exec(`UPDATE version SET used = $2 WHERE id = $1 AND used < $2`, id, at); err != nil {
			return err
		}
	}
	return nil
}
