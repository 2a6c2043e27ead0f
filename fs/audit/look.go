package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
)

// seen is what one look at a version showed.
type seen struct {
	findings               []Finding
	unseen                 []Unseen
	skipped                bool
	files, copies, objects int64

	keep       bool // the local file may be content that is nowhere else
	definite   bool // what is wrong with it cannot be the work of a writer
	localGone  bool
	copyGone   bool
	fileAsked  bool // the local file's bytes were compared, and are right
	copyAsked  bool // the same of the copy
	storeAsked bool // the same of the object, by the store's own word or by reading it
}

// bad adds a finding.
func (s *seen) bad(p Place, thing, why string) {
	s.findings = append(s.findings, Finding{Place: p, Thing: thing, Why: why})
}

func (s *seen) at(p Place) *Finding {
	for i := range s.findings {
		if s.findings[i].Place == p {
			return &s.findings[i]
		}
	}
	return nil
}

func (s *seen) unknown(p Place, thing string, err error) {
	s.unseen = append(s.unseen, Unseen{Place: p, Thing: thing, Err: err})
}

// look compares a version with all its places.
func (x *Verification) look(ctx context.Context, v *meta.Version) seen {
	var s seen
	if v.Local() {
		s.files++
		if err := x.local(ctx, v, &s, x.Checksum); err != nil {
			s.unknown(InLocal, string(v.File), err)
		}
	}
	if v.Fallback != nil {
		if err := x.copied(ctx, v, &s, x.Checksum); err != nil {
			s.unknown(InFallback, string(v.Fallback), err)
		}
	}
	if v.Remote == meta.Stored && x.Objects != nil {
		if err := x.object(ctx, v, &s, x.Checksum); err != nil {
			s.unknown(InS3, v.Bucket+"/"+v.Key, err)
		}
	}
	if v.Retired == 0 && !v.Local() && v.Fallback == nil && v.Remote != meta.Stored {
		s.bad(Nowhere, "", "its content is lost: it is nowhere")
	}
	return s
}

// local compares the local file, its bytes too if that is asked for and they are known.
func (x *Verification) local(ctx context.Context, v *meta.Version, s *seen, read bool) error {
	f, err := x.Files.Open(local.ID(v.File))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.localGone = true
		s.bad(InLocal, string(v.File), "its local file is gone")
		return nil
	case errors.Is(err, local.ErrNotRegular):
		s.localGone = true
		s.bad(InLocal, string(v.File), "something else stands in the place of its local file")
		return nil
	case err != nil:
		return err
	}
	defer f.Close()
	st, err := f.Stamp()
	if err != nil || v.Open {
		return err // who has it open, commits it
	}
	why, keep := content.Differs(v, f, st)
	touched := why != "" && st.Size == v.Size
	if x.untimed && touched {
		return nil
	}
	// A time alone says nothing where the bytes can be asked.
	if v.SHA256 != nil && (touched || why == "" && read) {
		r, err := f.Quietly()
		if err != nil {
			return err
		}
		defer r.Close()
		same, err := hashIs(ctx, r, v)
		if err != nil {
			return err
		}
		if same {
			s.fileAsked = true
			return nil
		}
		if why == "" {
			why = "the bytes of its local file do not have the checksum that is on record"
		}
		s.definite = true
	}
	if why != "" {
		s.keep = keep
		s.definite = s.definite || st.Size < v.Size || st.Mtime == v.Mtime
		s.bad(InLocal, string(v.File), why)
	}
	return nil
}

// copied compares the copy in the fallback.
func (x *Verification) copied(ctx context.Context, v *meta.Version, s *seen, read bool) error {
	if x.Fallback == nil {
		return content.ErrNoFallback
	}
	f, why, err := x.Fallback.Examine(v)
	if err != nil {
		return err
	}
	s.copies++
	if f == nil {
		s.copyGone = true
		s.bad(InFallback, string(v.Fallback), why)
		return nil
	}
	defer f.Close()
	if why == "" && read && v.SHA256 != nil {
		same, err := hashIs(ctx, f, v)
		if err != nil {
			return err
		}
		s.copyAsked = same
		if !same {
			why = "its copy in the fallback does not have the checksum that is on record"
		}
	}
	if why != "" {
		s.bad(InFallback, string(v.Fallback), why)
	}
	return nil
}

// errGaveUp: a bucket failed so often that it is asked no more.
var errGaveUp = errors.New("the store failed too often")

// object compares the object: with what the store says of it, and with its bytes if
// that is asked for, or if the store has no checksum for who must know.
func (x *Verification) object(ctx context.Context, v *meta.Version, s *seen, read bool) error {
	if !x.ask(v.Bucket) {
		s.skipped = true
		return nil
	}
	b, err := x.Objects(v.Bucket)
	if err != nil {
		return err
	}
	thing := v.Bucket + "/" + v.Key
	o, err := b.Stat(ctx, v.Key)
	x.answered(v.Bucket, err)
	if err == nil || backend.IsAbsent(err) {
		s.objects++
	}
	switch {
	case err != nil && backend.IsAbsent(err):
		s.bad(InS3, thing, "its object is not there")
		return nil
	case err != nil:
		return err
	case o.Size != v.Size:
		s.bad(InS3, thing, fmt.Sprintf("its object has %d bytes instead of %d", o.Size, v.Size))
		return nil
	case v.SHA256 == nil:
		return nil // taken over, and never read
	case o.SHA256 != nil && !bytes.Equal(o.SHA256, v.SHA256):
		s.bad(InS3, thing, fmt.Sprintf("its object has checksum %x instead of %x", o.SHA256, v.SHA256))
		return nil
	case !read:
		s.storeAsked = o.SHA256 != nil
		return nil
	}
	r, err := b.Get(ctx, v.Key, 0, -1)
	if err != nil {
		return err // gone this very moment, perhaps: nothing is known
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil && backend.ClassOf(err) != backend.Corrupt {
		return err
	} else if err != nil || !bytes.Equal(h.Sum(nil), v.SHA256) {
		s.bad(InS3, thing, "the bytes of its object do not have the checksum that is on record")
		return nil
	}
	s.storeAsked = true
	return nil
}

func (x *Verification) ask(bucket string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.fails[bucket] < storeFails
}

func (x *Verification) answered(bucket string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil || backend.IsAbsent(err) {
		x.fails[bucket] = 0
		return
	}
	if x.fails[bucket]++; x.fails[bucket] == storeFails {
		x.r.Unseen = append(x.r.Unseen, Unseen{Place: InS3, Thing: bucket, Err: fmt.Errorf("%w: %w", errGaveUp, err)})
	}
}

// hashIs reports whether what r has is v's content.
func hashIs(ctx context.Context, r *os.File, v *meta.Version) (bool, error) {
	h := sha256.New()
	n, err := io.Copy(h, untilEnd{ctx, r})
	return n == v.Size && bytes.Equal(h.Sum(nil), v.SHA256), err
}

type untilEnd struct {
	ctx context.Context
	r   io.Reader
}

func (u untilEnd) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
