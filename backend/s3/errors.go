package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Codes that the driver itself acts upon.
const (
	codeNoSuchKey    = "NoSuchKey"
	codeNoSuchBucket = "NoSuchBucket"
	codeNoSuchUpload = "NoSuchUpload"
)

// classOfCode has the codes whose status alone would mislead.
var classOfCode = map[string]backend.Class{
	codeNoSuchKey:    backend.Absent,
	codeNoSuchBucket: backend.Missing,
	codeNoSuchUpload: backend.Transient, // says nothing about the object

	"PermanentRedirect":                  backend.Missing,
	"AuthorizationHeaderMalformed":       backend.Missing, // signed for another region
	"IllegalLocationConstraintException": backend.Missing,
	"InvalidBucketName":                  backend.Missing,

	"AccessDenied":                backend.Denied,
	"ExpiredToken":                backend.Denied,
	"ExpiredTokenException":       backend.Denied,
	"InvalidAccessKeyId":          backend.Denied,
	"InvalidToken":                backend.Denied,
	"TokenRefreshRequired":        backend.Denied,
	"RequestExpired":              backend.Denied,
	"RequestTimeTooSkewed":        backend.Denied,
	"SignatureDoesNotMatch":       backend.Denied,
	"XAdminUserNotFound":          backend.Denied, // versitygw's InvalidAccessKeyId, with 404
	"UnrecognizedClientException": backend.Denied,

	"PreconditionFailed":         backend.Exists,
	"ConditionalRequestConflict": backend.Transient,
	"OperationAborted":           backend.Transient,

	"BadDigest":                   backend.Corrupt,
	"XAmzContentSHA256Mismatch":   backend.Corrupt,
	"XAmzContentChecksumMismatch": backend.Corrupt,

	"KeyTooLong":      backend.TooLong,
	"KeyTooLongError": backend.TooLong,

	"NotImplemented": backend.Invalid,

	"IncompleteBody":       backend.Transient, // status 400, but of the network's making
	"RequestTimeout":       backend.Transient,
	"SlowDown":             backend.Transient,
	"Throttling":           backend.Transient,
	"ThrottlingException":  backend.Transient,
	"RequestLimitExceeded": backend.Transient,
	"InternalError":        backend.Transient,
	"ServiceUnavailable":   backend.Transient,
}

// classify maps an answer of the store. A 404 without a known code is Absent
// here, and settled by confirmAbsent.
func classify(code string, status int) backend.Class {
	if class, ok := classOfCode[code]; ok {
		return class
	}
	switch status {
	case http.StatusMovedPermanently, http.StatusPermanentRedirect:
		return backend.Missing
	case http.StatusUnauthorized, http.StatusForbidden:
		return backend.Denied
	case http.StatusNotFound:
		return backend.Absent
	case http.StatusPreconditionFailed:
		return backend.Exists
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusRequestedRangeNotSatisfiable,
		http.StatusRequestEntityTooLarge, http.StatusNotImplemented:
		return backend.Invalid
	}
	return backend.Transient
}

// fail turns an error of the SDK into one of the contract. It sends nothing.
func (s *Store) fail(ctx context.Context, op, key string, err error) *backend.Error {
	e := &backend.Error{Op: op, Key: key, Class: driver.ContextClass(ctx)}
	if ctx.Err() != nil {
		// Whatever else happened, the context's end is what the caller must see.
		e.Err = context.Cause(ctx)
		return e
	}
	var answer smithy.APIError
	var reply *awshttp.ResponseError
	hasAnswer, hasStatus := errors.As(err, &answer), errors.As(err, &reply)
	var noCredentials *credentialError
	switch {
	case errors.As(err, &noCredentials):
		e.Class, e.Err = backend.Denied, noCredentials
	case hasAnswer:
		e.Code = answer.ErrorCode()
		status, text := 0, answer.ErrorMessage()
		if hasStatus {
			status = reply.HTTPStatusCode()
			text = fmt.Sprintf("%s (HTTP %d, request %s)", text, status, reply.ServiceRequestID())
			if region := reply.Response.Header.Get("X-Amz-Bucket-Region"); region != "" && region != s.region {
				text = fmt.Sprintf("%s: the bucket is in region %q, not %q", text, region, s.region)
				if status == http.StatusBadRequest && e.Code == codeBadRequest { // a HEAD with the wrong region
					status = http.StatusMovedPermanently
				}
			}
		}
		e.Class = classify(e.Code, status)
		e.Err = &cause{text: text, err: err}
	default:
		e.Err = innermost(err)
	}
	return e
}

// failObject is fail for requests about one object: an absence that the answer
// does not spell out is confirmed by asking for the bucket.
func (s *Store) failObject(ctx context.Context, op, key string, err error) *backend.Error {
	e := s.fail(ctx, op, key, err)
	if e.Class != backend.Absent || e.Code == codeNoSuchKey {
		return e
	}
	var bucket *backend.Error
	if err := s.CheckBucket(ctx); errors.As(err, &bucket) {
		e.Class, e.Code, e.Err = bucket.Class, bucket.Code, bucket.Err
	}
	return e
}

// innermost drops the SDK's wrapping around errors that are not answers.
func innermost(err error) error {
	var u *url.Error
	if errors.Is(err, errStalled) || !errors.As(err, &u) {
		var op *smithy.OperationError
		if errors.As(err, &op) {
			return op.Err
		}
		return err
	}
	return u
}

// cause has a text of our own, without the SDK's repetitions, and the SDK's error
// behind it.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }
