package metatest

import (
	"fmt"

	"contentfs/meta"
)

// model is the tree as POSIX has it, in the simplest way.
type model struct {
	nodes map[meta.Ino]*modelNode
}

type modelNode struct {
	dir     bool
	names   int // how often it is bound
	parent  meta.Ino
	entries map[string]meta.Ino
}

func newModel() *model {
	return &model{map[meta.Ino]*modelNode{meta.Root: {dir: true, names: 1, entries: map[string]meta.Ino{}}}}
}

// lookup gives the entry of a name, nil if there is none.
func (m *model) lookup(dir meta.Ino, name string) (meta.Ino, error) {
	d := m.nodes[dir]
	if !d.dir {
		return 0, meta.ErrNotDir
	}
	ino, ok := d.entries[name]
	if !ok {
		return 0, meta.ErrNotExist
	}
	return ino, nil
}

// live is whether names may go into dir.
func (m *model) live(dir meta.Ino) error {
	d := m.nodes[dir]
	switch {
	case !d.dir:
		return meta.ErrNotDir
	case d.names == 0:
		return meta.ErrNotExist
	}
	return nil
}

func (m *model) bind(dir meta.Ino, name string, ino meta.Ino) {
	m.nodes[dir].entries[name] = ino
	n := m.nodes[ino]
	n.names++
	if n.dir {
		n.parent = dir
	}
}

func (m *model) unbind(dir meta.Ino, name string) {
	m.nodes[m.nodes[dir].entries[name]].names--
	delete(m.nodes[dir].entries, name)
}

func (m *model) create(dir meta.Ino, name string, ino meta.Ino, isDir bool) error {
	if err := m.live(dir); err != nil {
		return err
	}
	if _, err := m.lookup(dir, name); err == nil {
		return meta.ErrExist
	}
	m.nodes[ino] = &modelNode{dir: isDir, entries: map[string]meta.Ino{}}
	m.bind(dir, name, ino)
	return nil
}

func (m *model) link(ino, dir meta.Ino, name string) error {
	if m.nodes[ino].dir {
		return meta.ErrIsDir
	}
	if err := m.live(dir); err != nil {
		return err
	}
	if _, err := m.lookup(dir, name); err == nil {
		return meta.ErrExist
	}
	m.bind(dir, name, ino)
	return nil
}

func (m *model) unlink(dir meta.Ino, name string) error {
	ino, err := m.lookup(dir, name)
	if err != nil {
		return err
	}
	if m.nodes[ino].dir {
		return meta.ErrIsDir
	}
	m.unbind(dir, name)
	return nil
}

func (m *model) rmdir(dir meta.Ino, name string) error {
	ino, err := m.lookup(dir, name)
	if err != nil {
		return err
	}
	switch n := m.nodes[ino]; {
	case !n.dir:
		return meta.ErrNotDir
	case len(n.entries) > 0:
		return meta.ErrNotEmpty
	}
	m.unbind(dir, name)
	return nil
}

// below is whether dir is top or in it.
func (m *model) below(dir, top meta.Ino) bool {
	for ; dir != meta.Root; dir = m.nodes[dir].parent {
		if dir == top {
			return true
		}
	}
	return dir == top
}

func (m *model) rename(q meta.RenameRequest) error {
	on, nn := string(q.OldName), string(q.NewName)
	moved, err := m.lookup(q.OldParent, on)
	if err != nil {
		return err
	}
	if err := m.live(q.NewParent); err != nil {
		return err
	}
	other, err := m.lookup(q.NewParent, nn)
	taken := err == nil
	switch {
	case q.NoReplace && taken:
		return meta.ErrExist
	case q.Exchange && !taken:
		return meta.ErrNotExist
	case taken && moved == other:
		return nil
	case m.nodes[moved].dir && m.below(q.NewParent, moved):
		return meta.ErrLoop
	case q.Exchange && m.nodes[other].dir && m.below(q.OldParent, other):
		return meta.ErrLoop
	}
	if q.Exchange {
		m.unbind(q.OldParent, on)
		m.unbind(q.NewParent, nn)
		m.bind(q.OldParent, on, other)
		m.bind(q.NewParent, nn, moved)
		return nil
	}
	if taken {
		switch a, b := m.nodes[moved], m.nodes[other]; {
		case a.dir && !b.dir:
			return meta.ErrNotDir
		case !a.dir && b.dir:
			return meta.ErrIsDir
		case b.dir && len(b.entries) > 0:
			return meta.ErrNotEmpty
		}
		m.unbind(q.NewParent, nn)
	}
	m.unbind(q.OldParent, on)
	m.bind(q.NewParent, nn, moved)
	return nil
}

func (m *model) walk(dir meta.Ino, path string, list *[]string) {
	for name, ino := range m.nodes[dir].entries {
		n := m.nodes[ino]
		links := n.names
		if n.dir {
			links = 2
			for _, child := range n.entries {
				if m.nodes[child].dir {
					links++
				}
			}
		}
		p := path + "/" + name
		*list = append(*list, fmt.Sprint(p, " ", ino, " ", n.dir, " ", links))
		if n.dir {
			m.walk(ino, p, list)
		}
	}
}
