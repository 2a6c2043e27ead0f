package s3

import (
	"bytes"
	"context"
	"crypto/md5" // not for security: the only checksum some stores know
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

const abortTimeout = 5 * time.Second

// upload is one multipart upload in progress.
type upload struct {
	store *Store
	key   string
	id    string
	body  io.ReaderAt
	size  int64
	part  int64 // bytes of every part but the last
	opts  backend.PutOptions
	able  abilities

	parts []types.CompletedPart // each is written by the goroutine of its part
	sums  hash.Hash             // over the parts' SHA-256, as S3's composite checksum has it
}

// putParts stores an object in parts and returns its ETag.
func (s *Store) putParts(ctx context.Context, key string, body io.ReaderAt, size int64, opts backend.PutOptions, able abilities) (etag string, err error) {
	id, err := s.beginUpload(ctx, key, opts, able)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			s.abandon(ctx, key, id)
		}
	}()
	u := &upload{
		store: s, key: key, id: id, body: body, size: size, part: partSize(size, s.part),
		opts: opts, able: able, sums: sha256.New(),
	}
	if err := u.send(ctx); err != nil {
		return "", err
	}
	if err := s.refuseExisting(ctx, key, opts, able); err != nil {
		return "", err
	}
	s.pass("sent")
	return u.complete(ctx)
}

// beginUpload makes an upload and tells its id to whoever wants to record it.
func (s *Store) beginUpload(ctx context.Context, key string, opts backend.PutOptions, able abilities) (id string, err error) {
	in := &s3.CreateMultipartUploadInput{
		Bucket:             &s.bucket,
		Key:                &key,
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
	out, err := s.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return "", s.failPut(ctx, key, opts.IfAbsent, err)
	}
	id = aws.ToString(out.UploadId)
	if id == "" {
		return "", driver.Fail("put", key, backend.Transient, errors.New("the store gave no upload id"))
	}
	if opts.Multipart == nil {
		return id, nil
	}
	if err := opts.Multipart(id); err != nil {
		s.abandon(ctx, key, id)
		return "", driver.Fail("put", key, driver.ContextClass(ctx), fmt.Errorf("upload %s: %w", id, err))
	}
	return id, nil
}

// abandon aborts an upload that failed. The caller's context may be what ended
// it. An abort that fails is done again by whoever recorded the id.
func (s *Store) abandon(ctx context.Context, key, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	_ = s.AbortMultipart(ctx, key, id)
}

// partSize returns the size of parts for a body: min, or where that were too many
// parts, as many whole MiB as it takes.
func partSize(size, min int64) int64 {
	const mib = 1 << 20
	if size <= min*maxParts {
		return min
	}
	need := (size + maxParts - 1) / maxParts
	return (need + mib - 1) / mib * mib
}

// send uploads all parts. Hashing runs ahead of them, in order, so that the whole
// body is known to be what was meant before the upload is completed.
func (u *upload) send(ctx context.Context) error {
	u.parts = make([]types.CompletedPart, (u.size+u.part-1)/u.part)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	whole := sha256.New()
	for i := range u.parts {
		if groupCtx.Err() != nil {
			break
		}
		off := int64(i) * u.part
		p := part{number: int32(i + 1), off: off, size: min(u.part, u.size-off)}
		if err := u.hash(&p, whole); err != nil {
			group.Go(func() error { return err })
			break
		}
		group.Go(func() error { return u.sendPart(ctx, groupCtx, p) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := driver.Interrupted(ctx, "put", u.key); err != nil {
		return err
	}
	if got := whole.Sum(nil); !bytes.Equal(got, u.opts.SHA256[:]) {
		return driver.Fail("put", u.key, backend.Corrupt, fmt.Errorf("body has SHA-256 %x, want %x", got, u.opts.SHA256))
	}
	return nil
}

// part is one piece of the body and its checksums.
type part struct {
	number    int32
	off, size int64
	sha256    [32]byte
	md5       []byte // nil where the store verifies SHA-256
}

func (u *upload) hash(p *part, whole hash.Hash) error {
	sum, sumMD5 := sha256.New(), md5.New()
	w := io.MultiWriter(whole, sum)
	if !u.able.checksums {
		w = io.MultiWriter(whole, sum, sumMD5)
	}
	n, err := io.Copy(w, io.NewSectionReader(u.body, p.off, p.size))
	if err == nil && n != p.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return driver.Fail("put", u.key, backend.Transient, fmt.Errorf("read body from %d: %w", p.off, err))
	}
	p.sha256 = [32]byte(sum.Sum(nil))
	if !u.able.checksums {
		p.md5 = sumMD5.Sum(nil)
	}
	u.sums.Write(p.sha256[:])
	return nil
}

// sendPart uploads one part. ctx is the caller's, of which errors tell; the
// request ends with groupCtx, when another part failed.
func (u *upload) sendPart(ctx, groupCtx context.Context, p part) error {
	in := &s3.UploadPartInput{
		Bucket:        &u.store.bucket,
		Key:           &u.key,
		UploadId:      &u.id,
		PartNumber:    &p.number,
		Body:          io.NewSectionReader(u.body, p.off, p.size),
		ContentLength: &p.size,
	}
	if p.md5 != nil {
		in.ContentMD5 = encode(p.md5)
	} else {
		in.ChecksumSHA256 = encode(p.sha256[:])
	}
	out, err := u.store.client.UploadPart(groupCtx, in, signedBody(p.sha256))
	if err != nil {
		return u.store.failPut(ctx, u.key, u.opts.IfAbsent, fmt.Errorf("part %d: %w", p.number, err))
	}
	if unquote(out.ETag) == "" {
		return driver.Fail("put", u.key, backend.Transient, fmt.Errorf("part %d: the answer has no ETag", p.number))
	}
	if got := out.ChecksumSHA256; got != nil && *got != *encode(p.sha256[:]) {
		return driver.Fail("put", u.key, backend.Corrupt, fmt.Errorf("part %d: the store has SHA-256 %s, want %s", p.number, *got, *encode(p.sha256[:])))
	}
	done := types.CompletedPart{ETag: out.ETag, PartNumber: &p.number}
	if p.md5 == nil {
		done.ChecksumSHA256 = encode(p.sha256[:])
	}
	u.parts[p.number-1] = done
	u.store.pass("part")
	return nil
}

// complete makes the parts the object.
func (u *upload) complete(ctx context.Context) (etag string, err error) {
	in := &s3.CompleteMultipartUploadInput{
		Bucket:          &u.store.bucket,
		Key:             &u.key,
		UploadId:        &u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
	}
	if u.opts.IfAbsent && u.able.conditional {
		in.IfNoneMatch = aws.String(anyETag)
	}
	out, err := u.store.client.CompleteMultipartUpload(withStall(ctx, completeStall), in)
	u.store.pass("completed")
	if err != nil {
		e := u.store.fail(ctx, "put", u.key, err)
		if e.Code == codeNoSuchUpload {
			return u.settle(ctx, e)
		}
		return "", u.store.failPut(ctx, u.key, u.opts.IfAbsent, err)
	}
	if unquote(out.ETag) == "" {
		return "", driver.Fail("put", u.key, backend.Transient, errors.New("the answer has no ETag: it does not come from S3"))
	}
	if got := aws.ToString(out.ChecksumSHA256); got != "" && out.ChecksumType != types.ChecksumTypeFullObject {
		got, _, _ = strings.Cut(got, "-")
		if want := *encode(u.sums.Sum(nil)); got != want {
			return "", driver.Fail("put", u.key, backend.Corrupt, fmt.Errorf("the store has composite SHA-256 %s, want %s", got, want))
		}
	}
	return unquote(out.ETag), nil
}

// settle finds out what became of an upload that the store does not know any
// more: it was completed and the answer got lost, or somebody aborted it.
func (u *upload) settle(ctx context.Context, unknown *backend.Error) (etag string, err error) {
	obj, err := u.store.stat(ctx, "put", u.key)
	switch {
	case backend.IsAbsent(err):
		return "", unknown
	case err != nil:
		return "", err
	case obj.Size == u.size && bytes.Equal(obj.SHA256, u.opts.SHA256[:]):
		return obj.ETag, nil
	case u.opts.IfAbsent:
		return "", driver.Fail("put", u.key, backend.Exists, nil)
	}
	return "", unknown
}

// AbortMultipart implements backend.MultipartAborter.
func (s *Store) AbortMultipart(ctx context.Context, key, uploadID string) error {
	if err := driver.CheckKey(ctx, "abort", key); err != nil {
		return err
	}
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: &key, UploadId: &uploadID})
	if err == nil {
		return nil
	}
	e := s.failObject(ctx, "abort", key, err)
	if e.Code == codeNoSuchUpload || e.Class == backend.Absent {
		return nil
	}
	return e
}
