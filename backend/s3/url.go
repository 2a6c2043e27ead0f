package s3

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// URL implements backend.Linker.
func (s *Store) URL(key string) string { return s.base + "/" + escape(key) }

// bucketURL returns where requests for the bucket go, without a slash at the end.
func bucketURL(ctx context.Context, client *s3.Client, bucket string) (string, error) {
	o := client.Options()
	endpoint, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket:         aws.String(bucket),
		Region:         aws.String(o.Region),
		Endpoint:       o.BaseEndpoint,
		ForcePathStyle: aws.Bool(o.UsePathStyle),
		UseFIPS:        aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack:   aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	})
	if err != nil {
		return "", fmt.Errorf("address of bucket %q in region %q: %w", bucket, o.Region, err)
	}
	return strings.TrimSuffix(endpoint.URI.String(), "/"), nil
}

// isAmazon reports whether a bucket's URL is one of AWS.
func isAmazon(bucket string) bool {
	u, err := url.Parse(bucket)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
}

const hexDigits = "0123456789ABCDEF"

// escape percent-encodes every byte that is neither unreserved (RFC 3986) nor a
// slash: the encoding that signatures use. A path component of dots alone is
// encoded too, because many clients resolve it otherwise.
func escape(key string) string {
	var b strings.Builder
	b.Grow(len(key))
	for i, part := range strings.Split(key, "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		dots := part == "." || part == ".."
		for j := range len(part) {
			c := part[j]
			if unreserved(c) && !dots {
				b.WriteByte(c)
				continue
			}
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
