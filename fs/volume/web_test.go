package volume_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// freeAddress returns an address of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// withHTTP gives a volume a door for web servers.
func withHTTP(t *testing.T) func(*volume.Options) {
	address := freeAddress(t)
	return func(o *volume.Options) { o.HTTP = address }
}

// page is an answer of a volume's HTTP.
type page struct {
	status int
	header http.Header
	body   []byte
	err    error // of the body: it was cut
}

// get asks for a path, and follows no redirect.
func get(v *volumetest.Volume, path string, header ...string) page {
	v.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+v.Options.HTTP+"/"+path, nil)
	must(v.T, err)
	for _, line := range header {
		k, value, _ := strings.Cut(line, ": ")
		req.Header.Set(k, value)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return page{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return page{resp.StatusCode, resp.Header, b, err}
}

// TestHTTP: bytes before the upload, a redirect to what `contentfs url` tells after it,
// S3 reachable or not, and nothing once the volume has ended.
func TestHTTP(t *testing.T) {
	v := volumetest.Start(t, withHTTP(t))
	v.Log.Expect("the store is away")
	v.Gateway.Stop()
	content := random(3 << 20)
	v.Write("uid/image/large/a b.jpg", content)
	const path = "uid/image/large/a%20b.jpg"
	p := get(v, path)
	if p.status != http.StatusOK || !bytes.Equal(p.body, content) || p.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("before the upload: status %d, %v, %s of %s", p.status, p.err, brief(p.body), p.header.Get("Content-Type"))
	}
	tag := p.header.Get("ETag")
	if p := get(v, path, "If-None-Match: "+tag); p.status != http.StatusNotModified {
		t.Errorf("asked for what it has: status %d", p.status)
	}
	if p := get(v, path, "Range: bytes=1000000-1000099"); p.status != http.StatusPartialContent || !bytes.Equal(p.body, content[1000000:1000100]) {
		t.Errorf("a range: status %d, %s", p.status, brief(p.body))
	}
	v.Await("health to tell of the outage", func() bool {
		h := health(v)
		return h.Pending == 1 && !h.S3Reachable && h.Oldest > 0
	})
	v.Gateway.Start(t)
	awaitS3(v, "uid/image/large/a b.jpg")
	v.EvictAll()
	v.Gateway.Stop()
	p = get(v, path, "If-None-Match: "+tag)
	if want := attr(t, v.Join("uid/image/large/a b.jpg"), "user.contentfs.url"); p.status != http.StatusFound || p.header.Get("Location") != want {
		t.Errorf("after the upload: status %d to %s, not to %s", p.status, p.header.Get("Location"), want)
	}
	v.Gateway.Start(t)
	v.Await("health to tell that all is well", func() bool { h := health(v); return h.Pending == 0 && h.S3Reachable })
	v.Unmount()
	if p := get(v, path); p.err == nil {
		t.Errorf("after the end: status %d", p.status)
	}
	v.Mount()
	if p := get(v, path); p.status != http.StatusFound {
		t.Errorf("after the next mount: status %d, %v", p.status, p.err)
	}
}

type healthPage struct {
	Mounted     bool    `json:"mounted"`
	S3Reachable bool    `json:"s3_reachable"`
	Pending     int64   `json:"pending"`
	Oldest      float64 `json:"oldest_unuploaded_seconds"`
}

func health(v *volumetest.Volume) (h healthPage) {
	v.Helper()
	p := get(v, "healthz")
	must(v.T, errors.Join(p.err, json.Unmarshal(p.body, &h)))
	if p.status != http.StatusOK || !h.Mounted {
		v.Errorf("health: status %d, %s", p.status, p.body)
	}
	return h
}

// TestHTTPAddressInUse: it is told, and there is no mount then.
func TestHTTPAddressInUse(t *testing.T) {
	v := volumetest.Start(t, nil)
	v.Unmount()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	v.Options.HTTP = l.Addr().String()
	if err := v.TryMount(); !errors.Is(err, volume.ErrListen) || !strings.Contains(err.Error(), v.Options.HTTP) {
		t.Errorf("the mount says %v", err)
	}
	if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || strings.Contains(string(mounts), v.Path) {
		t.Errorf("there is a mount, %v", err)
	}
	must(t, l.Close())
	v.Mount()
	if h := health(v); h.Pending != 0 {
		t.Errorf("%+v", h)
	}
}

// TestHTTPForOthers: who listens for other machines is warned.
func TestHTTPForOthers(t *testing.T) {
	address := freeAddress(t)
	const warning = "HTTP is served to other machines"
	v := volumetest.Start(t, func(o *volume.Options) {
		_, port, _ := net.SplitHostPort(address)
		o.HTTP = ":" + port
		o.Log.Handler().(*volumetest.Log).Expect(warning)
	})
	if v.Log.Seen(warning) != 1 {
		t.Errorf("warned %d times", v.Log.Seen(warning))
	}
	v.Unmount()
	v.Options.HTTP = address
	v.Mount()
	if v.Log.Seen(warning) != 1 {
		t.Errorf("warned of loopback")
	}
}

// TestHTTPEndsWithSlowReader: a visitor who does not read does not hold up the end.
func TestHTTPEndsWithSlowReader(t *testing.T) {
	v := volumetest.Start(t, func(o *volume.Options) {
		withHTTP(t)(o)
		o.Drain, o.Debounce = 0, time.Hour // the content is to stay here
	})
	v.Write("f", random(24<<20))
	conn, err := net.Dial("tcp", v.Options.HTTP)
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /f HTTP/1.1\r\nHost: here\r\n\r\n")
	must(t, err)
	_, err = io.ReadFull(conn, make([]byte, 100))
	must(t, err)
	within(t, 30*time.Second, "the end", v.Unmount)
}
