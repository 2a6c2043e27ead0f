package fs

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// tree is a filesystem without a kernel, on real metadata.
type tree struct {
	*testing.T
	fs   *filesystem
	meta *meta.Store
	now  int64
}

func newTree(t *testing.T) *tree {
	t.Helper()
	dir := t.TempDir()
	m, err := sqlite.Open(filepath.Join(dir, "meta.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := local.Open(filepath.Join(dir, "local"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for _, err := range []error{<-done, m.Close(), files.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	log := slog.New(slog.DiscardHandler)
	e := content.New(content.Config{Meta: m, Local: files, Log: log,
		Objects: func(string) (backend.Backend, error) { return nil, nil }})
	return &tree{T: t, meta: m, fs: newFilesystem(Options{Engine: e, Log: log})}
}

// create makes empty files in the root.
func (tr *tree) create(names ...string) {
	tr.Helper()
	for _, name := range names {
		tr.now++
		_, err := tr.meta.Create(meta.CreateRequest{Parent: meta.Root, Name: []byte(name), Mode: meta.TypeRegular | 0o644, Now: tr.now})
		if err != nil {
			tr.Fatal(err)
		}
	}
}

func (tr *tree) remove(names ...string) {
	tr.Helper()
	for _, name := range names {
		tr.now++
		if _, err := tr.meta.Unlink(meta.Root, []byte(name), tr.now); err != nil {
			tr.Fatal(err)
		}
	}
}

// numbered returns n names in the order of a listing.
func (tr *tree) numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("name%06d", i)
	}
	return tr.inOrder(names)
}

// inOrder sorts names as a listing does.
func (tr *tree) inOrder(names []string) []string {
	place := func(name string) meta.Place { return tr.meta.Place([]byte(name)) }
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	return names
}

// entry is what the kernel learns of a name.
type entry struct {
	name string
	ino  uint64
	off  uint64
	plus bool // with attributes
}

// read asks like the kernel: for as much as fits into size bytes from off on.
func (tr *tree) read(off uint64, size int, plus bool) []entry {
	tr.Helper()
	buf := make([]byte, size)
	list := fuse.NewDirEntryList(buf, off)
	in := fuse.ReadIn{InHeader: fuse.InHeader{NodeId: uint64(meta.Root)}, Offset: off, Size: uint32(size)}
	read := tr.fs.ReadDir
	if plus {
		read = tr.fs.ReadDirPlus
	}
	if st := read(nil, &in, list); st != fuse.OK {
		tr.Fatalf("read from %d: %v", off, st)
	}
	return tr.decode(buf, plus)
}

// decode reads struct fuse_dirent, behind a struct fuse_entry_out when plus is set,
// until the unused rest of the buffer.
func (tr *tree) decode(buf []byte, plus bool) []entry {
	tr.Helper()
	const entryOut, header = 128, 24
	var list []entry
	for skip := 0; ; {
		skip = 0
		if plus {
			skip = entryOut
		}
		if len(buf) < skip+header {
			return list
		}
		d := buf[skip:]
		e := entry{ino: binary.LittleEndian.Uint64(d), off: binary.LittleEndian.Uint64(d[8:])}
		n := int(binary.LittleEndian.Uint32(d[16:]))
		if n == 0 {
			return list
		}
		e.name = string(d[header : header+n])
		e.plus = plus && binary.LittleEndian.Uint64(buf) == e.ino
		list = append(list, e)
		buf = buf[skip+(header+n+7)/8*8:]
	}
}

// all reads from off to the end, and checks the positions on the way.
func (tr *tree) all(off uint64, size int, plus bool) []entry {
	tr.Helper()
	var list []entry
	for {
		part := tr.read(off, size, plus)
		if len(part) == 0 {
			return list
		}
		for _, e := range part {
			if e.off <= off || e.off > math.MaxInt64 {
				tr.Fatalf("%q has position %d, behind %d", e.name, e.off, off)
			}
			off = e.off
		}
		list = append(list, part...)
	}
}

func names(list []entry) []string {
	var s []string
	for _, e := range list {
		s = append(s, e.name)
	}
	return s
}

var dotNames = []string{".", ".."}

func (tr *tree) want(what string, got []entry, want []string) {
	tr.Helper()
	if g := names(got); !slices.Equal(g, want) {
		tr.Errorf("%s: %d names %.5q..., not %d %.5q...", what, len(g), g, len(want), want)
	}
}
