package workload

import (
	"maps"
	"testing"
)

// The ledger must notice every way in which a tree can be wrong.
func TestDifferences(t *testing.T) {
	grown := file([]byte("synced"))
	grown.Grown = []byte("synced and more")
	loose := grown
	loose.Zeros = true
	for _, c := range []struct {
		name  string
		entry Entry
		found *found
		same  bool
	}{
		{"the same", file([]byte("abc")), &found{content: []byte("abc")}, true},
		{"missing", file([]byte("abc")), nil, false},
		{"shorter", file([]byte("abc")), &found{content: []byte("ab")}, false},
		{"other bytes", file([]byte("abc")), &found{content: []byte("abd")}, false},
		{"empty", file(nil), &found{}, true},
		{"directory instead", file(nil), &found{dir: true}, false},
		{"file instead", Entry{Dir: true}, &found{}, false},
		{"synced only", grown, &found{content: []byte("synced")}, true},
		{"some more", grown, &found{content: []byte("synced and")}, true},
		{"less than synced", grown, &found{content: []byte("sync")}, false},
		{"more than written", grown, &found{content: []byte("synced and more!")}, false},
		{"zeros behind", grown, &found{content: []byte("synced\x00\x00")}, false},
		{"zeros behind, allowed", loose, &found{content: []byte("synced\x00\x00")}, true},
		{"zeros in what was synced", loose, &found{content: []byte("sync\x00\x00\x00")}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, tree := State{"d": {Dir: true}, "d/f": c.entry}, map[string]found{"d": {dir: true}}
			if c.found != nil {
				tree["d/f"] = *c.found
			}
			if got := s.differences(tree); (got == nil) != c.same {
				t.Errorf("differences: %q", got)
			}
			tree["d/more"] = found{}
			if s.differences(tree) == nil {
				t.Error("a file too many is not noticed")
			}
		})
	}
}

func TestMoved(t *testing.T) {
	a, b := file([]byte("a")), file([]byte("b"))
	s := State{"x": {Dir: true}, "x/f": a, "xy": b}
	if got, want := s.moved("x", "z"), (State{"z": {Dir: true}, "z/f": a, "xy": b}); !same(got, want) {
		t.Errorf("directory: %v", got)
	}
	for range 20 { // whatever the order of the map
		if got, want := s.moved("x/f", "xy"), (State{"x": {Dir: true}, "xy": a}); !same(got, want) {
			t.Errorf("over another: %v", got)
		}
	}
}

func same(a, b State) bool {
	return maps.EqualFunc(a, b, func(x, y Entry) bool { return x.Dir == y.Dir && x.Size == y.Size && x.Sum == y.Sum })
}
