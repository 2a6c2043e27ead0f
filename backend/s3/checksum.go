package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"strings"

	"contentfs/backend"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
)

// metaSHA256 is the metadata key in which Put keeps the checksum of the body.
const metaSHA256 = "sha256"

// signedBody signs a request for a body whose SHA-256 is known, so that the SDK
// does not read the body to hash it, and the store checks it.
func signedBody(sum [32]byte) func(*s3.Options) {
	hash := hex.EncodeToString(sum[:])
	return s3.WithAPIOptions(func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("KnownPayloadHash", func(
			ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
		) (middleware.FinalizeOutput, middleware.Metadata, error) {
			return next.HandleFinalize(v4.SetPayloadHash(ctx, hash), in)
		}), "ComputePayloadHash", middleware.Before)
	})
}

// encode returns a checksum as S3's headers have it.
func encode(sum []byte) *string {
	s := base64.StdEncoding.EncodeToString(sum)
	return &s
}

// withSum returns the metadata of an object to be stored.
func withSum(opts backend.PutOptions) map[string]string {
	m := make(map[string]string, len(opts.Metadata)+1)
	maps.Copy(m, opts.Metadata)
	m[metaSHA256] = hex.EncodeToString(opts.SHA256[:])
	return m
}

// splitSum undoes withSum: the caller's metadata, and the checksum, nil when
// there is none.
func splitSum(stored map[string]string) (metadata map[string]string, sum []byte) {
	sum, err := hex.DecodeString(stored[metaSHA256])
	if err != nil || len(sum) != 32 {
		return stored, nil
	}
	for k, v := range stored {
		if k == metaSHA256 {
			continue
		}
		if metadata == nil {
			metadata = make(map[string]string, len(stored)-1)
		}
		metadata[k] = v
	}
	return metadata, sum
}

// fullSum returns the SHA-256 of a whole object from x-amz-checksum-sha256, nil
// when the store gave none, or one made of the checksums of parts.
func fullSum(header *string, kind types.ChecksumType) []byte {
	if header == nil || kind == types.ChecksumTypeComposite {
		return nil
	}
	sum, err := base64.StdEncoding.DecodeString(*header)
	if err != nil || len(sum) != 32 {
		return nil
	}
	return sum
}

func unquote(etag *string) string {
	if etag == nil {
		return ""
	}
	return strings.Trim(*etag, `"`)
}
