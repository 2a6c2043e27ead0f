package redirect

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// run serves on a listener of its own until stop is called, which returns what Run said.
func (e *env) run() (address string, stop func() error) {
	e.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Handler.Run(ctx, l) }()
	return l.Addr().String(), func() error { cancel(); return <-done }
}

// TestEnd: no request comes any more, and one that is under way goes on.
func TestEnd(t *testing.T) {
	e := newEnv(t, "")
	e.save("/f", strings.Repeat("a", large))
	address, stop := e.run()
	resp, err := (&http.Transport{}).RoundTrip(request(e, "http://"+address+"/f"))
	e.must(err)
	defer resp.Body.Close()
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	e.await("the listener to be closed", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if n, others, err := rest(resp, 'a'); n != large || others != 0 || err != nil {
		t.Errorf("%d bytes, %d of them others, %v", n, others, err)
	}
	e.must(<-ended)
}

// TestEndCutsOff: who does not read is not waited for.
func TestEndCutsOff(t *testing.T) {
	e := newEnv(t, "")
	e.save("/f", strings.Repeat("a", large))
	address, stop := e.run()
	resp, err := (&http.Transport{}).RoundTrip(request(e, "http://"+address+"/f"))
	e.must(err)
	defer resp.Body.Close()
	begin := time.Now()
	e.must(stop())
	if took := time.Since(begin); took > closing+10*time.Second {
		t.Errorf("the end took %v", took)
	}
	if n, _, err := rest(resp, 'a'); err == nil {
		t.Errorf("all %d bytes came", n)
	}
	if len(e.running) != cap(e.running) {
		t.Error("requests may begin after the end")
	}
}

func request(e *env, url string) *http.Request {
	e.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	e.must(err)
	return req
}

// TestListenerFails: that is told.
func TestListenerFails(t *testing.T) {
	e := newEnv(t, "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	l.Close()
	if err := e.Handler.Run(context.Background(), l); err == nil {
		t.Error("no error")
	}
}

// TestLimit: connections above the bound wait until there is room.
func TestLimit(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(inner, 1)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	for range 2 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-accepted
	select {
	case <-accepted:
		t.Fatal("two connections at once")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	first.Close() // makes room once
	second := <-accepted
	defer second.Close()
	if len(l.free) != 1 {
		t.Errorf("%d places are taken", len(l.free))
	}
	l.Close()
	if err := <-ended; err == nil {
		t.Error("no error after the end")
	}
}

// slow is a client's side of a connection whose deadlines are seen.
type slow struct {
	http.ResponseWriter
	deadlines []time.Time
}

func (s *slow) SetWriteDeadline(t time.Time) error { s.deadlines = append(s.deadlines, t); return nil }

func (s *slow) Write(p []byte) (int, error) { return len(p), nil }

func (s *slow) Header() http.Header { return http.Header{} }

// TestProgress: every write has a deadline of its own, so that only who does not read
// is cut off.
func TestProgress(t *testing.T) {
	s := &slow{}
	w := newResponse(s)
	for range 3 {
		begin, n := time.Now(), len(s.deadlines)
		if _, err := io.WriteString(w, "text"); err != nil {
			t.Fatal(err)
		}
		if len(s.deadlines) <= n || s.deadlines[n].Before(begin.Add(patience)) {
			t.Errorf("deadlines %v after a write at %v", s.deadlines[n:], begin)
		}
	}
	if w.bytes != 12 || w.status != http.StatusOK {
		t.Errorf("%d bytes, status %d", w.bytes, w.status)
	}
}
