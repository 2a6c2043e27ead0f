package main

import (
	"context"

	"contentfs/backend"
	"contentfs/backend/s3"
)

// objectStore is a bucket and what can be done about the bucket itself.
type objectStore interface {
	backend.Backend
	CheckBucket(ctx context.Context) error
	CreateBucket(ctx context.Context) error
}

// openS3 opens a bucket of S3. It sends nothing.
func openS3(ctx context.Context, c storeConfig) (objectStore, error) {
	s, err := s3.Open(ctx, s3.Config{Bucket: c.bucket, Region: c.region, Endpoint: c.endpoint, PathStyle: c.pathStyle})
	if err != nil {
		return nil, err
	}
	return s, nil
}
