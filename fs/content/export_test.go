package content

import "contentfs/meta"

// Overflow is overflow, for tests.
func (e *Engine) Overflow(v *meta.Version) error {
	e.space.mu.Lock()
	defer e.space.mu.Unlock()
	return e.overflow(v)
}

// SweepOverflow is sweepOverflow, for tests.
func (e *Engine) SweepOverflow() error { return e.sweepOverflow() }

// EvictOne is evictOne, for tests.
func (e *Engine) EvictOne(v *meta.Version) (bool, error) { return e.evictOne(v) }
