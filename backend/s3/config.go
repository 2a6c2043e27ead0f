package s3

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"contentfs/backend"
	"contentfs/backend/internal/driver"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

var (
	_ backend.Backend          = (*Store)(nil)
	_ backend.MultipartAborter = (*Store)(nil)
	_ backend.UploadLister     = (*Store)(nil)
	_ backend.Prober           = (*Store)(nil)
	_ backend.Linker           = (*Store)(nil)
	_ backend.Copier           = (*Store)(nil)
	_ backend.Signer           = (*Store)(nil)
)

const (
	maxAttempts   = 3
	firstBackoff  = 100 * time.Millisecond
	maxBackoff    = 500 * time.Millisecond
	defaultStall  = 20 * time.Second
	completeStall = 2 * time.Minute // a store may put the parts together before it answers

	maxSinglePut = 64 << 20
	minPart      = 16 << 20
	maxParts     = 10_000
	parallel     = 4 // parts in flight

	maxSingleCopy = 5 << 30  // S3's own limit
	copyPerSecond = 16 << 20 // bytes; what a store that copies must manage
)

// Config says where the bucket is and how to reach it.
type Config struct {
	Bucket    string
	Region    string // "" for the environment's, or us-east-1 when there is an endpoint
	Endpoint  string // "" for AWS; else http[s]://host[:port]
	PathStyle bool   // https://endpoint/bucket/key instead of https://bucket.endpoint/key

	// Credentials is nil for the standard chain: environment, shared files,
	// single sign-on, container and instance roles.
	Credentials aws.CredentialsProvider

	// Stall is how long a request may go without a byte moving; 0 means 20 s.
	Stall time.Duration

	// PartSize is the size of parts, and of the largest body that is sent whole, in
	// bytes; 0 means parts of 16 MiB for what is larger than 64 MiB.
	PartSize int64

	// Pass is told the steps of an upload in parts that are done: "part", "sent"
	// (all of them), "completed". It may be nil.
	Pass func(step string)

	// Transport is nil for the package's own. Timeouts of connecting are its
	// business; Stall applies to any.
	Transport http.RoundTripper
}

// StaticCredentials returns credentials that are known already.
func StaticCredentials(accessKey, secretKey string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(accessKey, secretKey, "")
}

// Store is a backend in one bucket. Its methods may be called from many
// goroutines.
type Store struct {
	client *s3.Client
	bucket string
	region string
	base   string // URL of the bucket, without a slash at the end
	amazon bool   // the store is AWS itself, whose copies keep the whole contract

	abilities   atomic.Pointer[abilities] // never nil; Probe replaces it
	plainCopies atomic.Bool               // copies with If-None-Match are refused, those without it are not

	pass func(step string) // of Config, never nil

	singlePut int64 // largest body of one PUT, in bytes
	part      int64 // smallest part, in bytes

	singleCopy int64         // largest object of one copy, in bytes
	stall      time.Duration // of Config, with its default
}

// abilities is what the store can do, as far as is known.
type abilities struct {
	conditional bool // honours If-None-Match
	checksums   bool // verifies x-amz-checksum-sha256
	md5ETag     bool // the ETag of a single PUT is the MD5 of the body
}

// Open returns the store of cfg. It reads the environment and the AWS
// configuration files but sends nothing; credentials are fetched by the first
// request. Errors: Invalid.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Bucket == "" {
		return nil, invalid(errors.New("no bucket"))
	}
	if err := checkEndpoint(cfg.Endpoint); err != nil {
		return nil, invalid(err)
	}
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if cfg.Region != "" {
		options = append(options, config.WithRegion(cfg.Region))
	}
	if cfg.Credentials != nil {
		options = append(options, config.WithCredentialsProvider(cfg.Credentials))
	}
	chain, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, invalid(fmt.Errorf("load AWS configuration: %w", err))
	}
	if cfg.Stall == 0 {
		cfg.Stall = defaultStall
	}
	client := newClient(chain, cfg)
	region := client.Options().Region
	if region == "" {
		return nil, invalid(errors.New("no region configured"))
	}
	base, err := bucketURL(ctx, client, cfg.Bucket)
	if err != nil {
		return nil, invalid(err)
	}
	s := &Store{
		client: client, bucket: cfg.Bucket, region: region, base: base, amazon: isAmazon(base), stall: cfg.Stall,
		singlePut: maxSinglePut, part: minPart, singleCopy: maxSingleCopy,
	}
	if cfg.PartSize > 0 {
		s.singlePut, s.part = cfg.PartSize, cfg.PartSize
	}
	if s.pass = cfg.Pass; s.pass == nil {
		s.pass = func(string) {}
	}
	s.abilities.Store(&abilities{conditional: true, checksums: true, md5ETag: true})
	return s, nil
}

func newClient(chain aws.Config, cfg Config) *s3.Client {
	transport := cfg.Transport
	if transport == nil {
		transport = newTransport()
	}
	return s3.NewFromConfig(chain, func(o *s3.Options) {
		if cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(strings.TrimSuffix(cfg.Endpoint, "/"))
		}
		if o.Region == "" && o.BaseEndpoint != nil {
			o.Region = "us-east-1"
		}
		o.UsePathStyle = cfg.PathStyle
		o.Credentials = credentialSource{chain.Credentials}
		o.HTTPClient = newHTTPClient(transport, cfg.Stall)
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
		o.ContinueHeaderThresholdBytes = -1
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = maxAttempts
			r.MaxBackoff = maxBackoff
			r.Backoff = retry.BackoffDelayerFunc(backoff)
			r.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(notStalled)}, r.Retryables...)
			r.RateLimiter = ratelimit.None // it would hide the error behind its own
		})
	})
}

// backoff returns how long to wait before the next attempt: doubling from
// firstBackoff to maxBackoff, and at random between half of that and all of it,
// so that clients that failed together do not come back together.
func backoff(attempt int, _ error) (time.Duration, error) {
	full := min(firstBackoff<<min(attempt, 8), maxBackoff)
	return full/2 + rand.N(full/2), nil
}

// checkEndpoint refuses an endpoint that is no plain address. A password in it
// would end up in every error and in every URL.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return errors.New("endpoint is not a URL") // the cause would quote it
	}
	if u.User != nil {
		return fmt.Errorf("endpoint %s contains credentials", u.Redacted())
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("endpoint %q is not http[s]://host[:port]", endpoint)
	}
	return nil
}

func invalid(err error) error { return driver.Fail("open", "", backend.Invalid, err) }

// credentialSource marks the errors of the chain, which the SDK mixes with those
// of the request itself.
type credentialSource struct{ aws.CredentialsProvider }

// Retrieve implements aws.CredentialsProvider.
func (c credentialSource) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return creds, &credentialError{err}
	}
	return creds, nil
}

type credentialError struct{ err error }

func (e *credentialError) Error() string { return "no credentials: " + e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }
