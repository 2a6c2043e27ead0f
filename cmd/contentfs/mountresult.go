package main

import (
	"fmt"
	"io"
)

// mountResult says that a mount answers.
type mountResult struct {
	Volume     string `json:"volume"`
	Mountpoint string `json:"mountpoint"`
	Bucket     string `json:"bucket"`
	PID        int    `json:"pid"`
}

func (r *mountResult) table(io.Writer) {}

func (r *mountResult) verdict() string {
	return fmt.Sprintf("%s: mounted on %s, bucket %s, process %d", r.Volume, r.Mountpoint, r.Bucket, r.PID)
}
