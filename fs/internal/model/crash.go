package model

import (
	"fmt"
	"math"
)

// Look tells what is under a path after a crash: whether there is anything, and the
// content if it is a regular file.
type Look func(path string) (there bool, content []byte, err error)

// Recovered takes over what a crash left of the files that were open for writing,
// after comparing it with what may be left. Everything else is as it was.
func (r *Reference) Recovered(look Look) error {
	paths := make(map[*node][]string)
	r.walk(r.root, "", func(path string, n *node) {
		if n.writers > 0 {
			paths[n] = append(paths[n], path)
		}
	})
	for n, names := range paths {
		if err := r.recovered(n, names, look); err != nil {
			return err
		}
	}
	clear(r.fds)
	r.each(func(n *node) { n.opens, n.writers, n.saved.open, n.remote.streams = 0, 0, false, false })
	return nil
}

func (r *Reference) recovered(n *node, names []string, look Look) error {
	for i, path := range names {
		there, content, err := look(path)
		if err != nil {
			return fmt.Errorf("look at %q after the crash: %w", path, err)
		}
		if !n.saved.outcome(n, there, content) {
			return fmt.Errorf("%q after the crash: there %v, content %s; it had %s and was committed (%v) with %s",
				path, there, brief(content), brief(n.content), n.saved.acked, brief(n.saved.content))
		}
		if !there {
			p, _ := r.find(path)
			// The times of its directory are those of the recovery.
			r.unbind(p)
			anyTime(&p.dir.mtime, &p.dir.ctime)
			continue
		}
		if i > 0 && len(content) != len(n.content) {
			return fmt.Errorf("%q and %q are one file and differ after the crash", names[0], path)
		}
		n.content = content
		anyTime(&n.mtime, &n.ctime, &n.atime)
		n.saved.commit(n)
		n.remote = remote{stored: true, away: len(content) > 0} // as far as anybody knows
	}
	return nil
}

// anyTime forgets times: a recovery takes them from where it finds them.
func anyTime(list ...*moment) {
	for _, m := range list {
		*m = moment{math.MinInt64, math.MaxInt64}
	}
}
