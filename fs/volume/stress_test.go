package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// stressFor is how long each stress lasts. It is long enough that uploads,
// evictions and fetches come between the operations again and again.
const stressFor = 5 * time.Second

// stress is a set of names with their content as a model says it. Each name has
// its own lock, so that what was done to it has an order.
type stress struct {
	v     *volumetest.Volume
	names []*stressName
}

type stressName struct {
	path string

	mu      sync.RWMutex // guards what follows; readers of the content share it
	there   bool
	content []byte
}

// TestStress does random things to twenty names at the same time, with a cache
// that holds a few of them, and compares with the model all the time.
func TestStress(t *testing.T) {
	small := func(o *volume.Options) { o.CacheSize, o.Debounce = 100_000, 100*time.Millisecond }
	volumetest.Each(t, small, func(v *volumetest.Volume) {
		t := v.T
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		s := &stress{v: v}
		for i := range 20 {
			s.names = append(s.names, &stressName{path: fmt.Sprintf("d%d/f%d", i%3, i)})
		}
		for i := range 3 {
			must(t, os.Mkdir(v.Join(fmt.Sprintf("d%d", i)), 0o755))
		}
		end := time.Now().Add(stressFor)
		var wg sync.WaitGroup
		for w := range uint64(8) {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, w))
				for time.Now().Before(end) && !t.Failed() {
					s.step(r)
				}
			})
		}
		wg.Wait()
		s.check()
		v.Unmount()
		v.Mount()
		s.check()
	})
}

func (s *stress) check() {
	s.v.Helper()
	for _, n := range s.names {
		if n.there {
			expect(s.v, n.path, n.content)
			expectObject(s.v, n.path, n.content)
		} else if _, err := os.Stat(s.v.Join(n.path)); !errors.Is(err, os.ErrNotExist) {
			s.v.Errorf("%s is not there by the model: %v", n.path, err)
		}
	}
}

// step does one thing to one name, or two.
func (s *stress) step(r *rand.Rand) {
	n := s.names[r.IntN(len(s.names))]
	if r.IntN(3) == 0 {
		n.mu.RLock()
		defer n.mu.RUnlock()
		s.read(n)
		return
	}
	if r.IntN(5) == 0 {
		s.rename(r)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var err error
	switch path := s.v.Join(n.path); {
	case !n.there || r.IntN(3) == 0:
		err = s.rewrite(n, r)
	case r.IntN(6) == 0:
		n.there, n.content = false, nil
		err = os.Remove(path)
	case r.IntN(3) == 0:
		size := r.IntN(40_000)
		err = os.Truncate(path, int64(size))
		n.content = append(n.content[:min(size, len(n.content)):min(size, len(n.content))],
			make([]byte, max(0, size-len(n.content)))...)
	default:
		err = s.edit(n, r)
	}
	if err != nil {
		s.v.Errorf("%s: %v", n.path, err)
	}
}

func (s *stress) read(n *stressName) {
	b, err := os.ReadFile(s.v.Join(n.path))
	switch {
	case !n.there && errors.Is(err, os.ErrNotExist):
	case err != nil || !n.there:
		s.v.Errorf("read of %s, there by the model %v: %v", n.path, n.there, err)
	case !bytes.Equal(b, n.content):
		s.v.Errorf("%s has %s, not %s", n.path, brief(b), brief(n.content))
	}
}

func (s *stress) rewrite(n *stressName, r *rand.Rand) error {
	content := random(r.IntN(30_000))
	n.there, n.content = true, content
	if r.IntN(2) == 0 {
		return os.WriteFile(s.v.Join(n.path), content, 0o644)
	}
	tmp := s.v.Join(n.path) + ".tmp"
	if err := os.WriteFile(tmp, content, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, s.v.Join(n.path))
}

// edit writes in the middle or at the end, with a sync and a second piece at
// times.
func (s *stress) edit(n *stressName, r *rand.Rand) error {
	f, err := os.OpenFile(s.v.Join(n.path), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	content := bytes.Clone(n.content)
	for range 1 + r.IntN(3) {
		piece, off := random(1+r.IntN(3000)), r.IntN(len(content)+1)
		_, werr := f.WriteAt(piece, int64(off))
		content = append(content, make([]byte, max(0, off+len(piece)-len(content)))...)
		copy(content[off:], piece)
		if err = errors.Join(err, werr); r.IntN(3) == 0 {
			err = errors.Join(err, f.Sync())
		}
	}
	n.content = content
	return errors.Join(err, f.Close())
}

// rename moves one name over another.
func (s *stress) rename(r *rand.Rand) {
	i, j := r.IntN(len(s.names)), r.IntN(len(s.names))
	if i == j {
		return
	}
	a, b := s.names[min(i, j)], s.names[max(i, j)]
	a.mu.Lock()
	defer a.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !a.there {
		return
	}
	if err := os.Rename(s.v.Join(a.path), s.v.Join(b.path)); err != nil {
		s.v.Errorf("rename %s to %s: %v", a.path, b.path, err)
	}
	b.there, b.content = true, a.content
	a.there, a.content = false, nil
}
