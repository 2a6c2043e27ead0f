package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
	"contentfs/fs/content"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// world is a volume without a mount, and a bucket.
type world struct {
	*testing.T
	dir   string
	m     *meta.Store
	b     *fault.Backend
	log   bytes.Buffer
	taker *Taker
	now   time.Time
	files int
	off   bool // nothing goes to S3
	end   func()
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, dir: t.TempDir(), b: fault.New(mem.New()), now: time.Now()}
	w.open()
	t.Cleanup(func() { w.end() })
	return w
}

// open begins a life of the volume.
func (w *world) open() {
	w.Helper()
	m, err := sqlite.Open(filepath.Join(w.dir, "meta.db"), sqlite.Options{})
	w.ok(err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	w.m = m
	w.end = func() {
		stop()
		if err := errors.Join(<-done, m.Close()); err != nil {
			w.Error(err)
		}
	}
	w.taker = New(Config{Meta: m, Objects: w.b, Prefix: "site/files", Dir: w.dir, Every: Every,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), Wanted: func() (bool, error) { return !w.off, nil }})
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) change() {
	w.Helper()
	w.files++
	_, err := w.m.Create(meta.CreateRequest{Parent: meta.Root, Name: fmt.Appendf(nil, "file %d", w.files), Mode: meta.TypeRegular | 0o644, Now: 1})
	w.ok(err)
}

// after has the taker look when so much more time has passed.
func (w *world) after(d time.Duration) {
	w.now = w.now.Add(d)
	w.taker.look(context.Background(), w.now)
}

func (w *world) copies(n int) []Snapshot {
	w.Helper()
	list, err := List(context.Background(), w.b, "site/files")
	w.ok(err)
	if len(list) != n {
		w.Fatalf("there are %d copies and not %d", len(list), n)
	}
	return list
}

// names returns the names in a copy.
func (w *world) names(s *Snapshot) (names string) {
	w.Helper()
	path := filepath.Join(w.TempDir(), "meta.db")
	w.ok(Fetch(context.Background(), w.b, s, path, 1<<30))
	m, err := sqlite.Open(path, sqlite.Options{MustExist: true})
	w.ok(err)
	defer m.Close()
	if found, err := m.Check(context.Background()); err != nil || len(found) > 0 || m.VolumeID() != s.Volume {
		w.Errorf("copy: %v, %v, volume %s", found, err, m.VolumeID())
	}
	w.ok(m.List(meta.Root, 0, func(e *meta.Entry) bool { names += string(e.Name) + ","; return true }))
	return names
}

func TestTake(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.ok(w.taker.begin(ctx, w.now))
	w.after(24 * time.Hour)
	w.copies(0) // of what never was anything
	w.change()
	w.taker.next = w.now.Add(time.Minute)
	w.after(0)
	w.copies(0)
	w.after(time.Minute)
	s := w.copies(1)[0]
	if got := w.names(&s); got != "file 1," || s.Volume != w.m.VolumeID() {
		t.Errorf("copy %+v has %q", s, got)
	}
	if _, err := content.ParseKey("site/files", s.Key); !errors.Is(err, content.ErrForeignKey) || !content.IsReserved(s.Key) {
		t.Errorf("key %s is taken for content: %v", s.Key, err)
	}
	o, err := w.b.Stat(ctx, s.Key)
	if err != nil || !strings.HasPrefix(o.CacheControl, "private") || o.ContentType != "application/octet-stream" {
		t.Errorf("%+v, %v", o, err)
	}
	w.ok(w.m.Touch(meta.Root, w.now.UnixNano()))
	w.ok(w.m.Sync(ctx))
	w.after(24 * time.Hour)
	w.copies(1) // nobody changed anything
	w.change()
	w.after(time.Minute)
	if s := w.copies(2)[0]; !strings.Contains(w.names(&s), "file 2") {
		t.Error("the newest is not the first")
	}
	w.change()
	w.after(Every - time.Minute)
	w.copies(2)
	w.after(time.Minute)
	w.copies(3)
	left, err := filepath.Glob(filepath.Join(w.dir, "snapshot*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if w.log.Len() > 0 {
		t.Error(w.log.String())
	}
}

// TestManyChanges do not wait as long as few.
func TestManyChanges(t *testing.T) {
	w := newWorld(t)
	w.ok(w.taker.begin(context.Background(), w.now))
	w.change()
	w.after(time.Hour)
	w.copies(1)
	w.change()
	w.taker.seen -= many
	w.after(Every / 4)
	w.copies(1)
	w.after(Every / 4)
	w.copies(2)
	w.taker.record.Bytes = 3 * usual
	if got := w.taker.interval(); got != 3*Every {
		t.Errorf("a copy of %d bytes is taken every %v", 3*usual, got)
	}
}

// TestFailing: it is said once, and tried again until it works.
func TestFailing(t *testing.T) {
	w := newWorld(t)
	w.ok(w.taker.begin(context.Background(), w.now))
	w.b.Add(fault.Rule{Op: fault.Put, Times: 3, Fail: true})
	w.change()
	for range 8 {
		w.after(10 * time.Minute)
	}
	w.copies(1)
	if n := strings.Count(w.log.String(), "level=WARN"); n != 1 || w.b.Calls(fault.Put) != 4 {
		t.Errorf("%d warnings, %d attempts: %s", n, w.b.Calls(fault.Put), w.log.String())
	}
	// The answer is lost, and what is there is ours.
	w.b.Add(fault.Rule{Op: fault.Put, Times: 1, Lose: true})
	w.change()
	w.after(time.Hour)
	w.after(2 * time.Minute)
	w.copies(2)
	if r, err := load(w.m); err != nil || r.Owed || r.Key != w.copies(2)[0].Key {
		t.Errorf("%+v, %v", r, err)
	}
	// What is there is not.
	p := w.taker.ready
	if p != nil {
		t.Fatal("a copy is left")
	}
	w.change()
	p, err := w.taker.prepare(context.Background(), w.now)
	w.ok(err)
	w.taker.ready = p
	other := []byte("something else")
	_, err = w.b.Put(context.Background(), p.key, bytes.NewReader(other), int64(len(other)), backend.PutOptions{SHA256: sha256.Sum256(other)})
	w.ok(err)
	w.taker.next = w.now
	w.after(0)
	w.copies(3) // with that
	w.after(time.Hour)
	w.copies(4)
}

// TestLives: what one life owes the next one pays, and nobody else.
func TestLives(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.ok(w.taker.begin(ctx, w.now))
	w.change()
	w.taker.Last(ctx)
	w.copies(1)
	w.end()
	w.open()
	w.ok(w.taker.begin(ctx, w.now))
	w.taker.Last(ctx)
	w.copies(1)
	w.change()
	w.after(0) // is seen, and on record
	w.end()    // as a crash
	w.open()
	w.ok(w.taker.begin(ctx, w.now))
	w.after(2 * Every)
	w.copies(2)
	w.change() // of a command, with no mount there
	w.end()
	w.open()
	w.off = true
	w.ok(w.taker.begin(ctx, w.now))
	w.after(2 * Every)
	w.copies(2)
	w.off = false
	w.after(time.Second)
	w.copies(3)
}

// TestRun: by itself, with its own clock.
func TestRun(t *testing.T) {
	w := newWorld(t)
	w.taker.Every = 30 * time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.taker.Run(ctx) }()
	w.change()
	limit := time.Now().Add(time.Minute)
	for list, err := List(ctx, w.b, "site/files"); len(list) == 0; list, err = List(ctx, w.b, "site/files") {
		if w.ok(err); time.Now().After(limit) {
			t.Fatal("no copy is taken")
		}
		<-time.After(time.Millisecond)
	}
	stop()
	w.ok(<-done)
	w.change()
	w.taker.Last(context.Background())
	list, err := List(context.Background(), w.b, "site/files")
	w.ok(err)
	if got := w.names(&list[0]); !strings.Contains(got, "file 1") || !strings.Contains(got, "file 2") {
		t.Errorf("the last copy has %q", got)
	}
}

func TestNoRoom(t *testing.T) {
	w := newWorld(t)
	w.ok(w.taker.begin(context.Background(), w.now))
	w.change()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "meta.db"), os.O_CREATE|os.O_RDWR, 0o600)
	w.ok(err)
	w.ok(f.Truncate(1 << 42)) // sparse: no disk has room for two of them
	w.ok(f.Close())
	w.taker.Dir = filepath.Dir(f.Name())
	w.after(time.Hour)
	w.copies(0)
	w.after(time.Hour)
	w.after(time.Hour)
	if !strings.Contains(w.log.String(), ErrNoRoom.Error()) {
		t.Error(w.log.String())
	}
	w.taker.Dir = w.dir
	w.after(time.Hour)
	w.copies(1)
}

func TestFetchDamaged(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.ok(w.taker.begin(ctx, w.now))
	w.change()
	w.taker.Last(ctx)
	s := w.copies(1)[0]
	to := filepath.Join(t.TempDir(), "to")
	for _, tc := range []struct {
		name    string
		rule    fault.Rule
		damaged bool
	}{
		{"another byte", fault.Rule{Op: fault.Get, Times: 1, FlipByte: true}, true},
		{"gone", fault.Rule{Op: fault.Get, Times: 1, Fail: true, Class: backend.Absent}, true},
		{"cut off", fault.Rule{Op: fault.Get, Times: 1, Short: 5}, false},
		{"denied", fault.Rule{Op: fault.Get, Times: 1, Fail: true, Class: backend.Denied}, false},
		{"down", fault.Rule{Op: fault.Get, Times: 1, Fail: true, Class: backend.Transient}, false},
	} {
		w.b.Add(tc.rule)
		err := Fetch(ctx, w.b, &s, to, 1<<30)
		if err == nil || errors.Is(err, ErrDamaged) != tc.damaged {
			t.Errorf("%s: %v", tc.name, err)
		}
		if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something is left: %v", tc.name, err)
		}
	}
	if err := Fetch(ctx, w.b, &s, to, 100); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("larger than the disk: %v", err)
	}
	w.change()
	w.taker.Last(ctx)
	newer := w.copies(2)[0]
	r, err := w.b.Get(ctx, s.Key, 0, -1)
	w.ok(err)
	older, err := io.ReadAll(r)
	w.ok(errors.Join(err, r.Close()))
	_, err = w.b.Put(ctx, newer.Key, bytes.NewReader(older), int64(len(older)), backend.PutOptions{SHA256: s.SHA256})
	w.ok(err)
	if err := Fetch(ctx, w.b, &newer, to, 1<<30); !errors.Is(err, ErrDamaged) {
		t.Errorf("an older copy under the name of a newer one: %v", err)
	}
	// What it weighs is known only when it was read: that is bounded, too.
	endless := &counting{Backend: w.b}
	if err := Fetch(ctx, endless, &s, to, 10); err == nil || errors.Is(err, ErrDamaged) || endless.read > 64<<10 {
		t.Errorf("an object larger than the disk: %v, %d bytes were read", err, endless.read)
	}
	body := []byte("no gzip, and with the right checksum")
	s.SHA256 = sha256.Sum256(body)
	s.Key = Key("site/files", s.Volume, s.Sequence, s.SHA256)
	_, err = w.b.Put(ctx, s.Key, bytes.NewReader(body), int64(len(body)), backend.PutOptions{SHA256: s.SHA256})
	w.ok(err)
	if err := Fetch(ctx, w.b, &s, to, 1<<30); !errors.Is(err, ErrDamaged) {
		t.Errorf("no gzip: %v", err)
	}
}

// counting delivers objects without an end, and counts what was read of them.
type counting struct {
	backend.Backend
	read int64
}

func (c *counting) Get(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return io.NopCloser(c), nil
}

func (c *counting) Read(p []byte) (int, error) {
	if c.read += int64(len(p)); c.read > 1<<30 {
		return 0, errors.New("so much is read that it must be without a bound")
	}
	return len(p), nil
}

func TestSurplus(t *testing.T) {
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	var list []Snapshot
	add := func(volume string, ago time.Duration) {
		list = append(list, Snapshot{Key: fmt.Sprint(volume, ago), Volume: volume, Sequence: meta.VersionID(now.Add(-ago).UnixMicro())})
	}
	for h := range 20 * 24 {
		add("a", time.Duration(h)*time.Hour)
		add("b", time.Duration(h)*time.Hour)
	}
	going := Surplus(list, "a", now)
	gone := make(map[string]bool)
	for _, s := range going {
		if s.Volume != "a" {
			t.Fatalf("%s of another volume goes", s.Key)
		}
		gone[s.Key] = true
	}
	var kept []string
	for h := range 20 * 24 {
		if key := fmt.Sprint("a", time.Duration(h)*time.Hour); !gone[key] {
			kept = append(kept, fmt.Sprint(h))
		}
	}
	if got := strings.Join(kept, " "); got != "0 1 2 13 37 61 85 109 133 157" {
		t.Errorf("kept are those of %s hours ago", got)
	}
	if going := Surplus(list[:6], "a", now.Add(1000*time.Hour)); len(going) != 0 {
		t.Errorf("%d of the last three go", len(going))
	}
}

func FuzzParseKey(f *testing.F) {
	id := strings.Repeat("0af1", 8)
	f.Add("p", Key("p", id, 7, [32]byte{1}))
	f.Add("", Key("", id, 1<<62, [32]byte{}))
	f.Add("p", "p/.contentfs/"+id+"/snapshot/0-.gz")
	f.Add("p", "p/.contentfs/../snapshot/0000000000000001-00.gz")
	f.Fuzz(func(t *testing.T, prefix, key string) {
		s, ok := ParseKey(prefix, key)
		if !ok {
			return
		}
		if Key(prefix, s.Volume, s.Sequence, s.SHA256) != key || s.Sequence <= 0 || !content.IsVolumeID(s.Volume) {
			t.Errorf("%q became %+v", key, s)
		}
		if _, err := content.ParseKey(prefix, key); err == nil || !content.IsReserved(key) {
			t.Errorf("%q is a key of content, too", key)
		}
	})
}
