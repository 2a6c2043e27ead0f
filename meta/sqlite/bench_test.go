package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"contentfs/meta"
)

// benchStore opens a store in memory if there is such a place, so that what is
// measured is our work and not the disk's.
func benchStore(b *testing.B, inMemory bool) *meta.Store {
	b.Helper()
	dir := b.TempDir()
	if inMemory {
		if d, err := os.MkdirTemp("/dev/shm", "meta"); err == nil {
			b.Cleanup(func() { os.RemoveAll(d) })
			dir = d
		}
	}
	s := openAt(b, filepath.Join(dir, "meta.db"), Options{})
	run(b, s)
	return s
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCommit is one durable commit at a time, to a file of its own.
func BenchmarkCommit(b *testing.B) {
	for _, place := range []string{"memory", "disk"} {
		b.Run(place, func(b *testing.B) {
			s := benchStore(b, place == "memory")
			nodes := make([]meta.Node, b.N)
			for i := range nodes {
				nodes[i] = must(newFile(s, meta.Root, fmt.Sprint("f", i), i))(b)
			}
			before := processorTime(b)
			b.ResetTimer()
			for i := range nodes {
				must(s.Commit(meta.CommitRequest{Ino: nodes[i].Ino, File: fileID(i), Size: 1, Now: int64(i)}))(b)
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// BenchmarkCommit64 is 64 writers who each commit a file of their own at a time.
func BenchmarkCommit64(b *testing.B) {
	for _, place := range []string{"memory", "disk"} {
		b.Run(place, func(b *testing.B) {
			s := benchStore(b, place == "memory")
			nodes := make([]meta.Node, b.N)
			for i := range nodes {
				nodes[i] = must(newFile(s, meta.Root, fmt.Sprint("f", i), i))(b)
			}
			var next atomic.Int64
			var writers sync.WaitGroup
			batches := s.Activity().Batches
			b.ResetTimer()
			for range 64 {
				writers.Go(func() {
					for i := int(next.Add(1)) - 1; i < len(nodes); i = int(next.Add(1)) - 1 {
						_, err := s.Commit(meta.CommitRequest{Ino: nodes[i].Ino, File: fileID(i), Size: 1, Now: int64(i)})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			writers.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			b.ReportMetric(float64(b.N)/float64(s.Activity().Batches-batches), "commits/batch")
		})
	}
}

// BenchmarkCreate is one visible change at a time.
func BenchmarkCreate(b *testing.B) {
	s := benchStore(b, false)
	for i := 0; b.Loop(); i++ {
		must(newFile(s, meta.Root, fmt.Sprint("f", i), i))(b)
	}
}

// BenchmarkRead is of a directory with 10,000 files three levels down.
func BenchmarkRead(b *testing.B) {
	s := benchStore(b, false)
	dir := meta.Root
	for _, name := range []string{"003d34b5ba832f753ad91a6cdac1921f", "image", "large"} {
		dir = must(s.Create(meta.CreateRequest{Parent: dir, Name: []byte(name), Mode: meta.TypeDir | 0o755}))(b).Ino
	}
	var last meta.Version
	names := make([][]byte, 10000)
	for i := range names {
		names[i] = fmt.Appendf(nil, "tanning-bed-%d.jpg", i)
		n := must(newFile(s, dir, string(names[i]), i))(b)
		last = must(s.Commit(meta.CommitRequest{Ino: n.Ino, File: fileID(i), Now: 1, Relaxed: true}))(b)
	}
	b.Run("Lookup", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			must(s.Lookup(dir, names[i%len(names)]))(b)
		}
	})
	b.Run("LookupAbsent", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Lookup(dir, []byte("absent")); err == nil {
				b.Fatal("found what is not there")
			}
		}
	})
	b.Run("Node", func(b *testing.B) {
		for b.Loop() {
			must(s.Node(last.Ino))(b)
		}
	})
	b.Run("Current", func(b *testing.B) {
		for b.Loop() {
			must(s.Current(last.Ino))(b)
		}
	})
	b.Run("Path", func(b *testing.B) {
		for b.Loop() {
			must(s.Path(last.Ino))(b)
		}
	})
	for _, entries := range []int{1, 200} { // a request for names with attributes holds some 200
		b.Run(fmt.Sprint("List", entries), func(b *testing.B) {
			var at meta.Place
			for b.Loop() {
				at = nextPage(b, s, dir, at, entries)
			}
		})
	}
}

// nextPage lists some entries of a directory behind a place, and returns the place
// behind them; that of the start at the end.
func nextPage(b *testing.B, s *meta.Store, dir meta.Ino, at meta.Place, entries int) meta.Place {
	b.Helper()
	n := 0
	err := s.List(dir, at, func(e *meta.Entry) bool {
		at = e.Place
		n++
		return n < entries
	})
	if err != nil {
		b.Fatal(err)
	}
	if n < entries {
		return 0
	}
	return at
}
