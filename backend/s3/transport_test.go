package s3

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// slowReader delivers n single bytes, each after a pause.
type slowReader struct {
	n     int
	pause func(left int)
}

func (r *slowReader) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	r.pause(r.n)
	r.n--
	p[0] = 'x'
	return 1, nil
}

// send posts body through a watchdog of 20 s.
func send(t *testing.T, body io.Reader, next roundTripper) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://host/", body)
	if err != nil {
		t.Fatal(err)
	}
	return (&watchdog{next: next, stall: 20 * time.Second}).RoundTrip(req)
}

func answer(r *http.Request, body io.Reader) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(body)}
}

func TestSlowButMovingIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(int) { time.Sleep(19 * time.Second) }
		resp, err := send(t, &slowReader{n: 100, pause: slow}, func(r *http.Request) (*http.Response, error) {
			if n, err := io.Copy(io.Discard, r.Body); n != 100 || err != nil {
				t.Errorf("sent %d bytes, %v", n, err)
			}
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			return answer(r, &slowReader{n: 100, pause: slow}), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		time.Sleep(time.Hour) // the reader's own pause
		if n, err := io.Copy(io.Discard, resp.Body); n != 100 || err != nil || resp.Request.Context().Err() != nil {
			t.Errorf("received %d bytes, %v, %v", n, err, resp.Request.Context().Err())
		}
	})
}

func TestStallWhileWaitingForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := send(t, bytes.NewReader([]byte("body")), func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		if !errors.Is(err, errStalled) || time.Since(start) != 20*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestStallWhileReceiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resp, err := send(t, nil, func(r *http.Request) (*http.Response, error) {
			ctx := r.Context()
			return answer(r, io.MultiReader(bytes.NewReader([]byte("abc")), readFunc(func([]byte) (int, error) {
				<-ctx.Done()
				return 0, ctx.Err()
			}))), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		start := time.Now()
		got, err := io.ReadAll(resp.Body)
		if string(got) != "abc" || !errors.Is(err, errStalled) || time.Since(start) != 20*time.Second {
			t.Errorf("%q after %v: %v", got, time.Since(start), err)
		}
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestCompleteMayTakeLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		req, err := http.NewRequestWithContext(withStall(t.Context(), completeStall), http.MethodPost, "http://host/", nil)
		if err != nil {
			t.Fatal(err)
		}
		slow := roundTripper(func(r *http.Request) (*http.Response, error) {
			time.Sleep(90 * time.Second)
			return answer(r, http.NoBody), r.Context().Err()
		})
		resp, err := (&watchdog{next: slow, stall: 20 * time.Second}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
}
