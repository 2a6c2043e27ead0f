package volume

import (
	"context"
)

// heed looks at what commands change in the database until ctx ends.
func (v *Volume) heed(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-v.meta.Elsewhere():
		}
		if err := v.catchUp(); err != nil {
			v.o.Log.Error("cannot look at what a command changed; will try again with the next one", "err", err)
		}
	}
}

// catchUp wakes who works on what a command changed, and tells the kernel of names
// that it keeps and that are others now.
func (v *Volume) catchUp() error {
	const some = 256
	v.uploader.Wake()
	if err := v.engine.FindOrphans(); err != nil {
		return err
	}
	v.engine.SweepSoon()
	for {
		list, err := v.meta.Alterations(some)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, a := range list {
			v.mount.NameChanged(a.Parent, a.Name)
		}
		if err := v.meta.ForgetAlterations(list[len(list)-1].ID); err != nil {
			return err
		}
	}
}
