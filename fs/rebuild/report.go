package rebuild

import (
	"fmt"
	"time"

	"contentfs/meta"
)

// Count is a number of things with their bytes.
type Count struct {
	Number int64 `json:"number"`
	Bytes  int64 `json:"bytes"`
}

func (c *Count) add(size int64) {
	c.Number++
	c.Bytes += size
}

// Used is the copy of the metadata that the rebuilding began with.
type Used struct {
	Key   string    `json:"key"`
	Taken time.Time `json:"taken"`
	Files int64     `json:"files"` // in it
}

// Finding is something that could not be taken, or is not what it should be.
type Finding struct {
	What string `json:"what"` // key of an object, name or path of a file
	Why  string `json:"why"`
}

// Report is what a rebuilding came to.
type Report struct {
	Volume   string `json:"volume_id"`
	Snapshot *Used  `json:"snapshot,omitempty"` // nil: none was used
	Listed   int64  `json:"listed"`             // objects of content

	Objects  Count `json:"objects"`  // content that only the listing told of
	Finished Count `json:"finished"` // uploads that had come to their end
	Moved    Count `json:"moved"`    // files that were renamed after the copy
	Old      Count `json:"old"`      // objects that were given up or replaced before
	Missing  Count `json:"missing"`  // objects on record that are not in the bucket

	Adopted     Count `json:"adopted"`     // local content that was not uploaded
	Attached    Count `json:"attached"`    // local files that hold what an object holds
	Quarantined Count `json:"quarantined"` // local files that are kept for a person to judge
	Lost        Count `json:"lost"`        // content on record that is nowhere

	Findings []Finding  `json:"findings"`
	Stats    meta.Stats `json:"-"` // of the result
}

// maxFindings bounds what is remembered of them.
const maxFindings = 10000

func (r *Report) find(what, format string, args ...any) {
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, Finding{what, fmt.Sprintf(format, args...)})
	}
}
