package main_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"contentfs/cmd/contentfs/internal/workload"
)

// tree is what a volume holds: contents of files by path, and directories with a
// slash behind their path.
type tree map[string]string

func (t tree) with(path, content string) tree {
	n := maps.Clone(t)
	n[path] = content
	return n
}

func (t tree) without(path string) tree {
	n := maps.Clone(t)
	delete(n, path)
	return n
}

// unlike tells how t is not found, "" when it is.
func (t tree) unlike(found tree) string {
	var list []string
	for _, p := range slices.Sorted(maps.Keys(t)) {
		switch text, ok := found[p]; {
		case !ok:
			list = append(list, p+" is missing")
		case text != t[p]:
			list = append(list, fmt.Sprintf("%s has %.40q (%d bytes) instead of %.40q (%d bytes)", p, text, len(text), t[p], len(t[p])))
		}
	}
	for _, p := range slices.Sorted(maps.Keys(found)) {
		if _, ok := t[p]; !ok {
			list = append(list, fmt.Sprintf("%s is there, with %d bytes", p, len(found[p])))
		}
	}
	const some = 5
	return strings.Join(list[:min(len(list), some)], ", ")
}

// ledger is what a volume promised. It is used by one goroutine at a time.
type ledger struct {
	history workload.History
	state   tree   // after the last answered operation
	older   []tree // a power cut may bring these back
	flight  []tree // the operation under way may leave one of these
}

// lasting says what an answer promises, as meta has it.
type lasting bool

const (
	durable lasting = true
	visible lasting = false
)

// do carries out an operation that leads to the state next; while it is under way a
// crash may leave that, the state before, or one of also.
func (l *ledger) do(next tree, how lasting, call func() error, also ...tree) error {
	l.flight = append(also, next)
	for _, t := range l.flight {
		l.note(t)
	}
	if err := call(); err != nil {
		return err
	}
	if how == durable {
		l.older = nil
	} else {
		l.older = append(l.older, l.state)
	}
	l.state, l.flight = next, nil
	return nil
}

// note puts contents on record that may get to S3.
func (l *ledger) note(t tree) {
	s := make(workload.State)
	for p, text := range t {
		if !strings.HasSuffix(p, "/") && l.state[p] != text || text == "" {
			s[p] = workload.Entry{Size: int64(len(text)), Sum: sha256.Sum256([]byte(text))}
		}
	}
	l.history.Add(s)
}

// settle finds the state that is there, which must be one that may be.
func (l *ledger) settle(root string, cut bool) error {
	found, err := readTree(root)
	if err != nil {
		return err
	}
	legal := append([]tree{l.state}, l.flight...)
	if cut {
		legal = append(legal, l.older...)
	}
	var why []string
	for i, t := range legal {
		differs := t.unlike(found)
		if differs == "" {
			l.state, l.flight, l.older = t, nil, nil
			return nil
		}
		why = append(why, fmt.Sprintf("not legal state %d of %d: %s", i+1, len(legal), differs))
	}
	return errors.New(strings.Join(why, "\n\t"))
}

func readTree(root string) (tree, error) {
	t := make(tree)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel, err := filepath.Rel(root, path)
		switch {
		case err != nil:
		case d.IsDir():
			t[rel+"/"] = ""
		case d.Type().IsRegular():
			var b []byte
			b, err = os.ReadFile(path)
			t[rel] = string(b)
		default:
			t[rel] = d.Type().String()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return t, nil
}
