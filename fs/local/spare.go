package local

import (
	"context"
	"errors"
)

// spares is how many files lie ready. One sync of the directory makes the names of
// a whole batch durable, where each file would ask for its own.
const spares = 64

// Run keeps files ready for Create, with names that a power cut does not take
// away, until ctx ends; then it removes those that nobody took. Create works
// without it too.
func (s *Store) Run(ctx context.Context) error {
	defer s.dropSpares()
	for {
		// A disk that is full or failing, or a process without descriptors: Create
		// makes its files itself then, and tells the writer.
		_ = s.refill()
		select {
		case <-ctx.Done():
			return nil
		case <-s.taken:
		}
	}
}

// refill makes files until enough lie ready, once half of them are gone.
func (s *Store) refill() error {
	n := spares - len(s.spare)
	if n < spares/2 || s.room.open.Load() > s.room.limit/2 {
		return nil // nothing is asked for, or descriptors are short
	}
	made := make([]*File, 0, n)
	var err error
	for range n {
		var f *File
		if f, err = s.create(); err != nil {
			break
		}
		made = append(made, f)
	}
	if serr := s.SyncDir(); serr != nil {
		err = errors.Join(err, serr)
	}
	for _, f := range made {
		f.named = err == nil || f.named
		s.spare <- f
	}
	return err
}

// takeSpare returns a file that lies ready, nil when there is none. Either way Run
// looks whether there should be more: when it last did, the disk may have been
// full.
func (s *Store) takeSpare() *File {
	defer func() {
		select {
		case s.taken <- struct{}{}:
		default:
		}
	}()
	select {
	case f := <-s.spare:
		return f
	default:
		return nil
	}
}

func (s *Store) dropSpares() {
	for {
		select {
		case f := <-s.spare:
			f.Close()
			// The next start removes what stays: it is empty and not on record.
			_ = s.unlink(f.ID)
		default:
			return
		}
	}
}
