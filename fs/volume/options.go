package volume

import (
	"log/slog"
	"time"

	"contentfs/fs/content"
	"contentfs/fs/policy"
)

// Options describe a volume. State, Bucket, Mountpoint and Log are required.
type Options struct {
	Name       string // shown by mount(8) and in messages
	State      string // directory of the database and the local files
	Mountpoint string
	Socket     string // of a live mount's control; none if empty

	Bucket    string
	Prefix    string // without slashes at its ends
	Region    string
	Endpoint  string
	PathStyle bool
	PartSize  int64 // of uploads in parts, and the largest that goes whole; 0: as package s3 has it

	CacheSize  int64          // bytes
	Fallback   string         // directory; none if empty
	Policy     *policy.Policy // nil: the usual one
	OffloadOff bool           // what a new volume begins with
	Durability string         // "strict" (also ""), "relaxed" or "s3"
	SiteURL    string
	CDNDomain  string

	// HTTP is the address, host:port, at which web servers ask for files; none if
	// empty. Who reaches it can read every file.
	HTTP string

	UID, GID    *uint32
	Umask       uint32
	ReadOnly    bool
	AllowOther  bool
	Passthrough bool

	// Drain is how long the end of Run's context waits for uploads.
	Drain time.Duration

	// Debounce is the time from a commit to its upload; 0 for the usual 2 s.
	Debounce time.Duration

	// SnapshotEvery is the time between two copies of the metadata in the bucket; 0 for
	// the usual, negative for none.
	SnapshotEvery time.Duration

	Log *slog.Logger
}

const (
	// debounce lets a rename into place, or one save after another, become one
	// upload.
	debounce = 2 * time.Second
	// readTimeout ends a read from S3 that gets no byte.
	readTimeout = 10 * time.Second
)

var durabilities = map[string]content.Durability{
	"": content.Strict, "strict": content.Strict,
	"relaxed": content.Relaxed, "s3": content.Remote,
}

func (o *Options) debounce() time.Duration {
	if o.Debounce > 0 {
		return o.Debounce
	}
	return debounce
}
