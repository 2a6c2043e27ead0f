package local

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// identityAttr holds a file's Identity as JSON.
const identityAttr = "user.contentfs"

// Kind says what a local file was made for.
type Kind string

const (
	// Draft: content being written, of which nothing is committed.
	Draft Kind = "draft"
	// Committed: at some moment the file was the content of Version, Size bytes
	// long. It may have been written to since.
	Committed Kind = "committed"
	// Copy: bytes of Version that exist elsewhere too.
	Copy Kind = "copy"
)

// Identity tells what a file is when the metadata cannot: it is written before
// the sync that makes the file durable.
type Identity struct {
	Kind    Kind   `json:"kind"`
	Ino     uint64 `json:"ino,omitempty"`
	Version int64  `json:"version,omitempty"` // Draft: the version it began from
	Size    int64  `json:"size,omitempty"`
	Mode    uint32 `json:"mode,omitempty"`
	UID     uint32 `json:"uid,omitempty"`
	GID     uint32 `json:"gid,omitempty"`
	Path    []byte `json:"path,omitempty"` // inside the volume, at that time
}

// SetIdentity writes who into the file's attributes. It becomes durable with the
// file. A path that does not fit is left out.
func (f *File) SetIdentity(who Identity) error {
	err := f.setIdentity(who)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.E2BIG) {
		who.Path = nil
		err = f.setIdentity(who)
	}
	if err != nil {
		return fmt.Errorf("identify local file %s: %w", f.ID, err)
	}
	return nil
}

func (f *File) setIdentity(who Identity) error {
	b, err := json.Marshal(who)
	if err != nil {
		return err
	}
	defer f.attrs.Store(nil)
	return f.Control(func(fd int) error { return unix.Fsetxattr(fd, identityAttr, b, 0) })
}

// Identity reads what SetIdentity wrote. A file without one gives the zero value.
func (f *File) Identity() (Identity, error) {
	var who Identity
	buf := make([]byte, 64<<10) // the kernel's own limit for a value
	var n int
	err := f.Control(func(fd int) (err error) { n, err = unix.Fgetxattr(fd, identityAttr, buf); return err })
	if errors.Is(err, unix.ENODATA) {
		return who, nil
	}
	if err != nil {
		return who, fmt.Errorf("identify local file %s: %w", f.ID, err)
	}
	if err := json.Unmarshal(buf[:n], &who); err != nil {
		return Identity{}, fmt.Errorf("identify local file %s: %w", f.ID, err)
	}
	return who, nil
}
