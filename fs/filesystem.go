package fs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"contentfs/fs/content"
	"contentfs/meta"
)

// filesystem translates requests. Operations it does not name are answered with
// ENOSYS by the embedded default, which the kernel then does by itself or not at
// all: access checks (default_permissions), locks (within this machine), ioctl.
type filesystem struct {
	fuse.RawFileSystem
	engine  *content.Engine
	log     *slog.Logger
	modes   modes
	handles handles

	noOpenDir bool // the kernel can do without OpenDir; set by Init
}

var _ fuse.RawFileSystem = (*filesystem)(nil)

func newFilesystem(o Options) *filesystem {
	f := &filesystem{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		engine:        o.Engine,
		log:           o.Log,
	}
	f.modes.wanted = o.Passthrough
	f.modes.log = o.Log
	f.modes.nodes = make(map[meta.Ino]*mode)
	f.handles.files = make(map[uint64]*content.Handle)
	return f
}

// String names the filesystem in go-fuse's debug output.
func (f *filesystem) String() string { return "contentfs" }

// Init is called with the kernel's first request.
func (f *filesystem) Init(s *fuse.Server) {
	f.noOpenDir = s.KernelSettings().Flags64()&fuse.CAP_NO_OPENDIR_SUPPORT != 0
	f.modes.init(s)
}

// panicked answers a request whose handling went wrong beyond expectation; the
// mount lives on.
func (f *filesystem) panicked(v any) fuse.Status {
	f.log.Error("a request failed for a fault in contentfs; please report it", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	return fuse.EIO
}

// handles are the open files by the number the kernel calls them.
type handles struct {
	mu    sync.Mutex // guards what follows
	last  uint64
	files map[uint64]*content.Handle
}

func (t *handles) addFile(h *content.Handle) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	t.files[t.last] = h
	return t.last
}

func (t *handles) file(fh uint64) *content.Handle {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.files[fh]
}

func (t *handles) takeFile(fh uint64) *content.Handle {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.files[fh]
	delete(t.files, fh)
	return h
}

// interruptPatience is how long a request goes on after the kernel interrupted it. A
// program that only got a signal, as those written in Go do all the time, is not to
// see an open or a read fail that takes no longer than a fetch from S3 usually does: on
// a disk it never would. One that was killed is gone a moment later all the same.
const interruptPatience = 500 * time.Millisecond

// interruptible returns a context that ends a little after the kernel interrupts the
// request. The caller calls stop when the request is answered.
func interruptible(cancel <-chan struct{}) (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = context.WithCancel(context.Background())
	go func() {
		select {
		case <-cancel:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(interruptPatience):
			stop()
		case <-ctx.Done():
		}
	}()
	return ctx, stop
}
