package takeover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/meta"
)

// Layout is how the keys of a bucket are made.
type Layout string

// Layouts that are understood.
const (
	Addon     Layout = "addon"     // of collective.contentfiles2aws
	ContentFS Layout = "contentfs" // of a volume
	Paths     Layout = "paths"     // a key is a path
)

// Layouts returns all of them.
func Layouts() []Layout { return []Layout{Addon, ContentFS, Paths} }

// maxName is the longest name in a directory.
const maxName = 255

// probeName is the object by which a mount tries out what the store can do.
const probeName = ".contentfs-probe"

// batch is how many files are put on record at a time.
const batch = 256

// Takeover is what is to be taken over, and how.
type Takeover struct {
	Meta    *meta.Store
	Objects backend.Backend
	Bucket  string
	Prefix  string // without slashes around it
	Layout  Layout
	Fields  []string // known besides Fields, for Addon
	Scales  []string // known besides Scales, for Addon

	FileMode, DirMode uint32 // permission bits, where objects tell none
	UID, GID          uint32 // likewise; of directories always
}

// Reason is why an object was not taken.
type Reason string

// Reasons.
const (
	Ambiguous     Reason = "ambiguous"
	Conflict      Reason = "conflict"
	NotUnderstood Reason = "not understood"
)

// Finding is an object that is left alone.
type Finding struct {
	Key      string   `json:"key"`
	Reason   Reason   `json:"reason"`
	Why      string   `json:"why"`
	Readings []string `json:"readings,omitempty"`
}

// Plan is which objects become which files.
type Plan struct {
	Files    []meta.ImportedObject
	Findings []Finding
	Listed   int64
}

// object is what a listing says.
type object struct {
	key, etag string
	name      string // the key without its prefix
	size      int64
	modified  time.Time
}

// planner gathers a plan.
type planner struct {
	*Takeover
	plan    Plan
	objects []object
}

// Plan lists the bucket and decides what each object becomes. It changes nothing.
func (t *Takeover) Plan(ctx context.Context) (*Plan, error) {
	p := &planner{Takeover: t}
	if err := p.list(ctx); err != nil {
		return nil, fmt.Errorf("list bucket %s: %w", t.Bucket, err)
	}
	var err error
	switch t.Layout {
	case Addon:
		err = p.addon()
	case Paths:
		p.paths()
	case ContentFS:
		err = p.contentfs(ctx)
	default:
		err = fmt.Errorf("layout %q: %w", t.Layout, errors.ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	p.settle()
	return &p.plan, nil
}

func (p *planner) list(ctx context.Context) error {
	prefix := p.Prefix
	if prefix != "" {
		prefix += "/"
	}
	return p.Objects.List(ctx, prefix, "", func(o backend.Object) error {
		name, ok := strings.CutPrefix(o.Key, prefix)
		if name == probeName || name == "" || p.reserved(name, o.Key) {
			return nil
		}
		p.plan.Listed++
		x := object{key: o.Key, etag: o.ETag, name: name, size: o.Size, modified: o.Modified}
		if !ok || o.Size < 0 {
			p.leave(&x, NotUnderstood, "the store lists what it cannot have")
			return nil
		}
		p.objects = append(p.objects, x)
		return nil
	})
}

// reserved reports whether an object is what a volume keeps about itself.
func (p *planner) reserved(name, key string) bool {
	if p.Layout == ContentFS { // where no content can look like it
		return strings.HasPrefix(name, content.Reserved)
	}
	return content.IsReserved(key)
}

func (p *planner) leave(o *object, r Reason, why string, readings ...string) {
	p.plan.Findings = append(p.plan.Findings, Finding{Key: o.key, Reason: r, Why: why, Readings: readings})
}

// take makes an object a file at path.
func (p *planner) take(o *object, path string) {
	p.plan.Files = append(p.plan.Files, meta.ImportedObject{
		Path: []byte(path), Mode: p.FileMode, UID: p.UID, GID: p.GID, Size: o.size, Mtime: nanoseconds(o.modified),
		Class: content.EvictionClass([]byte(path)), Bucket: p.Bucket, Prefix: p.Prefix, Key: o.key, ETag: o.etag,
	})
}

// nanoseconds is a time of a listing as it is kept; 0 for one that cannot be.
func nanoseconds(t time.Time) int64 {
	if y := t.Year(); y < 1970 || y > 2200 {
		return 0
	}
	return t.UnixNano()
}

// isName reports whether a directory can have s in it.
func isName(s string) bool {
	return s != "" && len(s) <= maxName && s != "." && s != ".." && !strings.ContainsAny(s, "/\x00")
}

// isPath reports whether s, without a slash in front, can be a path.
func isPath(s string) bool {
	for name := range strings.SplitSeq(s, "/") {
		if !isName(name) {
			return false
		}
	}
	return len(s) < 4096
}
