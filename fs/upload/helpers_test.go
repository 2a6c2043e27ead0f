package upload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
	"contentfs/meta/sqlite"
	"contentfs/meta/sqlite/sqlitetest"
)

const (
	bucket = "bucket"
	prefix = "site"
	// waitLimit bounds waits for conditions; it only counts when something is broken.
	waitLimit = 30 * time.Second
)

// env is an engine with real metadata and local files in front of a store in
// memory, and its uploader, which runs between start and stop.
type env struct {
	*testing.T
	meta   *meta.Store
	local  *local.Store
	engine *content.Engine
	up     *Uploader
	gate   *gate
	store  *store
	log    *lines
	faults sqlitetest.Faults // of the database

	dir   string
	stop  func()
	fails bool // the metadata are to end by themselves
}

// newEnv makes one whose uploads are due after debounce. Its end compares what is
// on record with what is in the store.
func newEnv(t *testing.T, debounce time.Duration) *env {
	t.Helper()
	before := runtime.NumGoroutine()
	e := &env{T: t, gate: newGate(), log: &lines{t: t}, dir: t.TempDir(), stop: func() {}}
	e.store = &store{Backend: fault.New(mem.New())}
	var err error
	e.meta, err = sqlite.Open(filepath.Join(e.dir, "meta.db"), sqlite.Options{Wrap: e.faults.Wrap})
	e.must(err)
	e.local, err = local.Open(filepath.Join(e.dir, "local"))
	e.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	writer := make(chan error, 1)
	go func() { writer <- e.meta.Run(ctx) }()
	e.engine = content.New(content.Config{
		Meta: e.meta, Local: e.local, Log: slog.New(e.log),
		Objects: func(string) (backend.Backend, error) { return e.store, nil },
		Bucket:  bucket, Prefix: prefix, CacheSize: 1 << 30, Debounce: debounce, Timeout: waitLimit,
	})
	e.restart()
	t.Cleanup(func() {
		e.stop()
		e.audit()
		cancel()
		err := <-writer
		if e.fails != errors.Is(err, meta.ErrInDoubt) {
			t.Errorf("the metadata ended with %v", err)
		}
		e.must(errors.Join(e.meta.Close(), e.local.Close()))
		e.await("all goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
		e.log.check()
	})
	return e
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// restart stops the uploader in the middle of what it does, as far as the end of
// its context does that, and makes a new one that knows nothing. It is not started.
func (e *env) restart() {
	e.Helper()
	e.stop()
	e.up = New(e.engine, e.gate, slog.New(e.log))
	e.engine.SetQueue(e.up)
}

// start runs the uploader.
func (e *env) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.up.Run(ctx) }()
	e.stop = func() {
		e.Helper()
		e.stop = func() {}
		cancel()
		e.must(<-done)
	}
}

// await waits until the condition holds.
func (e *env) await(what string, condition func() bool) {
	e.Helper()
	for limit := time.Now().Add(waitLimit); !condition(); <-time.After(time.Millisecond) {
		if time.Now().After(limit) {
			e.Fatalf("waited %v in vain for: %s", waitLimit, what)
		}
	}
}

// create opens a new file, or an old one to be overwritten.
func (e *env) create(name string) *content.Handle {
	e.Helper()
	if n, err := e.meta.Lookup(meta.Root, []byte(name)); err == nil {
		h, err := e.engine.Open(context.Background(), n.Ino, os.O_RDWR|os.O_TRUNC)
		e.must(err)
		return h
	}
	_, h, err := e.engine.Create(meta.CreateRequest{
		Parent: meta.Root, Name: []byte(name), Mode: meta.TypeRegular | 0o644,
	})
	e.must(err)
	return h
}

func (e *env) fill(h *content.Handle, text string) {
	e.Helper()
	_, err := e.engine.Write(h, []byte(text), 0)
	e.must(err)
	e.must(e.engine.Flush(context.Background(), h))
}

// write gives a file content, closes it, and returns the version.
func (e *env) write(name, text string) meta.Version {
	e.Helper()
	h := e.create(name)
	e.fill(h, text)
	e.engine.Release(h)
	return e.current(name)
}

func (e *env) current(name string) meta.Version {
	e.Helper()
	n, err := e.meta.Lookup(meta.Root, []byte(name))
	e.must(err)
	v, err := e.meta.Current(n.Ino)
	e.must(err)
	return v
}

// due makes a version due now.
func (e *env) due(v meta.Version) {
	e.Helper()
	e.must(e.meta.Postpone(v.ID, 0))
	e.up.Wake()
}

// awaitStored waits until a file's content is in the store, and compares.
func (e *env) awaitStored(name, text string) meta.Version {
	e.Helper()
	var v meta.Version
	e.await(name+" in the store", func() bool { v = e.current(name); return v.Remote == meta.Stored })
	e.wantObject(v.Key, text)
	return v
}

// awaitFailed waits until a version failed at least n times.
func (e *env) awaitFailed(v meta.Version, n int) meta.Upload {
	e.Helper()
	var u meta.Upload
	e.await("a failure on record", func() bool {
		var err error
		u, err = e.meta.QueueEntry(v.ID)
		e.must(err)
		return u.Attempts >= n
	})
	return u
}

func (e *env) wantObject(key, text string) {
	e.Helper()
	r, err := e.store.mem().Get(context.Background(), key, 0, -1)
	e.must(err)
	defer r.Close()
	b, err := io.ReadAll(r)
	e.must(err)
	if string(b) != text {
		e.Errorf("object %s has %q, not %q", key, b, text)
	}
}

// objects returns the keys in the store.
func (e *env) objects() []string {
	e.Helper()
	var keys []string
	e.must(e.store.mem().List(context.Background(), "", "", func(o backend.Object) error {
		keys = append(keys, o.Key)
		return nil
	}))
	return keys
}

func (e *env) wantObjects(n int) {
	e.Helper()
	if keys := e.objects(); len(keys) != n {
		e.Errorf("%d objects, not %d: %q", len(keys), n, keys)
	}
}

// lost returns the keys on record as lost objects.
func (e *env) lost() []string {
	e.Helper()
	list, err := e.meta.LostObjects(1000)
	e.must(err)
	var keys []string
	for _, o := range list {
		keys = append(keys, o.Key)
	}
	return keys
}

// audit checks the metadata, and that every object is on record: as a version's, or
// as lost.
func (e *env) audit() {
	e.Helper()
	found, err := e.meta.Check(context.Background())
	e.must(err)
	for _, f := range found {
		e.Errorf("audit: %s", f)
	}
	known := make(map[string]bool)
	for _, k := range append(e.lost(), e.store.foreign...) {
		known[k] = true
	}
	stored, err := e.meta.StoredVersions(0, 1000)
	e.must(err)
	sending, err := e.meta.Sending(0, 1000)
	e.must(err)
	for _, v := range append(stored, sending...) {
		known[v.Key] = true
	}
	for _, k := range e.objects() {
		if !known[k] {
			e.Errorf("audit: object %s is not on record", k)
		}
	}
	for _, v := range stored {
		o, err := e.store.mem().Stat(context.Background(), v.Key)
		if err != nil || o.Size != v.Size || !bytes.Equal(o.SHA256, v.SHA256) {
			e.Errorf("audit: version %d is on record as being in the store: %+v, %v", v.ID, o, err)
		}
	}
}
