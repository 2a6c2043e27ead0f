package workload

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// State is a tree: what lies under which path, relative to the mount point.
type State map[string]Entry

// Entry is a directory, or a file with its whole content described.
type Entry struct {
	Dir  bool
	Size int64
	Sum  [32]byte

	// Grown is set for a file that was synced and then written on: the content is
	// Size bytes or more of the beginning of Grown. With Zeros, what was not synced
	// may be zeros instead: a file system may have made room for it and no more.
	Grown []byte
	Zeros bool

	// Mixed is set for a file in which a write failed: each of its bytes is that of
	// the one content or of the other.
	Mixed [2][]byte

	// Either is set for a file about which an operation was answered with an error:
	// it is one of these. With Maybe it may also be missing.
	Either []Entry
	Maybe  bool
}

// cut describes a file of which the write failed somewhere behind the first n
// bytes.
func cut(content []byte, n int) Entry { return Entry{Size: int64(n), Grown: content} }

// open reports whether the content is not known for sure.
func (e Entry) open() bool { return e.Grown != nil || e.Mixed[0] != nil || e.Either != nil }

// leftOver describes a file that an error left empty: no close of it was ever
// answered, and a crash may take it away as long as that is so.
func leftOver() Entry { return Entry{Either: []Entry{file(nil)}, Maybe: true} }

// seen returns the state with what was found in place of what was open.
func (s State) seen(tree map[string]found) State {
	for p, e := range s {
		f, there := tree[p]
		switch {
		case !e.open():
		case there && e.Maybe && len(f.content) == 0:
			s = s.with(p, leftOver())
		case there:
			s = s.with(p, file(f.content))
		default:
			s = s.without(p)
		}
	}
	return s
}

// unsure returns states that differ in one file as one, in which that file is
// either of them.
func unsure(states []State) (State, bool) {
	path := ""
	for _, s := range states[1:] {
		for _, p := range slices.Concat(slices.Collect(maps.Keys(s)), slices.Collect(maps.Keys(states[0]))) {
			a, in := states[0][p]
			b, also := s[p]
			if in == also && a.same(b) {
				continue
			}
			if path != "" && path != p || a.Dir || b.Dir {
				return nil, false
			}
			path = p
		}
	}
	if path == "" {
		return nil, false
	}
	var e Entry
	for _, s := range states {
		alt, there := s[path]
		switch {
		case !there:
			e.Maybe = true
		case alt.Either != nil:
			e.Either, e.Maybe = append(e.Either, alt.Either...), e.Maybe || alt.Maybe
		default:
			e.Either = append(e.Either, alt)
		}
	}
	return states[0].with(path, e), true
}

// same reports whether two entries are of the same making.
func (e Entry) same(o Entry) bool {
	return e.Dir == o.Dir && e.Size == o.Size && e.Sum == o.Sum && !e.open() && !o.open() ||
		e.Either != nil && len(e.Either) == len(o.Either) && &e.Either[0] == &o.Either[0]
}

// file describes a file of this content.
func file(content []byte) Entry {
	return Entry{Size: int64(len(content)), Sum: sha256.Sum256(content)}
}

// with returns the state with one entry more, or another one.
func (s State) with(path string, e Entry) State {
	n := maps.Clone(s)
	n[path] = e
	return n
}

// without returns the state without a path.
func (s State) without(path string) State {
	n := maps.Clone(s)
	delete(n, path)
	return n
}

// moved returns the state after the rename of a path with everything below it.
func (s State) moved(from, to string) State {
	n := make(State, len(s))
	for p, e := range s {
		if p == from {
			p = to
		} else if rest, ok := strings.CutPrefix(p, from+"/"); ok {
			p = to + "/" + rest
		}
		n[p] = e
	}
	// A file that stood under the new name is gone whatever the order was.
	if e, ok := s[from]; ok {
		n[to] = e
	}
	return n
}

// paths returns the paths of files, or of directories, in order.
func (s State) paths(dirs bool) []string {
	var list []string
	for p, e := range s {
		if e.Dir == dirs {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list
}

// found is what lies under a path of the real tree.
type found struct {
	dir     bool
	content []byte
}

// differences tells how a real tree is not s, nil when it is. It stops at some.
func (s State) differences(tree map[string]found) []string {
	var list []string
	for _, p := range slices.Sorted(maps.Keys(s)) {
		f, ok := tree[p]
		if !ok && s[p].Maybe {
			continue
		}
		if !ok {
			list = append(list, p+": missing")
		} else if why := s[p].unlike(f); why != "" {
			list = append(list, p+": "+why)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(tree)) {
		if _, ok := s[p]; !ok {
			list = append(list, fmt.Sprintf("%s: there, with %d bytes, and should not be", p, len(tree[p].content)))
		}
	}
	const some = 8
	return list[:min(len(list), some)]
}

// unlike tells how f is not e, "" when it is.
func (e Entry) unlike(f found) string {
	switch {
	case e.Dir != f.dir:
		return fmt.Sprintf("directory is %v instead of %v", f.dir, e.Dir)
	case e.Dir:
		return ""
	case e.Either != nil:
		if !slices.ContainsFunc(e.Either, func(alt Entry) bool { return alt.unlike(f) == "" }) {
			return fmt.Sprintf("its %d bytes are none of the %d contents that it may have after an error", len(f.content), len(e.Either))
		}
	case e.Grown != nil:
		if int64(len(f.content)) < e.Size || !e.grown(f.content) {
			return fmt.Sprintf("its %d bytes are not the %d synced ones and what was written behind them", len(f.content), e.Size)
		}
	case e.Mixed[0] != nil:
		if !e.mixed(f.content) {
			return fmt.Sprintf("its %d bytes are not those before and after a write that failed", len(f.content))
		}
	case e.Size != int64(len(f.content)):
		return fmt.Sprintf("%d bytes instead of %d", len(f.content), e.Size)
	case e.Sum != sha256.Sum256(f.content):
		return "other bytes of the same number"
	}
	return ""
}

// grown reports whether content is a beginning of e.Grown.
func (e Entry) grown(content []byte) bool {
	if bytes.HasPrefix(e.Grown, content) {
		return true
	}
	if !e.Zeros || !bytes.HasPrefix(content, e.Grown[:e.Size]) {
		return false
	}
	for i := int(e.Size); i < len(content); i++ {
		if content[i] != 0 && (i >= len(e.Grown) || content[i] != e.Grown[i]) {
			return false
		}
	}
	return true
}

// mixed reports whether each byte is of one of the two contents.
func (e Entry) mixed(content []byte) bool {
	a, b := e.Mixed[0], e.Mixed[1]
	if len(content) != len(a) {
		return false
	}
	for i, c := range content {
		if c != a[i] && c != b[i] {
			return false
		}
	}
	return true
}

// History are the contents that were complete under a path at some time, or may
// have been.
type History struct {
	mu   sync.Mutex // guards seen
	seen map[string]map[[32]byte]bool
}

// Add puts the files of a state on record.
func (h *History) Add(s State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p, e := range s {
		for _, alt := range slices.Concat(e.Either, []Entry{e}) {
			if !alt.Dir && !alt.open() {
				h.addLocked(p, alt.Sum)
			}
		}
	}
}

func (h *History) addLocked(path string, sum [32]byte) {
	if h.seen == nil {
		h.seen = make(map[string]map[[32]byte]bool)
	}
	if h.seen[path] == nil {
		h.seen[path] = make(map[[32]byte]bool)
	}
	h.seen[path][sum] = true
}

// Has reports whether a content was ever complete under a path.
func (h *History) Has(path string, sum [32]byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seen[path][sum]
}
