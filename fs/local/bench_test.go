package local

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// BenchmarkNewFile is what a small file costs: made, written, and durable with its
// name.
func BenchmarkNewFile(b *testing.B) {
	content := random(100 << 10)
	for _, workers := range []int64{1, 8} {
		for _, ready := range []bool{false, true} {
			b.Run(fmt.Sprintf("workers=%d/ready=%v", workers, ready), func(b *testing.B) {
				s := newStore(b)
				if ready {
					run(b, s)
					awaitSpares(b, s)
				}
				b.SetBytes(int64(len(content)))
				var left atomic.Int64
				left.Store(int64(b.N))
				done := make(chan error, workers)
				b.ResetTimer()
				for range workers {
					go func() {
						var err error
						for err == nil && left.Add(-1) >= 0 {
							err = newFile(s, content)
						}
						done <- err
					}()
				}
				for range workers {
					if err := <-done; err != nil {
						b.Error(err)
					}
				}
			})
		}
	}
}

func newFile(s *Store, content []byte) error {
	f, err := s.Create(Identity{Kind: Draft, Path: []byte("/uid/image/large/tanning-bed.jpg")})
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(content, 0); err != nil {
		return err
	}
	return s.SyncNew(f)
}
