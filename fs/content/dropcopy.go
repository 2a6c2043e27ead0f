package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// ErrUnverified: the other copy could not be shown to be the content.
var ErrUnverified = errors.New("the other copy cannot be verified")

// errWrongObject: the object is there and is not the content.
var errWrongObject = errors.New("it is not the content")

// DropCopy gives up the copy of a version in the fallback, once its object was
// looked at and is the content.
func (e *Engine) DropCopy(ctx context.Context, id meta.VersionID) error {
	v, err := e.Meta.Version(id)
	if err != nil {
		return err
	}
	if v.Fallback == nil {
		return nil
	}
	if e.Fallback == nil {
		return ErrNoFallback
	}
	if err := e.verifyObject(ctx, &v); err != nil {
		return err
	}
	f, rel, err := e.openCopy(&v)
	if err != nil {
		return err
	}
	inode, err := inodeOf(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	crash.Here(crash.DropVerified)
	if err := e.Meta.DropFallback(id, rel, inode, now()); err != nil {
		return err
	}
	crash.Here(crash.DropGivenUp)
	signal(e.sweep) // of who has the volume: it may be settling another version there
	return nil
}

// verifyObject compares a version's object with its record.
func (e *Engine) verifyObject(ctx context.Context, v *meta.Version) error {
	b, err := e.Objects(v.Bucket)
	if err != nil {
		return err
	}
	o, err := b.Stat(ctx, v.Key)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	case o.Size != v.Size:
		return fmt.Errorf("%w: %w: object %s has %d bytes instead of %d", ErrUnverified, errWrongObject, v.Key, o.Size, v.Size)
	case v.SHA256 != nil && o.SHA256 != nil && !bytes.Equal(o.SHA256, v.SHA256):
		return fmt.Errorf("%w: %w: object %s has checksum %x instead of %x", ErrUnverified, errWrongObject, v.Key, o.SHA256, v.SHA256)
	case v.SHA256 == nil || !bytes.Equal(o.SHA256, v.SHA256):
		return fmt.Errorf("%w: object %s has checksum %x instead of %x", ErrUnverified, v.Key, o.SHA256, v.SHA256)
	}
	return nil
}

// DropObject gives up the object of a version, once its copy in the fallback was read
// and is the content. The object stays until a garbage collection.
func (e *Engine) DropObject(ctx context.Context, id meta.VersionID) error {
	v, err := e.Meta.Version(id)
	if err != nil {
		return err
	}
	if v.Remote != meta.Stored {
		return nil
	}
	if err := e.verifyCopy(ctx, &v); err != nil {
		return err
	}
	crash.Here(crash.ObjectVerified)
	if err := e.Meta.DropObject(id, v.Key, now()); err != nil {
		return err
	}
	crash.Here(crash.ObjectGivenUp)
	return nil
}

// verifyCopy reads a version's copy in the fallback.
func (e *Engine) verifyCopy(ctx context.Context, v *meta.Version) error {
	switch {
	case e.Fallback == nil:
		return ErrNoFallback
	case v.Fallback == nil || v.SHA256 == nil:
		return fmt.Errorf("%w: no copy with a checksum is on record", ErrUnverified)
	}
	f, _, err := e.openCopy(v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, contextReader{ctx, f})
	switch sum := h.Sum(nil); {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	case n != v.Size || !bytes.Equal(sum, v.SHA256):
		return fmt.Errorf("%w: %s in the fallback has %d bytes and checksum %x instead of %d and %x",
			ErrUnverified, v.Fallback, n, sum, v.Size, v.SHA256)
	}
	return nil
}
