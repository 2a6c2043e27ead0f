package snapshot

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"contentfs/backend"
)

// ErrDamaged: a copy in the bucket is not what its name says, or is gone. Nothing that
// may be otherwise the next time is that.
var ErrDamaged = errors.New("the copy of the metadata is damaged")

// Fetch gets a copy and writes the database to a new file. limit is how many bytes
// that may have, and the copy itself. After an error there is no such file.
func Fetch(ctx context.Context, b backend.Backend, s *Snapshot, to string, limit int64) (err error) {
	compressed, err := create(to + ".gz")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, compressed.Close(), os.Remove(compressed.Name())) }()
	if err := download(ctx, b, s, compressed, limit); err != nil {
		return err
	}
	if _, err := compressed.Seek(0, io.SeekStart); err != nil {
		return err
	}
	plain, err := create(to)
	if err != nil {
		return err
	}
	err = errors.Join(expand(ctx, plain, compressed, limit), plain.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(to))
	}
	return err
}

func create(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
}

// download gets the object and makes sure that it is the one.
func download(ctx context.Context, b backend.Backend, s *Snapshot, to io.Writer, limit int64) error {
	r, err := b.Get(ctx, s.Key, 0, -1)
	if err != nil {
		return definite(s, err)
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), io.LimitReader(r, limit+1))
	if err != nil {
		return definite(s, err)
	}
	if n > limit {
		return tooLarge(limit)
	}
	if [32]byte(h.Sum(nil)) != s.SHA256 {
		return fmt.Errorf("%w: %s has another checksum than its name says", ErrDamaged, s.Key)
	}
	return nil
}

// definite tells what an error says about the copy from what it says about the way to
// it.
func definite(s *Snapshot, err error) error {
	var e *backend.Error
	if errors.As(err, &e) && (e.Class == backend.Absent || e.Class == backend.Corrupt) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("get %s: %w", s.Key, err)
}

func expand(ctx context.Context, to io.Writer, from io.Reader, limit int64) error {
	z, err := gzip.NewReader(&reader{ctx, from})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	n, err := io.Copy(to, io.LimitReader(unzipped{z}, limit+1))
	if cerr := ctx.Err(); cerr != nil {
		return cerr
	}
	if err == nil && n > limit {
		return tooLarge(limit)
	}
	return err
}

func tooLarge(limit int64) error {
	return fmt.Errorf("a copy of the metadata has more than the %d bytes that there is room for", limit)
}

// unzipped tells errors of what is read from those of where it is written to.
type unzipped struct{ z *gzip.Reader }

// Read is for io.Reader.
func (u unzipped) Read(b []byte) (int, error) {
	n, err := u.z.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return n, err
}
