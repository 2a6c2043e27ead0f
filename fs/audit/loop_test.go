package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// loop is a volume to which everything happens that may lead a collection astray.
type loop struct {
	*attic
	rng  *rand.Rand
	path string // of the database
	stop func()

	now     int64           // this server's clock, which may be wrong
	live    map[string]bool // keys of what somebody can still read
	rows    map[string]meta.VersionID
	names   map[string]meta.Ino
	backup  []byte
	backed  map[string]meta.VersionID // rows as of the backup
	inodes  map[string]meta.Ino
	orphans int // made

	removed, refused, restored int
	faults                     atomic.Int32
}

// open starts a life of the database.
func (l *loop) open() {
	l.Helper()
	m, err := sqlite.Open(l.path, sqlite.Options{})
	l.ok(err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	l.m = m
	l.stop = func() {
		stop()
		l.ok(errors.Join(<-done, m.Close()))
	}
}

// save makes a file, or gives one another content.
func (l *loop) save() {
	l.Helper()
	l.now += l.rng.Int64N(int64(time.Hour))
	l.files++
	name := fmt.Sprintf("%d-%d", l.files, l.rng.IntN(1e6))
	ino := meta.Ino(0)
	if len(l.names) > 5 && l.rng.IntN(2) == 0 {
		for name, ino = range l.names {
			break
		}
	} else {
		n, err := l.m.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: meta.TypeRegular | 0o644, Now: l.now})
		l.ok(err)
		ino = n.Ino
	}
	file := meta.FileID(fmt.Sprintf("%016x%016x", l.files, l.rng.Uint64()))
	v, err := l.m.Commit(meta.CommitRequest{Ino: ino, File: file, Size: 5, Mtime: l.now, Now: l.now})
	l.ok(err)
	key := l.keyOf(name, v.ID)
	l.ok(l.m.BeginUpload(v.ID, meta.BeginUpload{Bucket: "a", Prefix: "p", Key: key, SHA256: make([]byte, 32)}))
	l.put(key, l.m.VolumeID(), v.ID)
	_, err = l.m.FinishUpload(v.ID, key, "", nil, l.now)
	l.ok(err)
	if old := l.names[name]; old != 0 {
		for k, o := range l.rows {
			if o == meta.VersionID(ino) {
				delete(l.live, k)
				delete(l.rows, k)
			}
		}
	}
	l.names[name], l.rows[key], l.live[key] = ino, meta.VersionID(ino), true
}

// remove deletes a file; its object is garbage from now on.
func (l *loop) remove() {
	l.Helper()
	for name, ino := range l.names {
		_, err := l.m.Unlink(meta.Root, []byte(name), l.now)
		l.ok(err)
		l.ok(l.m.RemoveOrphan(ino, l.now))
		delete(l.names, name)
		for k, o := range l.rows {
			if o == meta.VersionID(ino) {
				delete(l.live, k)
				delete(l.rows, k)
			}
		}
		return
	}
}

// backUp copies the database; restore puts the copy back. What was saved between the
// two is known to no row, and must not go: somebody may still read it, and a rebuild
// brings it back.
func (l *loop) backUp() {
	l.Helper()
	l.stop()
	b, err := os.ReadFile(l.path)
	l.ok(err)
	l.backup, l.backed, l.inodes = b, clone(l.rows), clone(l.names)
	l.open()
}

func (l *loop) restore() {
	l.Helper()
	if l.backup == nil {
		return
	}
	l.stop()
	// Without the mark, which would tell: as by who puts back what a backup has.
	l.ok(errors.Join(os.WriteFile(l.path, l.backup, 0o600), os.Remove(l.path+"-mark")))
	l.rows, l.names = clone(l.backed), clone(l.inodes)
	for k := range l.rows {
		if _, err := l.store.Stat(context.Background(), k); err == nil { // else it was removed long after the copy was made
			l.live[k] = true
		}
	}
	l.restored++
	l.now += int64(time.Minute) // it takes a while
	l.open()
}

func clone[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// skew makes this server's clock wrong, or right. Ids never go back with it.
func (l *loop) skew() { l.now += int64(time.Duration(l.rng.IntN(81)-40) * day) }

// fault makes the bucket fail somewhere from now on.
func (l *loop) fault() {
	ops := []fault.Op{fault.List, fault.Stat, fault.Delete, fault.ListUploads, ""}
	classes := []backend.Class{backend.Transient, backend.Denied, backend.Missing, backend.Absent}
	r := fault.Rule{Op: ops[l.rng.IntN(len(ops))], Skip: l.rng.IntN(6), Times: 1 + l.rng.IntN(3), Class: classes[l.rng.IntN(3)],
		Before: func() { l.faults.Add(1) }}
	switch l.rng.IntN(3) {
	case 0:
		r.Fail = true
	case 1:
		r.Lose = true
	case 2:
		r.Op, r.Times, r.CutListAt = fault.List, 1, 1+l.rng.IntN(30)
	}
	l.buckets["a"].Add(r)
}

// collect is gc --orphans --yes, ended at any moment.
func (l *loop) collect() {
	l.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if l.rng.IntN(4) == 0 {
		l.buckets["a"].Add(fault.Rule{Op: fault.Delete, Skip: l.rng.IntN(5), Times: 1, Before: cancel})
	}
	force := l.rng.IntN(3) > 0
	c := &Collection{Meta: l.m, Objects: l.objects, Before: l.now - int64(7*day), Force: force}
	r, err := c.Run(ctx, time.Unix(0, l.now))
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrTooMuch) && !errors.Is(err, ErrClock) {
		l.Fatalf("collection: %v", err)
	}
	o := &Orphans{Meta: l.m, Spaces: []meta.KeySpace{space}, Objects: l.objects, Force: force, Log: slog.New(slog.DiscardHandler)}
	f, err := o.Survey(ctx)
	if err != nil {
		l.refused++
	} else {
		done, err := o.Remove(ctx, &f)
		if err != nil && ctx.Err() == nil {
			l.Fatalf("removal of orphans: %v", err)
		}
		l.removed += int(done.Objects)
	}
	l.removed += int(r.Objects)
}

// judge finds every object that somebody can read.
func (l *loop) judge() {
	l.Helper()
	for key := range l.live {
		if _, err := l.store.Stat(context.Background(), key); err != nil {
			l.Errorf("%s is referenced, and deleted: %v", key, err)
		}
	}
	if found, err := l.m.Check(context.Background()); err != nil || len(found) > 0 {
		l.Errorf("check: %v, %v", found, err)
	}
}

func newLoop(t *testing.T, seed uint64) *loop {
	l := &loop{attic: newAttic(t), rng: rand.New(rand.NewPCG(seed, 1)), path: filepath.Join(t.TempDir(), "loop.db"),
		live: map[string]bool{}, rows: map[string]meta.VersionID{}, names: map[string]meta.Ino{}}
	l.now = time.Now().UnixNano()
	l.far = time.Duration(l.rng.IntN(81)-40) * day
	l.open()
	return l
}

// run is one history of some forty events.
func (l *loop) run() {
	for range 12 {
		l.save()
	}
	for range 40 {
		switch l.rng.IntN(12) {
		case 0, 1, 2:
			l.save()
		case 3:
			l.remove()
		case 4:
			l.orphan(fmt.Sprint(l.orphans))
			l.orphans++
		case 5:
			l.skew()
		case 6:
			l.fault()
		case 7:
			if l.rng.IntN(3) == 0 {
				l.restore()
			} else if l.backup == nil {
				l.backUp()
			}
		default:
			step := time.Duration(l.rng.IntN(60)) * time.Hour
			l.far += step
			l.now += int64(step)
			l.collect()
			if l.rng.IntN(2) == 0 {
				l.buckets["a"].Clear()
			}
		}
	}
	l.judge()
	l.stop()
}

// TestCollectionLoop: random histories of a volume and its collections, with errors,
// wrong clocks, copies of the database put back, and processes that end in the middle:
// what is referenced is never deleted. CONTENTFS_CRASH_TIME says how long, and
// CONTENTFS_CRASH_SEED where it begins.
func TestCollectionLoop(t *testing.T) {
	seed, runs, until := rand.Uint64(), 5, time.Time{}
	if s := os.Getenv("CONTENTFS_CRASH_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	if s := os.Getenv("CONTENTFS_CRASH_TIME"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		until = time.Now().Add(d)
	}
	var done, removed, refused, faults, restored, live int
	for i := 0; i < runs || time.Now().Before(until); i++ {
		t.Run(strconv.FormatUint(seed+uint64(i), 10), func(t *testing.T) {
			l := newLoop(t, seed+uint64(i))
			l.run()
			done, removed, refused, faults, restored, live = done+1, removed+l.removed, refused+l.refused, faults+int(l.faults.Load()), restored+l.restored, live+len(l.live)
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("%d histories from seed %d: %d objects removed, %d surveys refused, %d faults struck, %d copies put back; all %d referenced objects are there",
		done, seed, removed, refused, faults, restored, live)
	if removed == 0 || faults == 0 {
		t.Error("nothing was removed, or no fault struck: the loop proves nothing")
	}
}
