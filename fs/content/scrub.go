package content

import (
	"context"
	"errors"
	"io"
	"time"

	"contentfs/fs/local"
	"contentfs/meta"
)

const (
	// scrubRate is how many bytes a second are read at most to find rot: a small part
	// of what any disk gives.
	scrubRate = 64 << 20
	// scrubLeast is what a file counts at least: looking it up costs something too.
	scrubLeast = 16 << 10
	// scrubEvery is how long nothing is read after all was.
	scrubEvery = 7 * 24 * time.Hour
)

// Scrub reads all local files whose checksum is known, one after the other and without
// haste, and gives up those that are not what they were: at the start, so that their
// first open need not, and from time to time. It runs until ctx ends.
func (e *Engine) Scrub(ctx context.Context) error {
	for {
		err := e.scrubAll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		pause := scrubEvery
		if err != nil {
			e.Log.Error("cannot read all local files to see whether they are good; will try again", "err", err)
			pause = time.Hour
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (e *Engine) scrubAll(ctx context.Context) error {
	const some = 256
	last, err := e.Meta.LastVersion()
	if err != nil {
		return err
	}
	p := &pacer{ctx: ctx}
	for after := meta.VersionID(0); ctx.Err() == nil; {
		list, err := e.Meta.LocalVersions(after, last, some)
		if err != nil {
			return err
		}
		for i := range list {
			after = list[i].ID
			if err := e.scrub(p, &list[i]); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				e.trust.doubt(after)
				e.Log.Error("a local file cannot be compared with its checksum", "version", after, "file", list[i].File, "err", err)
			}
			e.trust.reached(after)
		}
		if len(list) < some {
			e.trust.reached(last)
			return nil
		}
	}
	return nil
}

// scrub compares one version's local file.
func (e *Engine) scrub(p *pacer, v *meta.Version) error {
	good, err := e.scrubbed(p, v)
	if err != nil && p.ctx.Err() != nil {
		return err
	}
	if good && err == nil {
		e.trust.add(v.ID)
		return nil
	}
	// What it is, is decided where nobody can open it meanwhile. Who has it open has
	// looked himself, and the next one will again.
	e.trust.doubt(v.ID)
	l := e.live.hold(v.Ino)
	defer e.live.drop(l)
	select {
	case l.lock <- struct{}{}:
		defer l.release()
	default:
		return nil
	}
	if l.opens > 0 {
		return nil
	}
	now, err := e.Meta.Version(v.ID)
	if gone(err) || err == nil && (now.File != v.File || now.Open) {
		return nil
	}
	if err != nil {
		return err
	}
	f, _, err := e.openChecked(p.ctx, &now, false)
	if f != nil {
		f.Close()
	}
	if errors.Is(err, ErrLost) {
		return nil // it is logged, and on record
	}
	return err
}

// scrubbed reports whether a version's local file is whole as on record.
func (e *Engine) scrubbed(p *pacer, v *meta.Version) (bool, error) {
	f, err := e.Local.Open(local.ID(v.File))
	if err != nil {
		return false, nil
	}
	defer f.Close()
	st, err := f.Stamp()
	if err != nil || st.Size != v.Size || st.Mtime != v.Mtime {
		return false, err
	}
	r, err := f.Quietly()
	if err != nil {
		return false, err
	}
	defer r.Close()
	p.took(scrubLeast)
	sum, _, err := digest(p.ctx, pacedReader{r, p}, v.Size)
	return err == nil && string(sum[:]) == string(v.SHA256), p.ctx.Err()
}

// pacer keeps the reading of files at scrubRate.
type pacer struct {
	ctx  context.Context
	debt time.Duration
}

// took waits as long as n bytes may take, a little at a time.
func (p *pacer) took(n int) {
	const tick = 20 * time.Millisecond
	if p.debt += time.Duration(n) * time.Second / scrubRate; p.debt < tick {
		return
	}
	select {
	case <-time.After(p.debt):
	case <-p.ctx.Done():
	}
	p.debt = 0
}

type pacedReader struct {
	io.ReaderAt
	p *pacer
}

func (r pacedReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(b, off)
	r.p.took(n)
	return n, err
}
