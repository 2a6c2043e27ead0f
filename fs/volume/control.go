package volume

import (
	"context"
	"errors"
	"os"

	"contentfs/fs"
	"contentfs/fs/control"
	"contentfs/fs/upload"
)

// handler answers the control socket.
type handler struct{ v *Volume }

var _ control.Handler = handler{}

// Status describes the live mount.
func (h handler) Status(ctx context.Context) (control.Status, error) {
	v := h.v
	stats, err := v.meta.Stats()
	if err != nil {
		return control.Status{}, err
	}
	inflight, _ := v.uploader.InFlight()
	durability := v.o.Durability
	if durability == "" {
		durability = "strict"
	}
	return control.Status{
		Name: v.o.Name, Mountpoint: v.o.Mountpoint, State: v.o.State,
		PID: os.Getpid(), Started: v.started,
		ReadOnly: v.o.ReadOnly, Passthrough: v.mount.Passthrough(), Durability: durability,
		HTTP: v.address(), S3: v.s3(), Space: v.space(), Stats: stats, InFlight: inflight,
	}, nil
}

func (v *Volume) s3() control.S3Status {
	st := v.breaker.State()
	can := v.stores.capabilities()
	s := control.S3Status{
		Reachable: st.Reachable, Since: st.Since,
		ConditionalPut: can.ConditionalPut, Checksums: can.Checksums,
	}
	if st.Known && !st.Reachable && st.Err != nil {
		s.Error = st.Err.Error()
	}
	return s
}

// Drain sends everything that is queued.
func (h handler) Drain(ctx context.Context, report func(control.Progress)) error {
	return h.v.drain(ctx, report)
}

func (v *Volume) drain(ctx context.Context, report func(control.Progress)) error {
	return v.uploader.Drain(ctx, func(p upload.Progress) {
		report(control.Progress{Pending: p.Pending, PendingBytes: p.PendingBytes, Done: p.Done, S3: v.s3()})
	})
}

// Wake looks at what a command changed.
func (h handler) Wake(context.Context) error { return h.v.catchUp() }

// Unmount takes the volume out of the tree, which ends Run. Without drain, one
// that is under way ends too.
func (h handler) Unmount(ctx context.Context, drain bool, report func(control.Progress)) (control.Result, error) {
	v := h.v
	if drain {
		if err := v.drain(ctx, report); err != nil {
			return control.Result{}, err
		}
	} else {
		v.hurries.Do(func() { close(v.hurry) })
	}
	v.leaving.Store(true)
	err := v.mount.Unmount(false)
	if err != nil {
		v.leaving.Store(false)
	}
	if err != nil && !errors.Is(err, fs.ErrInUse) {
		return control.Result{}, err
	}
	stats, serr := v.meta.Stats()
	if serr != nil {
		return control.Result{}, errors.Join(err, serr)
	}
	r := control.Result{Pending: stats.Queue.Number, PendingBytes: stats.Queue.Bytes}
	if err != nil {
		r.Error = err.Error()
		return r, nil
	}
	v.leaves.Do(func() { close(v.left) })
	return r, nil
}
