package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Copy implements backend.Copier. The object returned has no Modified time.
func (s *Store) Copy(ctx context.Context, src backend.Source, key string, opts backend.PutOptions) (backend.Object, error) {
	if err := driver.CheckCopy(ctx, src, key, opts); err != nil {
		return backend.Object{}, err
	}
	if src.Bucket == "" {
		src.Bucket = s.bucket
	}
	able := *s.abilities.Load()
	if !able.checksums && !(able.md5ETag && isMD5(src.ETag)) && src.Size <= s.singleCopy {
		return backend.Object{}, driver.Fail("copy", key, backend.Invalid, errors.New("the store tells nothing by which a copy could be verified"))
	}
	if opts.IfAbsent && (!s.amazon || !able.conditional || s.plainCopies.Load()) {
		if err := s.look(ctx, key); err != nil {
			return backend.Object{}, err
		}
	}
	var etag string
	var err error
	if src.Size <= s.singleCopy {
		etag, err = s.copyWhole(ctx, src, key, opts, able)
	} else {
		etag, err = s.copyParts(ctx, src, key, opts, able)
	}
	if err != nil {
		return backend.Object{}, driver.Reword("copy", err)
	}
	return stored(key, src.Size, etag, opts), nil
}

// look refuses an object that is there already: a store that honours
// If-None-Match of a PUT may ignore that of a copy. Whether the bucket is there,
// the copy tells.
func (s *Store) look(ctx context.Context, key string) error {
	_, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err == nil {
		return driver.Fail("copy", key, backend.Exists, nil)
	}
	if e := s.fail(ctx, "copy", key, err); e.Class != backend.Absent {
		return e
	}
	return nil
}

// copyWhole copies with one request and returns the object's ETag.
func (s *Store) copyWhole(ctx context.Context, src backend.Source, key string, opts backend.PutOptions, able abilities) (etag string, err error) {
	in := &s3.CopyObjectInput{
		Bucket:             &s.bucket,
		Key:                &key,
		CopySource:         copySource(src),
		CopySourceIfMatch:  quoted(src.ETag),
		MetadataDirective:  types.MetadataDirectiveReplace,
		ContentType:        optional(opts.ContentType),
		CacheControl:       optional(opts.CacheControl),
		ContentDisposition: optional(opts.ContentDisposition),
		Metadata:           withSum(opts),
		StorageClass:       types.StorageClass(opts.StorageClass),
		ACL:                types.ObjectCannedACL(opts.ACL),
	}
	if able.checksums {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256
	}
	if opts.IfAbsent && able.conditional && !s.plainCopies.Load() {
		in.IfNoneMatch = aws.String(anyETag)
	}
	ctx = withStall(ctx, s.copyStall(src.Size))
	out, err := s.client.CopyObject(ctx, in)
	if err != nil && in.IfNoneMatch != nil && refusesHeader(s.fail(ctx, "copy", key, err)) {
		// Perhaps it refuses only this header.
		if err := s.look(ctx, key); err != nil {
			return "", err
		}
		in.IfNoneMatch = nil
		if out, err = s.client.CopyObject(ctx, in); err == nil {
			s.plainCopies.Store(true)
		}
	}
	if err != nil {
		return "", s.failCopy(ctx, src, key, opts, err)
	}
	if out.CopyObjectResult == nil || unquote(out.CopyObjectResult.ETag) == "" {
		return "", driver.Fail("copy", key, backend.Transient, errors.New("the answer has no ETag: it does not come from S3"))
	}
	result := out.CopyObjectResult
	if sum := fullSum(result.ChecksumSHA256, result.ChecksumType); sum != nil {
		return unquote(result.ETag), sameSum(key, sum, opts)
	}
	return s.verifyCopy(ctx, src, key, opts, able)
}

// verifyCopy asks for the object that a copy made, because the answer to it did
// not tell enough. The metadata key "sha256" is of our own making and no proof.
func (s *Store) verifyCopy(ctx context.Context, src backend.Source, key string, opts backend.PutOptions, able abilities) (etag string, err error) {
	out, err := s.head(ctx, "copy", key)
	if err != nil {
		if e := (*backend.Error)(nil); errors.As(err, &e) && e.Class == backend.Absent {
			e.Class = backend.Transient // it is the result that is not there
		}
		return "", err
	}
	etag = unquote(out.ETag)
	if out.ContentLength == nil || *out.ContentLength != src.Size {
		return "", driver.Fail("copy", key, backend.Corrupt, fmt.Errorf("the store has %d bytes, want %d", aws.ToInt64(out.ContentLength), src.Size))
	}
	if sum := fullSum(out.ChecksumSHA256, out.ChecksumType); sum != nil {
		return etag, sameSum(key, sum, opts)
	}
	if able.md5ETag && isMD5(src.ETag) && etag == src.ETag {
		return etag, nil
	}
	return "", driver.Fail("copy", key, backend.Corrupt, fmt.Errorf("cannot be verified: no SHA-256, and ETag %s of a source with %q", etag, src.ETag))
}

// failCopy classifies an error of a copy. A refused condition does not say whether
// it was about the source or the result.
func (s *Store) failCopy(ctx context.Context, src backend.Source, key string, opts backend.PutOptions, err error) error {
	e := s.failObject(ctx, "copy", key, err)
	if e.Class != backend.Exists {
		return e
	}
	if src.ETag != "" && opts.IfAbsent {
		if _, err := s.stat(ctx, "copy", key); err != nil && !backend.IsAbsent(err) {
			return err
		} else if err == nil {
			return e
		}
	}
	switch {
	case src.ETag != "":
		e.Class, e.Err = backend.Corrupt, fmt.Errorf("source %q is not the one with ETag %s: %w", src.Key, src.ETag, e.Err)
	case !opts.IfAbsent:
		e.Class = backend.Transient
	}
	return e
}

// copyStall is how long a store may copy size bytes without a sign of life.
func (s *Store) copyStall(size int64) time.Duration {
	return s.stall + time.Duration(size/copyPerSecond)*time.Second
}

func copySource(src backend.Source) *string {
	source := escape(src.Bucket) + "/" + escape(src.Key)
	return &source
}

// quoted is an ETag as conditions have it, nil when it is not known.
func quoted(etag string) *string {
	if etag == "" {
		return nil
	}
	etag = `"` + etag + `"`
	return &etag
}

// isMD5 reports whether an ETag can be the MD5 of a body, or of parts.
func isMD5(etag string) bool {
	return len(etag) == 32 && strings.Trim(etag, "0123456789abcdef") == ""
}

func sameSum(key string, sum []byte, opts backend.PutOptions) error {
	if [32]byte(sum) != opts.SHA256 {
		return driver.Fail("copy", key, backend.Corrupt, fmt.Errorf("the store has SHA-256 %x, want %x", sum, opts.SHA256))
	}
	return nil
}
