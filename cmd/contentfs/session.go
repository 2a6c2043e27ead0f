package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/urfave/cli/v2"

	"contentfs/backend"
	"contentfs/fs/control"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// session is a command's work on the database of a volume, mounted or not.
type session struct {
	*target
	p     *program
	store *meta.Store
	stop  context.CancelFunc // nil when it only reads
	done  chan error

	mu      sync.Mutex // guards buckets
	buckets map[string]backend.Backend
}

// session opens the database of the volume that an argument means, for changes if
// write is set. The caller closes it.
func (p *program) session(c *cli.Context, arg string, write bool) (*session, error) {
	t, err := p.target(c, arg)
	if err != nil {
		return nil, err
	}
	if err := t.exists(p); err != nil {
		return nil, err
	}
	return p.openSession(t, write)
}

// oneSession is session for the volume that is the only argument, and tells how to
// print the result.
func (p *program) oneSession(c *cli.Context, write bool) (s *session, asJSON bool, err error) {
	t, asJSON, err := p.oneVolume(c)
	if err == nil {
		s, err = p.openSession(t, write)
	}
	return s, asJSON, err
}

func (p *program) openSession(t *target, write bool) (*session, error) {
	store, err := sqlite.Open(t.database(), sqlite.Options{ReadOnly: !write, MustExist: true})
	if err != nil {
		return nil, sessionFailure(t, err)
	}
	s := &session{target: t, p: p, store: store, buckets: make(map[string]backend.Backend)}
	if write {
		ctx, stop := context.WithCancel(context.Background())
		s.stop, s.done = stop, make(chan error, 1)
		go func() { s.done <- store.Run(ctx) }()
	}
	return s, nil
}

func sessionFailure(t *target, err error) error {
	try := "--state DIR, as it was given when the volume was mounted"
	if errors.Is(err, fs.ErrNotExist) && t.holds() {
		err = fmt.Errorf("%w: %w", meta.ErrMissing, err)
	}
	if remedy := remedyNotAsLeft(t.config, err); remedy != "" {
		try = remedy
	}
	if errors.Is(err, meta.ErrTooOld) {
		try = "contentfs mount " + t.name + ", which brings the database up to date"
	}
	if errors.Is(err, sqlite.ErrReplacing) {
		try = "contentfs mount " + t.name + ", which puts it in place"
	}
	return configError("volume "+t.name, try, "%w", err)
}

// holds reports whether there is content here that a database must have been about.
func (t *target) holds() bool {
	list, err := os.ReadDir(filepath.Join(t.state, "local"))
	return err == nil && len(list) > 0
}

// close ends the work; all that was answered is durable then.
func (s *session) close() error {
	var err error
	if s.stop != nil {
		s.stop()
		err = <-s.done
	}
	return errors.Join(err, s.store.Close())
}

// objects returns the backend of a bucket, the same each time. It sends nothing.
func (s *session) objects(bucket string) (backend.Backend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.buckets[bucket]; b != nil {
		return b, nil
	}
	at := s.config.store
	at.bucket = bucket
	b, err := s.p.openStore(context.Background(), at)
	if err != nil {
		return nil, err
	}
	s.buckets[bucket] = b
	return b, nil
}

// wake has the mount, if there is one, look at once at what was changed; by itself
// it does within a second or so.
func (s *session) wake(ctx context.Context) {
	if client, err := control.Dial(s.socket); err == nil {
		_ = client.Wake(ctx) // that nobody listens is no failure of the command
	}
}
