package content

import (
	"context"

	"contentfs/meta"
)

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

// MakeRoom is makeRoomLocked, for tests.
func (e *Engine) MakeRoom() error {
	e.space.mu.Lock()
	defer e.space.mu.Unlock()
	return e.makeRoomLocked(context.Background(), 0)
}

// AddChore has something be done when there is room, for tests.
func (e *Engine) AddChore(do func() error) { e.chores.add(do) }
