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

// Errors of opening a store.
var (
	ErrForeign = errors.New("not a contentfs database")
	ErrTooNew  = errors.New("written by a later contentfs")
	ErrTooOld  = errors.New("written by an older contentfs")
)
