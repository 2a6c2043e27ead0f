package main

import (
	"time"

	"contentfs/fs/control"
	"contentfs/fs/snapshot"
	"contentfs/fs/transfer"
	"contentfs/meta"
)

// Mount states of a volume.
const (
	mountNone   = "not mounted"
	mountLive   = "mounted"
	mountDead   = "dead"   // the process is gone, the mount point is left
	mountSilent = "silent" // something is mounted and does not answer us
)

// statusResult is what status tells. Counts are of current contents, each of
// which is in exactly one place.
type statusResult struct {
	Volume     string      `json:"volume"`
	Mount      string      `json:"mount"`
	Mountpoint string      `json:"mountpoint,omitempty"`
	State      string      `json:"state"`
	Bucket     string      `json:"bucket,omitempty"`
	Problem    string      `json:"problem,omitempty"`
	Offloading *bool       `json:"offloading,omitempty"` // whether new content goes to S3
	By         []survey    `json:"by,omitempty"`
	Unseen     bool        `json:"unseen,omitempty"`        // directories of the fallback that nobody looked into are not counted
	Process    *process    `json:"process,omitempty"`       // of a live mount
	S3         *s3Status   `json:"s3,omitempty"`            // as a live mount sees it
	Disk       *diskStatus `json:"disk,omitempty"`          // of the state
	Counts     *fileCounts `json:"counts,omitempty"`        // absent when nothing was ever stored
	Copied     *copied     `json:"metadata_copy,omitempty"` // the newest in the bucket

	now time.Time
}

// copied is the newest copy of the metadata.
type copied struct {
	Taken time.Time `json:"taken"`
	Bytes int64     `json:"bytes"`
	Owed  bool      `json:"owed"` // something was changed since
}

// process is the process of a live mount.
type process struct {
	PID         int       `json:"pid"`
	Started     time.Time `json:"started"`
	ReadOnly    bool      `json:"read_only"`
	Passthrough bool      `json:"passthrough"`
	Durability  string    `json:"durability"`
	InFlight    int       `json:"in_flight"`
	HTTP        string    `json:"http,omitempty"` // where web servers ask
}

// s3Status is how a live mount gets on with S3.
type s3Status struct {
	Known          bool      `json:"known"` // something was tried
	Reachable      bool      `json:"reachable"`
	Since          time.Time `json:"since,omitzero"`
	Error          string    `json:"error,omitempty"`
	ConditionalPut bool      `json:"conditional_put"`
	Checksums      bool      `json:"checksums"`
}

// tally is a number of contents and their size.
type tally struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}

// fileCounts says how much is where.
type fileCounts struct {
	Files       int64     `json:"files"`
	Directories int64     `json:"directories"`
	Other       int64     `json:"other"`
	OnlyLocal   tally     `json:"only_local"`
	LocalAndS3  tally     `json:"local_and_s3"`
	OnlyS3      tally     `json:"only_s3"`
	Fallback    tally     `json:"fallback"`
	Lost        tally     `json:"lost"`
	Retired     tally     `json:"retired"`
	Waiting     tally     `json:"waiting"`
	Moving      tally     `json:"moving"` // sent elsewhere by a command, or following a new name
	Held        tally     `json:"held"`   // kept here for now by rules or the switch
	Oldest      time.Time `json:"oldest_waiting_since,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	Quarantined int64     `json:"quarantined"`
	Sending     int64     `json:"sending"`
}

// live fills in what a live mount answered.
func (r *statusResult) live(s control.Status) {
	r.Volume, r.Mount, r.Mountpoint, r.State = s.Name, mountLive, s.Mountpoint, s.State
	r.Process = &process{PID: s.PID, Started: s.Started, ReadOnly: s.ReadOnly,
		Passthrough: s.Passthrough, Durability: s.Durability, InFlight: s.InFlight, HTTP: s.HTTP}
	r.S3 = &s3Status{Known: s.S3.Reachable || !s.S3.Since.IsZero(), Reachable: s.S3.Reachable, Since: s.S3.Since,
		Error: s.S3.Error, ConditionalPut: s.S3.ConditionalPut, Checksums: s.S3.Checksums}
	r.Disk = &diskStatus{Size: s.Space.Size, Free: s.Space.Free, Inodes: s.Space.Inodes, InodesFree: s.Space.InodesFree,
		Reserve: s.Space.Reserve, Full: s.Space.Full, FullSince: s.Space.Since, Refused: s.Space.Refused}
	r.count(s.Stats)
}

// count fills in what the database knows.
func (r *statusResult) count(s meta.Stats) {
	if c, err := snapshot.ParseRecord(s.Snapshot); err == nil && c.Key != "" {
		r.Copied = &copied{Taken: c.Taken, Bytes: c.Bytes, Owed: c.Owed}
	}
	r.Counts = &fileCounts{
		Files: s.Nodes.Files, Directories: s.Nodes.Dirs, Other: s.Nodes.Other,
		OnlyLocal: tallyOf(s.OnlyLocal), LocalAndS3: tallyOf(s.LocalAndS3), OnlyS3: tallyOf(s.OnlyS3),
		Fallback: tallyOf(s.Fallback), Lost: tallyOf(s.Nowhere), Retired: tallyOf(s.Retired), Waiting: tallyOf(s.Queue), Moving: tallyOf(s.Moving), Held: tallyOf(s.Held),
		Oldest: timeOf(s.Oldest), LastError: s.LastError, LastErrorAt: timeOf(s.LastErrorAt),
		Quarantined: s.Quarantined, Sending: s.Sending,
	}
}

// survey counts files in one way.
type survey struct {
	By     transfer.By      `json:"by"`
	Groups []transfer.Group `json:"groups"`
}

func tallyOf(c meta.Count) tally { return tally{Count: c.Number, Bytes: c.Bytes} }

// timeOf turns nanoseconds into a point in time; 0 into none.
func timeOf(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
