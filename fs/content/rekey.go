package content

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/fs/policy"
	"contentfs/meta"
)

// Rekey gives a version that is in S3 a key that fits: its path after a rename, or
// another bucket or prefix. The store copies by itself. A copy in the fallback
// follows the path too.
//
//	announced   the new key on record as lost (durable): an object may be there
//	copied      by the store, verified
//	switched    the version has the new key, the old one is lost (durable)
//
// A crash in between leaves an object for the garbage collection, and the version as
// it was. Errors that are no failures: ErrSettled.
func (e *Engine) Rekey(ctx context.Context, id meta.VersionID, keyLimit int) error {
	u, err := e.Meta.QueueEntry(id)
	if gone(err) {
		return ErrSettled
	}
	if err != nil {
		return err
	}
	v, err := e.Meta.Version(id)
	if gone(err) || err == nil && (v.Retired != 0 || v.Remote != meta.Stored) {
		return ErrSettled
	}
	if err != nil {
		return err
	}
	path, err := e.Meta.Path(v.Ino)
	if gone(err) {
		return ErrSettled
	}
	if err != nil {
		return err
	}
	if v.Fallback != nil && e.Fallback != nil {
		if err := e.followInFallback(id); err != nil {
			return err
		}
	}
	if err := e.rekey(ctx, &v, path, &u, keyLimit); err != nil && !errors.Is(err, ErrSettled) {
		return fmt.Errorf("give %s another key: %w", path, err)
	} else if err != nil {
		return err
	}
	return nil
}

func (e *Engine) rekey(ctx context.Context, v *meta.Version, path []byte, u *meta.Upload, keyLimit int) error {
	rule := e.Policy.Decide(PolicyFile(path, v.Size, v.Mtime), time.Now())
	to := meta.BeginUpload{Bucket: e.Bucket, Prefix: e.prefixOf(&rule), Private: rule.Private}
	if u.ToBucket != "" {
		to.Bucket, to.Prefix = u.ToBucket, u.ToPrefix
	}
	if Fits(v, to.Bucket, to.Prefix, path) {
		return errors.Join(e.Meta.Done(v.ID, path, now()), ErrSettled)
	}
	b, err := e.Objects(to.Bucket)
	if err != nil {
		return err
	}
	c, ok := b.(backend.Copier)
	switch {
	case ok && v.SHA256 != nil:
	case u.ToBucket == "":
		return errors.Join(e.Meta.Done(v.ID, path, now()), ErrSettled) // the object keeps the key that it has
	case !ok:
		return fmt.Errorf("bucket %s: the store does not copy", to.Bucket)
	default:
		return fmt.Errorf("version %d has no checksum on record, which a copy is verified by; reading the file once gives it one", v.ID)
	}
	err = e.copyObject(ctx, c, v, path, to, &rule, keyLimit)
	if limit := SegmentLimit(to.Prefix); refused(err) && limit < keyLimit {
		// A store that keeps objects as files takes no longer names than those have.
		err = e.copyObject(ctx, c, v, path, to, &rule, limit)
	}
	if refused(err) && u.ToBucket == "" {
		e.Log.Warn("the store does not copy an object to the key of its new name; it keeps the old one", "key", v.Key, "err", err)
		return errors.Join(e.Meta.Done(v.ID, path, now()), ErrSettled)
	}
	return err
}

// refused reports whether a store will never do what it was asked.
func refused(err error) bool {
	if err == nil || errors.Is(err, ErrSettled) {
		return false
	}
	class := backend.ClassOf(err)
	return class == backend.TooLong || class == backend.Invalid
}

// copyObject copies v's object to a new key and puts that on record.
func (e *Engine) copyObject(ctx context.Context, c backend.Copier, v *meta.Version, path []byte, to meta.BeginUpload, rule *policy.Decision, keyLimit int) error {
	n, err := e.Meta.Node(v.Ino)
	if err != nil {
		return err
	}
	fresh, err := e.Meta.ReserveVersion(now())
	if err != nil {
		return err
	}
	if to.Key, err = Key(to.Prefix, path, fresh, keyLimit); err != nil {
		return err
	}
	if err := e.Meta.LoseObject(to.Bucket, to.Key, now()); err != nil {
		return err
	}
	crash.Here(crash.RekeyLost)
	if err := e.Meta.Sync(ctx); err != nil {
		return err
	}
	crash.Here(crash.RekeyAnnounced)
	ct, err := e.typeOfCopy(ctx, v, path)
	if err != nil {
		return err
	}
	name := baseName(path)
	o := backend.PutOptions{
		SHA256: [32]byte(v.SHA256), IfAbsent: true,
		ContentType: ct, ContentDisposition: ContentDisposition(ct, name),
		Metadata: ObjectMetadata(path, n, *v),
	}
	applyRule(&o, rule)
	if err := e.sign(o.Metadata, to.Prefix, to.Key, fresh); err != nil {
		return err
	}
	obj, err := c.Copy(ctx, backend.Source{Bucket: v.Bucket, Key: v.Key, ETag: v.ETag, Size: v.Size}, to.Key, o)
	if err != nil {
		return err
	}
	crash.Here(crash.RekeyCopied)
	err = e.Meta.SwitchObject(v.ID, v.Key, to, obj.ETag, path, now())
	crash.Here(crash.RekeySwitched)
	if errors.Is(err, meta.ErrSuperseded) || gone(err) {
		return ErrSettled
	}
	return err
}

// typeOfCopy returns the media type of a copy of v's object: that of the object,
// which may have been found out from its content, unless the name says another now.
func (e *Engine) typeOfCopy(ctx context.Context, v *meta.Version, path []byte) (string, error) {
	b, err := e.Objects(v.Bucket)
	if err != nil {
		return "", err
	}
	obj, err := b.Stat(ctx, v.Key)
	if err != nil {
		return "", err
	}
	plain := func(s string) string { s, _, _ = strings.Cut(s, ";"); return s }
	byName := ContentType(baseName(path), nil)
	if obj.ContentType == "" || plain(byName) != octetStream && plain(byName) != plain(obj.ContentType) {
		return byName, nil
	}
	return obj.ContentType, nil
}

// Fits reports whether a version's key is one that a file at path would get in a
// bucket, below a prefix. Of a shortened key the path cannot be told: it fits where
// its beginning does.
func Fits(v *meta.Version, bucket, prefix string, path []byte) bool {
	if v.Bucket != bucket || v.Prefix != prefix {
		return false
	}
	k, err := ParseKey(prefix, v.Key)
	if err != nil {
		return false
	}
	if !k.Shortened {
		return string(k.Path) == string(path)
	}
	again, err := Key(prefix, path, k.ID, len(v.Key))
	return err == nil && again == v.Key
}
