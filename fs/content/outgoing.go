package content

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// Answers of Outgoing that are no failures.
var (
	// ErrBusy: somebody has the file open for writing.
	ErrBusy = errors.New("file is being written to")
	// ErrSettled: there is nothing to upload any more: the version was replaced,
	// deleted, or is in S3.
	ErrSettled = errors.New("nothing to upload")
)

// Insist says how much Outgoing asks before it hands a version out.
type Insist int

const (
	// Quiet: nobody has the file open for writing, here or left over.
	Quiet Insist = iota
	// Lingering: a descriptor or mapping that we know nothing of has been there for
	// so long that safety in S3 must not wait for it. That nothing was written
	// while the content was sent is then told by the file's time alone.
	Lingering
	// Now: as Lingering, while the application's own close or fsync waits for it.
	Now
)

// Outgoing is a version on its way to S3. Key and checksum are on record.
type Outgoing struct {
	Version meta.Version
	Path    []byte // inside the volume
	Options backend.PutOptions

	// Resumed: the key was on record before. An object may be there already.
	Resumed bool

	file  *os.File
	probe *local.File // the same file while it may still have unseen writers
	stamp local.Stamp
}

// Body returns the content.
func (o *Outgoing) Body() io.ReaderAt { return o.file }

// Close ends the reading of the content.
func (o *Outgoing) Close() error {
	if o.probe != nil {
		return o.probe.Close()
	}
	return o.file.Close()
}

// Outgoing makes a queued version ready to be sent: nobody writes to it, its
// checksum is known, and its key is on record. keyLimit is the longest key, in
// bytes and with the prefix, that the store takes. The caller closes what it gets.
// Errors that are no failures: ErrBusy, ErrSettled.
func (e *Engine) Outgoing(ctx context.Context, id meta.VersionID, insist Insist, keyLimit int) (*Outgoing, error) {
	v, err := e.Meta.Version(id)
	if gone(err) {
		return nil, ErrSettled
	}
	if err != nil {
		return nil, err
	}
	if v.Retired != 0 || v.Remote == meta.Stored {
		return nil, ErrSettled
	}
	if w := e.live.writing(v.Ino); w != nil && insist != Now {
		return nil, ErrBusy
	}
	path, err := e.Meta.Path(v.Ino)
	if gone(err) {
		return nil, ErrSettled // lost its name a moment ago
	}
	if err != nil {
		return nil, err
	}
	// A key that is longer than the store takes is replaced: nothing can lie there.
	o := &Outgoing{Version: v, Path: path, Resumed: v.Remote == meta.Sending && len(v.Key) <= keyLimit}
	if err := e.openOutgoing(o, insist); err != nil {
		return nil, err
	}
	if err := e.describe(ctx, o, keyLimit); err != nil {
		o.Close()
		return nil, fmt.Errorf("prepare %s: %w", path, err)
	}
	return o, nil
}

// openOutgoing opens the bytes and makes sure that they are the committed ones.
func (e *Engine) openOutgoing(o *Outgoing, insist Insist) error {
	v := &o.Version
	if !v.Local() && v.Fallback != nil {
		if e.Fallback == nil {
			return fmt.Errorf("version %d is in the fallback %q, and the volume has none now: %w", v.ID, v.Fallback, ErrAway)
		}
		f, rel, err := e.openCopy(v)
		if err != nil {
			return err
		}
		if err := e.unaltered(v, rel, f); err != nil {
			f.Close()
			return err
		}
		o.file = f
		return nil
	}
	f, err := e.openVersion(v)
	if errors.Is(err, meta.ErrSuperseded) || err == nil && f == nil && safe(v) {
		return ErrBusy // it is somewhere else by now: look again
	}
	if err != nil {
		return err
	}
	if f == nil {
		return fmt.Errorf("version %d: %w", v.ID, ErrLost)
	}
	o.file, o.probe = f.File, f
	err = f.Quiet()
	if err == nil {
		err = e.steady(o, insist)
	}
	if err != nil {
		f.Close()
		return err
	}
	return nil
}

// steady reports with ErrBusy if somebody may be writing to the file, and takes
// the stamp that Unchanged compares with. Content that was changed after its
// commit, by a mapping that outlived its descriptor or a writer that outlived a
// daemon, is committed as it is now.
func (e *Engine) steady(o *Outgoing, insist Insist) error {
	if insist == Quiet {
		free, err := o.probe.Unwritten()
		if err != nil {
			return err
		}
		if !free {
			return ErrBusy
		}
	}
	// The sync write-protects mapped pages: a later store moves the time.
	if err := e.Local.Sync(o.probe); err != nil {
		return err
	}
	st, err := o.probe.Stamp()
	if err != nil {
		return err
	}
	o.stamp = st
	if st.Size == o.Version.Size && st.Mtime == o.Version.Mtime {
		return nil
	}
	if d := foreign(&o.Version, o.probe, st); d.why != "" {
		return errors.Join(e.giveUpDamaged(&o.Version, d), ErrBusy)
	}
	if insist == Now {
		return ErrBusy // written to since; its writer will come again
	}
	if err := e.recommit(&o.Version, st); err != nil {
		return err
	}
	return ErrBusy // the new version is in the queue
}

// describe fills in checksum, headers and key, and puts key and checksum on record.
func (e *Engine) describe(ctx context.Context, o *Outgoing, keyLimit int) error {
	v := &o.Version
	sum, head, err := digest(ctx, o.file, v.Size)
	if err != nil {
		if st, serr := e.Local.Stat(local.ID(v.File)); serr == nil && !st.SameContent(o.stamp) {
			return ErrBusy // not lost: somebody changes it at this moment
		}
		return err
	}
	if v.SHA256 != nil && string(v.SHA256) != string(sum[:]) {
		return e.rotten(ctx, o, sum)
	}
	n, err := e.Meta.Node(v.Ino)
	if err != nil {
		return err
	}
	name := baseName(o.Path)
	ct := ContentType(name, head)
	rule := e.Policy.Decide(PolicyFile(o.Path, v.Size, v.Mtime), time.Now())
	o.Options = backend.PutOptions{
		SHA256: sum, IfAbsent: true,
		ContentType:        ct,
		ContentDisposition: ContentDisposition(ct, name),
		Metadata:           ObjectMetadata(o.Path, n, *v),
		Multipart:          func(id string) error { return e.noteUpload(v.ID, id) },
	}
	applyRule(&o.Options, &rule)
	if !o.Resumed {
		v.Bucket, v.Prefix, v.Private = e.Bucket, e.prefixOf(&rule), rule.Private
		if v.Key, err = e.freshKey(v, o.Path, keyLimit); err != nil {
			return err
		}
	}
	if err := e.sign(o.Options.Metadata, v.Prefix, v.Key, v.ID); err != nil {
		return err
	}
	crash.Here(crash.UploadHashed)
	v.SHA256 = sum[:]
	err = e.Meta.BeginUpload(v.ID, meta.BeginUpload{Bucket: v.Bucket, Prefix: v.Prefix, Key: v.Key, SHA256: v.SHA256, Private: v.Private})
	crash.Here(crash.UploadAnnounced)
	if errors.Is(err, meta.ErrSuperseded) {
		return ErrSettled
	}
	return err
}

// noteUpload puts a multipart upload on record, before its parts go.
func (e *Engine) noteUpload(v meta.VersionID, id string) error {
	crash.Here(crash.MultipartMade)
	err := e.Meta.SetUploadID(v, id)
	crash.Here(crash.MultipartKnown)
	return err
}

// freshKey returns a key for v that was never used. It is made of v's id, unless an
// earlier attempt under that was given up: of a version that lost its last name and
// then got one again.
func (e *Engine) freshKey(v *meta.Version, path []byte, keyLimit int) (string, error) {
	key, err := Key(v.Prefix, path, v.ID, keyLimit)
	if err != nil {
		return "", err
	}
	used, err := e.Meta.GaveUp(v.Bucket, key)
	if err != nil || !used {
		return key, err
	}
	id, err := e.Meta.ReserveVersion(now())
	if err != nil {
		return "", err
	}
	return Key(v.Prefix, path, id, keyLimit)
}

// digest returns the checksum of size bytes and the first 512 of them.
func digest(ctx context.Context, f io.ReaderAt, size int64) (sum [32]byte, head []byte, err error) {
	h := sha256.New()
	head = make([]byte, min(size, 512))
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return sum, nil, err
	}
	r := io.NewSectionReader(f, 0, size)
	buf := make([]byte, 256<<10)
	var n int64
	for ctx.Err() == nil {
		k, err := r.Read(buf)
		h.Write(buf[:k])
		n += int64(k)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sum, nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return sum, nil, err
	}
	if n != size {
		return sum, nil, fmt.Errorf("%w: %d bytes instead of %d", ErrLost, n, size)
	}
	return [32]byte(h.Sum(nil)), head, nil
}

func baseName(path []byte) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return string(path[i+1:])
		}
	}
	return string(path)
}
