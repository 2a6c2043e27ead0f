package audit

import (
	"bytes"
	"context"
	"fmt"

	"contentfs/backend"
	"contentfs/fs/local"
	"contentfs/meta"
)

// Report is what Verify found.
type Report struct {
	Files    int // local files compared
	Objects  int // objects compared
	Findings []string
}

func (r *Report) add(format string, args ...any) {
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// Verify checks the invariants of the metadata, compares every local file with
// its record, and, unless objects is nil, every version that is on record as
// being in S3 with its object. The volume must not change meanwhile. An error
// means that it could not look everywhere.
func Verify(ctx context.Context, m *meta.Store, files *local.Store, objects func(bucket string) (backend.Backend, error)) (Report, error) {
	var r Report
	broken, err := m.Check(ctx)
	if err != nil {
		return r, fmt.Errorf("verify metadata: %w", err)
	}
	r.Findings = append(r.Findings, broken...)
	if err := r.files(m, files); err != nil {
		return r, fmt.Errorf("verify local files: %w", err)
	}
	if objects == nil {
		return r, nil
	}
	if err := r.objects(ctx, m, objects); err != nil {
		return r, fmt.Errorf("verify objects: %w", err)
	}
	return r, nil
}

// files compares records and local files, both ways.
func (r *Report) files(m *meta.Store, files *local.Store) error {
	ids, foreign, err := files.List()
	if err != nil {
		return err
	}
	if foreign > 0 {
		r.add("%d files in the local store were not made by contentfs", foreign)
	}
	there := make(map[local.ID]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	const some = 1024
	var after meta.FileID
	for {
		rows, err := m.Files(after, some)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.File
			r.Files++
			if err := r.file(files, row, there[local.ID(row.File)]); err != nil {
				return err
			}
			delete(there, local.ID(row.File))
		}
		if len(rows) < some {
			break
		}
	}
	for id := range there {
		r.add("local file %s is not on record", id)
	}
	return nil
}

func (r *Report) file(files *local.Store, row meta.LocalFile, there bool) error {
	if !there {
		if row.Kind != meta.FileTrash {
			r.add("local file %s of node %d is on record and not there", row.File, row.Ino)
		}
		return nil
	}
	if row.Kind != meta.FileVersion || row.Open {
		return nil
	}
	f, err := files.Open(local.ID(row.File))
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stamp()
	if err != nil {
		return err
	}
	if st.Size != row.Size {
		r.add("local file %s of version %d has %d bytes instead of %d", row.File, row.Version, st.Size, row.Size)
	}
	return nil
}

// objects compares the versions that are on record as being in S3 with what is
// there.
func (r *Report) objects(ctx context.Context, m *meta.Store, objects func(string) (backend.Backend, error)) error {
	const some = 1024
	var after meta.VersionID
	for {
		list, err := m.StoredVersions(after, some)
		if err != nil {
			return err
		}
		for i := range list {
			after = list[i].ID
			if err := r.object(ctx, &list[i], objects); err != nil {
				return err
			}
		}
		if len(list) < some {
			return nil
		}
	}
}

func (r *Report) object(ctx context.Context, v *meta.Version, objects func(string) (backend.Backend, error)) error {
	b, err := objects(v.Bucket)
	if err != nil {
		return err
	}
	r.Objects++
	o, err := b.Stat(ctx, v.Key)
	switch {
	case err != nil && backend.IsAbsent(err):
		r.add("object %s/%s of version %d is not there", v.Bucket, v.Key, v.ID)
	case err != nil:
		return err
	case o.Size != v.Size:
		r.add("object %s/%s has %d bytes instead of %d", v.Bucket, v.Key, o.Size, v.Size)
	case v.SHA256 != nil && !bytes.Equal(o.SHA256, v.SHA256): // nil: taken over, and never read
		r.add("object %s/%s has checksum %x instead of %x", v.Bucket, v.Key, o.SHA256, v.SHA256)
	}
	return nil
}
