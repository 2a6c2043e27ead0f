package meta

import (
	"context"
	"errors"
	"fmt"
)

// checker reads a database whole beside the writer, where that was put off at the start
// because it takes long.
type checker struct {
	found  chan error // takes the outcome if it is bad
	cancel context.CancelFunc
	done   chan struct{}
}

func (c *checker) start(s *Store) {
	c.found = make(chan error, 1)
	if !s.keeper.Unchecked() {
		return
	}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		if err := s.quickCheck(ctx); errors.Is(err, ErrDamaged) {
			c.found <- errors.Join(err, s.keeper.Suspect())
		}
	}()
}

func (c *checker) stop() {
	if c.cancel != nil {
		c.cancel()
		<-c.done
	}
}

// quickCheck looks at the structure of the database. What keeps it from that is no
// finding: who comes upon it is told.
func (s *Store) quickCheck(ctx context.Context) error {
	var found string
	err := s.read.db.QueryRowContext(ctx, s.dialect.Quick).Scan(&found)
	switch {
	case err == nil && found != "ok":
		return fmt.Errorf("%w: %s", ErrDamaged, found)
	case err != nil && s.dialect.Damaged(err):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
