package fs

import (
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"contentfs/fs/content"
	"contentfs/meta"
)

// page is how many entries are read from the metadata at a time.
const page = 512

// dirHandle is an open directory. The kernel addresses entries by number, the
// metadata by name: a mark for each page connects the two, so that a directory of
// any size is never held whole and a stream can be wound back.
//
// Numbers 1 and 2 are "." and ".."; entry i of the listing has number i+3. A
// number stands for the position behind its entry.
type dirHandle struct {
	ino meta.Ino

	mu      sync.Mutex // guards what follows
	marks   []mark     // of every page read so far
	current int        // index of the page in entries; -1: none
	entries []content.Entry
}

// mark says where a page begins.
type mark struct {
	first uint64 // entries in front of it
	after []byte // the name in front of it; nil for the first page
}

const dots = 2

// OpenDir opens a directory.
func (f *filesystem) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	out.Fh = f.handles.addDir(&dirHandle{ino: meta.Ino(in.NodeId), current: -1})
	return fuse.OK
}

// ReleaseDir closes a directory.
func (f *filesystem) ReleaseDir(in *fuse.ReleaseIn) { f.handles.dropDir(in.Fh) }

// FsyncDir makes all changes of names durable.
func (f *filesystem) FsyncDir(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return f.status("fsyncdir", f.engine.SyncAll())
}

// ReadDir lists names.
func (f *filesystem) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return f.list(in, func(e fuse.DirEntry, _ *meta.Node) bool { return out.AddDirEntry(e) })
}

// ReadDirPlus lists names with attributes.
func (f *filesystem) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return f.list(in, func(e fuse.DirEntry, a *meta.Node) bool {
		entry := out.AddDirLookupEntry(e)
		if entry == nil {
			return false
		}
		if a != nil {
			fillEntry(entry, *a)
		}
		return true
	})
}

// list adds entries from number in.Offset on until add returns false.
func (f *filesystem) list(in *fuse.ReadIn, add func(fuse.DirEntry, *meta.Node) bool) fuse.Status {
	d := f.handles.dir(in.Fh)
	if d == nil {
		return fuse.EBADF
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at := in.Offset
	if at == 0 {
		d.marks, d.current = nil, -1 // rewound: look again
	}
	for ; at < dots; at++ {
		e := fuse.DirEntry{Name: [dots]string{".", ".."}[at], Mode: syscall.S_IFDIR, Ino: uint64(d.ino), Off: at + 1}
		if !add(e, nil) {
			return fuse.OK
		}
	}
	for {
		rest, err := d.from(f.engine, at-dots)
		if err != nil {
			return f.status("readdir", err)
		}
		if len(rest) == 0 {
			return fuse.OK
		}
		for i := range rest {
			e := &rest[i]
			at++
			if !add(fuse.DirEntry{Name: string(e.Name), Mode: e.Attr.Mode, Ino: uint64(e.Attr.Ino), Off: at}, &e.Attr) {
				return fuse.OK
			}
		}
	}
}

// from returns entries from the n-th on, some but at least one unless there are
// none.
func (d *dirHandle) from(e *content.Engine, n uint64) ([]content.Entry, error) {
	if len(d.marks) == 0 {
		d.marks = []mark{{}}
	}
	i := len(d.marks) - 1
	for d.marks[i].first > n {
		i--
	}
	for {
		if err := d.load(e, i); err != nil {
			return nil, err
		}
		m := d.marks[i]
		if skip := n - m.first; skip < uint64(len(d.entries)) {
			return d.entries[skip:], nil
		}
		if len(d.entries) < page {
			return nil, nil
		}
		if i++; i == len(d.marks) {
			d.marks = append(d.marks, mark{m.first + uint64(len(d.entries)), d.entries[len(d.entries)-1].Name})
		}
	}
}

// load reads page i unless it is the current one: what was listed stays as it was
// while the kernel reads it piece by piece.
func (d *dirHandle) load(e *content.Engine, i int) error {
	if d.current == i {
		return nil
	}
	entries, err := e.ReadDir(d.ino, d.marks[i].after, page)
	if err != nil {
		return err
	}
	d.current, d.entries = i, entries
	return nil
}
