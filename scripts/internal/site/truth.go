package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
)

// text is what a file holds: bytes that follow from a seed. What lay in the existing
// tree and was not written to since has the look that it had there.
type text struct {
	seed uint64
	size int
	look *look
}

func (t text) bytes() []byte {
	b := make([]byte, t.size)
	r := rand.NewChaCha8([32]byte{byte(t.seed), byte(t.seed >> 8), byte(t.seed >> 16), byte(t.seed >> 24),
		byte(t.seed >> 32), byte(t.seed >> 40)})
	_, _ = r.Read(b) // never fails
	return b
}

// check says how bytes differ, nil when they do not.
func (t text) check(got []byte) error {
	if bytes.Equal(got, t.bytes()) {
		return nil
	}
	if len(got) != t.size {
		return fmt.Errorf("%d bytes instead of %d", len(got), t.size)
	}
	return fmt.Errorf("other bytes, of the right number: %d", t.size)
}

// item is one content item and the truth about it.
type item struct {
	uid   string
	mu    sync.RWMutex    // guards files, here and on the disk
	files map[string]text // by path below the uid
	gone  map[string]bool // names that it had
}

// pick returns any of the item's files.
func (i *item) pick() (string, bool) {
	for name := range i.files { // in no order, and that is meant
		return name, true
	}
	return "", false
}

// truth is all that the load wrote. Its items are there from the beginning.
type truth struct {
	items  []*item
	still  []*item // that the load leaves alone
	byUID  map[string]*item
	others map[string]*look // what is no regular file, by path from the top
}

// all are the items of the load and the others.
func (t *truth) all() []*item { return append(t.items[:len(t.items):len(t.items)], t.still...) }

// sum is a number of files and their bytes.
type sum struct{ files, bytes int64 }

// total counts everything, and by field. The load must be halted.
func (t *truth) total() (all sum, byField map[string]int64) {
	byField = make(map[string]int64)
	for _, i := range t.all() {
		i.mu.RLock()
		for name, c := range i.files {
			all.files++
			all.bytes += int64(c.size)
			if field := fieldOf(path.Dir(name)); field != "" {
				byField[field]++
			}
		}
		i.mu.RUnlock()
	}
	return all, byField
}

// had reports whether a path from the top was one of the load's, which it removed or
// renamed.
func (t *truth) had(name string) bool {
	uid, rest, _ := strings.Cut(name, "/")
	i := t.byUID[uid]
	if i == nil {
		return false
	}
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.gone[rest]
}

// each calls f for every file, by its path from the top.
func (t *truth) each(f func(name string, c text)) {
	for _, i := range t.all() {
		i.mu.RLock()
		for name, c := range i.files {
			f(path.Join(i.uid, name), c)
		}
		i.mu.RUnlock()
	}
}

// newText makes up content. Sizes are mostly a scale's, some an image's, and some
// are nothing at all.
func newText(r *rand.Rand) text {
	t := text{seed: r.Uint64(), size: 200 + r.IntN(8<<10)}
	switch r.IntN(100) {
	case 0:
		t.size = 0
	case 1:
		t.size = 1
	case 2, 3:
		t.size = 100<<10 + r.IntN(400<<10)
	}
	return t
}

// newName makes up a place and a name that the item has not.
func (i *item) newName(r *rand.Rand, longest int) (string, bool) {
	names := hurting(longest)
	place := places()[r.IntN(len(places()))]
	name := place + "/" + names[r.IntN(len(names))]
	_, taken := i.files[name]
	return name, !taken && !strings.HasSuffix(name, "/")
}
