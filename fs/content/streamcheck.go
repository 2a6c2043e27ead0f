package content

import (
	"context"
	"errors"
	"fmt"

	"contentfs/fs/local"
	"contentfs/meta"
)

// checkStream is a stream whose bytes are all here, in v's local file, and were not
// compared with their checksum yet. That is done meanwhile: who reads the whole gets
// the end only when it is right.
func (e *Engine) checkStream(v *meta.Version, f *local.File) *stream {
	n := int((v.Size + streamBlock - 1) / streamBlock)
	s := &stream{e: e, v: *v, file: f, here: true, kept: true, blocks: make([]*block, n)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	there := &block{done: make(chan struct{})}
	close(there.done)
	for i := range s.blocks {
		s.blocks[i] = there
	}
	last := &block{done: make(chan struct{})}
	s.blocks[n-1] = last
	s.wg.Go(func() { s.compare(last) })
	return s
}

// compare reads the whole local file and lets its end be delivered.
func (s *stream) compare(last *block) {
	same, err := sameBytes(s.ctx, &s.v, s.file)
	switch {
	case err != nil:
		last.err = err
	case !same:
		last.err = fmt.Errorf("%w: %s", ErrLost, wrongBytes)
	default:
		s.e.trust.add(s.v.ID)
	}
	if s.ctx.Err() != nil {
		close(last.done) // nobody waits any more, and nothing is known
		return
	}
	s.mu.Lock()
	s.whole = last.err
	s.mu.Unlock()
	close(last.done)
	if last.err != nil {
		s.e.Invalidate(s.v.Ino)
	}
}

// endHere settles what compare found, when the last handle is closed.
func (s *stream) endHere() {
	_, err := s.outcome()
	if err == nil {
		return
	}
	v := s.v
	if now, verr := s.e.Meta.Version(v.ID); verr == nil && now.File == v.File {
		v = now // since the open it may have come to S3, or left it
	}
	d := damage{why: wrongBytes, there: true}
	if !errors.Is(err, ErrLost) {
		d, err = unopened(&v, err)
	}
	if d.why != "" {
		err = s.e.giveUpDamaged(&v, d)
	}
	if err != nil {
		s.e.Log.Error("a large local file is damaged", "version", s.v.ID, "file", s.file.ID, "err", err)
	}
}
