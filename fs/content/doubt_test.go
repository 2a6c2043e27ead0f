package content_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/backend"
	"contentfs/backend/mem"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
	"contentfs/meta/sqlite"
	"contentfs/meta/sqlite/sqlitetest"
)

// doubtLife is one life of a volume with a fallback, in a directory.
type doubtLife struct {
	t      *testing.T
	dir    string
	faults sqlitetest.Faults
	meta   *meta.Store
	local  *local.Store
	engine *content.Engine
	stop   context.CancelFunc
	done   chan error

	acked, tried string // content of the file f: of the last close that succeeded, and since
}

type nobodyWaits struct{}

func (nobodyWaits) Wake()                                         {}
func (nobodyWaits) Deliver(context.Context, meta.VersionID) error { return nil }

func startDoubtLife(t *testing.T, dir string, durability content.Durability) *doubtLife {
	t.Helper()
	l := &doubtLife{t: t, dir: dir, done: make(chan error, 1)}
	var err error
	if l.meta, err = sqlite.Open(filepath.Join(dir, "meta.db"), sqlite.Options{Wrap: l.faults.Wrap}); err != nil {
		t.Fatal(err)
	}
	if l.local, err = local.Open(filepath.Join(dir, "local")); err != nil {
		t.Fatal(err)
	}
	fallback := filepath.Join(dir, "fallback")
	if err := os.MkdirAll(fallback, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := content.OpenFallback(fallback)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	l.engine = content.New(content.Config{
		Meta: l.meta, Local: l.local, Log: slog.New(slog.DiscardHandler), Fallback: f,
		Objects: func(string) (backend.Backend, error) { return mem.New(), nil },
		Bucket:  "bucket", CacheSize: 1 << 40, Timeout: time.Minute, Durability: durability,
	})
	l.engine.SetQueue(nobodyWaits{})
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go func() { l.done <- l.meta.Run(ctx) }()
	if err := l.engine.UseFallback(); err != nil {
		t.Fatal(err)
	}
	found, err := l.engine.Recover(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if found.Lost > 0 {
		t.Errorf("%d contents were lost", found.Lost)
	}
	return l
}

// end ends the life and returns what Run ended with.
func (l *doubtLife) end() error {
	l.stop()
	err := <-l.done
	if cerr := errors.Join(l.meta.Close(), l.local.Close()); cerr != nil {
		l.t.Errorf("close: %v", cerr)
	}
	return err
}

func (l *doubtLife) save(h *content.Handle, text string) error {
	defer l.engine.Release(h)
	if _, err := l.engine.Write(h, []byte(text), 0); err != nil {
		return err
	}
	l.tried = text
	if err := l.engine.Flush(context.Background(), h); err != nil {
		return err
	}
	l.acked = text
	return nil
}

func (l *doubtLife) current() (meta.Version, error) {
	n, err := l.meta.Lookup(meta.Root, []byte("f"))
	if err != nil {
		return meta.Version{}, err
	}
	return l.meta.Current(n.Ino)
}

// steps are what a volume does with a file; each may be the one whose commit fails.
func (l *doubtLife) steps() []func() error {
	ctx := context.Background()
	open := func(flags int) (*content.Handle, error) {
		n, err := l.meta.Lookup(meta.Root, []byte("f"))
		if err != nil {
			return nil, err
		}
		return l.engine.Open(ctx, n.Ino, flags)
	}
	rewrite := func(text string, flags int) error {
		h, err := open(flags)
		if err != nil {
			return err
		}
		return l.save(h, text)
	}
	settle := func() error {
		v, err := l.current()
		if err != nil {
			return err
		}
		if err := l.meta.Settled(v.ID); err != nil {
			return err
		}
		return l.engine.Settle(ctx, v.ID, content.Quiet)
	}
	away := func() error { // what is in the fallback leaves this server
		v, err := l.current()
		if err != nil {
			return err
		}
		if err := l.meta.Evict(v.ID, v.File); err != nil {
			return err
		}
		return l.engine.SweepNow()
	}
	read := func() error {
		h, err := open(unix.O_RDONLY)
		if err == nil {
			l.engine.Release(h)
		}
		return err
	}
	beside := func(text string) func() error { // written to while somebody reads it
		return func() error {
			h, err := open(unix.O_RDONLY)
			if err != nil {
				return err
			}
			defer l.engine.Release(h)
			return rewrite(text, unix.O_RDWR)
		}
	}
	return []func() error{
		func() error {
			_, h, err := l.engine.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("f"), Mode: meta.TypeRegular | 0o644})
			if err != nil {
				return err
			}
			return l.save(h, "one")
		},
		beside("two: longer"),
		settle, l.engine.SweepNow, away, read,
		beside("three: longer yet"), // its file is detached: the fallback has it
		settle, l.engine.SweepNow,
		func() error { return rewrite("four", unix.O_RDWR|unix.O_TRUNC) },
		l.engine.SweepNow, settle, away, read, l.engine.SweepNow,
	}
}

// TestDoubt has the commit of one change after the other fail in its sync. In the life
// after that the change is there. Whatever it was, the file has the content that was
// last closed, or the one after it, wherever it is on record.
func TestDoubt(t *testing.T) {
	for n := 1; ; n++ {
		ok := false
		t.Run(fmt.Sprint("commit ", n), func(t *testing.T) {
			dir := t.TempDir()
			l := startDoubtLife(t, dir, content.Strict)
			l.faults.FailSync(n)
			var err error
			for _, step := range l.steps() {
				if err = step(); err != nil {
					break
				}
			}
			ended := l.end()
			if ok = ended == nil; ok {
				if err != nil {
					t.Errorf("nothing failed, and %v", err)
				}
				return
			}
			if !errors.Is(ended, meta.ErrInDoubt) {
				t.Fatalf("the store ended with %v", ended)
			}
			next := startDoubtLife(t, dir, content.Strict)
			defer next.end()
			if err := next.engine.SweepNow(); err != nil {
				t.Error(err)
			}
			next.compare(l.acked, l.tried)
		})
		if ok || t.Failed() {
			if n < 15 {
				t.Errorf("only %d commits", n)
			}
			return
		}
	}
}

// compare wants f to be acked, or tried, in each place that is on record.
func (l *doubtLife) compare(acked, tried string) {
	l.t.Helper()
	v, err := l.current()
	if acked == "" && errors.Is(err, meta.ErrNotExist) {
		return
	}
	if err != nil {
		l.t.Fatalf("f was closed with %q: %v", acked, err)
	}
	look := func(where, path string) {
		b, err := os.ReadFile(path)
		if err != nil || string(b) != acked && string(b) != tried {
			l.t.Errorf("%s: %q, %v; closed with %q, then perhaps %q", where, b, err, acked, tried)
		}
	}
	if v.Local() {
		look("on this server", filepath.Join(l.dir, "local", string(v.File)))
	}
	if v.Fallback != nil {
		look("in the fallback", filepath.Join(l.dir, "fallback", string(v.Fallback)))
	}
	if !v.Local() && v.Fallback == nil {
		l.t.Error("the content is nowhere")
	}
}

// TestCutAfterSweep: what a change that is not durable yet gave up is still there after
// a power cut that takes the change back.
func TestCutAfterSweep(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "meta.db-wal")
	l := startDoubtLife(t, dir, content.Relaxed)
	var synced atomic.Int64
	l.faults.OnSync(func() {
		if st, err := os.Stat(log); err == nil {
			synced.Store(st.Size())
		}
	})
	l.rewrite("one")
	if err := l.meta.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	l.rewrite("two")
	if err := l.engine.SweepNow(); err != nil {
		t.Fatal(err)
	}
	after := t.TempDir()
	if err := os.CopyFS(after, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(after, "meta.db-wal"), synced.Load()); err != nil {
		t.Fatal(err)
	}
	next := startDoubtLife(t, after, content.Relaxed)
	next.compare("one", "two")
	if err := errors.Join(next.end(), l.end()); err != nil {
		t.Error(err)
	}
}

// TestSweepInDoubt: where closes do not wait for the disk, a change whose sync failed
// leaves those before it in doubt too. What they gave up stays.
func TestSweepInDoubt(t *testing.T) {
	dir := t.TempDir()
	l := startDoubtLife(t, dir, content.Relaxed)
	l.rewrite("one")
	if err := l.meta.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	one, err := l.current()
	if err != nil {
		t.Fatal(err)
	}
	l.rewrite("two")
	l.faults.FailSync(1)
	if err := l.meta.SetSetting("doubtful", "1"); !meta.InDoubt(err) {
		t.Fatalf("the change whose sync failed: %v", err)
	}
	ended := <-l.done
	l.done <- ended // for end
	if trash, err := l.meta.Trash(9); err != nil || len(trash) == 0 {
		t.Fatalf("there is nothing to sweep: %v, %v", trash, err)
	}
	if err := l.engine.SweepNow(); err == nil {
		t.Error("swept as if nothing had happened")
	}
	if _, err := os.Stat(filepath.Join(dir, "local", string(one.File))); err != nil {
		t.Errorf("what may be the content after the next start: %v", err)
	}
	if err := l.end(); !errors.Is(err, meta.ErrInDoubt) {
		t.Errorf("the store ended with %v", err)
	}
}

// rewrite makes f, or gives it another content.
func (l *doubtLife) rewrite(text string) {
	l.t.Helper()
	h, err := l.openOrCreate()
	if err == nil {
		err = l.save(h, text)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *doubtLife) openOrCreate() (*content.Handle, error) {
	n, err := l.meta.Lookup(meta.Root, []byte("f"))
	if err == nil {
		return l.engine.Open(context.Background(), n.Ino, unix.O_RDWR|unix.O_TRUNC)
	}
	_, h, err := l.engine.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte("f"), Mode: meta.TypeRegular | 0o644})
	return h, err
}

// TestOverflowInDoubt: a copy in the overflow of which it is not known whether it is on
// record stays: the local file goes for it in the next life.
func TestOverflowInDoubt(t *testing.T) {
	dir := t.TempDir()
	l := startDoubtLife(t, dir, content.Strict)
	h, err := l.openOrCreate()
	if err == nil {
		err = l.save(h, "one")
	}
	var v meta.Version
	if err == nil {
		v, err = l.current()
	}
	if err == nil {
		err = l.meta.Settled(v.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.faults.FailSyncUnseen(1)
	if err := l.engine.Overflow(&v); !meta.InDoubt(err) {
		t.Errorf("overflow: %v", err)
	}
	if err := l.engine.SweepOverflow(); err == nil {
		t.Error("the overflow was swept")
	}
	copied := filepath.Join(dir, "fallback", ".contentfs-overflow", fmt.Sprint(v.ID))
	if b, err := os.ReadFile(copied); err != nil || string(b) != "one" {
		t.Errorf("in the overflow: %q, %v", b, err)
	}
	if err := l.end(); !errors.Is(err, meta.ErrInDoubt) {
		t.Errorf("the store ended with %v", err)
	}
}
