package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

// checkAtOnce is the size up to which a local file that lay there at the start is
// compared before its first open returns. What is larger is served meanwhile, and its
// end held back (see checkStream).
const checkAtOnce = 64 << 20

// ErrUnreadable: the local file is there and cannot be read now.
var ErrUnreadable = errors.New("local file cannot be read")

// damage is why a local file is not its version's content.
type damage struct {
	why   string // "" for none
	there bool   // there is a file
	keep  bool   // it may be content that is nowhere else
}

// settled reports whether a version's file cannot differ from its record by what a
// writer did whom we did not see: it was sent, or copied, after the last of them.
func (e *Engine) settled(v *meta.Version) bool {
	return !v.Open && safe(v) && v.SHA256 != nil && !e.trust.lingers(v.ID)
}

// foreign tells by size, time and identity that a local file is not its version's.
func foreign(v *meta.Version, f *local.File, st local.Stamp) damage {
	if st.Size == v.Size && st.Mtime == v.Mtime {
		return damage{}
	}
	who, err := f.Identity()
	other := err == nil && who.Ino != 0 && who.Ino != uint64(v.Ino)
	switch {
	case other:
		return damage{fmt.Sprintf("its local file is that of node %d", who.Ino), true, true}
	case v.Open:
	case st.Size < v.Size:
		return damage{why: fmt.Sprintf("its local file has %d bytes instead of %d", st.Size, v.Size), there: true}
	case st.Mtime == v.Mtime:
		return damage{fmt.Sprintf("its local file has %d bytes instead of %d", st.Size, v.Size), true, true}
	}
	return damage{}
}

// altered compares the bytes of a settled version's file whose time is not as
// recorded. If they are right the file gets its time back.
func (e *Engine) altered(ctx context.Context, v *meta.Version, f *local.File, st local.Stamp) (damage, error) {
	if st.Size == v.Size && st.Mtime == v.Mtime || !e.settled(v) {
		return damage{}, nil
	}
	free, err := f.Unwritten()
	if err != nil || !free {
		return damage{}, err
	}
	d := damage{"its local file was changed", true, true}
	if st.Size != v.Size {
		return d, nil
	}
	same, err := sameBytes(ctx, v, f)
	if err != nil || !same {
		return d, err
	}
	return damage{}, f.SetTimes(st.Atime, v.Mtime)
}

// sameBytes compares a local file with its version's checksum, and leaves no trace.
func sameBytes(ctx context.Context, v *meta.Version, f *local.File) (bool, error) {
	r, err := f.Quietly()
	if err != nil {
		return false, err
	}
	defer r.Close()
	sum, _, err := digest(ctx, r, v.Size)
	if errors.Is(err, ErrLost) {
		return false, nil // it is shorter
	}
	if err != nil {
		return false, fmt.Errorf("read local file %s: %w", f.ID, err)
	}
	return bytes.Equal(sum[:], v.SHA256), nil
}

// openVersion opens the version's local file, whose size, time and kind are as they
// should be; of the bytes nothing is known. It returns nil when they are not here, or
// not any more and safe elsewhere.
func (e *Engine) openVersion(v *meta.Version) (*local.File, error) {
	f, _, err := e.openFile(context.Background(), v)
	return f, err
}

func (e *Engine) openFile(ctx context.Context, v *meta.Version) (*local.File, local.Stamp, error) {
	if !v.Local() {
		return nil, local.Stamp{}, nil
	}
	f, err := e.Local.Open(local.ID(v.File))
	var st local.Stamp
	var d damage
	if err == nil {
		if st, err = f.Stamp(); err == nil {
			d = foreign(v, f, st)
		}
		if err == nil && d.why == "" {
			d, err = e.altered(ctx, v, f, st)
		}
		if err == nil && d.why == "" {
			return f, st, nil
		}
		f.Close()
	}
	if err != nil {
		d, err = unopened(v, err)
	}
	if err != nil {
		return nil, st, err
	}
	return nil, st, e.giveUpDamaged(v, d)
}

// unopened tells what an error of opening or reading a local file means. What nobody
// can tell stays an error.
func unopened(v *meta.Version, err error) (damage, error) {
	switch {
	case gone(err):
		return damage{why: "its local file is gone"}, nil
	case errors.Is(err, local.ErrNotRegular):
		return damage{why: "something else stands in the place of its local file"}, nil
	case safe(v) && errors.Is(err, unix.EIO):
		return damage{why: "its local file cannot be read: " + err.Error(), there: true}, nil
	case errors.Is(err, unix.EIO) || errors.Is(err, fs.ErrPermission):
		return damage{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return damage{}, err
}

// openChecked is openVersion for who delivers the bytes, or builds on them: of a file
// that lay there when this life began they are compared first. later: they were not,
// because there are so many; only where the caller allows it.
func (e *Engine) openChecked(ctx context.Context, v *meta.Version, allowLater bool) (f *local.File, later bool, err error) {
	f, st, err := e.openFile(ctx, v)
	if err != nil || f == nil || !e.checkable(v, st) {
		return f, false, err
	}
	if allowLater && v.Size > checkAtOnce {
		return f, true, nil
	}
	same, err := sameBytes(ctx, v, f)
	if err == nil && same {
		e.trust.add(v.ID)
		return f, false, nil
	}
	f.Close()
	d := damage{why: wrongBytes, there: true}
	if err != nil {
		d, err = unopened(v, err)
	}
	if err != nil {
		return nil, false, err
	}
	return nil, false, e.giveUpDamaged(v, d)
}

const wrongBytes = "the bytes of its local file do not have the checksum that is on record"

// checkable reports whether a version's local file is to be compared, and can be.
func (e *Engine) checkable(v *meta.Version, st local.Stamp) bool {
	return v.SHA256 != nil && !v.Open && st.Size == v.Size && st.Mtime == v.Mtime && !e.trust.has(v.ID, st.Ctime)
}

// giveUpDamaged takes from v a local file that does not hold its bytes. What may be
// content that is nowhere else goes to the quarantine. It is ErrLost if v's bytes are
// nowhere now, else they will be fetched; meta.ErrSuperseded if v has another file by
// now, or is gone: nothing is said of that.
func (e *Engine) giveUpDamaged(v *meta.Version, d damage) error {
	path, _ := e.Meta.Path(v.Ino)
	elsewhere := safe(v)
	var err error
	switch {
	case d.there && (d.keep || !elsewhere):
		err = e.Meta.SetAside(v.ID, v.File, path, d.why, now())
	case elsewhere:
		err = e.giveUpFile(v)
	default:
		err = e.Meta.LoseFile(v.ID, v.File, d.why, now())
	}
	if err != nil {
		return fmt.Errorf("give up local file %s (%s): %w", v.File, d.why, err)
	}
	crash.Here(crash.DamageGivenUp)
	file := v.File
	v.File = ""
	e.Invalidate(v.Ino)
	if !elsewhere {
		e.Log.Error("content is lost on this server", "path", string(path), "version", v.ID, "file", file, "why", d.why)
		return fmt.Errorf("%w: version %d: %s", ErrLost, v.ID, d.why)
	}
	e.Log.Warn("local file is damaged; it will be fetched again", "path", string(path), "version", v.ID, "file", file, "why", d.why)
	signal(e.sweep)
	return nil
}

// rotten settles a version whose local bytes have another checksum than when its
// upload first began. The object may be there already, and whole.
func (e *Engine) rotten(ctx context.Context, o *Outgoing, sum [32]byte) error {
	v := &o.Version
	err := e.verifyObject(ctx, v)
	switch {
	case err == nil:
		if _, err := e.Meta.FinishUpload(v.ID, v.Key, "", o.madeOf(), now()); err != nil {
			return err
		}
		v.Remote = meta.Stored
	case !backend.IsAbsent(err) && !errors.Is(err, errWrongObject):
		return err // cannot tell
	}
	if !v.Local() {
		return fmt.Errorf("version %d in the fallback: %w: its checksum was %x and is %x", v.ID, ErrLost, v.SHA256, sum)
	}
	err = e.giveUpDamaged(v, damage{why: wrongBytes, there: true})
	if err == nil || errors.Is(err, ErrLost) || errors.Is(err, meta.ErrSuperseded) {
		return errors.Join(err, ErrSettled)
	}
	return err // it is tried again
}
