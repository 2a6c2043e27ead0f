package content

import (
	"errors"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// Unchanged reports whether the content is still what was sent.
func (e *Engine) Unchanged(o *Outgoing, insist Insist) (bool, error) {
	if o.probe == nil {
		return true, nil // from the fallback: nobody writes there
	}
	if insist == Quiet {
		free, err := o.probe.Unwritten()
		if err != nil || !free {
			return false, err
		}
	}
	st, err := o.probe.Stamp()
	return st.SameContent(o.stamp), err
}

// Delivered puts on record that the object is whole in S3. Content that changed
// while it was sent is not.
func (e *Engine) Delivered(o *Outgoing, etag string, insist Insist) error {
	v := &o.Version
	same, err := e.Unchanged(o, insist)
	if err != nil {
		return err
	}
	if !same {
		// If it was replaced, its object is garbage. Else it is looked at again: either
		// the object is right after all, or what was written becomes a version.
		err := e.Meta.CancelSending(v.ID)
		switch {
		case err == nil:
			return ErrSettled
		case errors.Is(err, meta.ErrSuperseded):
			return ErrBusy
		}
		return err
	}
	crash.Here(crash.UploadSent)
	_, err = e.Meta.FinishUpload(v.ID, v.Key, etag, o.madeOf(), now())
	crash.Here(crash.UploadDelivered)
	switch {
	case errors.Is(err, meta.ErrSuperseded) || gone(err):
		// Replaced by a commit that dropped the row: nobody will ask for this
		// object.
		return errors.Join(ErrSettled, e.Meta.LoseObject(v.Bucket, v.Key, now()))
	case err != nil:
		return err
	}
	if v.Local() {
		e.grew(v.Size)
	}
	if err := e.deliveredOverflow(v.ID); err != nil {
		e.Log.Warn("a copy in the fallback is not needed any more and cannot be removed", "version", v.ID, "err", err)
	}
	return nil
}

// AnotherKey makes the next attempt use a key that was never used. What lies under
// the one on record is a lost object if it is ours, and else left alone.
func (e *Engine) AnotherKey(o *Outgoing, keyLimit int, ours bool) error {
	v := &o.Version
	id, err := e.Meta.ReserveVersion(now())
	if err != nil {
		return err
	}
	key, err := Key(v.Prefix, o.Path, id, keyLimit)
	if err != nil {
		return err
	}
	err = e.Meta.BeginUpload(v.ID, meta.BeginUpload{
		Bucket: v.Bucket, Prefix: v.Prefix, Key: key, SHA256: v.SHA256, Private: v.Private, Foreign: !ours,
	})
	if errors.Is(err, meta.ErrSuperseded) {
		return ErrSettled
	}
	return err
}

// madeOf returns the path that the version's key was made of, empty if that is not the
// file's: of one that it had when a former attempt began, so that the object follows.
func (o *Outgoing) madeOf() []byte {
	if v := &o.Version; !Fits(v, v.Bucket, v.Prefix, o.Path) {
		return []byte{}
	}
	return o.Path
}
