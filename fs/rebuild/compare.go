package rebuild

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"

	"contentfs/fs/local"
	"contentfs/meta"
)

// compare settles a local file whose file is on record with some content.
func (w *work) compare(ctx context.Context, c *candidate, n *meta.Node) error {
	same, err := w.sameAs(ctx, c, n.Ino)
	if err != nil {
		return err
	}
	if same != nil {
		return w.attach(c, same)
	}
	if why := w.newer(c, n); why != "" {
		return w.quarantine(c, why)
	}
	return w.commit(c, n)
}

// newer says why a local file's content may not be newer than that on record, "" if it
// surely is.
func (w *work) newer(c *candidate, n *meta.Node) string {
	on := n.Version
	switch now := w.Now().UnixNano(); {
	case on <= meta.VersionID(c.who.Version):
		return "" // it followed this content, or what came after it
	case on <= w.known && meta.Ino(c.who.Ino) > w.knownIno:
		return "" // a file that was made after the copy has taken the name
	case int64(on) > c.stamp.Ctime/1000:
		return "newer content is on record"
	case c.stamp.Mtime > now || int64(on) >= c.stamp.Mtime/1000:
		return "whether it is newer than the content on record cannot be told"
	}
	return ""
}

// sameAs finds the version of a file that has a local file's bytes, the newest first.
func (w *work) sameAs(ctx context.Context, c *candidate, ino meta.Ino) (*meta.Version, error) {
	list, err := w.meta.Versions(ino)
	if err != nil {
		return nil, err
	}
	var sum []byte
	for i := range list {
		v := &list[i]
		if v.Size != c.stamp.Size || v.SHA256 == nil {
			continue
		}
		if sum == nil {
			if sum, err = w.digest(ctx, c.id); err != nil {
				return nil, err
			}
		}
		if bytes.Equal(sum, v.SHA256) {
			return v, nil
		}
	}
	return nil, nil
}

func (w *work) digest(ctx context.Context, id local.ID) ([]byte, error) {
	f, err := w.local.Open(id)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return h.Sum(nil), nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
}

// repeats settles a local file that may have the bytes of a version, and is kept
// nowhere but in the quarantine if not.
func (w *work) repeats(ctx context.Context, c *candidate, why string) error {
	n, err := w.node(c)
	if err != nil {
		return err
	}
	if n != nil && n.IsRegular() {
		same, err := w.sameAs(ctx, c, n.Ino)
		if err != nil {
			return err
		}
		if same != nil && !same.Local() {
			return w.attach(c, same)
		}
	}
	return w.quarantine(c, why)
}
