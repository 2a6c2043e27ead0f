package s3

import (
	"context"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// codeBadRequest is the SDK's code for a 400 without a body.
const codeBadRequest = "BadRequest"

// CheckBucket finds out whether the bucket can be reached, is there, is in the
// configured region, and may be used. The text of the error names the right
// region where the store tells it. Errors: Missing, Denied, Transient, Invalid.
func (s *Store) CheckBucket(ctx context.Context) error {
	const op = "check bucket"
	if err := driver.Interrupted(ctx, op, ""); err != nil {
		return err
	}
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
	if err == nil {
		return nil
	}
	e := s.fail(ctx, op, "", err)
	if e.Class == backend.Transient || e.Class == backend.Canceled {
		return e
	}
	return s.explain(ctx, e)
}

// CreateBucket makes the bucket in the configured region. A bucket that we own
// already is no error; one that somebody else owns is class Exists.
func (s *Store) CreateBucket(ctx context.Context) error {
	const op = "create bucket"
	if err := driver.Interrupted(ctx, op, ""); err != nil {
		return err
	}
	in := &s3.CreateBucketInput{Bucket: &s.bucket}
	if s.region != "us-east-1" { // which is the default and refused as a constraint
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(s.region)}
	}
	_, err := s.client.CreateBucket(ctx, in)
	if err == nil {
		return nil
	}
	e := s.fail(ctx, op, "", err)
	switch e.Code {
	case "BucketAlreadyOwnedByYou":
		return nil
	case "BucketAlreadyExists":
		e.Class = backend.Exists
	}
	return e
}

// explain gives e, the error of a HEAD, the code and text that only the answer to
// a GET has: an expired token, for one, is a bare 400. The GET lists one key,
// which needs the permission that HeadBucket needs. Nil means that the bucket
// can be listed and e was about something else.
func (s *Store) explain(ctx context.Context, e *backend.Error) error {
	_, err := s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.bucket, MaxKeys: aws.Int32(1)})
	if err == nil {
		return nil
	}
	why := s.fail(ctx, e.Op, e.Key, err)
	if why.Class == backend.Absent {
		why.Class = backend.Missing // a 404 about a bucket
	}
	return why
}
