package volume

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"contentfs/fs/content"
	"contentfs/meta"
)

// Meta is the volume's metadata, for who works on the volume by Work.
func (v *Volume) Meta() *meta.Store { return v.meta }

// Engine is the volume's engine, for who works on the volume by Work.
func (v *Volume) Engine() *content.Engine { return v.engine }

// Wake has the volume look at its queue.
func (v *Volume) Wake() { v.uploader.Wake() }

// Work does for a command what Run does for a mount, but for the mount: it recovers,
// carries out what is queued, and sweeps, as long as work takes. It is called instead
// of Run, once.
func (v *Volume) Work(ctx context.Context, work func(context.Context) error) error {
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var writer sync.WaitGroup
	var failed error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	writer.Go(func() {
		defer cancel()
		failed = v.meta.Run(writing)
	})
	err := v.work(ctx, work)
	stop()
	writer.Wait()
	return errors.Join(err, failed, v.Close())
}

func (v *Volume) work(ctx context.Context, work func(context.Context) error) error {
	if _, err := v.engine.Recover(ctx); err != nil {
		return err
	}
	loops, stop := context.WithCancel(context.WithoutCancel(ctx))
	g, loops := errgroup.WithContext(loops)
	g.Go(func() error { return v.breaker.Run(loops, v.stores.trial) })
	g.Go(func() error { return v.uploader.Run(loops) })
	g.Go(func() error { return v.local.Run(loops) })
	g.Go(func() error { return v.engine.Evict(loops) })
	g.Go(func() error { return v.engine.Sweep(loops) })
	err := work(ctx)
	stop()
	return errors.Join(err, g.Wait(), v.engine.SweepStrays())
}
