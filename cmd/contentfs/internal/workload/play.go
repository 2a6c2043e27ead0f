package workload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Play is a Sequence under way in a directory of a mount.
type Play struct {
	Dir  string
	seq  Sequence
	plan *Plan
	open map[int]*os.File
}

// Prepare makes the directory in which a sequence begins. It is on stable storage
// when it returns.
func Prepare(dir string, s Sequence) (*Play, error) {
	p := &Play{Dir: dir, seq: s, plan: NewPlan(), open: make(map[int]*os.File)}
	err := os.MkdirAll(filepath.Join(dir, "c"), 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "a"), p.plan.files[0].content, 0o644)
	}
	return p, err
}

// Run does all operations. Every one must be answered with success.
func (p *Play) Run() error {
	for k, o := range p.seq {
		i, there := p.plan.names[o.Name]
		if !there {
			i = len(p.plan.files) // it will have this number
		}
		if err := p.do(o, i, k+1); err != nil {
			return fmt.Errorf("%v, operation %d: %w", p.seq, k+1, err)
		}
		p.plan.do(o, k+1)
	}
	return nil
}

func (p *Play) do(o Op, i, step int) error {
	path, to := filepath.Join(p.Dir, o.Name), filepath.Join(p.Dir, o.To)
	switch o.Kind {
	case "create":
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		p.open[i] = f
		return err
	case "mkdir":
		return os.Mkdir(path, 0o755)
	case "unlink", "rmdir":
		return os.Remove(path)
	case "rename":
		return unix.Rename(path, to) // os.Rename does not replace directories
	case "link":
		return os.Link(path, to)
	case "truncate":
		return os.Truncate(path, int64(len(p.plan.files[i].content)/2))
	case "fsync":
		return p.open[i].Sync()
	case "close":
		f := p.open[i]
		delete(p.open, i)
		return f.Close()
	case "write", "append":
		f := p.open[i]
		if f == nil {
			var err error
			if f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
				return err
			}
			p.open[i] = f
		}
		at, size := int64(writeAt), writeSize
		if o.Kind == "append" {
			at, size = int64(len(p.plan.files[i].content)), appendSize
		}
		_, err := f.WriteAt(fill(step, size), at)
		return err
	}
	return errors.New("nobody knows how to do this")
}

// Abandon closes what is open, after the fault.
func (p *Play) Abandon() {
	for _, f := range p.open {
		f.Close() // there is nobody to answer
	}
}

// Verify looks at the directory when the mount is there again.
func (p *Play) Verify() error {
	tree := make(map[string]found)
	list, err := os.ReadDir(p.Dir)
	if err != nil {
		return fmt.Errorf("%v: %w", p.seq, err)
	}
	for _, e := range list {
		f := found{dir: e.IsDir()}
		if !f.dir {
			if f.content, err = os.ReadFile(filepath.Join(p.Dir, e.Name())); err != nil {
				return fmt.Errorf("%v: %w", p.seq, err)
			}
		}
		tree[e.Name()] = f
	}
	if why := p.plan.check(tree); why != "" {
		return fmt.Errorf("%v and a power cut:%s", p.seq, why)
	}
	return nil
}
