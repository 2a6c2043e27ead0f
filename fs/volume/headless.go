package volume

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"contentfs/fs/content"
	"contentfs/fs/crash"
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
	v.roomToEnd()
	v.engine.FinishChores()
	stop()
	writer.Wait()
	return errors.Join(err, failed, v.Close())
}

// arrange makes the fallback a plain tree where that was asked for. It follows the last
// request and the last upload. Where the metadata failed nothing is moved because of what
// they show.
func (v *Volume) arrange() error {
	if v.meta.Failed() != nil {
		return nil
	}
	plain, err := v.engine.Plain()
	if err != nil || !plain || v.o.ReadOnly {
		return err
	}
	a, err := v.engine.Arrange(context.Background())
	if err != nil {
		v.o.Log.Error("the fallback is not the whole tree", "err", err)
		return nil // all is on record, and the next end of the volume goes on
	}
	crash.Here(crash.ArrangeDone)
	v.o.Log.Info("the fallback is the tree of the volume", "files", a.Files, "missing", a.Missing, "made", a.Other)
	if a.Missing > 0 {
		v.o.Log.Warn("not all content is in the fallback", "files", a.Missing)
	}
	return nil
}

func (v *Volume) work(ctx context.Context, work func(context.Context) error) error {
	if _, err := v.engine.Recover(ctx); err != nil {
		return err
	}
	if err := v.engine.UseFallback(); err != nil {
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
	return errors.Join(err, g.Wait(), v.engine.SweepStrays(), v.arrange())
}
