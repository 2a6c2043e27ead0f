package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Get implements backend.Backend. A body that is the whole object is compared
// with the SHA-256 that the store or the metadata tells.
func (s *Store) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if err := driver.CheckKey(ctx, "get", key); err != nil {
		return nil, err
	}
	if off < 0 {
		return nil, driver.Fail("get", key, backend.Invalid, fmt.Errorf("offset %d", off))
	}
	if n == 0 {
		return s.getNothing(ctx, key, off, n)
	}
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: &key}
	whole := off == 0 && n < 0
	var options []func(*s3.Options)
	if !whole {
		in.Range = aws.String(formatRange(off, n))
	} else if s.abilities.Load().checksums {
		// The SDK's own member would let the SDK check, and its error would not
		// be one of ours.
		options = append(options, s3.WithAPIOptions(smithyhttp.AddHeaderValue("X-Amz-Checksum-Mode", "ENABLED")))
	}
	out, err := s.client.GetObject(ctx, in, options...)
	if err != nil {
		if off == 0 && unsatisfiable(err) {
			return s.getNothing(ctx, key, off, n) // an empty object has no byte 0
		}
		return nil, s.failObject(ctx, "get", key, err)
	}
	want, size, err := delivered(out, off, n)
	if err != nil {
		out.Body.Close()
		return nil, driver.Fail("get", key, backend.Transient, err)
	}
	var sum []byte
	if off == 0 && want == size {
		if sum = fullSum(out.ChecksumSHA256, out.ChecksumType); sum == nil || !whole {
			_, sum = splitSum(out.Metadata)
		}
	}
	return driver.NewReader(ctx, key, out.Body, want, sum), nil
}

// getNothing answers ranges that HTTP cannot ask for.
func (s *Store) getNothing(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	obj, err := s.stat(ctx, "get", key)
	if err != nil {
		return nil, err
	}
	want, err := driver.FitRange(key, off, n, obj.Size)
	if err != nil {
		return nil, err
	}
	return driver.NewReader(ctx, key, io.NopCloser(bytes.NewReader(nil)), want, nil), nil
}

// delivered returns how many bytes the caller wants of this answer and the size
// of the whole object, or why the answer is not one to the question.
func delivered(out *s3.GetObjectOutput, off, n int64) (want, size int64, err error) {
	if out.ContentLength == nil || unquote(out.ETag) == "" {
		return 0, 0, errors.New("the answer has no length or no ETag: it does not come from S3")
	}
	if off == 0 && n < 0 {
		return *out.ContentLength, *out.ContentLength, nil
	}
	first, last, size, err := parseContentRange(aws.ToString(out.ContentRange))
	if err != nil {
		return 0, 0, err
	}
	end := size // of what should have come
	if n >= 0 && n < size-off {
		end = off + n
	}
	if first != off || last != end-1 || *out.ContentLength != end-off {
		return 0, 0, fmt.Errorf("asked for %s, got %q with %d bytes", formatRange(off, n), *out.ContentRange, *out.ContentLength)
	}
	if n < 0 {
		n = size - off
	}
	return n, size, nil
}

// formatRange returns the Range header for n bytes from off; n is not 0, and to
// the end when negative.
func formatRange(off, n int64) string {
	last := off + n - 1
	if n < 0 || last < off { // also when the sum overflows
		return fmt.Sprintf("bytes=%d-", off)
	}
	return fmt.Sprintf("bytes=%d-%d", off, last)
}

// parseContentRange reads "bytes first-last/size".
func parseContentRange(s string) (first, last, size int64, err error) {
	fail := func() (int64, int64, int64, error) {
		return 0, 0, 0, fmt.Errorf("the store answers a range with Content-Range %q", s)
	}
	rest, ok := strings.CutPrefix(s, "bytes ")
	if !ok {
		return fail()
	}
	span, total, ok := strings.Cut(rest, "/")
	a, b, ok2 := strings.Cut(span, "-")
	if !ok || !ok2 {
		return fail()
	}
	var numbers [3]int64
	for i, text := range [3]string{a, b, total} {
		v, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return fail()
		}
		numbers[i] = int64(v)
	}
	first, last, size = numbers[0], numbers[1], numbers[2]
	if first > last || last >= size {
		return fail()
	}
	return first, last, size, nil
}

func unsatisfiable(err error) bool {
	var r *awshttp.ResponseError
	return errors.As(err, &r) && r.HTTPStatusCode() == http.StatusRequestedRangeNotSatisfiable
}
