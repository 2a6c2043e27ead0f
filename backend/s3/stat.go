package s3

import (
	"context"
	"errors"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Stat implements backend.Backend.
func (s *Store) Stat(ctx context.Context, key string) (backend.Object, error) {
	return s.stat(ctx, "stat", key)
}

// stat is Stat as a step of op.
func (s *Store) stat(ctx context.Context, op, key string) (backend.Object, error) {
	out, err := s.head(ctx, op, key)
	if err != nil {
		return backend.Object{}, err
	}
	if out.ContentLength == nil || unquote(out.ETag) == "" {
		return backend.Object{}, driver.Fail(op, key, backend.Transient, errors.New("the answer has no length or no ETag: it does not come from S3"))
	}
	metadata, sum := splitSum(out.Metadata)
	if full := fullSum(out.ChecksumSHA256, out.ChecksumType); full != nil {
		sum = full
	}
	return backend.Object{
		Key:                key,
		Size:               *out.ContentLength,
		ETag:               unquote(out.ETag),
		Modified:           aws.ToTime(out.LastModified),
		Told:               toldAt(out.ResultMetadata),
		SHA256:             sum,
		ContentType:        aws.ToString(out.ContentType),
		CacheControl:       aws.ToString(out.CacheControl),
		ContentDisposition: aws.ToString(out.ContentDisposition),
		Metadata:           metadata,
	}, nil
}

func (s *Store) head(ctx context.Context, op, key string) (*s3.HeadObjectOutput, error) {
	if err := driver.CheckKey(ctx, op, key); err != nil {
		return nil, err
	}
	return s.headIn(ctx, op, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
}

// headIn is head of any bucket, with the checksum where the store has them.
func (s *Store) headIn(ctx context.Context, op string, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	if s.abilities.Load().checksums {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	out, err := s.client.HeadObject(ctx, in)
	if err == nil {
		return out, nil
	}
	e := s.failObject(ctx, op, *in.Key, err)
	if e.Class == backend.Invalid && e.Code == codeBadRequest {
		if why := s.explain(ctx, e); why != nil {
			return nil, why
		}
	}
	return nil, e
}

// Delete implements backend.Backend.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := driver.CheckKey(ctx, "delete", key); err != nil {
		return err
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
	if err == nil {
		return nil
	}
	if e := s.failObject(ctx, "delete", key, err); e.Class != backend.Absent {
		return e
	}
	return nil
}
