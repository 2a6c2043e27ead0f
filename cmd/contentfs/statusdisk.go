package main

import (
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// diskStatus is the room on the disk of the state.
type diskStatus struct {
	Size       int64     `json:"size"`
	Free       int64     `json:"free"`
	Inodes     uint64    `json:"inodes"` // 0: as many as are needed
	InodesFree uint64    `json:"inodes_free"`
	Reserve    int64     `json:"reserve,omitempty"` // held back for the metadata by a live mount
	Full       string    `json:"full,omitempty"`    // "space" or "inodes": a live mount refuses new content
	FullSince  time.Time `json:"full_since,omitzero"`
	Refused    int64     `json:"refused,omitempty"` // how often, since then
}

// lookAtDisk asks the file system of a state, nil where that cannot be told.
func lookAtDisk(state string) *diskStatus {
	var st unix.Statfs_t
	if err := unix.Statfs(state, &st); err != nil {
		return nil
	}
	return &diskStatus{Size: int64(st.Blocks) * st.Bsize, Free: int64(st.Bavail) * st.Bsize,
		Inodes: st.Files, InodesFree: st.Ffree}
}

// lines tells of the disk, and what to do when it is full.
func (d *diskStatus) lines(w io.Writer, r *statusResult) {
	line := fmt.Sprintf("%s free of %s", formatSize(d.Free), formatSize(d.Size))
	if d.Inodes > 0 && d.InodesFree < d.Inodes/20 {
		line += fmt.Sprintf(", %d inodes free of %d", d.InodesFree, d.Inodes)
	}
	row(w, "disk", line)
	if d.Full == "" {
		return
	}
	row(w, "disk full", fmt.Sprintf("since %s (%s): new content was refused %s; nothing that was taken is lost",
		formatTime(d.FullSince), formatAge(r.now.Sub(d.FullSince)), count(d.Refused, "time")))
	row(w, "try", r.roomRemedy())
}

// roomRemedy is what gives a full disk room.
func (r *statusResult) roomRemedy() string {
	switch {
	case r.Disk.Full == "inodes":
		return "remove files on the disk of " + r.State + ", or move it to one with more inodes"
	case r.Counts != nil && r.Counts.Waiting.Bytes > r.Disk.Size/4 && r.S3 != nil && r.S3.Known && !r.S3.Reachable:
		return "bring S3 back: what waits fills the disk; a fallback on another disk takes it meanwhile"
	case r.Counts != nil && r.Counts.Waiting.Bytes > r.Disk.Size/4:
		return "wait: what was written faster than S3 takes it makes room as it is sent"
	}
	return "free space on the disk of " + r.State + ": most of it is not this volume's, or set a smaller cache_size"
}
