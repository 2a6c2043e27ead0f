package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ListUploads implements backend.UploadLister. As of List, a page that repeats, goes
// back, or belongs to another question is an error.
func (s *Store) ListUploads(ctx context.Context, prefix string, fn func(backend.Upload) error) error {
	const op = "list uploads"
	in := &s3.ListMultipartUploadsInput{Bucket: &s.bucket, Prefix: optional(prefix), EncodingType: types.EncodingTypeUrl}
	seen := uploadOrder{prefix: prefix}
	for {
		if err := driver.Interrupted(ctx, op, prefix); err != nil {
			return err
		}
		page, err := s.client.ListMultipartUploads(ctx, in)
		if err != nil {
			e := s.fail(ctx, op, prefix, err)
			if e.Class == backend.Absent {
				e.Class = backend.Missing // a 404 about a bucket
			}
			return e
		}
		uploads, err := pageUploads(page, &seen)
		if err != nil {
			return driver.Fail(op, prefix, backend.Transient, err)
		}
		for _, u := range uploads {
			if err := driver.Interrupted(ctx, op, prefix); err != nil {
				return err
			}
			if err := fn(u); err != nil {
				return err
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		key, id := page.NextKeyMarker, page.NextUploadIdMarker
		if page.EncodingType == types.EncodingTypeUrl {
			plain, err := url.QueryUnescape(aws.ToString(key))
			if err != nil {
				return driver.Fail(op, prefix, backend.Transient, fmt.Errorf("marker %q: %w", aws.ToString(key), err))
			}
			key = &plain
		}
		if aws.ToString(key) == "" || aws.ToString(key) == aws.ToString(in.KeyMarker) && aws.ToString(id) == aws.ToString(in.UploadIdMarker) {
			return driver.Fail(op, prefix, backend.Transient, errors.New("the store says that there is more, but not where"))
		}
		in.KeyMarker, in.UploadIdMarker = key, optional(aws.ToString(id))
	}
}

// uploadOrder checks that a listing goes forward. Uploads of one key come in the order
// in which they were begun, of which only that none comes twice can be checked.
type uploadOrder struct {
	prefix string
	key    string
	ids    map[string]bool // of key
}

func (o *uploadOrder) next(key, id string) error {
	if key < o.key || id == "" || !strings.HasPrefix(key, o.prefix) || key == o.key && o.ids[id] {
		return fmt.Errorf("the store lists upload %q of %q behind %q for prefix %q", id, key, o.key, o.prefix)
	}
	if key != o.key {
		o.key, o.ids = key, nil
	}
	if o.ids == nil {
		o.ids = make(map[string]bool)
	}
	o.ids[id] = true
	return nil
}

// pageUploads returns the uploads of one page.
func pageUploads(page *s3.ListMultipartUploadsOutput, seen *uploadOrder) ([]backend.Upload, error) {
	if page.IsTruncated == nil {
		return nil, errors.New("the answer is no listing")
	}
	now := toldAt(page.ResultMetadata)
	uploads := make([]backend.Upload, 0, len(page.Uploads))
	for _, u := range page.Uploads {
		key := aws.ToString(u.Key)
		if page.EncodingType == types.EncodingTypeUrl {
			var err error
			if key, err = url.QueryUnescape(key); err != nil {
				return nil, fmt.Errorf("key %q: %w", aws.ToString(u.Key), err)
			}
		}
		if err := seen.next(key, aws.ToString(u.UploadId)); err != nil {
			return nil, err
		}
		uploads = append(uploads, backend.Upload{Key: key, ID: aws.ToString(u.UploadId), Begun: aws.ToTime(u.Initiated), Told: now})
	}
	return uploads, nil
}
