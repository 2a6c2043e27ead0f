package metatest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"contentfs/meta"
)

func testSync(e *env) {
	e.file(meta.Root, "f")
	before := e.s.Activity().Syncs
	e.ok(e.s.Sync(context.Background()))
	same(e, "waited for the disk", e.s.Activity().Syncs > before, true)
}

// testFailingRequestAlone has many ask at once, half of them for what cannot be:
// in one transaction with the others, which must not notice. The failing ones fail
// late, after they have changed rows.
func testFailingRequestAlone(e *env) {
	e.file(meta.Root, "taken")
	const rounds, writers = 20, 16
	before := e.s.Activity()
	for round := range rounds {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				name, want := "taken", meta.ErrExist
				if w%2 == 0 {
					name, want = fmt.Sprint(round, "-", w), nil
				}
				_, err := e.s.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: meta.TypeDir, Now: 1})
				if !errors.Is(err, want) {
					e.Errorf("create %s: %v, not %v", name, err, want)
				}
			})
		}
		all.Wait()
	}
	after := e.s.Activity()
	same(e, "links of the root", e.node(meta.Root).Nlink, 2+rounds*writers/2)
	same(e, "directories", get(e.s.Stats())(e).Nodes.Dirs, 1+rounds*writers/2)
	if batches := after.Batches - before.Batches; batches >= rounds*writers/2 {
		e.Errorf("%d requests took %d transactions: none was shared", after.Requests-before.Requests, batches)
	}
}

// testReadersWhileWriting moves files between two directories by exchange while
// others look: what was answered is seen, and a listing never sees half of a change.
func testReadersWhileWriting(e *env) {
	a, b := e.mkdir(meta.Root, "a"), e.mkdir(meta.Root, "b")
	v, w := e.written(a.Ino, "x", 1), e.written(b.Ino, "x", 2)
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for !stop.Load() {
				p, err := e.s.Path(v.Ino)
				if err != nil || string(p) != "/a/x" && string(p) != "/b/x" {
					e.Errorf("path %q, %v", p, err)
					return
				}
				st, err := e.s.Stats()
				if err != nil || st.Nodes.Files != 2 || st.OnlyLocal.Bytes != 3 {
					e.Errorf("stats %+v, %v", st, err)
					return
				}
			}
		})
	}
	for i := range 100 {
		get(e.rename(a.Ino, "x", b.Ino, "x", exchange))(e)
		want := v.Ino
		if i%2 == 0 {
			want = w.Ino
		}
		same(e, "seen at once", get(e.s.Lookup(a.Ino, []byte("x")))(e).Ino, want)
	}
	stop.Store(true)
	readers.Wait()
}

// testStopped asks for more than Run can answer when it is told to stop: everyone
// gets an answer, and what was answered well is there.
func testStopped(e *env) {
	var asked sync.WaitGroup
	var created atomic.Int64
	started := make(chan struct{}, 8)
	for w := range 8 {
		asked.Go(func() {
			begun := sync.OnceFunc(func() { started <- struct{}{} })
			defer begun()
			for i := 0; ; i++ {
				_, err := e.s.Create(meta.CreateRequest{Parent: meta.Root, Name: fmt.Append(nil, w, "-", i),
					Mode: meta.TypeRegular, Now: 1})
				if err != nil {
					if !errors.Is(err, meta.ErrClosed) {
						e.Errorf("create: %v", err)
					}
					return
				}
				created.Add(1)
				if i == 3 {
					begun()
				}
			}
		})
	}
	for range 8 {
		<-started
	}
	e.stop()
	asked.Wait()
	same(e, "files", get(e.s.Stats())(e).Nodes.Files, created.Load())
	e.fails(e.s.SetSetting("k", "v"), meta.ErrClosed)
	e.fails(e.s.Sync(context.Background()), meta.ErrClosed)
	e.fails(e.s.Run(context.Background()), meta.ErrClosed)
}
