package content

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/meta"
)

const (
	// streamBlock is the range of one request: long enough that a request's
	// latency does not count, short enough that a reader's first byte comes soon.
	streamBlock = 4 << 20
	// streamAhead is how many blocks behind the one that is read are on their way.
	streamAhead = 3
)

// stream fetches a large version while it is read, block by block, into a sparse
// local file. Blocks that were read count as ours only when all are there and the
// checksum is right. The block that comes last is delivered after that check: who
// reads the whole never gets another content without an error.
type stream struct {
	e    *Engine
	v    meta.Version
	file *local.File
	here bool // file is the version's from the start, and only to be compared

	ctx    context.Context // ends with the last handle
	cancel context.CancelFunc
	wg     sync.WaitGroup // requests under way

	mu     sync.Mutex // guards what follows
	blocks []*block   // nil: not asked for
	left   int        // blocks that are not there

	passing  bool  // file is in memory, since the disk has no room; set at the start
	whole    error // of the check of the whole; nil before it, and if it went well
	kept     bool  // file is the version's, or was: it is not ours to remove
	doubtful bool  // it may be
}

// block is a range that is there or on its way.
type block struct {
	done chan struct{} // closed when the request ended
	err  error         // valid then
}

func (e *Engine) newStream(v *meta.Version) (*stream, error) {
	f, err := e.newSparse(v)
	passing := false
	if noRoom(err) {
		f, err = e.newPassing(v)
		passing = err == nil
	}
	if err != nil {
		return nil, err
	}
	n := int((v.Size + streamBlock - 1) / streamBlock)
	s := &stream{e: e, v: *v, file: f, passing: passing, blocks: make([]*block, n), left: n}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// newSparse makes the file that a stream fills.
func (e *Engine) newSparse(v *meta.Version) (*local.File, error) {
	if err := e.admit(v.Size); err != nil {
		return nil, err
	}
	f, err := e.Local.Create(local.Identity{Kind: local.Copy, Ino: uint64(v.Ino), Version: int64(v.ID), Size: v.Size})
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(v.Size); err != nil {
		f.Close()
		return nil, errors.Join(err, e.discard(f.ID))
	}
	return f, nil
}

// newPassing is newSparse in memory.
func (e *Engine) newPassing(v *meta.Version) (*local.File, error) {
	if err := e.takePassing(v.Size); err != nil {
		return nil, err
	}
	f, err := local.Volatile()
	if err == nil {
		if err = f.Truncate(v.Size); err == nil {
			return f, nil
		}
		f.Close()
	}
	e.space.passing.Add(-v.Size)
	return nil, err
}

// need returns when the range is there.
func (s *stream) need(ctx context.Context, off, n int64) error {
	if off >= s.v.Size || n <= 0 {
		return nil
	}
	first := int(off / streamBlock)
	last := int((min(off+n, s.v.Size) - 1) / streamBlock)
	for i := first; i <= min(last+streamAhead, len(s.blocks)-1); i++ {
		b := s.ask(i)
		if i > last {
			continue
		}
		select {
		case <-b.done:
			if b.err != nil {
				return fmt.Errorf("%w: %w", ErrAway, b.err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	_, err := s.outcome()
	return err
}

// outcome reports whether the whole is on record as a local file, or why it never
// will be.
func (s *stream) outcome() (kept bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whole != nil {
		return false, fmt.Errorf("%w: %w", ErrAway, s.whole)
	}
	return s.kept, nil
}

// wait returns when all is there and on record as a local file.
func (s *stream) wait(ctx context.Context) error {
	for i := range s.blocks {
		if err := s.need(ctx, int64(i)*streamBlock, 1); err != nil {
			return err
		}
	}
	kept, err := s.outcome() // the last block came after the check
	if err == nil && !kept {
		err = fmt.Errorf("%w: the whole could not be kept", ErrAway)
	}
	return err
}

// ask returns block i, requesting it unless it is there or on its way. A block
// whose request failed is asked for again.
func (s *stream) ask(i int) *block {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.blocks[i]; b != nil {
		if s.here {
			return b
		}
		select {
		case <-b.done:
			if b.err == nil {
				return b
			}
		default:
			return b
		}
	}
	b := &block{done: make(chan struct{})}
	s.blocks[i] = b
	s.wg.Go(func() { s.request(i, b) })
	return b
}

func (s *stream) request(i int, b *block) {
	off := int64(i) * streamBlock
	n := min(streamBlock, s.v.Size-off)
	b.err = s.e.fetchRange(s.ctx, &s.v, off, n, io.NewOffsetWriter(s.file, off))
	crash.Here(crash.StreamBlock)
	if b.err == nil && s.isLast() {
		b.err = s.finish()
	}
	close(b.done)
	if _, err := s.outcome(); err != nil {
		s.e.Invalidate(s.v.Ino) // after the answer: the kernel's pages wait for it
	}
}

// isLast counts a block that came.
func (s *stream) isLast() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left--
	return s.left == 0
}

// finish checks the whole file and makes it the version's. Only a wrong content is
// an error of the reader: bytes that are right and cannot be kept are still right.
func (s *stream) finish() error {
	sum, err := s.check()
	crash.Here(crash.StreamWhole)
	if err != nil {
		s.e.Log.Error("what was fetched is not the content", "version", s.v.ID, "key", s.v.Key, "err", err)
	} else if s.passing {
		// All is there and right, and goes with the last handle.
	} else if kerr := s.e.attach(&s.v, s.file, sum); kerr != nil {
		level := slog.LevelError
		if noRoom(kerr) {
			level = slog.LevelDebug
		}
		s.e.Log.Log(context.Background(), level, "cannot keep fetched content", "version", s.v.ID, "key", s.v.Key, "err", kerr)
		s.mu.Lock()
		s.doubtful = meta.InDoubt(kerr)
		s.mu.Unlock()
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole, s.kept = err, err == nil
	return err
}

// check compares the whole file with the checksum on record.
func (s *stream) check() ([]byte, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(s.file, 0, s.v.Size)); err != nil {
		return nil, err
	}
	sum := h.Sum(nil)
	if s.v.SHA256 != nil && string(sum) != string(s.v.SHA256) {
		return nil, fmt.Errorf("checksum is %x instead of %x", sum, s.v.SHA256)
	}
	return sum, nil
}

// stop ends the requests and throws the file away unless it is whole. The file
// stays open.
func (s *stream) stop() {
	s.cancel()
	s.wg.Wait()
	if s.here {
		s.endHere()
		return
	}
	if kept, _ := s.outcome(); kept || s.passing || s.inDoubt() {
		return
	}
	if err := s.e.discard(s.file.ID); err != nil {
		s.e.Log.Warn("cannot remove an incomplete local file; the next start will", "file", s.file.ID, "err", err)
	}
}

// inDoubt reports whether the file may be the version's after the next start.
func (s *stream) inDoubt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doubtful
}
