package content

import "contentfs/meta"

// Overflow is overflow, for tests.
func (e *Engine) Overflow(v *meta.Version) error {
	e.space.mu.Lock()
	defer e.space.mu.Unlock()
	return e.overflow(v)
}
