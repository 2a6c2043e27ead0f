package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// Settle brings a queued version into the fallback, at the path that the file has in
// the volume, so that the directory can be used without us.
//
//	copied       a file of its own under newDir, synced
//	announced    path and inode on record as stray (durable)
//	in place     renamed to the path, never over anything; directory synced
//	settled      the version has the path; it leaves the queue (durable)
//
// A crash before the last step leaves a file that is swept up, and a version that is
// queued still. What has the path on record, because the file had another name or
// content once, is moved out of the way first; what lies there and is not on record
// is set aside and kept. A version that is there already, under a name that its file
// had before, is moved to the one that it has now. Errors that are no failures:
// ErrBusy, ErrSettled.
func (e *Engine) Settle(ctx context.Context, id meta.VersionID, insist Insist) error {
	v, err := e.Meta.Version(id)
	if gone(err) || err == nil && v.Retired != 0 {
		return ErrSettled
	}
	if err != nil {
		return err
	}
	if e.Fallback == nil {
		return fmt.Errorf("settle version %d: %w", id, ErrNoFallback)
	}
	path, err := e.Meta.Path(v.Ino)
	if gone(err) {
		return ErrSettled
	}
	if err != nil {
		return err
	}
	if v.Fallback != nil && (!isOurs(v.Fallback) || isParked(v.Fallback)) {
		if err := e.followInFallback(id); err != nil {
			return err
		}
		return errors.Join(e.Meta.Done(id, path, now()), ErrSettled)
	}
	if w := e.live.writing(v.Ino); w != nil && insist != Now {
		return ErrBusy
	}
	o := &Outgoing{Version: v, Path: path}
	err = e.copyToFallback(ctx, o, insist)
	if err != nil && !errors.Is(err, ErrBusy) && !errors.Is(err, ErrSettled) {
		return fmt.Errorf("settle %s in the fallback: %w", path, err)
	}
	return err
}

func (e *Engine) copyToFallback(ctx context.Context, o *Outgoing, insist Insist) error {
	f, err := e.Fallback.newFile(o.Version.ID)
	if err != nil {
		return err
	}
	defer f.Close()
	sum, err := e.copyOut(ctx, o, f, insist)
	if err == nil {
		err = e.dressFile(f, &o.Version)
	}
	if err != nil {
		return errors.Join(err, e.Fallback.dropNew(o.Version.ID))
	}
	crash.Here(crash.SettleCopied)
	if err := f.Sync(); err != nil {
		return errors.Join(err, e.Fallback.dropNew(o.Version.ID))
	}
	crash.Here(crash.SettleSynced)
	err = e.placeAndRecord(o, f, sum)
	if errors.Is(err, meta.ErrSuperseded) {
		signal(e.sweep) // what lies there is stray
		return ErrSettled
	}
	if err != nil {
		return errors.Join(err, e.Fallback.dropNew(o.Version.ID))
	}
	crash.Here(crash.SettleRecorded)
	if o.Version.Local() {
		e.grew(o.Version.Size)
	}
	signal(e.sweep)
	return nil
}

// copyOut copies a version's content to f and returns its checksum.
func (e *Engine) copyOut(ctx context.Context, o *Outgoing, f *os.File, insist Insist) ([]byte, error) {
	v := &o.Version
	h, n := sha256.New(), &counter{}
	w := io.MultiWriter(f, h, n)
	if !v.Local() && v.Fallback == nil {
		if err := e.download(ctx, v, w); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAway, err)
		}
		return checkCopy(v, h, n.n)
	}
	if err := e.openOutgoing(o, insist); err != nil {
		return nil, err
	}
	defer o.Close()
	if _, err := io.Copy(w, contextReader{ctx, io.NewSectionReader(o.file, 0, v.Size+1)}); err != nil {
		return nil, err
	}
	same, err := e.Unchanged(o, insist)
	if err == nil && !same {
		err = ErrBusy
	}
	if err != nil {
		return nil, err
	}
	return checkCopy(v, h, n.n)
}

// checkCopy compares what was copied with what is on record.
func checkCopy(v *meta.Version, h hash.Hash, n int64) ([]byte, error) {
	sum := h.Sum(nil)
	switch {
	case n != v.Size:
		return nil, fmt.Errorf("version %d: %w: %d bytes instead of %d", v.ID, ErrLost, n, v.Size)
	case v.SHA256 != nil && !bytes.Equal(sum, v.SHA256):
		return nil, fmt.Errorf("version %d: %w: its checksum was %x and is %x", v.ID, ErrLost, v.SHA256, sum)
	}
	return sum, nil
}

// dressFile gives a file of the fallback the owner, mode and times of the node.
func (e *Engine) dressFile(f *os.File, v *meta.Version) error {
	n, err := e.Meta.Node(v.Ino)
	if err != nil {
		return err
	}
	return dress(f, &n)
}

// placeAndRecord brings a file of newDir to where it belongs and puts that on record.
// Until then its path is stray, and the sweeper kept out.
func (e *Engine) placeAndRecord(o *Outgoing, f *os.File, sum []byte) error {
	e.placing.Lock()
	defer e.placing.Unlock()
	rel, err := e.placeLocked(o, f)
	if err != nil {
		return err
	}
	crash.Here(crash.SettleMoved)
	return e.Meta.SettleFallback(o.Version.ID, rel, sum, o.Path, now())
}

// placeLocked brings a file of newDir to where it belongs in the fallback and returns
// the path, relative to the directory. e.placing is held.
func (e *Engine) placeLocked(o *Outgoing, f *os.File) ([]byte, error) {
	inode, err := inodeOf(f)
	if err != nil {
		return nil, err
	}
	rel := o.Path[1:]
	err = e.free(rel)
	if err == nil {
		err = e.moveIn(o.Version.ID, rel, inode)
	}
	if err == nil || !blocked(err) {
		return rel, err
	}
	// A file lies where a directory should, or the path is too long for the disk, or
	// not ours yet.
	e.Log.Debug("content cannot lie at its path in the fallback", "path", string(rel), "err", err)
	rel = parked(o.Version.ID)
	return rel, e.moveIn(o.Version.ID, rel, inode)
}

// free makes a path ready for a file. What cannot be had, is blocked: so is what lies
// in a directory that is still to be taken in, because its names must not change.
func (e *Engine) free(rel []byte) error {
	for i, c := range rel {
		if c != '/' || !e.adoption.some.Load() {
			continue
		}
		waits, err := e.Meta.IsOrigin(rel[:i])
		if err == nil && waits {
			err = fmt.Errorf("%q is still to be taken in from the fallback: %w", rel[:i], unix.EEXIST)
		}
		if err != nil {
			return err
		}
	}
	if err := e.makeWay(rel); err != nil {
		return err
	}
	return e.makeDirs(rel)
}

// moveIn announces a path and moves the new file of a version there.
func (e *Engine) moveIn(id meta.VersionID, rel []byte, inode int64) error {
	if err := e.Meta.AddStray(rel, inode, now()); err != nil {
		return err
	}
	crash.Here(crash.SettleAnnounced)
	return e.Fallback.moveNew(id, rel)
}

// makeWay frees a path of the fallback: a version that has it is moved aside, and so
// is what is not on record.
func (e *Engine) makeWay(rel []byte) error {
	v, err := e.Meta.InFallback(rel)
	switch {
	case gone(err):
		return e.clear(rel)
	case err != nil:
		return err
	}
	to := parked(v.ID)
	inode, err := e.Fallback.link(rel, to)
	if errors.Is(err, unix.EEXIST) { // of an attempt that was broken off, and another file
		if err = e.clear(to); err == nil {
			inode, err = e.Fallback.link(rel, to)
		}
	}
	if gone(err) {
		// The record says it is there: who reads it will be told that it is not.
		e.Log.Error("a copy in the fallback is not where it should be", "path", string(rel), "version", v.ID)
		err = nil
	}
	if err == nil {
		crash.Here(crash.WayLinked)
		err = e.Meta.MoveFallback(v.ID, rel, to, inode, now())
	}
	if err != nil {
		return err
	}
	crash.Here(crash.WayRecorded)
	return e.removeStray(&meta.Stray{Path: rel, Inode: inode})
}

// clear frees a path that no version has. What an attempt that was broken off left
// there goes; what is not on record may be somebody's and is set aside.
func (e *Engine) clear(rel []byte) error {
	s, err := e.Meta.StrayAt(rel)
	if err == nil {
		err = e.certain()
	}
	if err == nil {
		err = e.removeStray(&s)
	}
	if err != nil && !gone(err) {
		return err
	}
	if err := e.Meta.Failed(); err != nil {
		return err // a version may have the path all the same, after the next start
	}
	to, err := e.Fallback.setAside(rel)
	if gone(err) || blocked(err) {
		return nil
	}
	if err == nil {
		crash.Here(crash.WayAside)
		e.Log.Warn("a file in the fallback that contentfs does not know was in the way; it is kept",
			"path", string(rel), "now", to)
	}
	return err
}

type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
