package takeover

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sync"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/meta"
)

// heads is how many objects are asked for at a time.
const heads = 32

// Version is an object of a volume, as its key and its metadata describe it. Key, Size
// and Parsed are given, Describe fills in the rest.
type Version struct {
	Key    string
	Size   int64 // as listed
	Parsed content.ParsedKey

	Info   content.ObjectInfo // with a path, unless Why says something
	SHA256 []byte             // nil where the store vouches for none
	ETag   string
	Why    string // it is not what a volume makes
}

// contentfs reads the keys and the metadata of another volume's objects, or of this
// one's whose database is gone. The highest version of a path counts.
func (p *planner) contentfs(ctx context.Context) error {
	objects := make(map[*Version]*object)
	var list []*Version
	for i := range p.objects {
		o := &p.objects[i]
		k, err := content.ParseKey(p.Prefix, o.key)
		if errors.Is(err, fs.ErrInvalid) {
			return err
		}
		if err != nil {
			p.leave(o, NotUnderstood, "not a key of a volume with this prefix")
			continue
		}
		v := &Version{Key: o.key, Size: o.size, Parsed: k}
		list, objects[v] = append(list, v), o
	}
	if err := Describe(ctx, p.Objects, list); err != nil {
		return err
	}
	newest := make(map[string]*Version)
	for _, v := range list {
		if v.Why != "" {
			p.leave(objects[v], NotUnderstood, v.Why)
			continue
		}
		path := string(v.Info.Path)
		if old := newest[path]; old == nil || v.Parsed.ID > old.Parsed.ID {
			newest[path] = v
		}
	}
	for _, v := range list {
		if v.Why != "" {
			continue
		}
		path := string(v.Info.Path)
		if newest[path] != v {
			p.leave(objects[v], Conflict, fmt.Sprintf("there is a newer version of %s", path))
			continue
		}
		p.takeVersion(v, objects[v])
	}
	return nil
}

func (p *planner) takeVersion(v *Version, o *object) {
	o.etag = v.ETag
	p.take(o, string(v.Info.Path))
	last := &p.plan.Files[len(p.plan.Files)-1]
	last.Mode, last.UID, last.GID = v.Info.Mode&0o777, v.Info.UID, v.Info.GID
	last.Mtime, last.SHA256 = v.Info.Mtime, v.SHA256
}

// Describe asks for the metadata of objects. An object that went meanwhile is not
// understood; every other failure ends it.
func Describe(ctx context.Context, b backend.Backend, list []*Version) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work := make(chan *Version)
	var workers sync.WaitGroup
	for range heads {
		workers.Go(func() {
			for v := range work {
				if err := v.head(ctx, b); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, v := range list {
		select {
		case work <- v:
		case <-ctx.Done():
		}
	}
	close(work)
	workers.Wait()
	return context.Cause(ctx)
}

func (v *Version) head(ctx context.Context, b backend.Backend) error {
	o, err := b.Stat(ctx, v.Key)
	if err != nil && backend.IsAbsent(err) {
		v.Why = "it was removed meanwhile"
		return nil
	}
	if err != nil {
		return err
	}
	info, err := content.ParseObjectMetadata(o.Metadata)
	if err != nil {
		v.Why = err.Error()
		return nil
	}
	v.Info, v.ETag = info, o.ETag
	if len(o.SHA256) == sha256.Size {
		v.SHA256 = o.SHA256
	}
	v.Why = v.check(o.Size)
	return nil
}

// check compares what key, metadata and listing say, and settles the path.
func (v *Version) check(size int64) string {
	if v.Info.Path == nil && v.Parsed.Path != nil {
		if sum := sha256.Sum256(v.Parsed.Path); bytes.Equal(sum[:], v.Info.PathSHA256) {
			v.Info.Path = v.Parsed.Path
		}
	}
	switch {
	case v.Info.Path == nil:
		return "its path was too long to be kept with the object"
	case v.Parsed.Path != nil && !bytes.Equal(v.Parsed.Path, v.Info.Path):
		return "key and metadata say different paths"
	case !isPath(string(v.Info.Path[1:])):
		return "its path cannot be"
	case v.Info.Size != size || v.Size != size:
		return "it has another size than its metadata says"
	case v.Info.Mode&meta.TypeMask != meta.TypeRegular || v.Info.Mtime == math.MinInt64:
		return "its metadata describe no file"
	}
	return ""
}

// ignoreAbsence drops an error that says that there is nothing.
func ignoreAbsence(err error) error {
	if errors.Is(err, meta.ErrNotExist) || errors.Is(err, meta.ErrNotDir) {
		return nil
	}
	return err
}
