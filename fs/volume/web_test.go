package volume_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
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

// TestHTTPWhileWritten: applications replace a file, truncate it, and change it in
// place, while visitors get it: each of them gets one content whole, or is cut off, or
// told to come again.
func TestHTTPWhileWritten(t *testing.T) {
	configure := withHTTP(t)
	volumetest.Each(t, configure, func(v *volumetest.Volume) {
		const size = 1 << 20
		fill := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, size) }
		v.Write("f", fill(0))
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var tags sync.Map
		var whole [2]int // answers with all of a content, by visitor
		for i := range whole {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if err := oneContent(get(v, "f"), size, &tags, &whole[i]); err != nil {
						v.Error(err)
					}
				}
			})
		}
		for i := range 45 {
			switch i % 3 {
			case 0:
				v.Write("tmp", fill(i))
				must(v.T, os.Rename(v.Join("tmp"), v.Join("f")))
			case 1:
				v.Write("f", fill(i))
			default:
				f := open(v, "f", os.O_RDWR)
				write(v.T, f, fill(i), 0)
				must(v.T, f.Close())
			}
			if i%9 == 8 {
				awaitS3(v, "f") // from now on a writer gets this very file
			}
		}
		v.Await("the last content", func() bool {
			p := get(v, "f")
			return p.status == http.StatusFound || p.status == http.StatusOK && p.err == nil
		})
		close(stop)
		wg.Wait()
		if whole[0]+whole[1] == 0 {
			v.Error("no visitor got anything")
		}
	})
}

// oneContent returns an error unless the page is from one content, or none.
func oneContent(p page, size int, tags *sync.Map, whole *int) error {
	switch {
	case p.status == http.StatusServiceUnavailable, p.status == http.StatusFound, p.status == 0:
		return nil
	case p.status != http.StatusOK:
		return fmt.Errorf("status %d", p.status)
	case p.err == nil && len(p.body) != size:
		return fmt.Errorf("%d bytes", len(p.body))
	case len(p.body) == 0:
		return nil
	}
	if bytes.Count(p.body, p.body[:1]) != len(p.body) {
		return fmt.Errorf("a mixture: %s", brief(p.body))
	}
	if first, _ := tags.LoadOrStore(p.header.Get("ETag"), p.body[0]); first != p.body[0] {
		return fmt.Errorf("%c and %c have the ETag %s", first, p.body[0], p.header.Get("ETag"))
	}
	if p.err == nil {
		*whole++
	}
	return nil
}

// TestHTTPWhileMapped: a mapping that outlived its descriptor may write at any moment,
// so nobody gets the file as long as it is there.
func TestHTTPWhileMapped(t *testing.T) {
	volumetest.Each(t, withHTTP(t), func(v *volumetest.Volume) {
		v.Gateway.Stop() // the file is to stay here
		v.Log.Expect("the store is away")
		v.Write("f", []byte("first content"))
		c := speak(v.T, "mmap", v.Join("f"))
		c.do("store 0 FIRST")
		c.do("close")
		if p := get(v, "f"); p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") == "" {
			v.Errorf("while it is mapped: status %d, %s", p.status, brief(p.body))
		}
		c.do("store 6 CONTENT")
		c.do("unmap")
		v.Await("the content as it was left", func() bool {
			p := get(v, "f")
			return p.status == http.StatusOK && string(p.body) == "FIRST CONTENT"
		})
		c.end()
		v.Gateway.Start(v.T)
		expectObject(v, "f", []byte("FIRST CONTENT"))
	})
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
