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
}

// cut describes a file of which the write failed somewhere behind the first n
// bytes.
func cut(content []byte, n int) Entry { return Entry{Size: int64(n), Grown: content} }

// open reports whether the content is not known for sure.
func (e Entry) open() bool { return e.Grown != nil || e.Mixed[0] != nil }

// seen returns the state with what was found in place of what was open.
func (s State) seen(tree map[string]found) State {
	for p, e := range s {
		if e.open() {
			s = s.with(p, file(tree[p].content))
		}
	}
	return s
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
		if !e.Dir && !e.open() {
			h.addLocked(p, e.Sum)
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
