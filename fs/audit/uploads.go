package audit

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// uploadAge is how old an upload in parts is, by the store's clock, before nobody can
// be working on it any more.
const uploadAge = 24 * time.Hour

// Uploads finds and aborts uploads in parts that a crash left behind: they cost money
// and nobody sees them. Aborting one that somebody works on after all costs its parts,
// which are sent again.
type Uploads struct {
	Meta    *meta.Store
	Objects func(bucket string) (backend.Backend, error)
	Spaces  []meta.KeySpace // besides those on record
	Log     *slog.Logger    // of what is about to be aborted
}

// StaleUpload is an upload that may go.
type StaleUpload struct {
	Bucket string
	backend.Upload
}

// UploadsFound is what there is of uploads that are not finished.
type UploadsFound struct {
	Stale   []StaleUpload
	Young   int64 // may still be under way, or a version has them on record
	Foreign int64 // their keys are not this volume's
}

// Survey lists what is not finished. Whatever it cannot read to its end is an error,
// and no reason to abort anything.
func (u *Uploads) Survey(ctx context.Context) (UploadsFound, error) {
	var f UploadsFound
	spaces, err := keySpaces(u.Meta, u.Spaces)
	if err != nil {
		return f, err
	}
	for _, space := range spaces {
		b, err := u.Objects(space.Bucket)
		if err != nil {
			return f, err
		}
		l, ok := b.(backend.UploadLister)
		if !ok {
			continue
		}
		err = l.ListUploads(ctx, begin(space), func(up backend.Upload) error { return u.see(space, up, &f) })
		if err != nil {
			return f, fmt.Errorf("list uploads of bucket %s: %w", space.Bucket, err)
		}
	}
	return f, nil
}

func (u *Uploads) see(space meta.KeySpace, up backend.Upload, f *UploadsFound) error {
	if strings.HasPrefix(up.Key[len(begin(space)):], content.Reserved) {
		return nil
	}
	if _, err := content.ParseKey(space.Prefix, up.Key); err != nil {
		f.Foreign++
		return nil
	}
	if up.Told.IsZero() || up.Begun.IsZero() {
		return ErrNoTime
	}
	recorded, err := u.Meta.UploadOnRecord(space.Bucket, up.Key, up.ID)
	if err != nil {
		return err
	}
	if recorded || up.Told.Sub(up.Begun) <= uploadAge {
		f.Young++
		return nil
	}
	f.Stale = append(f.Stale, StaleUpload{space.Bucket, up})
	return nil
}

// Abort ends what a survey found stale, up to the first that is refused, and returns
// how many it ended.
func (u *Uploads) Abort(ctx context.Context, f *UploadsFound) (int64, error) {
	n := int64(0)
	for _, up := range f.Stale {
		// A version may have taken the key meanwhile.
		recorded, err := u.Meta.UploadOnRecord(up.Bucket, up.Key, up.ID)
		if err != nil {
			return n, err
		}
		if recorded {
			continue
		}
		b, err := u.Objects(up.Bucket)
		if err != nil {
			return n, err
		}
		a, ok := b.(backend.MultipartAborter)
		if !ok {
			continue
		}
		u.Log.Info("aborting an upload that nobody finished", "bucket", up.Bucket, "key", up.Key, "begun", up.Begun.UTC().Format(time.DateTime))
		if err := a.AbortMultipart(ctx, up.Key, up.ID); err != nil {
			return n, fmt.Errorf("abort an upload of bucket %s: %w", up.Bucket, err)
		}
		crash.Here(crash.UploadsAborted)
		n++
	}
	return n, ctx.Err()
}
