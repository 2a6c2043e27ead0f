package s3

import (
	"context"
	"crypto/md5" // not for security: what ETags are made of
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// copyParts copies an object that is too large for one request, and returns the
// ETag of the result. The parts are those that the source was made of, so that
// their checksums together are the source's: nothing else would show that the
// result is the same. They are compared before the result can be seen.
func (s *Store) copyParts(ctx context.Context, src backend.Source, key string, opts backend.PutOptions, able abilities) (etag string, err error) {
	source, err := s.inspect(ctx, &src, key, opts)
	if err != nil {
		return "", err
	}
	part, err := s.layout(ctx, src, key)
	if err != nil {
		return "", err
	}
	// Others may give every copied part the checksum of its whole source. Their
	// ETags tell enough.
	able.checksums = able.checksums && s.amazon
	id, err := s.beginUpload(ctx, key, opts, able)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			s.abandon(ctx, key, id)
		}
	}()
	u := &upload{store: s, key: key, id: id, size: src.Size, part: part, opts: opts, able: able, sums: sha256.New()}
	if err := u.copyAll(ctx, src); err != nil {
		return "", err
	}
	if err := u.verifyParts(src, source); err != nil {
		return "", err
	}
	if err := s.refuseExisting(ctx, key, opts, able); err != nil {
		return "", err
	}
	return u.complete(ctx)
}

// inspect finds out that the source is what the caller says, and fills in its ETag.
func (s *Store) inspect(ctx context.Context, src *backend.Source, key string, opts backend.PutOptions) (*s3.HeadObjectOutput, error) {
	out, err := s.headIn(ctx, "copy", &s3.HeadObjectInput{Bucket: &src.Bucket, Key: &src.Key})
	if err != nil {
		return nil, err
	}
	if err := driver.CheckSource(key, *src, backend.Object{Size: aws.ToInt64(out.ContentLength), ETag: unquote(out.ETag)}); err != nil {
		return nil, err
	}
	_, sum := splitSum(out.Metadata)
	if sum != nil {
		if err := sameSum(key, sum, opts); err != nil {
			return nil, err
		}
	} else if src.ETag == "" {
		return nil, driver.Fail("copy", key, backend.Invalid, fmt.Errorf("nothing tells what is in %q", src.Key))
	}
	src.ETag = unquote(out.ETag)
	return out, nil
}

// layout returns the size of the parts of the source: that of Put, when their
// number says so, else that of the first part.
func (s *Store) layout(ctx context.Context, src backend.Source, key string) (part int64, err error) {
	_, suffix, _ := strings.Cut(src.ETag, "-")
	n, err := strconv.ParseInt(suffix, 10, 64)
	if err != nil || n < 1 {
		return 0, driver.Fail("copy", key, backend.Invalid, fmt.Errorf("%q of %d bytes has ETag %s, not that of parts", src.Key, src.Size, src.ETag))
	}
	if part = partSize(src.Size, s.part); (src.Size+part-1)/part == n {
		return part, nil
	}
	in := &s3.HeadObjectInput{Bucket: &src.Bucket, Key: &src.Key, PartNumber: aws.Int32(1), IfMatch: quoted(src.ETag)}
	out, err := s.headIn(ctx, "copy", in)
	if err != nil {
		return 0, err
	}
	if part = aws.ToInt64(out.ContentLength); part < 1 || (src.Size+part-1)/part != n {
		return 0, driver.Fail("copy", key, backend.Invalid, fmt.Errorf("%q is not made of %d parts of %d bytes", src.Key, n, part))
	}
	return part, nil
}

// copyAll copies every part.
func (u *upload) copyAll(ctx context.Context, src backend.Source) error {
	u.parts = make([]types.CompletedPart, (u.size+u.part-1)/u.part)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i := range u.parts {
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() error { return u.copyPart(ctx, groupCtx, src, i) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return driver.Interrupted(ctx, "copy", u.key)
}

// copyPart copies one part. ctx is the caller's, as that of sendPart.
func (u *upload) copyPart(ctx, groupCtx context.Context, src backend.Source, i int) error {
	off, number := int64(i)*u.part, int32(i+1)
	size := min(u.part, u.size-off)
	in := &s3.UploadPartCopyInput{
		Bucket:            &u.store.bucket,
		Key:               &u.key,
		UploadId:          &u.id,
		PartNumber:        &number,
		CopySource:        copySource(src),
		CopySourceIfMatch: quoted(src.ETag),
		CopySourceRange:   aws.String(fmt.Sprintf("bytes=%d-%d", off, off+size-1)),
	}
	out, err := u.store.client.UploadPartCopy(withStall(groupCtx, u.store.copyStall(size)), in)
	if err != nil {
		// The only condition is that on the source.
		opts := u.opts
		opts.IfAbsent = false
		return u.store.failCopy(ctx, src, u.key, opts, fmt.Errorf("part %d: %w", number, err))
	}
	if out.CopyPartResult == nil || unquote(out.CopyPartResult.ETag) == "" {
		return driver.Fail("copy", u.key, backend.Transient, fmt.Errorf("part %d: the answer has no ETag", number))
	}
	u.parts[i] = types.CompletedPart{ETag: out.CopyPartResult.ETag, PartNumber: &number}
	if u.able.checksums {
		u.parts[i].ChecksumSHA256 = out.CopyPartResult.ChecksumSHA256
	}
	return nil
}

// verifyParts compares the checksums of all parts with the source's.
func (u *upload) verifyParts(src backend.Source, source *s3.HeadObjectOutput) error {
	md5s, told := md5.New(), true
	for _, p := range u.parts {
		if sum, err := hex.DecodeString(unquote(p.ETag)); err == nil {
			md5s.Write(sum)
		}
		sum, err := base64.StdEncoding.DecodeString(aws.ToString(p.ChecksumSHA256))
		if err != nil || len(sum) != sha256.Size {
			told = false
			continue
		}
		u.sums.Write(sum)
	}
	if want := aws.ToString(source.ChecksumSHA256); told && want != "" && source.ChecksumType != types.ChecksumTypeFullObject {
		want, _, _ = strings.Cut(want, "-")
		if got := *encode(u.sums.Sum(nil)); got != want {
			return driver.Fail("copy", u.key, backend.Corrupt, fmt.Errorf("the parts have composite SHA-256 %s, the source %s", got, want))
		}
		return nil
	}
	if got := fmt.Sprintf("%x-%d", md5s.Sum(nil), len(u.parts)); got != src.ETag {
		return driver.Fail("copy", u.key, backend.Corrupt, errors.New("cannot be verified: the parts would have ETag "+got+", the source "+src.ETag))
	}
	return nil
}
