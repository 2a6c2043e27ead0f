package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// load saves, reads and looks, and keeps how long that took.
type load struct {
	v    *volumetest.Volume
	stop atomic.Bool
	wg   sync.WaitGroup

	mu    sync.Mutex // guards what follows
	saves []time.Duration
	reads []time.Duration // of what is here, and of stat
	files map[string][]byte
}

func startLoad(v *volumetest.Volume, here map[string][]byte) *load {
	l := &load{v: v, files: make(map[string][]byte)}
	v.Cleanup(func() { l.stop.Store(true); l.wg.Wait() })
	for w := range 2 {
		l.wg.Go(func() {
			pace := time.NewTicker(5 * time.Millisecond)
			defer pace.Stop()
			for i := 0; !l.stop.Load(); i++ {
				<-pace.C
				l.save(fmt.Sprintf("load/%d-%d", w, i), random(2000+i%3000))
			}
		})
	}
	l.wg.Go(func() {
		pace := time.NewTicker(5 * time.Millisecond)
		defer pace.Stop()
		for !l.stop.Load() {
			<-pace.C
			for path, content := range here {
				l.read(path, content)
			}
		}
	})
	return l
}

func (l *load) save(path string, content []byte) {
	start := time.Now()
	err := os.WriteFile(l.v.Join(path), content, 0o644)
	d := time.Since(start)
	if err != nil {
		l.v.Errorf("save during the outage: %v", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saves = append(l.saves, d)
	l.files[path] = content
}

func (l *load) read(path string, content []byte) {
	start := time.Now()
	b, err := os.ReadFile(l.v.Join(path))
	if err != nil || !bytes.Equal(b, content) {
		l.v.Errorf("read of what is here: %s, %v", brief(b), err)
	}
	if _, err := os.Stat(l.v.Join("away")); err != nil {
		l.v.Errorf("stat of what is away: %v", err)
	}
	d := time.Since(start)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads = append(l.reads, d)
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.saves)
}

// end stops the load and judges it. The limits are far above what is usual on an
// idle machine: they are there to find what waits for S3.
func (l *load) end() {
	l.v.Helper()
	l.stop.Store(true)
	l.wg.Wait()
	for what, list := range map[string][]time.Duration{"saves": l.saves, "reads of what is here": l.reads} {
		slices.Sort(list)
		p50, p99, most := list[len(list)/2], list[len(list)*99/100], list[len(list)-1]
		l.v.Logf("%d %s: p50 %v, p99 %v, max %v", len(list), what, p50, p99, most)
		if p99 > time.Second || most > 5*time.Second {
			l.v.Errorf("%s are slow while S3 is away: p99 %v, max %v", what, p99, most)
		}
	}
}

// outage prepares a volume with content here and away.
func outage(t *testing.T) (v *volumetest.Volume, here map[string][]byte) {
	v = volumetest.Start(t, func(o *volume.Options) { o.Drain = 30 * time.Second })
	v.Log.Expect("the store is away")
	v.Log.Expect("upload failed")
	evicted(v, map[string][]byte{"away": random(50_000), "away-large": random(20 << 20), "away-blocked": random(60_000),
		"away-1": random(1000), "away-2": random(1000)})
	here = map[string][]byte{"here": random(50_000), "here-large": random(1 << 20)}
	for path, content := range here {
		v.Write(path, content)
		awaitS3(v, path)
	}
	must(t, os.Mkdir(v.Join("load"), 0o755))
	return v, here
}

// awaitKnown waits until reads of what is away fail at once. Some fail after their
// deadline before that.
func awaitKnown(v *volumetest.Volume) {
	v.Helper()
	quick := func(path string) bool {
		start := time.Now()
		_, err := os.ReadFile(v.Join(path))
		if err != nil && !errors.Is(err, unix.EIO) {
			v.Errorf("read of what is away: %v", err)
		}
		return err != nil && time.Since(start) < 100*time.Millisecond
	}
	v.Await("the outage to be known", func() bool {
		var wg sync.WaitGroup
		for _, path := range []string{"away-1", "away-2", "away-large"} {
			wg.Go(func() { quick(path) })
		}
		wg.Wait()
		return quick("away")
	})
}

func checkAway(v *volumetest.Volume) {
	v.Helper()
	for range 5 {
		for _, path := range []string{"away", "away-large"} {
			within(v.T, time.Second, "a read of what is away, once that is known", func() {
				_, err := os.ReadFile(v.Join(path))
				fails(v.T, "read of "+path, err, unix.EIO)
			})
		}
	}
}

func checkBack(v *volumetest.Volume, l *load, sample int) {
	v.Helper()
	v.Await("the store to be back", func() bool { return v.Log.Seen("the store is back") > 0 })
	v.Await("everything to be sent", func() bool {
		m, files := v.Stores()
		defer m.Close()
		defer files.Close()
		st, err := m.Stats()
		must(v.T, err)
		return st.Queue.Number == 0
	})
	paths := make([]string, 0, len(l.files))
	for path := range l.files {
		paths = append(paths, path)
	}
	rand.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	for _, path := range paths[:min(sample, len(paths))] {
		expectObject(v, path, l.files[path])
	}
	if len(v.Read("away")) != 50_000 || len(v.Read("away-large")) != 20<<20 {
		v.Error("what was away is not what it was")
	}
	if away, back := v.Log.Seen("the store is away"), v.Log.Seen("the store is back"); away != 1 || back != 1 {
		v.Errorf("%d messages that the store is away, %d that it is back", away, back)
	}
}

func TestStoreDown(t *testing.T) {
	v, here := outage(t)
	l := startLoad(v, here)
	v.Gateway.Stop()
	awaitKnown(v)
	checkAway(v)
	v.Await("saves enough to judge", func() bool { return l.count() >= 300 })
	l.end()
	v.Gateway.Start(t)
	checkBack(v, l, 50)
}

func TestStoreHangs(t *testing.T) {
	v, here := outage(t)
	l := startLoad(v, here)
	v.Gateway.Pause(t)
	blocked := child(t, "read", v.Join("away-blocked"))
	must(t, blocked.Start())
	awaitInOpen(v, blocked.Process.Pid)
	within(t, 2*time.Second, "the end of a killed reader", func() {
		must(t, blocked.Process.Kill())
		if err := blocked.Wait(); err == nil {
			t.Error("the reader ended by itself")
		}
	})
	awaitKnown(v)
	checkAway(v)
	l.end()
	v.Gateway.Resume(t)
	checkBack(v, l, 50)
}

// awaitInOpen waits until a process waits for an answer of the mount.
func awaitInOpen(v *volumetest.Volume, pid int) {
	v.Helper()
	v.Await("the child to wait for the mount", func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
		return err == nil && (bytes.Contains(b, []byte("fuse")) || bytes.Contains(b, []byte("request_wait_answer")))
	})
}

// TestStartWithoutStore: the mount needs no S3 to start, save and read what is
// here.
func TestStartWithoutStore(t *testing.T) {
	v := volumetest.Start(t, func(o *volume.Options) { o.Drain = 10 * time.Second })
	v.Log.Expect("the store is away")
	content := random(10_000)
	v.Write("before", content)
	awaitS3(v, "before")
	v.Unmount()
	v.Gateway.Stop()
	within(t, 5*time.Second, "a start without S3", v.Mount)
	expect(v, "before", content)
	v.Write("during", content)
	expect(v, "during", content)
	v.Gateway.Start(t)
	expectObject(v, "during", content)
}
