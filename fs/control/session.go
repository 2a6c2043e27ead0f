package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// session is one connection: one request and its replies.
type session struct {
	conn    net.Conn
	handler Handler
	log     *slog.Logger
	own     int // the user id of the daemon
	timing  timing

	mu  sync.Mutex // guards writes to conn, so that lines never mix
	err error      // guarded by mu; the first failure to write, which ends all writing
}

// serve answers the request on the connection. It does not close it.
func (s *session) serve(ctx context.Context) {
	uid, err := peerUID(s.conn)
	if err != nil || !allowed(uid, s.own) {
		s.log.Warn("control request refused", "uid", uid, "error", err)
		s.send(reply{Error: &Error{Code: Denied, Text: "only root and the user of the mount may use its control socket"}})
		return
	}
	s.conn.SetReadDeadline(deadline(s.timing.request))
	in := bufio.NewReaderSize(s.conn, maxRequest)
	line, err := in.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return // gone, or silent: there is nobody to answer
	}
	var req request
	if err == nil {
		req, err = parseRequest(line[:len(line)-1])
	} else {
		err = fmt.Errorf("request is longer than %d bytes", maxRequest)
	}
	if err != nil {
		s.send(reply{Error: &Error{Code: BadRequest, Text: err.Error()}})
		return
	}
	s.conn.SetReadDeadline(time.Time{})
	s.answer(ctx, in, req)
}

// answer carries out the request while it watches over the client. All that it
// starts has ended when it returns.
func (s *session) answer(ctx context.Context, in io.Reader, req request) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		// A client has nothing more to say: whatever ends the read, its end of
		// the connection or the deadline set below, the request is over.
		io.Copy(io.Discard, in)
		cancel()
	})
	wg.Go(func() { s.beat(ctx) })

	last := call(ctx, s.handler, req, func(p Progress) {
		if s.send(reply{Progress: &p}) != nil {
			cancel()
		}
	}, s.log)
	s.send(last)
	cancel()
	s.conn.SetReadDeadline(time.Unix(1, 0))
	wg.Wait()
}

// beat sends a sign of life from time to time until ctx ends.
func (s *session) beat(ctx context.Context) {
	t := time.NewTicker(s.timing.beat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.write([]byte("\n"))
		}
	}
}

// send writes one reply.
func (s *session) send(r reply) error {
	line, err := json.Marshal(r)
	if err != nil {
		// Not reachable with the types of this package, but a silent end would
		// look like a crash.
		line = fmt.Appendf(nil, `{"error":{"code":%q,"text":"reply cannot be written"}}`, Internal)
		s.log.Error("control reply", "error", err)
	}
	return s.write(append(line, '\n'))
}

// write sends a line. After a failure the stream may have been cut within a
// line, so that nothing more is sent.
func (s *session) write(line []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.conn.SetWriteDeadline(deadline(s.timing.reply))
	_, s.err = s.conn.Write(line)
	return s.err
}
