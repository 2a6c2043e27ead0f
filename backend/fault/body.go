package fault

import (
	"io"

	"contentfs/backend"
	"contentfs/backend/internal/driver"
)

// flipped changes the first byte of a body.
type flipped struct {
	io.ReadCloser
	done bool
}

func (f *flipped) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if n > 0 && !f.done {
		p[0] ^= 0x20
		f.done = true
	}
	return n, err
}

// shortened withholds the last keep bytes of a body and fails instead of ending.
type shortened struct {
	io.ReadCloser
	key  string
	keep int64
	held []byte // the bytes read and not delivered yet; the last keep stay here
	err  error  // of the body below
}

func (s *shortened) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	buf := make([]byte, 32<<10)
	for s.err == nil && int64(len(s.held)) <= s.keep {
		n, err := s.ReadCloser.Read(buf)
		s.held = append(s.held, buf[:n]...)
		s.err = err
	}
	if free := int64(len(s.held)) - s.keep; free > 0 {
		n := copy(p, s.held[:free])
		s.held = s.held[n:]
		return n, nil
	}
	if s.err == io.EOF {
		return 0, driver.Fail(string(Get), s.key, backend.Transient, io.ErrUnexpectedEOF)
	}
	return 0, s.err
}
