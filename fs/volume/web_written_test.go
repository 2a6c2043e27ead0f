package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

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
				// Who reads and who writes share a file, which is the committed one.
				reader := open(v, "f", os.O_RDONLY)
				f := open(v, "f", os.O_RDWR)
				write(v.T, f, fill(i), 0)
				must(v.T, errors.Join(f.Close(), reader.Close()))
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

// TestHTTPChangedInPlace: the application writes to the very file that a visitor is
// being sent, which it does because somebody else there has it open. The visitor is cut
// off before the first byte of that.
func TestHTTPChangedInPlace(t *testing.T) {
	stay := withHTTP(t)
	volumetest.Each(t, func(o *volume.Options) { stay(o); o.Debounce, o.Drain = time.Hour, 0 }, func(v *volumetest.Volume) {
		const size = 24 << 20 // more than the sockets hold
		v.Write("f", bytes.Repeat([]byte("a"), size))
		visitor, sent := beginGet(v, "f")
		reader, f := open(v, "f", os.O_RDONLY), open(v, "f", os.O_RDWR)
		write(v.T, f, bytes.Repeat([]byte("b"), size), 0)
		rest, err := io.ReadAll(visitor)
		if n := sent + len(rest); err == nil || n >= size || bytes.Count(rest, []byte("a")) != len(rest) {
			v.Errorf("while it is written to: %d bytes ending in %s, %v", n, brief(rest), err)
		}
		must(v.T, errors.Join(f.Close(), reader.Close()))
		if p := get(v, "f"); p.status != http.StatusOK || bytes.Count(p.body, []byte("b")) != size {
			v.Errorf("after it: status %d, %s", p.status, brief(p.body))
		}
	})
}

// beginGet asks for a file and takes the first bytes of it.
func beginGet(v *volumetest.Volume, path string) (rest io.Reader, taken int) {
	v.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+v.Options.HTTP+"/"+path, nil)
	must(v.T, err)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	must(v.T, err)
	v.Cleanup(func() { resp.Body.Close() })
	first := make([]byte, 1000)
	_, err = io.ReadFull(resp.Body, first)
	must(v.T, err)
	return resp.Body, len(first)
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
