package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"log/slog"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"contentfs/fs/content"
	"contentfs/meta"
)

// errnos maps what the engine answers to what the application sees. The first
// match counts. What is not in it is EIO and logged.
var errnos = []struct {
	err   error
	errno syscall.Errno
}{
	// Of content, before what is wrong with it: the name is there even if the bytes
	// are not.
	{content.ErrAway, syscall.EIO},
	{content.ErrLost, syscall.EIO},
	{content.ErrUnreadable, syscall.EIO},
	{content.ErrPoisoned, syscall.EIO},
	{content.ErrUndelivered, syscall.EIO},
	{content.ErrUnread, syscall.EIO},
	{context.Canceled, syscall.EINTR},
	{iofs.ErrNotExist, syscall.ENOENT},
	{iofs.ErrExist, syscall.EEXIST},
	{meta.ErrNotDir, syscall.ENOTDIR},
	{meta.ErrIsDir, syscall.EISDIR},
	{meta.ErrNotEmpty, syscall.ENOTEMPTY},
	{meta.ErrLinks, syscall.EMLINK},
	{meta.ErrLoop, syscall.EINVAL},
	{meta.ErrNoAttr, syscall.ENODATA},
	{meta.ErrNoSpace, syscall.ENOSPC},
	{content.ErrFull, syscall.ENOSPC},
	{content.ErrCrowded, syscall.ENFILE},
	{content.ErrReadOnly, syscall.EROFS},
	{content.ErrReadOnlyAttr, syscall.EPERM},
	{content.ErrBadHandle, syscall.EBADF},
	{content.ErrUncopied, syscall.EOPNOTSUPP},
	{iofs.ErrPermission, syscall.EPERM},
	{iofs.ErrInvalid, syscall.EINVAL},
}

// expected reports whether an EIO needs no line in the log: the breaker or the
// first failure already gave one.
func expected(err error) bool {
	return errors.Is(err, content.ErrAway) || errors.Is(err, content.ErrLost) || errors.Is(err, content.ErrPoisoned) || errors.Is(err, content.ErrUndelivered)
}

// status translates an error of the engine. Errors that nobody expects are logged
// here, once.
func (f *filesystem) status(op string, err error) fuse.Status {
	if err == nil {
		return fuse.OK
	}
	errno := errnoOf(err)
	if errno == syscall.EIO {
		level := slog.LevelError
		if expected(err) {
			level = slog.LevelDebug
		}
		f.log.Log(context.Background(), level, "request failed", "op", op, "err", err)
	}
	return fuse.Status(errno)
}

// Errno returns what an application sees of an error of the engine, 0 for none.
func Errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	return errnoOf(err)
}

func errnoOf(err error) syscall.Errno {
	// An errno of the local disk (ENOSPC, EDQUOT, EFBIG, ...) is the application's
	// too, unless the engine gave it a meaning of its own above.
	for _, e := range errnos {
		if errors.Is(err, e.err) {
			return e.errno
		}
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return syscall.EIO
}
