package rebuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
)

// candidate is a local file of which the metadata do not know what it is.
type candidate struct {
	id    local.ID
	who   local.Identity
	stamp local.Stamp
}

// takeFiles compares local files with what is on record, and takes what was committed
// and is not there.
func (w *work) takeFiles(ctx context.Context) error {
	ids, _, err := w.local.List()
	if err != nil {
		return err
	}
	rows, err := w.rows(ctx)
	if err != nil {
		return err
	}
	var list []candidate
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		row, ok := rows[meta.FileID(id)]
		delete(rows, meta.FileID(id))
		if ok && row.Kind != meta.FileDraft {
			if err := w.torn(id, &row); err != nil {
				return err
			}
			continue // what else differs is for the mount to settle, as after a crash
		}
		c, err := w.look(id)
		if errors.Is(err, local.ErrNotRegular) {
			continue
		}
		if err != nil {
			return err
		}
		if ok && (c.who.Kind != local.Committed || meta.VersionID(c.who.Version) < row.Version) {
			continue // still a draft, or written to since it was committed
		}
		w.maxIno = max(w.maxIno, meta.Ino(min(c.who.Ino, 1<<62)))
		list = append(list, c)
	}
	// The newest first: what others say of the same file then is older.
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(b.stamp.Ctime, a.stamp.Ctime) })
	for i := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.take(ctx, &list[i]); err != nil {
			return fmt.Errorf("local file %s: %w", list[i].id, err)
		}
	}
	return w.gone(rows)
}

// torn takes the local file from a version that is in S3 if somebody began to write to
// it in place after the copy was taken, and did not commit: the mount would take what
// it finds for content.
func (w *work) torn(id local.ID, row *meta.LocalFile) error {
	if row.Kind != meta.FileVersion || row.Remote != meta.Stored {
		return nil
	}
	st, err := w.local.Stat(id)
	if errors.Is(err, local.ErrNotRegular) || err == nil && st.Size == row.Size && st.Mtime == row.Mtime {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := w.look(id)
	if err != nil || c.who.Kind != local.Draft {
		return err
	}
	if err := w.meta.Settled(row.Version); err != nil {
		return err
	}
	if err := w.meta.Evict(row.Version, row.File); err != nil {
		return err
	}
	return w.quarantine(&c, "was written to and never committed")
}

// rows returns what is on record of local files.
func (w *work) rows(ctx context.Context) (map[meta.FileID]meta.LocalFile, error) {
	rows := make(map[meta.FileID]meta.LocalFile)
	var after meta.FileID
	for {
		list, err := w.meta.Files(after, batch)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		for _, row := range list {
			rows[row.File], after = row, row.File
		}
		if len(list) < batch {
			return rows, nil
		}
	}
}

// gone puts on record what is lost of those files on record that are not there.
func (w *work) gone(rows map[meta.FileID]meta.LocalFile) error {
	for _, row := range rows {
		if row.Kind != meta.FileVersion {
			continue
		}
		v, err := w.meta.Version(row.Version)
		if errors.Is(err, meta.ErrNotExist) {
			continue // replaced by an object
		}
		if err != nil {
			return err
		}
		if v.Retired != 0 || v.Remote == meta.Stored || v.Fallback != nil || string(v.File) != string(row.File) {
			continue
		}
		path, err := w.meta.Path(v.Ino)
		if err != nil {
			return err
		}
		w.report.Lost.add(v.Size)
		w.report.find(string(path), "its content was on this server only, and its local file %s is gone; it may have been deleted or replaced", v.File)
		if err := w.meta.Lost(v.ID, "its local file was gone when the metadata were rebuilt", w.Now().UnixNano()); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) look(id local.ID) (candidate, error) {
	c := candidate{id: id}
	f, err := w.local.Open(id)
	if err != nil {
		return c, err
	}
	defer f.Close()
	if c.stamp, err = f.Stamp(); err != nil {
		return c, err
	}
	if c.who, err = f.Identity(); err != nil {
		w.report.find(string(id), "what it is cannot be read: %v", err)
		c.who = local.Identity{}
	}
	return c, nil
}

// take finds a local file's place.
func (w *work) take(ctx context.Context, c *candidate) error {
	switch {
	case c.stamp.Size == 0 && c.who.Kind != local.Committed:
		return nil // the mount removes it
	case c.who.Kind == local.Copy:
		v, err := w.meta.Version(meta.VersionID(c.who.Version))
		if err == nil && (v.Local() || v.Remote == meta.Stored) {
			return nil // the mount removes it
		}
		if err != nil && !errors.Is(err, meta.ErrNotExist) {
			return err
		}
		return w.repeats(ctx, c, "it is a copy of content that is not on record")
	case c.who.Kind == local.Draft:
		return w.repeats(ctx, c, "was open for writing and never committed")
	case c.who.Kind != local.Committed:
		return w.quarantine(c, "nothing tells what it is")
	case c.stamp.Size != c.who.Size:
		return w.quarantine(c, fmt.Sprintf("it has %d bytes and was committed with %d", c.stamp.Size, c.who.Size))
	case c.who.Mode&meta.TypeMask != meta.TypeRegular:
		return w.quarantine(c, "it was no file's content")
	}
	n, err := w.node(c)
	if err != nil {
		return err
	}
	if n == nil {
		return w.newFile(c)
	}
	if !n.IsRegular() {
		return w.quarantine(c, "there is something else than a file at its path")
	}
	return w.compare(ctx, c, n)
}

// node finds the file that a local file is content of: by its number where the copy
// knew it, else by its path. nil: there is none.
func (w *work) node(c *candidate) (*meta.Node, error) {
	if ino := meta.Ino(c.who.Ino); ino > meta.Root && ino <= w.knownIno {
		n, err := w.meta.Node(ino)
		if err == nil && n.Nlink > 0 {
			return &n, nil
		}
		if err != nil && !errors.Is(err, meta.ErrNotExist) {
			return nil, err
		}
	}
	if c.who.Path == nil {
		return nil, nil
	}
	n, err := w.meta.Resolve(c.who.Path)
	switch {
	case err == nil:
		return &n, nil
	case absent(err), errors.Is(err, fs.ErrInvalid): // what cannot be is found out by who makes it
		return nil, nil
	}
	return nil, err
}

// newFile commits a local file whose file is not on record.
func (w *work) newFile(c *candidate) error {
	if c.who.Path == nil {
		return w.quarantine(c, "where its file was is not known")
	}
	n, why, err := w.create(c)
	if err != nil {
		return err
	}
	if why != "" {
		return w.quarantine(c, why)
	}
	return w.commit(c, &n)
}

// commit makes a local file the content of a node, to be uploaded.
func (w *work) commit(c *candidate, n *meta.Node) error {
	now := w.Now().UnixNano()
	_, err := w.meta.Commit(meta.CommitRequest{Ino: n.Ino, File: meta.FileID(c.id),
		Size: c.stamp.Size, Mtime: c.stamp.Mtime, Blocks: c.stamp.Blocks, Now: now, Due: now,
		Class: content.EvictionClass(c.who.Path), Relaxed: true})
	if err == nil {
		w.report.Adopted.add(c.stamp.Size)
	}
	return err
}

// attach gives a version a local file with its bytes.
func (w *work) attach(c *candidate, v *meta.Version) error {
	if v.Local() {
		return w.quarantine(c, "it repeats content that is on this server")
	}
	err := w.meta.Attach(v.ID, meta.FileID(c.id), nil)
	if err == nil {
		w.report.Attached.add(c.stamp.Size)
	}
	return err
}

func (w *work) quarantine(c *candidate, why string) error {
	w.report.Quarantined.add(c.stamp.Size)
	what := string(c.id)
	if c.who.Path != nil {
		what = string(c.who.Path)
	}
	w.report.find(what, "local file %s: %s; it is kept in the quarantine", c.id, why)
	return w.meta.Quarantine(meta.FileID(c.id), meta.Ino(c.who.Ino), c.who.Path, why, w.Now().UnixNano())
}

func absent(err error) bool {
	return errors.Is(err, meta.ErrNotExist) || errors.Is(err, meta.ErrNotDir)
}
