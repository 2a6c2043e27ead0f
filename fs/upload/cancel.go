package upload

import (
	"context"
	"errors"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// cancel puts on record that what was sent of a version that is not current any
// more is garbage. The parts of a multipart upload are discarded.
func (u *Uploader) cancel(ctx context.Context, id meta.VersionID) error {
	v, err := u.engine.Meta.Version(id)
	switch {
	case errors.Is(err, meta.ErrNotExist) || err == nil && (v.Retired == 0 || v.Remote != meta.Sending):
		return nil // nothing was sent, or it is settled already
	case err != nil:
		return err
	}
	if v.UploadID != "" {
		if err := u.discardParts(ctx, &v); err != nil {
			return err
		}
	}
	crash.Here(crash.CancelDiscarded)
	if err := u.engine.Meta.CancelSending(id); err != nil && !errors.Is(err, meta.ErrSuperseded) {
		return err
	}
	crash.Here(crash.CancelRecorded)
	return nil
}

func (u *Uploader) discardParts(ctx context.Context, v *meta.Version) error {
	b, err := u.engine.Objects(v.Bucket)
	if err != nil {
		return err
	}
	if a, ok := b.(backend.MultipartAborter); ok {
		return a.AbortMultipart(ctx, v.Key, v.UploadID)
	}
	return nil
}

// cancelRetired settles versions that are not current any more and whose upload was
// broken off, by the end of the last run or because they were replaced. It is called
// when there is nothing else to do, and before anything else.
func (u *Uploader) cancelRetired(ctx context.Context) {
	const some = 256
	var after meta.VersionID
	for {
		list, err := u.engine.Meta.Sending(after, some)
		if err != nil {
			u.log.Error("cannot look for uploads that were broken off; the next start will", "err", err)
			return
		}
		for i := range list {
			after = list[i].ID
			if list[i].Retired == 0 || u.busy(after) {
				continue
			}
			if err := u.cancel(ctx, after); err != nil {
				u.log.Warn("cannot settle an upload that was broken off; the next start will", "version", after, "err", err)
			}
		}
		if len(list) < some || ctx.Err() != nil {
			return
		}
	}
}

func (u *Uploader) busy(id meta.VersionID) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	it := u.items[id]
	return it != nil && it.busy
}
