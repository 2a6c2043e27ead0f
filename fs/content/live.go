package content

import (
	"context"
	"sync"
	"sync/atomic"

	"contentfs/fs/local"
	"contentfs/meta"
)

// table holds the nodes that are in use at this moment. A node that nobody has
// open costs nothing here.
type table struct {
	mu    sync.Mutex // guards nodes and live.refs
	nodes map[meta.Ino]*live
}

// live is a node in use: open, being committed, evicted or uploaded.
type live struct {
	ino  meta.Ino
	refs int           // holders of this value; guarded by table.mu
	lock chan struct{} // capacity 1; guards what follows

	file    *local.File // what all handles read; nil before the first open
	rw      *local.File // the same file open for writing, while there are writers
	opens   int
	writers int // of opens

	// unflushed is how many of the writers have closed no descriptor yet. The kernel
	// tells of a handle's end later than of its last close: where it is 0, what was
	// committed is taken for the last word of all of them.
	unflushed int

	stream *stream // fills file from S3; nil when file is complete

	version  meta.VersionID // the committed content that file holds or began from
	draft    bool           // file has a draft row: nothing of it is committed
	fresh    bool           // draft differs from version by being made anew
	stamp    local.Stamp    // of file, when it last was equal to what is on record
	poisoned bool           // a sync failed: no commit of this file can be believed
	cramped  bool           // the last commit failed for want of room
	passing  int64          // bytes of file in memory, which the disk has no room for

	// writing is set while there are writers, or readers of what they did not commit.
	// It is read without the lock.
	writing atomic.Pointer[writing]

	// reading is set while a read of the node would count. It is read without the
	// lock.
	reading atomic.Pointer[reading]

	// who describes the node for the attributes of its files; nil: to be looked up.
	// It is read and cleared without the lock.
	who atomic.Pointer[local.Identity]

	// bare: the node was made with this open and has no extended attributes, but for
	// an access list that it may have inherited.
	bare atomic.Bool

	// written: a write came through this process since stamp was taken.
	written atomic.Bool
}

// writing tells where a node's size and times are while it is written to.
type writing struct {
	file  *local.File
	stamp local.Stamp // when file was last equal to what is on record
	fresh bool        // file never was
}

// publish lets stat see the file, or the metadata again when nobody writes and all
// is committed: of a file without a name it never is, and readers may still have it.
func (l *live) publish() {
	if l.writers == 0 && !l.draft {
		l.writing.Store(nil)
		return
	}
	l.writing.Store(&writing{file: l.file, stamp: l.stamp, fresh: l.fresh})
}

// hold returns the live value of ino, made if need be. The caller drops it.
func (t *table) hold(ino meta.Ino) *live {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.nodes[ino]
	if l == nil {
		l = &live{ino: ino, lock: make(chan struct{}, 1)}
		t.nodes[ino] = l
	}
	l.refs++
	return l
}

// peek returns the live value of ino if there is one; the caller drops it.
func (t *table) peek(ino meta.Ino) *live {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.nodes[ino]
	if l != nil {
		l.refs++
	}
	return l
}

// drop gives up a value that hold or peek returned.
func (t *table) drop(l *live) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.refs--; l.refs == 0 {
		delete(t.nodes, l.ino)
	}
}

// find returns the live value of ino, nil when there is none, without holding it:
// good for its atomic fields only.
func (t *table) find(ino meta.Ino) *live {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nodes[ino]
}

// writing returns how a node is being written to, nil when it is not.
func (t *table) writing(ino meta.Ino) *writing {
	if l := t.find(ino); l != nil {
		return l.writing.Load()
	}
	return nil
}

// reading returns how a node's reads are noticed, nil when they are not.
func (t *table) reading(ino meta.Ino) *reading {
	if l := t.find(ino); l != nil {
		return l.reading.Load()
	}
	return nil
}

// renamed makes the next commit look up what the node is called and whose it is.
func (t *table) renamed(ino meta.Ino) {
	if l := t.find(ino); l != nil {
		l.who.Store(nil)
	}
}

// isBare reports whether a node is known to have no extended attributes, but for an
// access list that it may have inherited.
func (t *table) isBare(ino meta.Ino) bool {
	l := t.find(ino)
	return l != nil && l.bare.Load()
}

// dress ends isBare, before the node gets its first attribute.
func (t *table) dress(ino meta.Ino) {
	if l := t.find(ino); l != nil {
		l.bare.Store(false)
	}
}

// acquire takes the node's lock. Waiting for it can be interrupted, since its
// holder may be waiting for S3.
func (l *live) acquire(ctx context.Context) error {
	select {
	case l.lock <- struct{}{}:
		return nil
	default:
	}
	select {
	case l.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *live) release() { <-l.lock }
