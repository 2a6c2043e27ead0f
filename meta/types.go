package meta

import "fmt"

// Ino is a node's number, and its id for ever. The kernel knows the node by it.
type Ino uint64

// Root is the directory at the top of the tree.
const Root Ino = 1

// VersionID identifies a version and orders all versions of a volume:
// microseconds since 1970 at the commit, or one more than the last where the
// clock stood still or went back.
type VersionID int64

// FileID names a local file: 32 hexadecimal digits, "" for none.
type FileID string

// Node is what stat tells about a file, directory, symlink or special file.
type Node struct {
	Ino     Ino
	Mode    uint32 // type and permission bits as in st_mode
	UID     uint32
	GID     uint32
	Nlink   uint32
	Rdev    uint32
	Size    int64 // bytes; of a symlink, the length of its target
	Blocks  int64 // of 512 bytes that the content took when it was committed: fewer where it has holes
	Atime   int64 // nanoseconds since 1970, as the others
	Mtime   int64
	Ctime   int64
	Version VersionID // current content of a regular file; 0: never committed
	Parent  Ino       // of a directory; of the others 0
}

// Type bits of Node.Mode, as in stat(2).
const (
	TypeMask    = 0o170000
	TypeRegular = 0o100000
	TypeDir     = 0o040000
	TypeSymlink = 0o120000
)

// IsDir reports whether the node is a directory.
func (n *Node) IsDir() bool { return n.Mode&TypeMask == TypeDir }

// IsRegular reports whether the node is a regular file.
func (n *Node) IsRegular() bool { return n.Mode&TypeMask == TypeRegular }

// Remote tells how far a version is on its way to S3.
type Remote int

const (
	// NotSent: no upload has begun; there is no key.
	NotSent Remote = 0
	// Sending: a key is recorded and an object may exist under it.
	Sending Remote = 1
	// Stored: the object is whole under the recorded key.
	Stored Remote = 2
)

// String returns "not sent", "sending" or "stored".
func (r Remote) String() string {
	switch r {
	case NotSent:
		return "not sent"
	case Sending:
		return "sending"
	case Stored:
		return "stored"
	}
	return fmt.Sprintf("remote %d", int(r))
}

// Version is one committed content of a regular file and where it is.
type Version struct {
	ID     VersionID
	Ino    Ino
	Size   int64
	Mtime  int64  // of the local file as committed: tells whether it was changed since
	SHA256 []byte // nil until the content was read for its upload
	Class  int    // order of eviction: lower goes first
	Used   int64  // when it was last opened

	// File holds the bytes on this server, "" when they are not here.
	File FileID

	// Open: a writer held the file when it was committed and may have changed it
	// since without our knowing.
	Open bool

	Remote   Remote
	Bucket   string
	Prefix   string
	Key      string
	ETag     string
	UploadID string // of a multipart upload under way

	// Fallback is the path of a copy, relative to the fallback directory; nil
	// when there is none.
	Fallback []byte

	// Private: the object is not for everybody; its address must be signed.
	Private bool

	// Retired is when the version stopped being current; 0 while it is.
	Retired int64

	// Path is the absolute path inside the volume when the version was retired,
	// nil before.
	Path []byte

	// Mode, UID and GID are the node's when the version was retired, 0 before and
	// where that is not known.
	Mode, UID, GID uint32
}

// Local reports whether the bytes are on this server.
func (v *Version) Local() bool { return v.File != "" }

// Upload is an entry of the upload queue.
type Upload struct {
	Version  VersionID
	Due      int64  // not before this time
	Since    int64  // when the node's content first was not in S3: its age counts
	Attempts int    // how often it failed
	Error    string // of the last failure, "" when none
	Goal     Goal
	Held     string // why the version stays on this server for now, "" when it need not
	ToBucket string // of GoalKey; "" for where new versions go
	ToPrefix string // of GoalKey, where ToBucket is set
}

// Goal is where a version in the queue is to go.
type Goal int

const (
	// GoalRules: to where switch and rules say.
	GoalRules Goal = 0
	// GoalS3: to S3, whatever they say.
	GoalS3 Goal = 1
	// GoalFallback: to the fallback, whatever they say.
	GoalFallback Goal = 2
	// GoalKey: from S3 to another key in S3.
	GoalKey Goal = 3
)
