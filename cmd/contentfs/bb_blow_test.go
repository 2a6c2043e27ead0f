package main_test

import (
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"contentfs/cmd/contentfs/internal/life"
)

// place is a part of a volume's state.
type place string

const (
	database place = "database" // meta.db
	journal  place = "log"      // meta.db-wal
	index    place = "index"    // meta.db-shm
	bytesOf  place = "content"  // a local file
	folder   place = "folder"   // of the local files
	rest     place = "rest"     // of the state
	outside  place = "outside"
)

// placeOf tells what a call is about.
func placeOf(state, path string) place {
	rel, ok := strings.CutPrefix(path, state)
	if !ok {
		return outside
	}
	switch rel = strings.TrimPrefix(rel, "/"); {
	case rel == "meta.db":
		return database
	case rel == "meta.db-wal":
		return journal
	case rel == "meta.db-shm":
		return index
	case rel == "local":
		return folder
	case filepath.Dir(rel) == "local":
		return bytesOf
	}
	return rest
}

// hand strikes calls of a daemon.
type hand struct {
	state  string
	places []place // of the calls that count; nil: all within the state
	nth    int     // of them is struck
	sticky bool    // so are all that follow
	blow   life.Blow
	first  func() // is called before the first blow; nil: nothing

	armed atomic.Bool
	came  int // calls so far; used by the trap's goroutine, and after the daemon's end
	hit   []life.Call
	once  chan struct{} // closed with the first blow
}

func (h *hand) decide(c life.Call) life.Blow {
	p := placeOf(h.state, c.Path)
	if !h.armed.Load() || p == outside || h.places != nil && !slices.Contains(h.places, p) {
		return life.Blow{}
	}
	h.came++
	if h.came < h.nth || h.came > h.nth && !h.sticky {
		return life.Blow{}
	}
	if h.hit == nil {
		if h.first != nil {
			h.first()
		}
		close(h.once)
	}
	h.hit = append(h.hit, c)
	return h.blow
}
