package workload

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Op is an operation of a Sequence.
type Op struct {
	Kind     string
	Name, To string // To: of rename and link
}

// String is the operation as reports tell it.
func (o Op) String() string { return strings.TrimSpace(o.Kind + " " + o.Name + " " + o.To) }

// Sequence is some operations in a directory that has a file a and a directory c
// to begin with. What it opens stays open until it says close.
type Sequence []Op

var sequenceNames = []string{"a", "b", "c"}

// inode is a file or a directory of a Sequence.
type inode struct {
	dir  bool
	open bool

	content   []byte
	committed []byte // what a crash leaves; nil: it is not in the tree then
	dirty     bool   // content was changed since the last commit
	inPlace   bool   // it was committed while open: the next writes go to the same file
	ever      [][]byte
}

// loose: what is found may be anything between what was committed and what was
// written after that.
func (n *inode) loose() bool { return n.inPlace && n.dirty }

// moment is what a power cut may bring back.
type moment struct {
	names map[string]int
	files []inode
}

// Plan is what a Sequence does and what may be left of it.
type Plan struct {
	names   map[string]int // numbers of files
	files   []inode
	moments []moment // from the last durable one on
}

// NewPlan returns the state in which every Sequence begins.
func NewPlan() *Plan {
	p := &Plan{names: map[string]int{"a": 0, "c": 1}}
	first := fill(0, 6000)
	p.files = []inode{{content: first, committed: first, ever: [][]byte{first}}, {dir: true}}
	p.note(true)
	return p
}

// fill is what step writes.
func fill(step, n int) []byte { return bytes.Repeat([]byte{byte('A' + step)}, n) }

func (p *Plan) clone() *Plan {
	return &Plan{names: maps.Clone(p.names), files: slices.Clone(p.files), moments: slices.Clone(p.moments)}
}

// note puts on record what there is now.
func (p *Plan) note(durable bool) {
	if durable {
		p.moments = nil
	}
	p.moments = append(p.moments, moment{names: maps.Clone(p.names), files: slices.Clone(p.files)})
}

// choices are the operations that are possible now.
func (p *Plan) choices() []Op {
	var list []Op
	add := func(o Op, ok bool) {
		if ok {
			list = append(list, o)
		}
	}
	for _, name := range sequenceNames {
		i, there := p.names[name]
		var n inode
		if there {
			n = p.files[i]
		}
		file := there && !n.dir
		add(Op{"create", name, ""}, !there)
		add(Op{"mkdir", name, ""}, !there)
		add(Op{"rmdir", name, ""}, n.dir)
		add(Op{"write", name, ""}, file)
		add(Op{"append", name, ""}, file)
		add(Op{"truncate", name, ""}, file && len(n.content) > 0)
		add(Op{"unlink", name, ""}, file)
		add(Op{"fsync", name, ""}, n.open)
		add(Op{"close", name, ""}, n.open)
		for _, to := range sequenceNames {
			k, taken := p.names[to]
			add(Op{"link", name, to}, file && !taken)
			// Two names of one file stay as they are; a directory takes no file's place.
			add(Op{"rename", name, to}, there && to != name && (!taken || k != i && p.files[k].dir == n.dir))
		}
	}
	return list
}

// do changes the plan; step makes what is written unlike anything before.
func (p *Plan) do(o Op, step int) {
	i := p.names[o.Name]
	durable := false
	change := func(content []byte) {
		n := &p.files[i]
		n.content, n.dirty = content, true
		n.ever = append(slices.Clone(n.ever), content)
	}
	commit := func() {
		n := &p.files[i]
		n.committed, n.dirty, n.inPlace = n.content, false, n.open
	}
	switch o.Kind {
	case "create":
		p.names[o.Name] = len(p.files)
		p.files = append(p.files, inode{open: true, dirty: true, content: []byte{}, ever: [][]byte{{}}})
	case "mkdir":
		p.names[o.Name] = len(p.files)
		p.files = append(p.files, inode{dir: true})
	case "unlink", "rmdir":
		delete(p.names, o.Name)
	case "write":
		p.files[i].open = true
		change(writeOver(p.files[i].content, step))
	case "append":
		p.files[i].open = true
		change(append(slices.Clone(p.files[i].content), fill(step, appendSize)...))
	case "truncate":
		change(slices.Clone(p.files[i].content[:len(p.files[i].content)/2]))
		if !p.files[i].open {
			commit()
		}
	case "fsync":
		durable = p.files[i].dirty
		commit()
	case "close":
		durable = p.files[i].dirty
		p.files[i].open = false
		commit()
	case "rename", "link":
		durable = true
		if n := &p.files[i]; !n.dir && n.dirty {
			commit() // a name does not come to stand for less than was written
		}
		p.names[o.To] = i
		if o.Kind == "rename" {
			delete(p.names, o.Name)
		}
	}
	p.note(durable)
}

const (
	writeAt    = 1000
	writeSize  = 5000
	appendSize = 3000
)

// writeOver is the content after a write in the middle.
func writeOver(old []byte, step int) []byte {
	b := make([]byte, max(len(old), writeAt+writeSize))
	copy(b, old)
	copy(b[writeAt:], fill(step, writeSize))
	return b
}

// Sequences returns all sequences of n operations.
func Sequences(n int) []Sequence {
	var list []Sequence
	var grow func(p *Plan, s Sequence)
	grow = func(p *Plan, s Sequence) {
		if len(s) == n {
			list = append(list, slices.Clone(s))
			return
		}
		for _, o := range p.choices() {
			next := p.clone()
			next.do(o, len(s)+1)
			grow(next, append(s, o))
		}
	}
	grow(NewPlan(), nil)
	return list
}

// RandomSequence returns one of n operations. pick chooses a number below its
// argument.
func RandomSequence(n int, pick func(int) int) Sequence {
	var s Sequence
	for p := NewPlan(); len(s) < n; {
		all := p.choices()
		o := all[pick(len(all))]
		s = append(s, o)
		p.do(o, len(s))
	}
	return s
}

// check tells how a tree is none of those that may be left, "" when it is one.
func (p *Plan) check(tree map[string]found) string {
	var text strings.Builder
	for i, m := range p.moments {
		why := m.unlike(tree)
		if why == "" {
			return ""
		}
		fmt.Fprintf(&text, "\n\tnot legal state %d of %d: %s", i+1, len(p.moments), why)
	}
	return text.String()
}

func (m moment) unlike(tree map[string]found) string {
	for _, name := range sequenceNames {
		i, want := m.names[name]
		want = want && (m.files[i].dir || m.files[i].committed != nil)
		got, there := tree[name]
		switch {
		case want != there:
			return fmt.Sprintf("%s: there is %v instead of %v", name, there, want)
		case !there:
		case got.dir != m.files[i].dir:
			return fmt.Sprintf("%s: directory is %v", name, got.dir)
		case !got.dir && !m.files[i].allows(got.content):
			return fmt.Sprintf("%s: its %d bytes are not the %d that were committed", name, len(got.content), len(m.files[i].committed))
		}
	}
	if len(tree) > len(sequenceNames) {
		return "there is more than was made"
	}
	return ""
}

func (n *inode) allows(content []byte) bool {
	if bytes.Equal(content, n.committed) {
		return true
	}
	if !n.loose() {
		return false
	}
	for k, c := range content {
		if c != 0 && !slices.ContainsFunc(n.ever, func(b []byte) bool { return k < len(b) && b[k] == c }) {
			return false
		}
	}
	return slices.ContainsFunc(n.ever, func(b []byte) bool { return len(b) >= len(content) })
}
