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
const heads = 16

// found is an object of a volume, as its metadata describes it.
type found struct {
	object *object
	key    content.ParsedKey
	info   content.ObjectInfo
	sha256 []byte
	why    string // it is not understood
}

// contentfs reads the keys and the metadata of another volume's objects, or of this
// one's whose database is gone. The highest version of a path counts.
func (p *planner) contentfs(ctx context.Context) error {
	var list []*found
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
		list = append(list, &found{object: o, key: k})
	}
	if err := p.describe(ctx, list); err != nil {
		return err
	}
	newest := make(map[string]*found)
	for _, f := range list {
		if f.why != "" {
			p.leave(f.object, NotUnderstood, f.why)
			continue
		}
		path := string(f.info.Path)
		if old := newest[path]; old == nil || f.key.ID > old.key.ID {
			newest[path] = f
		}
	}
	for _, f := range list {
		if f.why != "" {
			continue
		}
		path := string(f.info.Path)
		if newest[path] != f {
			p.leave(f.object, Conflict, fmt.Sprintf("there is a newer version of %s", path))
			continue
		}
		p.takeVersion(f, path)
	}
	return nil
}

func (p *planner) takeVersion(f *found, path string) {
	p.take(f.object, path)
	last := &p.plan.Files[len(p.plan.Files)-1]
	last.Mode, last.UID, last.GID = f.info.Mode&0o777, f.info.UID, f.info.GID
	last.Mtime, last.SHA256 = f.info.Mtime, f.sha256
}

// describe asks for the metadata of objects. An object that went meanwhile is not
// understood; every other failure ends it.
func (p *planner) describe(ctx context.Context, list []*found) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work := make(chan *found)
	var workers sync.WaitGroup
	for range heads {
		workers.Go(func() {
			for f := range work {
				if err := p.head(ctx, f); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, f := range list {
		select {
		case work <- f:
		case <-ctx.Done():
		}
	}
	close(work)
	workers.Wait()
	return context.Cause(ctx)
}

func (p *planner) head(ctx context.Context, f *found) error {
	o, err := p.Objects.Stat(ctx, f.object.key)
	if err != nil && backend.IsAbsent(err) {
		f.why = "it was removed meanwhile"
		return nil
	}
	if err != nil {
		return err
	}
	info, err := content.ParseObjectMetadata(o.Metadata)
	if err != nil {
		f.why = err.Error()
		return nil
	}
	f.info = info
	if len(o.SHA256) == sha256.Size {
		f.sha256 = o.SHA256
	}
	f.object.etag = o.ETag
	f.why = f.check(o.Size)
	return nil
}

// check compares what key, metadata and listing say, and settles the path.
func (f *found) check(size int64) string {
	if f.info.Path == nil && f.key.Path != nil {
		if sum := sha256.Sum256(f.key.Path); bytes.Equal(sum[:], f.info.PathSHA256) {
			f.info.Path = f.key.Path
		}
	}
	switch {
	case f.info.Path == nil:
		return "its path was too long to be kept with the object"
	case f.key.Path != nil && !bytes.Equal(f.key.Path, f.info.Path):
		return "key and metadata say different paths"
	case !isPath(string(f.info.Path[1:])):
		return "its path cannot be"
	case f.info.Size != size || f.object.size != size:
		return "it has another size than its metadata says"
	case f.info.Mode&meta.TypeMask != meta.TypeRegular || f.info.Mtime == math.MinInt64:
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
