package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// raw sends bytes on a connection of its own and returns all that came back.
func raw(t *testing.T, path string, b []byte, half bool) []byte {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	conn.Write(b) // may fail: the server may have answered and gone
	if half {
		conn.(*net.UnixConn).CloseWrite()
	}
	got, err := io.ReadAll(conn)
	// A server that closes on unread bytes resets the connection after its answer.
	if err != nil && len(got) == 0 {
		t.Fatalf("no answer to %.60q: %v", b, err)
	}
	return got
}

func TestHostileRequests(t *testing.T) {
	h := &handler{status: func(context.Context) (Status, error) {
		t.Error("a bad request reached the handler")
		return Status{}, nil
	}}
	path, _ := serving(t, &Server{Handler: h})
	for name, line := range map[string]string{
		"empty":          "\n",
		"no json":        "status\n",
		"array":          "[1]\n",
		"null":           "null\n",
		"unknown verb":   `{"verb":"` + strings.Repeat("x", 3000) + "\"}\n",
		"unknown member": `{"verb":"status","force":true}` + "\n",
		"two values":     `{"verb":"status"}{"verb":"status"}` + "\n",
		"wrong type":     `{"verb":"unmount","drain":"yes"}` + "\n",
		"stray option":   `{"verb":"status","drain":true}` + "\n",
		"too long":       `{"verb":"` + strings.Repeat("y", 1<<16) + "\"}\n",
		"no line end":    strings.Repeat("z", maxRequest),
		"deep":           strings.Repeat("[", 4000) + "\n",
		"nul bytes":      "\x00\x00\x00\n",
	} {
		t.Run(name, func(t *testing.T) {
			var r reply
			got := raw(t, path, []byte(line), false)
			if err := json.Unmarshal(got, &r); err != nil || r.Error == nil || r.Error.Code != BadRequest {
				t.Errorf("answer %q", got)
			}
			if len(got) > 512 {
				t.Errorf("answer of %d bytes echoes its input", len(got))
			}
		})
	}
}

func TestUnfinishedRequestIsDropped(t *testing.T) {
	path, _ := serving(t, &Server{Handler: &handler{}})
	if got := raw(t, path, []byte(`{"verb":"stat`), true); len(got) != 0 {
		t.Errorf("answer %q", got)
	}
}

func TestSilentClientIsDropped(t *testing.T) {
	tm := usual()
	tm.request = 20 * time.Millisecond
	path, _ := serving(t, &Server{Handler: &handler{}, timing: tm})
	if got := raw(t, path, []byte(`{`), false); len(got) != 0 {
		t.Errorf("answer %q", got)
	}
}

func TestClientThatDoesNotReadEndsItsRequest(t *testing.T) {
	tm := usual()
	tm.reply = 50 * time.Millisecond
	ended := make(chan struct{})
	path, _ := serving(t, &Server{timing: tm, Handler: &handler{drain: func(ctx context.Context, report func(Progress)) error {
		defer close(ended)
		big := Progress{S3: S3Status{Error: strings.Repeat("e", 1<<16)}}
		for ctx.Err() == nil {
			report(big)
		}
		return ctx.Err()
	}}})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("{\"verb\":\"drain\"}\n")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("a client that reads nothing holds the handler")
	}
}

func TestManyIdleConnectionsDoNotLockOthersOut(t *testing.T) {
	tm := usual()
	tm.request = 50 * time.Millisecond
	path, _ := serving(t, &Server{Handler: &handler{}, timing: tm})
	for range 2 * maxConcurrent {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if _, err := dial(t, path).Status(t.Context()); err != nil {
		t.Errorf("status beside idle connections: %v", err)
	}
}

// speaking answers every connection with the same bytes and closes it when
// hang is not set.
func speaking(t *testing.T, answer []byte, hang bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := bufio.NewReader(conn).ReadBytes('\n'); err != nil {
					return
				}
				conn.Write(answer)
				if hang {
					io.Copy(io.Discard, conn)
				}
			}()
		}
	}()
	return path
}

func TestClientAgainstBadServers(t *testing.T) {
	for name, answer := range map[string][]byte{
		"nothing":     nil,
		"half a line": []byte(`{"stat`),
		"no json":     []byte("hello\n"),
		"other reply": []byte("{\"done\":true}\n"),
		"endless":     bytes.Repeat([]byte("x"), maxReply+1),
	} {
		t.Run(name, func(t *testing.T) {
			if st, err := dial(t, speaking(t, answer, false)).Status(t.Context()); err == nil {
				t.Errorf("got %+v", st)
			}
		})
	}
}

func TestClientGivesUpOnSilence(t *testing.T) {
	c := dial(t, speaking(t, nil, true))
	c.silence = 20 * time.Millisecond
	if _, err := c.Status(t.Context()); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestSignsOfLifeKeepTheClientWaiting(t *testing.T) {
	tm := usual()
	tm.beat = 10 * time.Millisecond
	release := make(chan struct{})
	path, _ := serving(t, &Server{timing: tm, Handler: &handler{drain: func(context.Context, func(Progress)) error {
		<-release
		return nil
	}}})
	c := dial(t, path)
	c.silence = time.Second
	time.AfterFunc(1500*time.Millisecond, func() { close(release) })
	if err := c.Drain(t.Context(), nil); err != nil {
		t.Errorf("a slow drain looked dead: %v", err)
	}
}
