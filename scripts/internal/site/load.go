package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	writers = 3
	readers = 2
	// pace is the pause of a writer or reader between two of its works: the machine
	// has the administrator's commands to run as well.
	pace = 30 * time.Millisecond
)

// load is the CMS.
type load struct {
	truth
	point    string
	findings *findings
	excused  func() bool // whether reading may fail now

	seed    uint64
	longest int // bytes of a name
	rounds  uint64
	stop    context.CancelFunc
	done    sync.WaitGroup
	writes  atomic.Int64
	reads   atomic.Int64
	failed  atomic.Int64 // reads that were excused
}

// newLoad returns a site's content, of which nothing is written yet.
func newLoad(point string, o *options, f *findings) *load {
	l := &load{point: point, seed: o.seed, longest: o.longest, findings: f}
	l.byUID = make(map[string]*item)
	const perItem = 5
	for n := range o.files / perItem {
		i := &item{uid: uidOf(n), files: make(map[string]text), gone: make(map[string]bool)}
		l.items, l.byUID[i.uid] = append(l.items, i), i
	}
	return l
}

// begin lets writers and readers work until halt.
func (l *load) begin(ctx context.Context) {
	ctx, l.stop = context.WithCancel(ctx)
	l.rounds++
	for w := range uint64(writers + readers) {
		r := rand.New(rand.NewPCG(l.seed, l.rounds<<8|w))
		work := l.change
		if w >= writers {
			work = l.look
		}
		l.done.Go(func() {
			tick := time.NewTicker(pace)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					work(r, l.items[r.IntN(len(l.items))])
				}
			}
		})
	}
}

func (l *load) halt() {
	if l.stop != nil {
		l.stop()
		l.done.Wait()
	}
}

// change does one thing to an item that an editor would.
func (l *load) change(r *rand.Rand, i *item) {
	i.mu.Lock()
	defer i.mu.Unlock()
	err := l.edit(r, i)
	l.writes.Add(1)
	if err != nil {
		l.findings.add("the load: %v", err)
	}
}

func (l *load) edit(r *rand.Rand, i *item) error {
	name, some := i.pick()
	fresh, free := i.newName(r, l.longest)
	switch what := r.IntN(10); {
	case !some || what < 2 && free:
		return l.write(i, fresh, newText(r))
	case what < 4:
		return l.replace(i, name, newText(r))
	case what < 6:
		return l.write(i, name, newText(r))
	case what < 7 && free:
		return l.rename(i, name, fresh)
	case what < 9:
		delete(i.files, name)
		i.gone[name] = true
		return os.Remove(l.at(i, name))
	}
	return l.scales(r, i)
}

// scales writes all scales of an image anew, as a CMS does when one is changed.
func (l *load) scales(r *rand.Rand, i *item) error {
	for _, place := range []string{"image/preview", "image/thumb"} {
		if err := l.write(i, place+"/"+hurting(l.longest)[r.IntN(len(hurting(l.longest)))], newText(r)); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) at(i *item, name string) string { return filepath.Join(l.point, i.uid) + "/" + name }

func (l *load) write(i *item, name string, c text) error {
	file := l.at(i, name)
	if err := os.MkdirAll(path.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, c.bytes(), 0o644); err != nil {
		return err
	}
	i.files[name] = c
	return nil
}

// replace is how careful programs save: by another name, and renamed into place.
func (l *load) replace(i *item, name string, c text) error {
	tmp := path.Dir(name) + "/upload.tmp"
	if err := l.write(i, tmp, c); err != nil {
		return err
	}
	return l.rename(i, tmp, name)
}

func (l *load) rename(i *item, from, to string) error {
	if err := os.MkdirAll(path.Dir(l.at(i, to)), 0o755); err != nil {
		return err
	}
	if err := os.Rename(l.at(i, from), l.at(i, to)); err != nil {
		return err
	}
	i.files[to] = i.files[from]
	delete(i.files, from)
	i.gone[from] = true
	return nil
}

// look reads a file of an item and compares.
func (l *load) look(_ *rand.Rand, i *item) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	name, some := i.pick()
	if !some {
		return
	}
	excused := l.excused()
	b, err := os.ReadFile(l.at(i, name))
	l.reads.Add(1)
	if err != nil && (excused || l.excused()) {
		l.failed.Add(1)
		return
	}
	if err == nil {
		err = i.files[name].check(b)
	}
	if err != nil {
		l.findings.add("a reader of %q: %v", path.Join(i.uid, name), err)
	}
}

// worked tells what was done so far.
func (l *load) worked() string {
	return fmt.Sprintf("%d writes, %d reads, of which %d had to wait for S3", l.writes.Load(), l.reads.Load(), l.failed.Load())
}
