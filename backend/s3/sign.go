package s3

import (
	"context"
	"fmt"
	"time"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// S3 signs for whole seconds, and for a week at most.
const (
	minSigned = time.Second
	maxSigned = 7 * 24 * time.Hour
)

// SignedURL implements backend.Signer, for GET. It sends nothing, but the chain may
// have to fetch credentials. Temporary ones end the address with themselves.
func (s *Store) SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error) {
	const op = "sign"
	if err := driver.CheckKey(ctx, op, key); err != nil {
		return "", err
	}
	if ttl < minSigned || ttl > maxSigned {
		return "", driver.Fail(op, key, backend.Invalid, fmt.Errorf("valid for %v, not between %v and %v", ttl, minSigned, maxSigned))
	}
	request, err := s3.NewPresignClient(s.client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key},
		s3.WithPresignExpires(ttl.Truncate(time.Second)))
	if err != nil {
		return "", s.fail(ctx, op, key, err)
	}
	return request.URL, nil
}
