package audit

import (
	"context"
	"errors"

	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// cure decides for each finding what can be done without risk, and does it when it is
// asked to. Whatever is given up, another place was looked at just before and is good:
// by its bytes on this server, by the store's own checksum or its bytes in S3.
func (x *Verification) cure(ctx context.Context, v *meta.Version, s *seen) error {
	if v.SHA256 == nil && s.at(InLocal) == nil {
		return nil // nobody can show anything to be good
	}
	// Of S3 first: what is good here must be kept for it.
	if f := s.at(InS3); f != nil && v.Retired == 0 {
		if err := x.resend(ctx, v, s, f); err != nil {
			return err
		}
	}
	if f := s.at(InLocal); f != nil {
		if err := x.refetch(ctx, v, s, f); err != nil {
			return err
		}
	}
	if f := s.at(InFallback); f != nil && s.at(InS3) == nil && v.Remote == meta.Stored && x.goodObject(ctx, v) {
		f.Cure = "the record of the copy is dropped: its object is good"
		return x.do(f, func() error { return x.Meta.DropFallback(v.ID, v.Fallback, noInode, x.Now()) })
	}
	return nil
}

// noInode is an inode that no file has: what lies in the fallback is left alone.
const noInode = -1

// do carries out a cure when that was asked for. A version that changed meanwhile is
// left.
func (x *Verification) do(f *Finding, change func() error) error {
	if !x.Repair {
		return nil
	}
	err := change()
	crash.Here(crash.Cured)
	if errors.Is(err, meta.ErrSuperseded) || errors.Is(err, meta.ErrNotExist) {
		f.Cure = "it changed meanwhile; look again"
		return nil
	}
	f.Cured = err == nil
	return err
}

// resend has a version sent again whose object is not there or wrong.
func (x *Verification) resend(ctx context.Context, v *meta.Version, s *seen, f *Finding) error {
	var file meta.FileID
	switch {
	case v.SHA256 == nil:
		return nil
	case v.Local() && !v.Open && s.at(InLocal) == nil && x.goodFile(ctx, v):
		file = v.File
	case v.Fallback != nil && s.at(InFallback) == nil && x.goodCopy(ctx, v):
	default:
		return nil
	}
	f.Cure = "it is sent again, under a new key"
	return x.do(f, func() error { return x.Meta.GiveUpObject(v.ID, v.Bucket, v.Key, file, x.Now()) })
}

// refetch gives up a local file that is wrong.
func (x *Verification) refetch(ctx context.Context, v *meta.Version, s *seen, f *Finding) error {
	elsewhere := v.Remote == meta.Stored || v.Fallback != nil
	good := v.SHA256 != nil && (v.Remote == meta.Stored && s.at(InS3) == nil && x.goodObject(ctx, v) ||
		v.Fallback != nil && s.at(InFallback) == nil && x.goodCopy(ctx, v))
	switch {
	case elsewhere && !good:
		return nil // S3 says nothing, or has nothing better
	case !elsewhere && v.Retired != 0:
		return nil
	case !elsewhere && !s.localGone && !s.definite:
		f.Why += "; a writer may have done that, whom nobody saw: the next start takes it as it is"
		return nil
	case good && (s.localGone || !s.keep):
		f.Cure = "it is fetched again"
	case s.localGone:
		f.Cure = "the content is put on record as lost"
	default:
		f.Cure = "the local file goes to the quarantine"
	}
	if !x.Repair {
		return nil
	}
	if used, err := x.inUse(v); err != nil || used {
		f.Cure = "somebody has it open; repair it when it is closed"
		return nil
	}
	return x.do(f, func() error {
		switch {
		case good && (s.localGone || !s.keep):
			return x.Meta.GiveUpFile(v.ID, v.File)
		case s.localGone:
			return x.Meta.LoseFile(v.ID, v.File, f.Why, x.Now())
		}
		return x.Meta.SetAside(v.ID, v.File, []byte(f.Path), f.Why, x.Now())
	})
}

// inUse reports whether somebody has a version's local file open. What is not there
// nobody can open any more.
func (x *Verification) inUse(v *meta.Version) (bool, error) {
	f, err := x.Files.Open(local.ID(v.File))
	if err != nil {
		return false, nil
	}
	defer f.Close()
	free, err := f.Unused()
	return !free, err
}

// goodFile, goodCopy and goodObject look once more, just before something depends on it.

func (x *Verification) goodFile(ctx context.Context, v *meta.Version) bool {
	var s seen
	return x.local(ctx, v, &s, true) == nil && s.fileAsked && len(s.findings) == 0
}

func (x *Verification) goodCopy(ctx context.Context, v *meta.Version) bool {
	var s seen
	return x.copied(ctx, v, &s, true) == nil && s.copyAsked && len(s.findings) == 0
}

func (x *Verification) goodObject(ctx context.Context, v *meta.Version) bool {
	if x.Objects == nil || v.SHA256 == nil {
		return false
	}
	var s seen
	if x.object(ctx, v, &s, x.Checksum) != nil || len(s.findings) > 0 {
		return false
	}
	if s.storeAsked {
		return true
	}
	s = seen{}
	return x.object(ctx, v, &s, true) == nil && s.storeAsked
}
