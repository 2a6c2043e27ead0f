package snapshot

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/meta"
)

// Names in the volume's state, of a copy before it is compressed and after.
const (
	copyName       = "snapshot.copy"
	compressedName = "snapshot.gz"
)

// spareRoom is what a copy leaves free on the disk: writers come first.
const spareRoom = 64 << 20

// ErrNoRoom: the disk of the volume's state has no room for a copy.
var ErrNoRoom = errors.New("no room on the disk for a copy of the metadata")

// prepared is a copy on its way to the bucket.
type prepared struct {
	file   *os.File // has no name any more
	key    string
	sum    [32]byte
	size   int64
	made   time.Time
	seen   int64 // changes that are in it
	own    int64 // of Taker, then
	record Record
}

// take puts a copy in the bucket, and on record: one that was made before and did not
// get there, if it is not old.
func (t *Taker) take(ctx context.Context, now time.Time) error {
	if t.ready != nil && now.Sub(t.ready.made) > t.interval() {
		t.drop()
	}
	if t.ready == nil {
		p, err := t.prepare(ctx, now)
		if err != nil {
			return err
		}
		t.ready = p
	}
	p := t.ready
	if err := t.put(ctx, p); err != nil {
		return err
	}
	crash.Here(crash.SnapshotPut)
	if err := t.store(&p.record); err != nil {
		return err
	}
	crash.Here(crash.SnapshotRecorded)
	t.record, t.seen = p.record, p.seen+t.own-p.own
	t.drop()
	return nil
}

// drop forgets a copy that is ready.
func (t *Taker) drop() {
	if t.ready != nil {
		t.ready.file.Close()
		t.ready = nil
	}
}

// prepare makes a copy and compresses it.
func (t *Taker) prepare(ctx context.Context, now time.Time) (p *prepared, err error) {
	if err := t.room(); err != nil {
		return nil, err
	}
	defer t.clean()
	sequence, err := t.Meta.ReserveVersion(now.UnixNano())
	if err != nil {
		return nil, err
	}
	p = &prepared{made: now, seen: t.Meta.Activity().Changes, own: t.own}
	p.record.Taken = now.UTC()
	if p.record.Ino, p.record.Version, err = t.Meta.Counters(); err != nil {
		return nil, err
	}
	plain, err := t.create(copyName)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	if err := t.Meta.CopyTo(ctx, plain.Name()); err != nil {
		return nil, err
	}
	if p.file, err = t.create(compressedName); err != nil {
		return nil, err
	}
	if err := p.compress(ctx, plain); err != nil {
		p.file.Close()
		return nil, fmt.Errorf("compress a copy of the metadata: %w", err)
	}
	p.key = Key(t.Prefix, t.Meta.VolumeID(), sequence, p.sum)
	p.record.Key, p.record.Bytes = p.key, p.size
	crash.Here(crash.SnapshotMade)
	return p, nil
}

// room makes sure that a copy does not take the room of content.
func (t *Taker) room() error {
	fi, err := os.Stat(filepath.Join(t.Dir, "meta.db"))
	if err != nil {
		return err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(t.Dir, &st); err != nil {
		return fmt.Errorf("room in %s: %w", t.Dir, err)
	}
	if free := int64(st.Bavail) * st.Bsize; free < 2*fi.Size()+spareRoom {
		return fmt.Errorf("%w: %d bytes are free", ErrNoRoom, free)
	}
	return nil
}

// create makes an empty file in the volume's state.
func (t *Taker) create(name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(t.Dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
}

// clean removes the names of a copy; what is open stays open.
func (t *Taker) clean() {
	for _, name := range []string{copyName, copyName + "-journal", compressedName} {
		if err := os.Remove(filepath.Join(t.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Log.Warn("cannot remove what a copy of the metadata left", "err", err)
		}
	}
}

func (p *prepared) compress(ctx context.Context, plain io.Reader) error {
	h := sha256.New()
	out := &counter{w: io.MultiWriter(p.file, h)}
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := io.Copy(z, &reader{ctx, plain}); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	p.sum, p.size = [32]byte(h.Sum(nil)), out.n
	return nil
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

// Write is for io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

// Read is for io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// put stores a copy. One that is there already, from an attempt whose answer was lost,
// is looked at.
func (t *Taker) put(ctx context.Context, p *prepared) error {
	parts := false
	_, err := t.Objects.Put(ctx, p.key, p.file, p.size, backend.PutOptions{
		SHA256: p.sum, IfAbsent: true,
		ContentType: "application/octet-stream", CacheControl: "private, no-store",
		Multipart: func(id string) error {
			parts = true
			return t.set(uploadSetting, p.key+" "+id)
		},
	})
	if err != nil && backend.ClassOf(err) == backend.Exists {
		err = t.ours(ctx, p)
	}
	if err == nil && parts {
		err = t.set(uploadSetting, "")
	}
	return err
}

// ours makes sure that the object under a copy's key is the copy.
func (t *Taker) ours(ctx context.Context, p *prepared) error {
	o, err := t.Objects.Stat(ctx, p.key)
	if err != nil {
		return err
	}
	if o.Size != p.size || o.SHA256 != nil && !bytes.Equal(o.SHA256, p.sum[:]) {
		t.drop() // another one gets another key
		return fmt.Errorf("object %s is there and is something else", o.Key)
	}
	return nil
}

// giveUpParts discards the parts of a copy that a crash cut off. That it fails is no
// reason to do it again: it may have been completed.
func (t *Taker) giveUpParts(ctx context.Context) {
	text, err := t.Meta.Setting(uploadSetting)
	if errors.Is(err, meta.ErrNotExist) || err == nil && text == "" {
		return
	}
	a, ok := t.Objects.(backend.MultipartAborter)
	if key, id, found := strings.Cut(text, " "); err == nil && ok && found {
		err = a.AbortMultipart(ctx, key, id)
	}
	if err == nil {
		err = t.set(uploadSetting, "")
	}
	if err != nil && ctx.Err() == nil {
		t.Log.Info("the parts of a copy of the metadata are given up at the next start", "err", err)
	}
}
