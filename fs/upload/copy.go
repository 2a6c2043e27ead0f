package upload

import (
	"context"
	"errors"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// copyOrPut has the store copy content that it has already, and sends it else. The
// object is one of its own either way.
func (u *Uploader) copyOrPut(ctx context.Context, b backend.Backend, o *content.Outgoing) (backend.Object, error) {
	obj, copied, err := u.copySame(ctx, b, o)
	if copied || err != nil {
		return obj, err
	}
	v := &o.Version
	return b.Put(ctx, v.Key, o.Body(), v.Size, o.Options)
}

// copySame looks for the same content in the bucket. What the store cannot copy is
// sent; where it may have been copied after all, the next attempt finds that out.
func (u *Uploader) copySame(ctx context.Context, b backend.Backend, o *content.Outgoing) (obj backend.Object, copied bool, err error) {
	c, ok := b.(backend.Copier)
	v := &o.Version
	if !ok || v.Size == 0 || u.sends(v.ID) {
		return obj, false, nil
	}
	same, err := u.engine.Meta.SameContent(v.SHA256, v.Size, v.Bucket)
	if errors.Is(err, meta.ErrNotExist) {
		return obj, false, nil
	}
	if err != nil {
		return obj, false, err
	}
	obj, err = c.Copy(ctx, backend.Source{Bucket: same.Bucket, Key: same.Key, ETag: same.ETag, Size: same.Size}, v.Key, o.Options)
	if err == nil {
		crash.Here(crash.UploadCopied)
		return obj, true, nil
	}
	switch backend.ClassOf(err) {
	case backend.Absent, backend.Invalid, backend.Denied:
		u.log.Debug("the store cannot copy; the content is sent", "version", v.ID, "from", same.Key, "err", err)
		return obj, false, nil
	}
	// Whatever lies under the key now is not to be taken for the content by the next
	// attempt, which sends it.
	u.sendOnly(v.ID)
	return obj, false, err
}

// sends reports whether a version is to be sent although the store has its content.
func (u *Uploader) sends(id meta.VersionID) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	it := u.items[id]
	return it != nil && it.sendOnly
}

func (u *Uploader) sendOnly(id meta.VersionID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if it := u.items[id]; it != nil {
		it.sendOnly = true
	}
}
