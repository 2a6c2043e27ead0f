package content

import (
	"context"
	"errors"
	"time"

	"contentfs/backend"
	"contentfs/meta"
)

// ErrUnsigned: the store makes no signed addresses, or the content is not in it.
var ErrUnsigned = errors.New("no signed address can be made")

// SignedURL returns an address under which a version in S3 can be fetched for a while
// by whoever has it, whether the object is public or not. It is as good as a
// credential. It asks nobody.
func (e *Engine) SignedURL(ctx context.Context, v *meta.Version, ttl time.Duration) (string, error) {
	if v.Remote != meta.Stored {
		return "", ErrUnsigned
	}
	b, err := e.Objects(v.Bucket)
	if err != nil {
		return "", err
	}
	s, ok := b.(backend.Signer)
	if !ok {
		return "", ErrUnsigned
	}
	return s.SignedURL(ctx, v.Key, ttl)
}
