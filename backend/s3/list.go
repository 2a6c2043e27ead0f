package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
)

// List implements backend.Backend. A page that repeats, goes back, or belongs to
// another question is an error: a listing decides about deletions.
func (s *Store) List(ctx context.Context, prefix, after string, fn func(backend.Object) error) error {
	in := &s3.ListObjectsV2Input{
		Bucket:       &s.bucket,
		Prefix:       optional(prefix),
		StartAfter:   optional(after),
		EncodingType: types.EncodingTypeUrl, // XML cannot hold every key
	}
	last := after
	for {
		if err := driver.Interrupted(ctx, "list", prefix); err != nil {
			return err
		}
		page, err := s.client.ListObjectsV2(ctx, in)
		if err != nil {
			e := s.fail(ctx, "list", prefix, err)
			if e.Class == backend.Absent {
				e.Class = backend.Missing // a 404 about a bucket
			}
			return e
		}
		objects, err := pageObjects(page, prefix, last)
		if err != nil {
			return driver.Fail("list", prefix, backend.Transient, err)
		}
		now := toldAt(page.ResultMetadata)
		for _, o := range objects {
			o.Told = now
			if err := driver.Interrupted(ctx, "list", prefix); err != nil {
				return err
			}
			if err := fn(o); err != nil {
				return err
			}
			last = o.Key
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		next := aws.ToString(page.NextContinuationToken)
		if next == "" || next == aws.ToString(in.ContinuationToken) {
			return driver.Fail("list", prefix, backend.Transient, errors.New("the store says that there is more, but not where"))
		}
		in.ContinuationToken = &next
		in.StartAfter = nil // belongs to the first page only
	}
}

// toldAt is the time of an answer's Date header, zero where it has none.
func toldAt(m middleware.Metadata) time.Time {
	t, _ := awsmiddleware.GetServerTime(m)
	return t
}

// pageObjects returns the objects of one page, all of which must sort behind last.
func pageObjects(page *s3.ListObjectsV2Output, prefix, last string) ([]backend.Object, error) {
	// Every true listing names its bucket and says whether there is more.
	if page.IsTruncated == nil {
		return nil, errors.New("the answer is no listing")
	}
	objects := make([]backend.Object, 0, len(page.Contents))
	for _, c := range page.Contents {
		key := aws.ToString(c.Key)
		if page.EncodingType == types.EncodingTypeUrl {
			var err error
			if key, err = url.QueryUnescape(key); err != nil {
				return nil, fmt.Errorf("key %q: %w", aws.ToString(c.Key), err)
			}
		}
		if key <= last || !strings.HasPrefix(key, prefix) {
			return nil, fmt.Errorf("the store lists %q behind %q for prefix %q", key, last, prefix)
		}
		last = key
		objects = append(objects, backend.Object{
			Key:      key,
			Size:     aws.ToInt64(c.Size),
			ETag:     unquote(c.ETag),
			Modified: aws.ToTime(c.LastModified),
		})
	}
	return objects, nil
}
