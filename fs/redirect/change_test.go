package redirect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"contentfs/fs/content"
)

// large is more than the sockets between server and client hold.
const large = 24 << 20

// begin asks for a file and reads the beginning of the answer only.
func (e *env) begin(path string) (resp *http.Response, beginning string) {
	e.Helper()
	req, err := http.NewRequest(http.MethodGet, e.server.URL+path, nil)
	e.must(err)
	resp, err = (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	e.must(err)
	e.Cleanup(func() { resp.Body.Close() })
	b := make([]byte, 1000)
	_, err = io.ReadFull(resp.Body, b)
	e.must(err)
	return resp, string(b)
}

// rest reads to the end, and counts bytes that are not c.
func rest(resp *http.Response, c byte) (n, others int64, err error) {
	b := make([]byte, 64<<10)
	for {
		k, err := resp.Body.Read(b)
		for _, got := range b[:k] {
			if got != c {
				others++
			}
		}
		n += int64(k)
		if errors.Is(err, io.EOF) {
			return n, others, nil
		}
		if err != nil {
			return n, others, err
		}
	}
}

// TestReplacedWhileSent: a writer with a file of its own is not in the way of an
// answer, nor the answer in the writer's.
func TestReplacedWhileSent(t *testing.T) {
	e := newEnv(t, "")
	e.save("/f", strings.Repeat("a", large))
	for _, how := range []string{"truncated", "changed in place"} {
		v, err := e.Engine.Meta.Current(e.node("/f", 0, "").Ino)
		e.must(err)
		want := byte('a')
		if how != "truncated" {
			want = 'b'
		}
		resp, _ := e.begin("/f")
		if how == "truncated" {
			e.save("/f", strings.Repeat("b", large))
		} else {
			h := e.open("/f", os.O_RDWR)
			e.write(h, strings.Repeat("c", 1<<20))
			e.Engine.Release(h)
		}
		n, others, err := rest(resp, want)
		if n != large-1000 || others != 0 || err != nil {
			t.Errorf("%s: %d bytes, %d of them others, %v", how, n, others, err)
		}
		if resp.Header.Get("ETag") != etag(&v) {
			t.Errorf("%s: the ETag is not that of the version that was sent", how)
		}
	}
}

// TestChangedInPlaceWhileSent: a version that is safe elsewhere gives its file to the
// writer, and the answer is cut off before it has a byte of what is written.
func TestChangedInPlaceWhileSent(t *testing.T) {
	for _, closes := range []bool{false, true} {
		t.Run(fmt.Sprint("closes=", closes), func(t *testing.T) {
			e := newEnv(t, "")
			v := e.save("/f", strings.Repeat("a", large))
			resp, _ := e.begin("/f")
			e.store(v) // from now on it is safe elsewhere
			h := e.open("/f", os.O_RDWR)
			_, err := e.Engine.Write(h, []byte(strings.Repeat("b", large)), 0)
			e.must(err)
			if closes {
				e.must(e.Engine.Flush(context.Background(), h))
				e.Engine.Release(h)
				next, err := e.Engine.Meta.Current(v.Ino)
				e.must(err)
				if next.File != v.File {
					t.Fatal("the writer has a file of its own: nothing is tested")
				}
			} else {
				t.Cleanup(func() { e.Engine.Release(h) })
			}
			n, others, err := rest(resp, 'a')
			if err == nil || others != 0 {
				t.Errorf("%d bytes, %d of them others, %v", n, others, err)
			}
		})
	}
}

// TestOpenWriter: while a writer holds the very file that was committed, nobody can
// say what it has; while it has another, the committed content is served.
func TestOpenWriter(t *testing.T) {
	e := newEnv(t, "")
	e.save("/f", "one")
	h := e.open("/f", os.O_RDWR|os.O_TRUNC)
	_, err := e.Engine.Write(h, []byte("two"), 0)
	e.must(err)
	if r := e.want(e.get("/f"), http.StatusOK); r.body != "one" {
		t.Errorf("beside the draft: %q", r.body)
	}
	e.must(e.Engine.Fsync(context.Background(), h))
	e.header(e.want(e.get("/f"), http.StatusServiceUnavailable), "Retry-After", "1")
	// The release comes while somebody asks.
	got := make(chan reply, 1)
	go func() { got <- e.get("/f") }()
	e.Engine.Release(h)
	if r := e.want(<-got, http.StatusOK); r.body != "two" {
		t.Errorf("after the release: %q", r.body)
	}
}

// witness judges answers to requests for a file whose every content is one byte,
// repeated size times.
type witness struct {
	*env
	size int
	tags sync.Map // the byte by ETag
}

func (w *witness) judge(r reply) {
	switch {
	case r.StatusCode == http.StatusServiceUnavailable, r.StatusCode == http.StatusFound:
	case r.StatusCode != http.StatusOK:
		w.Errorf("status %d", r.StatusCode)
	case r.err == nil && len(r.body) != w.size:
		w.Errorf("%d bytes", len(r.body))
	case r.body != "":
		if n := strings.Count(r.body, r.body[:1]); n != len(r.body) {
			w.Errorf("a mixture of %d bytes, %v", len(r.body), r.err)
		}
		if first, _ := w.tags.LoadOrStore(r.Header.Get("ETag"), r.body[0]); first != r.body[0] {
			w.Errorf("%q and %q have the ETag %s", first, r.body[0], r.Header.Get("ETag"))
		}
	}
}

// TestNeverAMixture: answers while a file is written anew again and again, in every
// way, are one version's or cut off, and so is what an ETag stands for.
func TestNeverAMixture(t *testing.T) {
	e := newEnv(t, "")
	const size = 1 << 20
	e.save("/f", strings.Repeat("0", size))
	w := &witness{env: e, size: size}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.judge(e.get("/f"))
				}
			}
		})
	}
	for i := range 60 {
		text := strings.Repeat(string(rune('a'+i%26)), size)
		switch i % 3 {
		case 0:
			e.save("/f", text)
		case 1:
			h := e.open("/f", os.O_RDWR)
			e.write(h, text)
			e.Engine.Release(h)
		default:
			v, err := e.Engine.Meta.Current(e.node("/f", 0, "").Ino)
			e.must(err)
			e.store(v)
			h := e.open("/f", os.O_RDWR) // in place
			e.write(h, text)
			e.Engine.Release(h)
		}
	}
	close(stop)
	wg.Wait()
}

// TestWriteBackdated: that a writer sets the time back hides nothing.
func TestWriteBackdated(t *testing.T) {
	e := newEnv(t, "")
	v := e.save("/f", strings.Repeat("a", 1000))
	c, err := e.Engine.OpenCommitted(context.Background(), v.Ino)
	e.must(err)
	defer c.Close()
	b := make([]byte, 100)
	_, err = c.ReadAt(b, 0)
	e.must(err)
	e.store(v)
	h := e.open("/f", os.O_RDWR)
	_, err = e.Engine.Write(h, []byte(strings.Repeat("b", 1000)), 0)
	e.must(err)
	f, err := e.Engine.Local.OpenWrite(localID(v.File))
	e.must(err)
	e.must(f.SetTimes(v.Mtime, v.Mtime))
	f.Close()
	if _, err := c.ReadAt(b, 0); !errors.Is(err, content.ErrChanging) {
		t.Errorf("while the writer is there: %v", err)
	}
	e.must(e.Engine.Flush(context.Background(), h))
	e.Engine.Release(h)
	if _, err := c.ReadAt(b, 0); !errors.Is(err, content.ErrChanging) {
		t.Errorf("after it: %v, read %q", err, b[:1])
	}
}

// TestEvictedWhileSent: bytes that leave this server are still those of the version.
func TestEvictedWhileSent(t *testing.T) {
	e := newEnv(t, "")
	v := e.save("/f", strings.Repeat("a", large))
	resp, _ := e.begin("/f")
	e.must(e.Engine.Meta.Settled(v.ID))
	e.store(v)
	e.must(e.Engine.Meta.Evict(v.ID, v.File))
	e.must(e.Engine.Local.Remove([]localID{localID(v.File)}))
	if n, others, err := rest(resp, 'a'); n != large-1000 || others != 0 || err != nil {
		t.Errorf("%d bytes, %d of them others, %v", n, others, err)
	}
}

// await waits until the condition holds.
func (e *env) await(what string, condition func() bool) {
	e.Helper()
	for limit := time.Now().Add(time.Minute); !condition(); <-time.After(time.Millisecond) {
		if time.Now().After(limit) {
			e.Fatalf("waited in vain for: %s", what)
		}
	}
}
