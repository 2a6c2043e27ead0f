package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Client asks a live mount. Its methods may be used concurrently; each opens a
// connection of its own. An error that the daemon reported is an *Error; a
// daemon that is there and does not answer gives os.ErrDeadlineExceeded.
type Client struct {
	path    string
	silence time.Duration // how long the server may say nothing
}

// Dial returns a Client for the socket at path. It connects once to see that
// somebody listens; ErrNotRunning when nobody does.
func Dial(path string) (*Client, error) {
	conn, err := connect(path)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	conn.Close()
	return &Client{path: path, silence: usual().silence}, nil
}

// Status asks for the state of the mount.
func (c *Client) Status(ctx context.Context) (Status, error) {
	last, err := c.do(ctx, request{Verb: verbStatus}, nil)
	if err != nil {
		return Status{}, err
	}
	if last.Status == nil {
		return Status{}, c.wrap(verbStatus, errUnexpected)
	}
	return *last.Status, nil
}

// Drain waits until everything is in S3. It calls report, which may be nil, for
// every Progress; when ctx ends, the wait ends.
func (c *Client) Drain(ctx context.Context, report func(Progress)) error {
	last, err := c.do(ctx, request{Verb: verbDrain}, report)
	if err == nil && !last.Done {
		err = c.wrap(verbDrain, errUnexpected)
	}
	return err
}

// Wake has the mount look at what was changed in the database.
func (c *Client) Wake(ctx context.Context) error {
	last, err := c.do(ctx, request{Verb: verbWake}, nil)
	if err == nil && !last.Done {
		err = c.wrap(verbWake, errUnexpected)
	}
	return err
}

// Unmount asks the mount to end, after draining when drain is set. When ctx
// ends while it drains, the volume stays mounted. io.ErrUnexpectedEOF means that
// the process ended before it told the Result.
func (c *Client) Unmount(ctx context.Context, drain bool, report func(Progress)) (Result, error) {
	last, err := c.do(ctx, request{Verb: verbUnmount, Drain: drain}, report)
	if err != nil {
		return Result{}, err
	}
	if last.Result == nil {
		return Result{}, c.wrap(verbUnmount, errUnexpected)
	}
	return *last.Result, nil
}

var errUnexpected = errors.New("the mount answered something else than was asked")

func (c *Client) wrap(v verb, err error) error {
	return fmt.Errorf("%s by control socket %s: %w", v, c.path, err)
}

// do sends a request and returns its last reply. report gets the others.
func (c *Client) do(ctx context.Context, r request, report func(Progress)) (reply, error) {
	conn, err := connect(c.path)
	if err != nil {
		return reply{}, c.wrap(r.Verb, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	last, err := c.exchange(ctx, conn, r, report)
	switch {
	case ctx.Err() != nil && err != nil:
		return reply{}, c.wrap(r.Verb, ctx.Err())
	case err != nil:
		return reply{}, c.wrap(r.Verb, err)
	case last.Error != nil:
		return reply{}, c.wrap(r.Verb, last.Error)
	}
	return last, nil
}

func (c *Client) exchange(ctx context.Context, conn net.Conn, r request, report func(Progress)) (reply, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return reply{}, err
	}
	if err := c.extend(ctx, conn); err != nil {
		return reply{}, err
	}
	// A refusal may wait in the buffer although the write fails: read it first.
	_, writeErr := conn.Write(append(line, '\n'))
	in := bufio.NewScanner(conn)
	in.Buffer(nil, maxReply)
	for in.Scan() {
		if err := c.extend(ctx, conn); err != nil {
			return reply{}, err
		}
		if len(in.Bytes()) == 0 {
			continue // a sign of life
		}
		var rep reply
		if err := json.Unmarshal(in.Bytes(), &rep); err != nil {
			return reply{}, fmt.Errorf("reply is not understood: %w", err)
		}
		if rep.Progress == nil {
			return rep, nil
		}
		if report != nil {
			report(*rep.Progress)
		}
	}
	if err := in.Err(); err != nil {
		return reply{}, errors.Join(err, writeErr)
	}
	return reply{}, errors.Join(io.ErrUnexpectedEOF, writeErr)
}

// extend gives the server some more time to show that it is alive. It never
// takes back the deadline that the end of ctx has set.
func (c *Client) extend(ctx context.Context, conn net.Conn) error {
	if err := conn.SetDeadline(deadline(c.silence)); err != nil {
		return err
	}
	return ctx.Err()
}
