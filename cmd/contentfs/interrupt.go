package main

import (
	"context"
	"errors"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

// interruptible makes an action end its context on SIGINT and SIGTERM. A second
// signal ends the process.
func interruptible(action func(ctx context.Context, c *cli.Context) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop)
		err := action(ctx, c)
		if err != nil && ctx.Err() != nil && c.Context.Err() == nil && errors.Is(err, context.Canceled) {
			return interrupted(err)
		}
		return err
	}
}

// interrupted keeps the remedy of a failure that a signal caused.
func interrupted(err error) error {
	var f *failure
	if errors.As(err, &f) {
		return &failure{code: exitInterrupted, what: f.what, err: f.err, try: f.try}
	}
	return err
}
