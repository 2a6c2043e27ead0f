package snapshot

import (
	"context"
	"fmt"
	"time"

	"contentfs/backend"
)

const (
	keepNewest = 3 // copies
	keepDays   = 7 // the newest copy of each of these
)

// Surplus returns the copies that may go: of one volume, those that are neither among
// the newest three nor the newest of a day of the last week. The list is as List
// returns it.
func Surplus(list []Snapshot, volume string, now time.Time) (going []Snapshot) {
	kept := 0
	days := make(map[string]bool)
	for _, s := range list {
		if s.Volume != volume {
			continue
		}
		day := s.Time().Format(time.DateOnly)
		ofDay := !days[day] && now.Sub(s.Time()) < keepDays*24*time.Hour
		days[day] = true
		if kept < keepNewest || ofDay {
			kept++
			continue
		}
		going = append(going, s)
	}
	return going
}

// Remove deletes copies, and returns how many before something failed.
func Remove(ctx context.Context, b backend.Backend, list []Snapshot) (n int, err error) {
	for i := range list {
		if err := b.Delete(ctx, list[i].Key); err != nil && !backend.IsAbsent(err) {
			return n, fmt.Errorf("remove a copy of the metadata: %w", err)
		}
		n++
	}
	return n, nil
}
