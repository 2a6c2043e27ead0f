package backend

import (
	"context"
	"io"
	"time"
)

// Backend keeps objects by key. See the package documentation for what an
// implementation promises.
type Backend interface {
	// Put stores size bytes of body under key. body is read from offset 0,
	// possibly more than once and in parallel. Errors: Exists (only with
	// IfAbsent), Corrupt, Denied, Missing, TooLong, Invalid, Transient.
	Put(ctx context.Context, key string, body io.ReaderAt, size int64, opts PutOptions) (Object, error)

	// Get opens n bytes of the object from offset off; a negative n reads to
	// the end. The reader fails with class Transient when the body ends early
	// and with Corrupt when a known checksum does not match; io.EOF means that
	// exactly the bytes asked for were delivered. A range that starts at or
	// behind the end of the object is Invalid, except 0 of an empty object.
	// The caller closes the reader. Errors: Absent, Denied, Missing, Transient.
	Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error)

	// Stat describes the object without its bytes.
	Stat(ctx context.Context, key string) (Object, error)

	// Delete removes the object. Deleting what is not there is no error.
	Delete(ctx context.Context, key string) error

	// List calls fn for the objects whose key starts with prefix and sorts
	// behind after, in ascending byte order of their keys. It stops at the
	// first error of fn and returns it unwrapped. Listed objects carry Key,
	// Size, ETag and Modified only. A listing that could not be read to its
	// end returns an error: a partial listing is never taken for a whole one.
	// They also carry Told where the store says what time it is.
	List(ctx context.Context, prefix, after string, fn func(Object) error) error
}

// PutOptions says how an object is stored and served. The zero value stores an
// object without headers, replacing what is there.
type PutOptions struct {
	// SHA256 is the checksum of the whole body. It is required: a driver
	// compares it with what it sent, and S3 with what it received.
	SHA256 [32]byte

	// IfAbsent refuses to replace an existing object.
	IfAbsent bool

	ContentType        string
	CacheControl       string
	ContentDisposition string

	// Metadata is kept with the object. Keys are lower case ASCII letters,
	// digits and "-"; values are printable ASCII.
	Metadata map[string]string

	// StorageClass is the store's name for how the object is kept, "" for its
	// default. Drivers without storage classes ignore it.
	StorageClass string

	// ACL is a canned ACL such as "public-read"; "" sends none, which leaves the
	// object to the bucket's rules. Drivers without ACLs ignore it.
	ACL string

	// Multipart, when not nil, is told the upload's id before the first part is
	// sent. An error stops the upload and is returned. Only drivers that cut
	// large objects in parts call it, and only for those.
	Multipart func(uploadID string) error
}

// Object describes a stored object.
type Object struct {
	Key      string
	Size     int64
	ETag     string // as the store gave it, without quotes
	Modified time.Time

	// Told is what the store's own clock said when it answered List or Stat, in
	// whole seconds or better: an age is the difference to Modified, whatever time
	// it is here. Zero where the store does not say.
	Told time.Time

	// SHA256 is the checksum the store vouches for, nil when it has none.
	SHA256 []byte

	ContentType        string
	CacheControl       string
	ContentDisposition string
	Metadata           map[string]string
}

// MultipartAborter is met by drivers that send large objects in parts: an
// upload cut off by a crash leaves parts behind that nobody sees but the bill.
type MultipartAborter interface {
	// AbortMultipart discards the parts of an upload. Aborting what is gone or
	// already completed is no error.
	AbortMultipart(ctx context.Context, key, uploadID string) error
}

// Upload is an upload in parts that was begun and neither completed nor aborted.
type Upload struct {
	Key   string
	ID    string
	Begun time.Time
	Told  time.Time // the store's clock, as in Object
}

// UploadLister is met by drivers that send large objects in parts, and by others
// that say so by listing none.
type UploadLister interface {
	// ListUploads calls fn for the uploads that are not finished and whose key starts
	// with prefix, in ascending order of their keys. Errors are as of List: what
	// could not be read to its end is never taken for the whole.
	ListUploads(ctx context.Context, prefix string, fn func(Upload) error) error
}

// Prober is met by drivers whose store may lack something of the contract.
type Prober interface {
	// Probe asks the store what it can do and lets the driver work without
	// what is missing. It is called before the first upload and writes at most
	// one small object under prefix, which it replaces never and deletes never.
	Probe(ctx context.Context, prefix string) (Capabilities, error)
}

// Capabilities tells which parts of the contract the store itself enforces.
type Capabilities struct {
	// ConditionalPut: the store refuses to replace an object when asked so.
	// Without it, a Put with IfAbsent looks with Stat before it writes.
	ConditionalPut bool

	// Checksums: the store verifies a SHA-256 sent with the object. Without
	// it, the driver sends Content-MD5 where the store takes it.
	Checksums bool
}

// Linker is met by drivers whose objects can be fetched by URL.
type Linker interface {
	// URL returns the address of the object, percent-encoded, with no signature.
	URL(key string) string
}
