package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"contentfs/cmd/contentfs/internal/life"
)

// TestOutageLoop saves files at a steady rate while S3 hangs, then has S3 back: no
// close fails or waits, memory stays, and what waited gets there. It tells the
// figures; how long a close took is the machine's affair and not judged.
//
// The outage is as long as CONTENTFS_CRASH_TIME says. Its files need room: some
// 110 KiB each, twice.
func TestOutageLoop(t *testing.T) {
	length := 3 * time.Second
	if s := os.Getenv("CONTENTFS_CRASH_TIME"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	const rate = 500 // closes a second
	v := start(t)
	v.Args = []string{"--cache-size", "256MiB"}
	r := v.Mount()
	v.Write("warm/file/up.bin", []byte("known to be there"))
	v.Await("S3 to be known", func() bool { s := v.Status(); return s.S3 != nil && s.S3.Reachable && s.Counts.Waiting.Count == 0 })
	v.Log.Expect("the store is away")
	v.Gateway.Pause(t)
	before := resident(t, r.PID)
	savers := newSavers(v, rate)
	began := time.Now()
	savers.run(t, began.Add(length))
	outage := time.Since(began)
	after := resident(t, r.PID)
	v.Gateway.Resume(t)
	back := time.Now()
	limit := back.Add(4*outage + 5*time.Minute)
	for v.Status().Counts.Waiting.Count > 0 {
		if time.Now().After(limit) {
			t.Fatalf("not drained %v after the outage: %+v", time.Since(back), v.Status())
		}
		<-time.After(200 * time.Millisecond)
	}
	drained := time.Since(back)
	n := len(savers.took)
	slices.Sort(savers.took)
	at := func(share float64) time.Duration {
		return savers.took[min(n-1, int(share*float64(n)))].Round(10 * time.Microsecond)
	}
	t.Logf("%d closes in %v of outage (%.0f a second, %d wanted): none failed; a close took %v in the middle, p99 %v, at most %v",
		n, outage.Round(time.Second), float64(n)/outage.Seconds(), rate, at(0.5), at(0.99), at(1))
	t.Logf("drained in %v (%.0f objects a second); memory of the daemon %d MiB before, %d at the end of the outage",
		drained.Round(time.Second), float64(n)/drained.Seconds(), before>>20, after>>20)
	if grown := after - before; grown > 100<<20 {
		t.Errorf("the daemon grew by %d MiB", grown>>20)
	}
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	v.WipeLocal()
	v.Log.Expect("recovered after a crash") // the files are gone
	v.Mount()
	savers.compare(t, min(2000, int64(n)/5))
	v.Unmount()
}

// savers write files of 20 to 200 KB, each once.
type savers struct {
	v    *life.Volume
	rate int
	pool []byte // random bytes that content is cut from
	next atomic.Int64

	mu   sync.Mutex // guards what follows
	took []time.Duration
}

func newSavers(v *life.Volume, rate int) *savers {
	s := &savers{v: v, rate: rate, pool: make([]byte, 1<<20)}
	src := rand.NewChaCha8([32]byte{1})
	_, _ = src.Read(s.pool) // never fails
	return s
}

// content returns what file i holds.
func (s *savers) content(i int64) []byte {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	size := 20_000 + r.IntN(180_000)
	off := r.IntN(len(s.pool) - size)
	b := bytes.Clone(s.pool[off : off+size])
	binary.LittleEndian.PutUint64(b, uint64(i))
	return b
}

func (s *savers) path(i int64) string {
	return s.v.Join(fmt.Sprintf("%06d", i/100), "image", "large", fmt.Sprintf("%d.jpg", i))
}

// run saves at the rate until a time. Who falls behind does not catch up.
func (s *savers) run(t *testing.T, until time.Time) {
	t.Helper()
	const together = 16
	pace := time.NewTicker(time.Second / time.Duration(s.rate))
	defer pace.Stop()
	turn := make(chan struct{})
	var g sync.WaitGroup
	for range together {
		g.Go(func() {
			var took []time.Duration
			for range turn {
				d, err := s.save(s.next.Add(1) - 1)
				if err != nil {
					t.Error(err)
				}
				took = append(took, d)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.took = append(s.took, took...)
		})
	}
	for now := range pace.C {
		if now.After(until) || t.Failed() {
			break
		}
		turn <- struct{}{}
	}
	close(turn)
	g.Wait()
}

// save writes one file and tells how long its close took.
func (s *savers) save(i int64) (time.Duration, error) {
	path := s.path(i)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	if _, err := f.Write(s.content(i)); err != nil {
		f.Close()
		return 0, err
	}
	start := time.Now()
	err = f.Close()
	return time.Since(start), err
}

// compare reads up to most of the files.
func (s *savers) compare(t *testing.T, most int64) {
	t.Helper()
	all := s.next.Load()
	for k := range min(most, all) {
		i := k
		if all > most {
			i = rand.Int64N(all)
		}
		if got, err := os.ReadFile(s.path(i)); err != nil || !bytes.Equal(got, s.content(i)) {
			t.Errorf("file %d: %d bytes, %v", i, len(got), err)
		}
	}
}

// resident returns the bytes of memory that a process has.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := bytes.Fields(b)
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
