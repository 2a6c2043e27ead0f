package meta

import (
	"errors"
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

// Errors of opening a store.
var (
	ErrForeign = errors.New("not a contentfs database")
	ErrTooNew  = errors.New("written by a later contentfs")
	ErrTooOld  = errors.New("written by an older contentfs")
)
