package control

import (
	"context"
	"time"

	"contentfs/meta"
)

// Handler is what a running volume does for the socket. All methods may be
// called concurrently. Their context ends when the client goes away or the
// server stops; they return soon after.
type Handler interface {
	// Status describes the volume as it is now. It must not wait for S3.
	Status(ctx context.Context) (Status, error)

	// Drain waits until everything is in S3, calling report, from one goroutine
	// at a time, whenever there is something to tell. The volume stays mounted.
	Drain(ctx context.Context, report func(Progress)) error

	// Wake has the volume look at what a command changed in the database. It
	// returns when the kernel was told of it.
	Wake(ctx context.Context) error

	// Unmount takes the volume out of the tree, after a Drain when drain is
	// set. It returns when the mount point is free. A wait that was given up
	// returns the context's error and leaves the volume mounted. What is
	// pending then goes on with the next mount, and Result counts it.
	Unmount(ctx context.Context, drain bool, report func(Progress)) (Result, error)
}

// Status describes a live mount.
type Status struct {
	Name       string    `json:"name"`
	Mountpoint string    `json:"mountpoint"`
	State      string    `json:"state"` // the folder that holds database and local files
	PID        int       `json:"pid"`
	Started    time.Time `json:"started"`

	ReadOnly    bool   `json:"read_only"`
	Passthrough bool   `json:"passthrough"`
	Durability  string `json:"durability"`

	// HTTP is the address at which web servers ask for files, "" for none.
	HTTP string `json:"http,omitempty"`

	S3       S3Status    `json:"s3"`
	Space    SpaceStatus `json:"space"`
	Stats    meta.Stats  `json:"stats"`
	InFlight int         `json:"in_flight"` // uploads being sent
}

// SpaceStatus tells what room there is on the disk of the state.
type SpaceStatus struct {
	Size       int64  `json:"size"`   // bytes
	Free       int64  `json:"free"`   // bytes that anybody can write
	Inodes     uint64 `json:"inodes"` // 0: as many as are needed
	InodesFree uint64 `json:"inodes_free"`
	Reserve    int64  `json:"reserve"` // bytes held back for the metadata

	// Full says what there is none of, "space" or "inodes": new content is refused
	// since Since, and Refused times. "" while there is room.
	Full    string    `json:"full,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Refused int64     `json:"refused,omitempty"`
}

// S3Status tells what the process last learned about the store.
type S3Status struct {
	Reachable bool `json:"reachable"`

	// Since is when Reachable took its value; zero: nothing was tried yet.
	Since time.Time `json:"since,omitzero"`

	// Error is why the store is not reachable, "" while it is.
	Error string `json:"error,omitempty"`

	// ConditionalPut and Checksums: the store enforces them itself. Both are
	// false until the store was asked.
	ConditionalPut bool `json:"conditional_put"`
	Checksums      bool `json:"checksums"`
}

// Progress tells how far a drain is.
type Progress struct {
	Pending      int64    `json:"pending"`       // versions that are not in S3
	PendingBytes int64    `json:"pending_bytes"` // their sizes
	Done         int64    `json:"done"`          // uploaded since the drain began
	S3           S3Status `json:"s3"`
}

// Result tells how an unmount ended.
type Result struct {
	Pending      int64 `json:"pending"` // versions that go to S3 with the next mount
	PendingBytes int64 `json:"pending_bytes"`

	// Error is why the mount point could not be released, "" when it was.
	Error string `json:"error,omitempty"`
}
