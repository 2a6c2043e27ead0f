package fs

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
)

// levels is a slog.Handler that keeps the levels of what was logged.
type levels struct {
	mu   sync.Mutex // guards list
	list []slog.Level
}

func (l *levels) Enabled(context.Context, slog.Level) bool { return true }
func (l *levels) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *levels) WithGroup(string) slog.Handler            { return l }
func (l *levels) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, r.Level)
	return nil
}

// TestErrno: what the engine answers, and what the application sees.
func TestErrno(t *testing.T) {
	type logged int
	const (
		silent  logged = iota
		debug          // a message about it was given before
		loud           // nobody expects it
		verbose = slog.LevelDebug
	)
	for _, c := range []struct {
		err  error
		want syscall.Errno
		log  logged
	}{
		{meta.ErrNotExist, syscall.ENOENT, silent},
		{iofs.ErrNotExist, syscall.ENOENT, silent},
		{meta.ErrExist, syscall.EEXIST, silent},
		{meta.ErrNotDir, syscall.ENOTDIR, silent},
		{meta.ErrIsDir, syscall.EISDIR, silent},
		{meta.ErrNotEmpty, syscall.ENOTEMPTY, silent},
		{meta.ErrLinks, syscall.EMLINK, silent},
		{meta.ErrLoop, syscall.EINVAL, silent},
		{meta.ErrNoAttr, syscall.ENODATA, silent},
		{meta.ErrNoSpace, syscall.ENOSPC, silent},
		{content.ErrFull, syscall.ENOSPC, silent},
		{content.ErrCrowded, syscall.ENFILE, silent},
		{content.ErrReadOnly, syscall.EROFS, silent},
		{content.ErrReadOnlyAttr, syscall.EPERM, silent},
		{content.ErrBadHandle, syscall.EBADF, silent},
		{iofs.ErrPermission, syscall.EPERM, silent},
		{iofs.ErrInvalid, syscall.EINVAL, silent},
		{context.Canceled, syscall.EINTR, silent},

		{content.ErrAway, syscall.EIO, debug},
		{content.ErrPoisoned, syscall.EIO, debug},
		{content.ErrLost, syscall.EIO, debug},
		{meta.ErrClosed, syscall.EIO, loud},
		{meta.ErrSuperseded, syscall.EIO, loud},
		{local.ErrNotRegular, syscall.EIO, loud},
		{errors.New("anything else"), syscall.EIO, loud},
		{context.DeadlineExceeded, syscall.EIO, loud},

		// The local disk's own.
		{unix.ENOSPC, syscall.ENOSPC, silent},
		{unix.EDQUOT, syscall.EDQUOT, silent},
		{unix.EFBIG, syscall.EFBIG, silent},
		{unix.EROFS, syscall.EROFS, silent},
		{unix.ENXIO, syscall.ENXIO, silent}, // SEEK_DATA behind the end
		{unix.EIO, syscall.EIO, loud},
		{&os.PathError{Op: "open", Path: "x", Err: unix.EMFILE}, syscall.EMFILE, silent},

		// An error's meaning comes before its cause.
		{fmt.Errorf("%w: %w", content.ErrAway, unix.ECONNREFUSED), syscall.EIO, debug},
		{fmt.Errorf("%w: %w", content.ErrAway, os.ErrDeadlineExceeded), syscall.EIO, debug},
		{fmt.Errorf("%w: %w", content.ErrAway, &backend.Error{Class: backend.Denied, Err: errors.New("403")}), syscall.EIO, debug},
		{fmt.Errorf("%w: %w", content.ErrPoisoned, unix.ENOSPC), syscall.EIO, debug},
		{fmt.Errorf("%w: %w", content.ErrLost, iofs.ErrNotExist), syscall.EIO, debug},
		{fmt.Errorf("%w: %w", content.ErrAway, iofs.ErrNotExist), syscall.EIO, debug},
		{errors.Join(content.ErrLost, unix.ENOENT), syscall.EIO, debug},
		{fmt.Errorf("%w: %w", content.ErrUnreadable, unix.EACCES), syscall.EIO, loud},
		{fmt.Errorf("%w: %w", content.ErrUnread, unix.EACCES), syscall.EIO, loud},
	} {
		for _, err := range []error{c.err, fmt.Errorf("open node 7: %w", fmt.Errorf("deeper: %w", c.err))} {
			log := &levels{}
			f := newFilesystem(Options{Log: slog.New(log)})
			if got := f.status("open", err); got != fuse.Status(c.want) {
				t.Errorf("%v is %v, not %v", err, got, c.want)
			}
			var want []slog.Level
			switch c.log {
			case debug:
				want = []slog.Level{verbose}
			case loud:
				want = []slog.Level{slog.LevelError}
			}
			if fmt.Sprint(log.list) != fmt.Sprint(want) {
				t.Errorf("%v was logged as %v, not %v", err, log.list, want)
			}
		}
	}
}

func TestNoError(t *testing.T) {
	log := &levels{}
	f := newFilesystem(Options{Log: slog.New(log)})
	if got := f.status("open", nil); got != fuse.OK || len(log.list) != 0 {
		t.Errorf("nil is %v, logged %v", got, log.list)
	}
}

// TestTableHasNoDeadLine: every entry of the table is reached by its own error.
func TestTableHasNoDeadLine(t *testing.T) {
	for i, e := range errnos {
		if got := errnoOf(e.err); got != e.errno {
			t.Errorf("line %d: %v is %v by an earlier line, not %v", i, e.err, got, e.errno)
		}
	}
}
