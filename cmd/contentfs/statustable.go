package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

func (r *statusResult) table(w io.Writer) {
	row(w, "volume", r.Volume)
	row(w, "mount", r.mountLine())
	if r.Problem != "" {
		row(w, "problem", r.Problem)
	}
	row(w, "state", r.State)
	if r.Disk != nil {
		r.Disk.lines(w, r)
	}
	if r.Bucket != "" {
		row(w, "bucket", r.Bucket)
	}
	if r.Process != nil && r.Process.HTTP != "" {
		row(w, "HTTP", r.Process.HTTP)
	}
	if r.S3 != nil {
		row(w, "S3", r.s3Line())
	}
	if r.Unseen {
		row(w, "not counted", "folders of the fallback that nobody has looked into yet")
	}
	if r.Offloading != nil && !*r.Offloading {
		row(w, "offloading", "switched off: new content goes to the fallback, or stays here")
	}
	if c := r.Counts; c != nil {
		r.countLines(w, c)
	}
	if c := r.Copied; c != nil {
		line := fmt.Sprintf("of %s (%s), %s", formatTime(c.Taken), formatAge(r.now.Sub(c.Taken)), formatSize(c.Bytes))
		if c.Owed {
			line += ", changes since"
		}
		row(w, "metadata in S3", line)
	} else if r.Counts != nil {
		row(w, "metadata in S3", "no copy yet")
	}
	for _, s := range r.By {
		row(w, "by "+string(s.By), "files", "size")
		for _, g := range s.Groups {
			row(w, "  "+g.Name, strconv.FormatInt(g.Files, 10), formatSize(g.Bytes))
		}
	}
}

func (r *statusResult) mountLine() string {
	switch r.Mount {
	case mountLive:
		line := fmt.Sprintf("%s, process %d since %s, durability %s", r.Mountpoint, r.Process.PID,
			formatTime(r.Process.Started), r.Process.Durability)
		if r.Process.ReadOnly {
			line += ", read-only"
		}
		if !r.Process.Passthrough {
			line += ", no passthrough"
		}
		return line
	case mountDead:
		return r.Mountpoint + ": its process is gone (contentfs unmount " + r.Volume + " releases it)"
	case mountSilent:
		return strings.TrimSpace(r.Mountpoint + " does not answer")
	}
	return mountNone
}

func (r *statusResult) s3Line() string {
	switch {
	case !r.S3.Known:
		return "not tried yet"
	case r.S3.Reachable:
		return "reachable"
	}
	line := fmt.Sprintf("not reachable since %s (%s)", formatTime(r.S3.Since), formatAge(r.now.Sub(r.S3.Since)))
	if r.S3.Error != "" {
		line += ": " + r.S3.Error
	}
	return line
}

func (r *statusResult) countLines(w io.Writer, c *fileCounts) {
	row(w, "tree", fmt.Sprintf("%s, %s, %d other", count(c.Files, "file"), directories(c.Directories), c.Other))
	for _, l := range []struct {
		name string
		t    tally
		must bool // shown when it is zero, too
	}{
		{"only here", c.OnlyLocal, true}, {"here and in S3", c.LocalAndS3, true}, {"only in S3", c.OnlyS3, true},
		{"in the fallback", c.Fallback, false}, {"LOST", c.Lost, false}, {"replaced or deleted", c.Retired, false},
		{"waiting", c.Waiting, true}, {"on the move", c.Moving, false}, {"kept here by rule", c.Held, false},
	} {
		if l.must || l.t != (tally{}) {
			row(w, l.name, strconv.FormatInt(l.t.Count, 10), formatSize(l.t.Bytes))
		}
	}
	if !c.Oldest.IsZero() {
		row(w, "oldest waiting", fmt.Sprintf("since %s (%s)", formatTime(c.Oldest), formatAge(r.now.Sub(c.Oldest))))
	}
	if c.Lost.Count > 0 {
		row(w, "", "contentfs errors "+r.Volume+" tells what is lost, and why")
	}
	if c.LastError != "" {
		row(w, "last error", fmt.Sprintf("%s (%s ago)", c.LastError, formatAge(r.now.Sub(c.LastErrorAt))))
	}
	if c.Quarantined > 0 {
		row(w, "quarantine", count(c.Quarantined, "file")+" that a crash cut off or that went bad; contentfs quarantine list "+r.Volume)
	}
}

func (r *statusResult) verdict() string {
	parts := []string{r.Mount}
	if c := r.Counts; c != nil {
		parts = append(parts, count(c.Files, "file"))
		waiting := "nothing waiting"
		if c.Waiting.Count > 0 {
			waiting = fmt.Sprintf("%d waiting (%s, oldest %s)", c.Waiting.Count, formatSize(c.Waiting.Bytes), formatAge(r.now.Sub(c.Oldest)))
		}
		parts = append(parts, waiting)
		if c.Lost.Count > 0 {
			parts = append(parts, fmt.Sprintf("%d LOST", c.Lost.Count))
		}
		if c.Quarantined > 0 {
			parts = append(parts, fmt.Sprintf("%d in quarantine", c.Quarantined))
		}
	}
	if r.Disk != nil && r.Disk.Full != "" {
		parts = append(parts, "the disk is FULL")
	}
	if r.S3 != nil && r.S3.Known && !r.S3.Reachable {
		parts = append(parts, "S3 not reachable for "+formatAge(r.now.Sub(r.S3.Since)))
	}
	return r.Volume + ": " + strings.Join(parts, ", ")
}

func directories(n int64) string {
	if n == 1 {
		return "1 directory"
	}
	return strconv.FormatInt(n, 10) + " directories"
}
