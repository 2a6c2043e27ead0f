package volume_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/fs/volume/volumetest"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// fill makes empty files in the root of a volume that is not mounted.
func fill(t testing.TB, s *meta.Store, number int) {
	t.Helper()
	var wg sync.WaitGroup
	const makers = 16
	for w := range makers {
		wg.Go(func() {
			for i := w; i < number; i += makers {
				_, err := s.Create(meta.CreateRequest{Parent: meta.Root, Name: bigName(i), Mode: meta.TypeRegular | 0o644, Now: 1})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func bigName(i int) []byte { return fmt.Appendf(nil, "tanning-bed-%07d.jpg", i) }

// openMeta opens the metadata in a state directory, ready for changes until the
// returned function is called.
func openMeta(t testing.TB, state string) (*meta.Store, func()) {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(state, "meta.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
		stop()
		for _, err := range []error{<-done, s.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSeekInBigDirectory jumps about in a directory, with a descriptor that never
// read it and while it changes: from every position the listing goes on with all
// names behind it that stay, each of them once.
func TestSeekInBigDirectory(t *testing.T) {
	const number = 20_000
	v := volumetest.Start(t, nil)
	v.Unmount()
	s, done := openMeta(t, v.Options.State)
	fill(t, s, number)
	done()
	v.Mount()

	order, at := wholeListing(t, v.Path)
	if len(order) != number+2 {
		t.Fatalf("%d names, not %d", len(order), number+2)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	gone := make(map[string]bool)
	for n := range 200 {
		if name := order[2+rng.IntN(number)]; !gone[name] {
			must(t, os.Remove(v.Join(name)))
			gone[name] = true
		}
		if n%2 == 1 {
			// Who looks from the start makes the kernel drop the old listing; what is
			// read next, from the middle, comes from us.
			names := namesFrom(t, v.Path, 0)
			if len(names) == 0 || names[0] != order[0] {
				t.Fatalf("from the start: %q", names)
			}
		}
		from := rng.IntN(len(order))
		names := namesFrom(t, v.Path, at[from])
		expect := order[from+1:]
		if len(names) == 0 && slices.ContainsFunc(expect, func(name string) bool { return !gone[name] }) {
			t.Fatalf("nothing behind %s", order[from])
		}
		for len(names) > 0 && len(expect) > 0 {
			switch {
			case names[0] == expect[0]:
				names, expect = names[1:], expect[1:]
			case gone[expect[0]]: // it need not come, but may come from what the kernel kept
				expect = expect[1:]
			default:
				t.Fatalf("from behind %s: %s, and %s should come", order[from], names[0], expect[0])
			}
		}
		if len(names) > 0 {
			t.Fatalf("from behind %s: %q at the end", order[from], names)
		}
	}
}

// namesFrom opens a directory and reads one piece from a position on.
func namesFrom(t *testing.T, path string, at int64) []string {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(t, err)
	defer unix.Close(fd)
	_, err = unix.Seek(fd, at, 0)
	must(t, err)
	names, _, err := piece(fd)
	must(t, err)
	return names
}

// wholeListing returns the names of a directory in the order of its listing, and the
// position behind each.
func wholeListing(t *testing.T, path string) (names []string, at []int64) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(t, err)
	defer unix.Close(fd)
	for {
		some, positions, err := piece(fd)
		must(t, err)
		if len(some) == 0 {
			return names, at
		}
		names, at = append(names, some...), append(at, positions...)
	}
}

// piece reads as much of a directory as a small buffer holds.
func piece(fd int) (names []string, at []int64, err error) {
	buf := make([]byte, 2048)
	n, err := unix.Getdents(fd, buf)
	for buf = buf[:max(n, 0)]; len(buf) > 0; { // struct linux_dirent64
		size := binary.NativeEndian.Uint16(buf[16:])
		name, _, _ := bytes.Cut(buf[19:size], []byte{0})
		names, at = append(names, string(name)), append(at, int64(binary.NativeEndian.Uint64(buf[8:])))
		buf = buf[size:]
	}
	return names, at, err
}

// BenchmarkNames is what must take as long in a directory of a million names as in
// one of ten, in the engine and without a kernel. scripts/bench measures it through
// a mount.
func BenchmarkNames(b *testing.B) {
	for _, size := range []int{10, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { benchmarkNames(b, size) })
	}
}

func benchmarkNames(b *testing.B, size int) {
	state := b.TempDir()
	s, done := openMeta(b, state)
	defer done()
	fill(b, s, size)
	files, err := local.Open(filepath.Join(state, "local"))
	if err != nil {
		b.Fatal(err)
	}
	defer files.Close()
	e := content.New(content.Config{Meta: s, Local: files, Log: slog.New(slog.DiscardHandler), Durability: content.Relaxed})
	name := func(i int) []byte { return bigName(i * 7919 % size) }
	step := func(what string, do func(i int) error) {
		b.Run(what, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := do(i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	step("lookup", func(i int) error {
		_, err := e.Lookup(meta.Root, name(i))
		return err
	})
	step("stat", func(i int) error {
		_, err := e.GetAttr(meta.Ino(2 + i*7919%size))
		return err
	})
	step("list10", func(i int) error {
		var after meta.Place
		if size > 10 {
			after = meta.Place(i%100) << 56 // anywhere, and never the end
		}
		n := 0
		return e.List(meta.Root, after, func(*meta.Entry) bool { n++; return n < 10 })
	})
	step("rename", func(i int) error {
		r := meta.RenameRequest{OldParent: meta.Root, OldName: name(0), NewParent: meta.Root, NewName: []byte("other")}
		if i%2 == 1 {
			r.OldName, r.NewName = r.NewName, r.OldName
		}
		return e.Rename(r)
	})
	step("mknod and unlink", func(i int) error {
		n := fmt.Append(nil, "new", i)
		if _, err := e.Mknod(meta.CreateRequest{Parent: meta.Root, Name: n, Mode: meta.TypeRegular | 0o644}); err != nil {
			return err
		}
		return e.Unlink(meta.Root, n)
	})
}
