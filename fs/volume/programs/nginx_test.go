package programs_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// nginxConfig keeps all that nginx writes beside the place. As one process, it does
// not become another user.
const nginxConfig = `
daemon off;
master_process off;
pid ASIDE/nginx.pid;
error_log stderr warn;
events {}
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	etag on;
	client_max_body_size 8m;
	client_body_temp_path ASIDE/body;
	proxy_temp_path ASIDE/proxy;
	fastcgi_temp_path ASIDE/fastcgi;
	uwsgi_temp_path ASIDE/uwsgi;
	scgi_temp_path ASIDE/scgi;
	server {
		listen ADDRESS;
		root DIR/site;
		location /dav/ {
		dav_methods PUT DELETE MKCOL COPY MOVE;
		create_full_put_path on;
		dav_access user:rw group:r all:r;
		}
	}
}
`

// testNginx: what is served is whole while others replace it by rename, and what
// WebDAV brings gets there.
func testNginx(p *place) {
	address := p.freeAddress()
	config := p.config("nginx.conf", replaceAll(nginxConfig, "ADDRESS", address))
	const version = `c=$(printf %d $(($1 % 10))); head -c 300000 /dev/zero | tr '\0' "$c" >site/tmp; mv site/tmp site/page; `
	p.sh(`mkdir -p site/dav; `+version, "0")
	p.serve(address, "nginx", "-e", "stderr", "-c", config)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var whole, parts visitor
	wg.Go(func() { whole.visit(stop, "http://"+address+"/page", "", 300_000) })
	wg.Go(func() { parts.visit(stop, "http://"+address+"/page", "bytes=100000-299999", 200_000) })
	p.sh(`for i in {1..25}; do set -- $i; ` + version + `done`)
	for _, v := range []*visitor{&whole, &parts} {
		p.await("pages after the last change", func() bool { return v.count() >= 20 })
	}
	close(stop)
	wg.Wait()
	for _, v := range []*visitor{&whole, &parts} {
		for _, err := range v.errs {
			p.Error(err)
		}
	}
	const dav = `curl -sS -o /dev/null -w '%{http_code}\n' `
	p.said = append(p.said,
		p.posted(dav+`-T site/page "http://$1/dav/a/b/page"; cmp site/page site/dav/a/b/page`, address),
		p.posted(dav+`-T site/page "http://$1/dav/a/b/page"`, address),
		p.posted(dav+`-X MOVE -H "Destination: http://$1/dav/moved" "http://$1/dav/a/b/page"`, address),
		p.posted(dav+`-X COPY -H "Destination: http://$1/dav/copied" "http://$1/dav/moved"`, address),
		p.posted(dav+`-X MKCOL "http://$1/dav/new/"; `+dav+`-X DELETE "http://$1/dav/a/"`, address),
		p.posted(dav+`-H 'Range: bytes=5-9,20-29' "http://$1/page"; curl -sS -r -5 "http://$1/page"`, address),
		p.posted(`curl -sSI "http://$1/page" | grep -i -E '^(HTTP|content-length|accept)'; cp -p site/page same
			t=$(curl -sSI "http://$1/page" | tr -d '\r' | sed -n 's/^ETag: //p'); `+dav+`-H "If-None-Match: $t" "http://$1/page"`, address))
}

// visitor gets a page again and again.
type visitor struct {
	mu   sync.Mutex // guards what follows
	n    int
	errs []error
}

func (v *visitor) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.n
}

// visit notes everything that is not one version's content of size bytes.
func (v *visitor) visit(stop <-chan struct{}, url, byteRange string, size int) {
	client := &http.Client{Transport: &http.Transport{Proxy: nil}, Timeout: limit}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-stop:
			return
		default:
		}
		err := get(client, url, byteRange, size)
		v.mu.Lock()
		v.n++
		if err != nil {
			v.errs = append(v.errs, err)
		}
		v.mu.Unlock()
		<-time.After(time.Millisecond)
	}
}

func get(client *http.Client, url, byteRange string, size int) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	want := http.StatusOK
	if byteRange != "" {
		want = http.StatusPartialContent
		req.Header.Set("Range", byteRange)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("after %d bytes of %s: %w", len(body), url, err)
	}
	if resp.StatusCode != want || len(body) != size {
		return fmt.Errorf("status %s, %d bytes of %s", resp.Status, len(body), url)
	}
	for i, b := range body {
		if b != body[0] || b < '0' || b > '9' {
			return fmt.Errorf("a mixture from byte %d on: %q after %q", i, b, body[0])
		}
	}
	return nil
}
