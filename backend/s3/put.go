package s3

import (
	"bytes"
	"context"
	"crypto/md5" // not for security: the only checksum some stores know
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// anyETag is the If-None-Match that refuses to replace an object.
const anyETag = "*"

// Put implements backend.Backend. The object returned has no Modified time: S3
// does not tell it.
func (s *Store) Put(ctx context.Context, key string, body io.ReaderAt, size int64, opts backend.PutOptions) (backend.Object, error) {
	if err := driver.CheckPut(ctx, key, size, opts); err != nil {
		return backend.Object{}, err
	}
	able := *s.abilities.Load()
	if err := s.refuseExisting(ctx, key, opts, able); err != nil {
		return backend.Object{}, err
	}
	var etag string
	var err error
	if size <= s.singlePut {
		_, etag, err = s.putWhole(ctx, key, body, size, opts, able)
	} else {
		etag, err = s.putParts(ctx, key, body, size, opts, able)
	}
	if err != nil {
		return backend.Object{}, err
	}
	return stored(key, size, etag, opts), nil
}

// stored describes an object that was just written.
func stored(key string, size int64, etag string, opts backend.PutOptions) backend.Object {
	return backend.Object{
		Key:                key,
		Size:               size,
		ETag:               etag,
		SHA256:             opts.SHA256[:],
		ContentType:        opts.ContentType,
		CacheControl:       opts.CacheControl,
		ContentDisposition: opts.ContentDisposition,
		Metadata:           opts.Metadata,
	}
}

// refuseExisting stands in for If-None-Match where the store has none.
func (s *Store) refuseExisting(ctx context.Context, key string, opts backend.PutOptions, able abilities) error {
	if !opts.IfAbsent || able.conditional {
		return nil
	}
	_, err := s.stat(ctx, "put", key)
	switch {
	case err == nil:
		return driver.Fail("put", key, backend.Exists, nil)
	case backend.IsAbsent(err):
		return nil
	}
	return err
}

// putWhole stores the object with one request, and returns the store's answer
// and the object's ETag.
func (s *Store) putWhole(ctx context.Context, key string, body io.ReaderAt, size int64, opts backend.PutOptions, able abilities) (*s3.PutObjectOutput, string, error) {
	in := &s3.PutObjectInput{
		Bucket:             &s.bucket,
		Key:                &key,
		Body:               io.NewSectionReader(body, 0, size),
		ContentLength:      &size,
		ContentType:        optional(opts.ContentType),
		CacheControl:       optional(opts.CacheControl),
		ContentDisposition: optional(opts.ContentDisposition),
		Metadata:           withSum(opts),
		StorageClass:       types.StorageClass(opts.StorageClass),
		ACL:                types.ObjectCannedACL(opts.ACL),
	}
	if opts.IfAbsent && able.conditional {
		in.IfNoneMatch = aws.String(anyETag)
	}
	if able.checksums {
		in.ChecksumSHA256 = encode(opts.SHA256[:])
	} else {
		sum := md5.New()
		if err := driver.CopyBody(ctx, sum, key, body, size, opts.SHA256); err != nil {
			return nil, "", err
		}
		in.ContentMD5 = encode(sum.Sum(nil))
	}
	out, err := s.client.PutObject(ctx, in, signedBody(opts.SHA256))
	if err != nil {
		return nil, "", s.failPut(ctx, key, opts.IfAbsent, err)
	}
	return out, unquote(out.ETag), s.checkReply(ctx, key, body, size, opts.SHA256, out, able)
}

// checkReply compares what the store says it stored with what was meant.
func (s *Store) checkReply(ctx context.Context, key string, body io.ReaderAt, size int64, sum [32]byte, out *s3.PutObjectOutput, able abilities) error {
	if unquote(out.ETag) == "" {
		return driver.Fail("put", key, backend.Transient, errors.New("the answer has no ETag: it does not come from S3"))
	}
	if out.ChecksumSHA256 != nil {
		if *out.ChecksumSHA256 != *encode(sum[:]) {
			return driver.Fail("put", key, backend.Corrupt, fmt.Errorf("the store has SHA-256 %s, want %s", *out.ChecksumSHA256, *encode(sum[:])))
		}
		return nil
	}
	etag, isMD5 := etagMD5(out)
	if !isMD5 || !able.md5ETag {
		return nil
	}
	h := md5.New()
	if err := driver.CopyBody(ctx, h, key, body, size, sum); err != nil {
		return err
	}
	if !bytes.Equal(h.Sum(nil), etag) {
		return driver.Fail("put", key, backend.Corrupt, fmt.Errorf("the store has ETag %x, the body has MD5 %x", etag, h.Sum(nil)))
	}
	return nil
}

// etagMD5 returns the ETag when it can be an MD5: it never is under the
// encryptions named.
func etagMD5(out *s3.PutObjectOutput) (sum []byte, ok bool) {
	encrypted := strings.HasPrefix(string(out.ServerSideEncryption), string(types.ServerSideEncryptionAwsKms)) || out.SSECustomerAlgorithm != nil
	sum, err := hex.DecodeString(unquote(out.ETag))
	return sum, err == nil && len(sum) == md5.Size && !encrypted
}

// failPut classifies an error of a write, about which an absence says nothing.
func (s *Store) failPut(ctx context.Context, key string, ifAbsent bool, err error) error {
	e := s.failObject(ctx, "put", key, err)
	if e.Class == backend.Absent || e.Class == backend.Exists && !ifAbsent {
		e.Class = backend.Transient
	}
	return e
}

// optional leaves out the header of an empty value.
func optional(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}
