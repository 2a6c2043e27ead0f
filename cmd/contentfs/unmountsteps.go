package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"contentfs/fs/control"
)

// drainFor waits for uploads no longer than wait. It returns whether all of them
// were done, so that the unmount may wait for the last ones, too.
func drainFor(ctx context.Context, client *control.Client, wait time.Duration, g *progress) (done bool, err error) {
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err = client.Drain(limited, g.report)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return false, nil
	}
	return err == nil, err
}

// unmountFailure tells why a volume is still mounted, or that this is not known.
func (p *program) unmountFailure(ctx context.Context, t *target, err error) error {
	f := &failure{code: exitFailed, what: "unmount " + t.name, err: err}
	var remote *control.Error
	switch {
	case ctx.Err() != nil:
		f.code, f.err = exitInterrupted, errors.New("given up, the volume stays mounted")
		f.try = fmt.Sprintf("contentfs unmount --no-drain %s; what is waiting goes on with the next mount", t.name)
	case errors.As(err, &remote) && remote.Code == control.Denied:
		f.code, f.try = exitConfig, "as root, or as the user of the mount"
	}
	return f
}
