package metatest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"contentfs/meta"
)

// randomSteps is how many operations the random test makes.
const randomSteps = 1500

// testRandom makes random changes of the tree to the store and to a model, which
// must agree about every outcome and about the tree.
func testRandom(e *env) {
	seed := uint64(time.Now().UnixNano())
	e.Logf("seed %d", seed)
	r := &randomTree{env: e, rnd: rand.New(rand.NewPCG(seed, 1)), model: newModel()}
	for i := range randomSteps {
		what, got, want := r.step()
		if !errors.Is(got, want) || want == nil && got != nil {
			e.Fatalf("step %d: %s: %v, the model says %v", i, what, got, want)
		}
		if i%100 == 0 {
			r.compare()
		}
	}
	r.compare()
}

// randomTree makes the same operation on both.
type randomTree struct {
	*env
	rnd   *rand.Rand
	model *model
}

var randomNames = []string{"a", "b", "c", "d"}

// place is a random directory, or rarely something that is none, and a name.
func (r *randomTree) place() (meta.Ino, string) {
	return r.any(), randomNames[r.rnd.IntN(len(randomNames))]
}

// any is a node, a directory with a name if luck has it.
func (r *randomTree) any() meta.Ino {
	inos := make([]meta.Ino, 0, len(r.model.nodes))
	for ino, n := range r.model.nodes {
		if n.dir && n.names > 0 || ino == meta.Root || r.rnd.IntN(10) == 0 {
			inos = append(inos, ino)
		}
	}
	slices.Sort(inos)
	return inos[r.rnd.IntN(len(inos))]
}

func (r *randomTree) step() (what string, got, want error) {
	dir, name := r.place()
	switch r.rnd.IntN(10) {
	case 0, 1, 2:
		mode := uint32(meta.TypeRegular)
		if r.rnd.IntN(2) == 0 {
			mode = meta.TypeDir
		}
		n, err := r.s.Create(meta.CreateRequest{Parent: dir, Name: []byte(name), Mode: mode, Now: r.now()})
		return fmt.Sprintf("create %d/%s %o", dir, name, mode), err, r.model.create(dir, name, n.Ino, mode == meta.TypeDir)
	case 3:
		_, err := r.s.Unlink(dir, []byte(name), r.now())
		return fmt.Sprintf("unlink %d/%s", dir, name), err, r.model.unlink(dir, name)
	case 4:
		_, err := r.s.Rmdir(dir, []byte(name), r.now())
		return fmt.Sprintf("rmdir %d/%s", dir, name), err, r.model.rmdir(dir, name)
	case 5:
		ino := r.any()
		_, err := r.s.Link(ino, dir, []byte(name), r.now())
		return fmt.Sprintf("link %d %d/%s", ino, dir, name), err, r.model.link(ino, dir, name)
	case 6:
		return r.commitAny()
	default:
		return r.renameAny(dir, name)
	}
}

func (r *randomTree) commitAny() (what string, got, want error) {
	ino := r.any()
	if n := r.model.nodes[ino]; n.dir {
		return "nothing", nil, nil
	}
	now := r.now()
	_, err := r.s.Commit(meta.CommitRequest{Ino: ino, File: r.newFile(), Size: 1, Now: now, Relaxed: true})
	return fmt.Sprint("commit ", ino), err, nil
}

func (r *randomTree) renameAny(dir meta.Ino, name string) (what string, got, want error) {
	to, as := r.place()
	q := meta.RenameRequest{OldParent: dir, OldName: []byte(name), NewParent: to, NewName: []byte(as), Now: r.now()}
	switch r.rnd.IntN(4) {
	case 0:
		q.Exchange = true
	case 1:
		q.NoReplace = true
	}
	_, err := r.s.Rename(q)
	return fmt.Sprintf("rename %+v", q), err, r.model.rename(q)
}

// compare wants both to have the same tree.
func (r *randomTree) compare() {
	r.Helper()
	var got, want []string
	r.walk(meta.Root, "", &got)
	r.model.walk(meta.Root, "", &want)
	slices.Sort(got)
	slices.Sort(want)
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		r.Fatalf("the store has\n%s\nand the model\n%s", a, b)
	}
	r.check()
}

func (r *randomTree) walk(dir meta.Ino, path string, list *[]string) {
	r.Helper()
	for _, entry := range listed(r.env, dir, 0, 0) {
		n := entry.Node
		p := path + "/" + string(entry.Name)
		*list = append(*list, fmt.Sprint(p, " ", n.Ino, " ", n.IsDir(), " ", n.Nlink))
		if n.IsDir() {
			r.walk(n.Ino, p, list)
		}
	}
}
