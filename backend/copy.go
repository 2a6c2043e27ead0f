package backend

import (
	"context"
	"time"
)

// Source is an object that Copy copies: of the same endpoint, in any of its
// buckets. Where a driver has no buckets, Bucket is ignored.
type Source struct {
	Bucket string // "": the store's own
	Key    string
	ETag   string // without quotes, "": not known
	Size   int64
}

// Copier is met by drivers whose store makes an object out of another by itself.
type Copier interface {
	// Copy stores under key the bytes of src without sending them. opts are as
	// of Put: SHA256 is required and is that of the source's bytes, IfAbsent is
	// honoured, headers and metadata are opts' and never the source's.
	//
	// Errors are as of Put, and besides them Absent: the source is not there;
	// Corrupt: the source is not the object that src.ETag and src.Size name, or
	// the result is not the content that opts.SHA256 and src.Size say, or cannot be
	// shown to be; Invalid: the store cannot copy this, and the caller sends the
	// bytes instead. After Corrupt the object may be there: the caller, who has its
	// key on record, deletes it.
	Copy(ctx context.Context, src Source, key string, opts PutOptions) (Object, error)
}

// Signer is met by drivers that can make addresses which are valid for a while
// without credentials.
type Signer interface {
	// SignedURL returns an address from which the object can be fetched for ttl,
	// between one second and seven days. It is as good as a credential: whoever
	// gets it never logs it. Errors: Invalid, Denied when there are no
	// credentials to sign with, Transient.
	SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error)
}
