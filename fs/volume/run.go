package volume

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"contentfs/fs"
	"contentfs/fs/control"
	"contentfs/fs/crash"
)

// Run recovers, mounts and serves the volume until it is unmounted or ctx ends;
// then it drains, for at most Options.Drain, and takes everything apart. ready is
// called once the mount answers. Run returns nil when the end was orderly, what
// is pending then being on record for the next mount. It is called once.
func (v *Volume) Run(ctx context.Context, ready func()) error {
	// The writer outlives all that may ask it for something. When it fails by
	// itself, no change can be promised any more: ctx ends, and the next start
	// reads what the disk really has.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var writer sync.WaitGroup
	var failed error
	writer.Go(func() {
		defer cancel()
		if failed = v.meta.Run(writing); failed != nil {
			v.o.Log.Error("the metadata cannot be written any more; the volume ends", "err", failed)
		}
	})
	err := v.serve(ctx, ready)
	v.roomToEnd()
	v.engine.FinishChores()
	stop()
	writer.Wait()
	return errors.Join(err, failed, v.Close())
}

func (v *Volume) serve(ctx context.Context, ready func()) error {
	found, err := v.recovered(ctx)
	if err != nil {
		return err
	}
	if found.Taken+found.Quarantined+found.Missing+found.Lost > 0 {
		v.o.Log.Warn("recovered after a crash", "files", found.Files, "taken_as_found", found.Taken,
			"quarantined", found.Quarantined, "to_be_fetched", found.Missing, "lost", found.Lost)
	}
	crash.Here(crash.StartRecovered)
	if err := v.listen(ctx); err != nil {
		return err
	}
	if v.web != nil {
		defer v.web.Close() // where it is not served
	}
	if v.mount, err = fs.Mount(fs.Options{
		Engine: v.engine, Name: v.o.Name, Mountpoint: v.o.Mountpoint,
		AllowOther: v.o.AllowOther, ReadOnly: v.o.ReadOnly, Passthrough: v.o.Passthrough, Log: v.o.Log,
	}); err != nil {
		return err
	}
	served := make(chan struct{})
	go func() { v.mount.Serve(); close(served) }()
	if err := v.mount.WaitReady(); err != nil {
		return err
	}
	crash.Here(crash.StartMounted)
	return v.live(ctx, served, ready)
}

// live runs everything beside the kernel's requests, from the mount to its end.
func (v *Volume) live(ctx context.Context, served chan struct{}, ready func()) error {
	loops, stop := context.WithCancel(context.WithoutCancel(ctx))
	g, loops := errgroup.WithContext(loops)
	g.Go(func() error { return v.breaker.Run(loops, v.stores.trial) })
	g.Go(func() error { return v.uploader.Run(loops) })
	g.Go(func() error { return v.local.Run(loops) })
	g.Go(func() error { return v.engine.Evict(loops) })
	g.Go(func() error { return v.engine.Sweep(loops) })
	g.Go(func() error { return v.engine.Follow(loops) })
	g.Go(func() error { return v.engine.Scrub(loops) })
	g.Go(func() error { return v.heed(loops) })
	if v.copies != nil {
		g.Go(func() error { return v.copies.Run(loops) })
	}
	if v.o.Socket != "" {
		server := control.Server{Handler: handler{v}, Log: v.o.Log}
		l, err := control.Listen(v.o.Socket)
		if err != nil {
			stop()
			return errors.Join(err, v.mount.Unmount(true), g.Wait())
		}
		g.Go(func() error { return server.Serve(loops, l) })
	}
	if v.web != nil {
		g.Go(func() error { v.serveWeb(loops); return nil })
	}
	v.o.Log.Info("mounted", "volume", v.o.Name, "mountpoint", v.o.Mountpoint, "passthrough", v.mount.Passthrough())
	ready()

	var err error
	select {
	case <-ctx.Done():
		err = v.end(served)
	case <-v.left:
		v.waitServed(served)
	case <-served:
		if !v.leaving.Load() { // unmounted from outside
			v.drainFor(v.o.Drain)
		}
	case <-loops.Done(): // one of the loops failed
		err = v.mount.Unmount(true)
	}
	crash.Here(crash.EndUnmounted)
	stop()
	err = errors.Join(err, g.Wait())
	crash.Here(crash.EndStopped)
	err = errors.Join(err, v.arrange())
	if err == nil && v.meta.Failed() == nil {
		v.lastCopy()
	}
	return err
}

// end follows a request to stop: drain, then unmount, lazily if need be.
func (v *Volume) end(served chan struct{}) error {
	v.drainFor(v.o.Drain)
	crash.Here(crash.EndDrained)
	err := v.mount.Unmount(false)
	if errors.Is(err, fs.ErrInUse) {
		v.o.Log.Warn("the mount is in use; those who have files open lose them now", "mountpoint", v.o.Mountpoint)
		err = v.mount.Unmount(true)
		return err
	}
	if err != nil {
		return err
	}
	v.waitServed(served)
	return nil
}

// waitServed waits until the kernel's last request is answered. The kernel does not
// end the connection while a copy of the mount is in another mount namespace, which
// no unmount here reaches: those who use it there lose it when the process ends, as
// after a lazy unmount.
func (v *Volume) waitServed(served chan struct{}) {
	const patience = 5 * time.Second
	select {
	case <-served:
	case <-time.After(patience):
		v.o.Log.Warn("another mount namespace, a container's perhaps, has a copy of the mount; who uses it there loses it now",
			"mountpoint", v.o.Mountpoint)
	}
}

// drainFor sends what is queued, for as long as d and nobody is in a hurry, and
// says what is left.
func (v *Volume) drainFor(d time.Duration) {
	if d <= 0 || v.o.ReadOnly {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	go func() {
		select {
		case <-v.hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	var last control.Progress
	if err := v.drain(ctx, func(p control.Progress) { last = p }); err != nil {
		v.o.Log.Warn("not everything is in S3; the rest is kept and sent by the next mount",
			"pending", last.Pending, "bytes", last.PendingBytes, "s3_reachable", last.S3.Reachable)
	}
}
