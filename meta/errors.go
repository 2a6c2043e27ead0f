package meta

import (
	"errors"
	"fmt"
	"io/fs"
)

// Errors of the namespace. The first two are io/fs's own, so that errors.Is
// works with either name.
var (
	ErrNotExist   = fs.ErrNotExist
	ErrExist      = fs.ErrExist
	ErrNotDir     = errors.New("not a directory")
	ErrIsDir      = errors.New("is a directory")
	ErrNotEmpty   = errors.New("directory not empty")
	ErrLinks      = errors.New("too many links")
	ErrLoop       = errors.New("directory would become its own ancestor")
	ErrNoAttr     = errors.New("no such extended attribute")
	ErrNoSpace    = errors.New("no space left for metadata")
	ErrClosed     = errors.New("metadata store is closed")
	ErrSuperseded = errors.New("the version changed meanwhile")
	ErrCurrent    = errors.New("the version is current")
	ErrNowhere    = errors.New("the bytes of the version are nowhere")
)

// ErrUnseen: whether a name is in a directory is not known, since what lies in its
// fallback is not taken in yet. The error is an *UnseenError.
var ErrUnseen = errors.New("not taken in from the fallback yet")

// UnseenError names the directory.
type UnseenError struct{ Dir string }

// Error names the directory and says what can be done.
func (e *UnseenError) Error() string {
	return fmt.Sprintf("directory %q is %v: list it in the mount first", e.Dir, ErrUnseen)
}

// Is makes it ErrUnseen.
func (e *UnseenError) Is(target error) bool { return target == ErrUnseen }

// ErrInDoubt: the change was handed to the disk, which failed. It may be there after the
// next start, or not. What it would need then must not be undone meanwhile.
var ErrInDoubt = errors.New("it is not known whether the change was made")

// InDoubt reports whether the change that ended with err may be found after the next
// start all the same. A change that came too late, to a store that had stopped, was
// never tried.
func InDoubt(err error) bool { return errors.Is(err, ErrInDoubt) && !errors.Is(err, ErrClosed) }

// Errors of opening a store.
var (
	ErrForeign = errors.New("not a contentfs database")
	ErrTooNew  = errors.New("written by a later contentfs")
	ErrTooOld  = errors.New("written by an older contentfs")
)

// Errors of opening a store that is not as it was left. Nothing was changed, and none is
// made in its place.
var (
	ErrMissing    = errors.New("the database is gone")
	ErrLogMissing = errors.New("the database's write-ahead log is gone, and what was in it")
	ErrLogForeign = errors.New("a write-ahead log lies beside the database that is not its own")
	ErrBehind     = errors.New("the database is older than its last state")
	ErrOther      = errors.New("the database is another volume's")
	ErrDamaged    = errors.New("the database is damaged")
	ErrMark       = errors.New("the mark of the database's last state cannot be read")
)

// NotAsLeft reports whether opening failed because the database is not as it was left.
func NotAsLeft(err error) bool {
	for _, e := range []error{ErrMissing, ErrLogMissing, ErrLogForeign, ErrBehind, ErrOther, ErrDamaged, ErrMark} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
