package programs_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// webServers are those that stand in front of a volume's HTTP, each with what its
// configuration needs besides what README.md tells administrators to put there.
var webServers = []struct {
	name    string
	snippet string // what stands in front of the configuration in README.md
	config  string // SNIPPET in it is that configuration
	command func(config string) []string
}{
	{"nginx", "in a `server` of nginx:", `
daemon off;
master_process off;
pid ASIDE/nginx.pid;
error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path ASIDE/body;
	proxy_temp_path ASIDE/proxy;
	fastcgi_temp_path ASIDE/fastcgi;
	uwsgi_temp_path ASIDE/uwsgi;
	scgi_temp_path ASIDE/scgi;
	server {
		listen ADDRESS;
		SNIPPET
	}
}
`, func(config string) []string { return []string{"nginx", "-e", "stderr", "-c", config} }},
	{"apache2", "with the modules `proxy` and `proxy_http`:", `
ServerRoot /usr/lib/apache2
ServerName localhost
DefaultRuntimeDir ASIDE
PidFile ASIDE/apache.pid
ErrorLog ASIDE/apache.log
User www-data
Group www-data
Listen ADDRESS
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
DocumentRoot /usr/lib/apache2/modules
SNIPPET
`, func(config string) []string { return []string{"apache2", "-X", "-f", config} }},
}

// TestWebServers: nginx and Apache, configured as README.md says, serve the files of a
// volume under the CMS's own URLs, with S3 away and before the upload by the bytes, and
// after it by a redirect that leads to the object.
func TestWebServers(t *testing.T) {
	need(t, []string{"nginx", "apache2", "curl"})
	var door string
	v := volumetest.Start(t, func(o *volume.Options) {
		door = (&place{T: t}).freeAddress()
		o.HTTP = door
	})
	v.Log.Expect("the store is away")
	v.Log.Expect("upload failed")
	publish(v)
	w := &web{place: &place{T: t, name: "web", dir: v.Path, aside: t.TempDir(), mounted: true}}
	for _, s := range webServers {
		address := w.freeAddress()
		config := strings.ReplaceAll(s.config, "SNIPPET", strings.ReplaceAll(snippet(t, s.snippet), "127.0.0.1:7480", door))
		args := s.command(w.config(s.name+".conf", replaceAll(config, "ADDRESS", address)))
		w.serve(address, args[0], args[1:]...)
		w.servers = append(w.servers, address)
	}
	v.Gateway.Stop()
	files := w.files()
	for _, name := range files {
		w.bytes(name)
	}
	v.Gateway.Start(t)
	w.inS3(files...)
	for _, name := range files {
		w.redirected(name)
	}
	w.others()
}

// web asks the servers for files of the volume.
type web struct {
	*place
	servers []string // addresses
}

// files makes files whose names hurt somewhere between a browser and a file, and
// returns their paths.
func (w *web) files() (paths []string) {
	w.Helper()
	must(w.T, os.MkdirAll(w.path("uid", "image", "large"), 0o755))
	for _, name := range []string{
		"plain", "a b", "a+b", "100%", "%41", "%2e", "ä", "日本", "e\u0301", `"double"`, "it's", "what?", "#1", "a;b=c", "a&b", "a,b", "a:b@c",
		"[1]", "(1)", "{x}", "<b>", "^`|", `back\slash`, "$HOME", "*", "~", "...", ".hidden", "latin-\xe9",
	} {
		path := "uid/image/large/" + name + ".txt"
		w.write(path, content(path))
		paths = append(paths, path)
	}
	return paths
}

// url returns the address of a file at a server, as a careful CMS writes it.
func (w *web) url(server, path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "http://" + server + "/files/" + strings.Join(parts, "/")
}

// curl runs curl and returns what it wrote, or fails the test.
func (w *web) curl(args ...string) string {
	w.Helper()
	out, code := w.quiet(`curl -gsS --path-as-is -m 30 "$@"`, args...)
	if code != 0 {
		w.Errorf("curl %q: exit code %d: %s", args, code, out)
	}
	return out
}

// expect compares what curl writes.
func (w *web) expect(want string, args ...string) {
	w.Helper()
	if got := w.curl(args...); got != want {
		w.Errorf("curl %q:\n%q, not\n%q", args, got, want)
	}
}

// content is what files put there.
func content(path string) string {
	return fmt.Sprintf("content of %+q", path[strings.LastIndexByte(path, '/')+1:])
}

// bytes asks for a file that is not in S3.
func (w *web) bytes(path string) {
	w.Helper()
	want := content(path)
	for _, server := range w.servers {
		u := w.url(server, path)
		w.expect(want+" 200", "-w", " %{http_code}", u)
		if !strings.HasSuffix(path, "/ä.txt") {
			continue // the name is what differs
		}
		w.expect(want[2:6]+" 206", "-w", " %{http_code}", "-r", "2-5", u)
		w.expect(fmt.Sprintf("200 %d text/plain; charset=utf-8", len(want)), "-I", "-o", "/dev/null", "-w", "%{http_code} %header{content-length} %{content_type}", u)
		tag := w.curl("-o", "/dev/null", "-w", "%header{etag}", u)
		if !strings.HasPrefix(tag, `"`) {
			w.Errorf("%s: ETag %q", u, tag)
		}
		w.expect("304", "-o", "/dev/null", "-w", "%{http_code}", "-H", "If-None-Match: "+tag, u)
		w.expect(want[2:6]+" 206", "-w", " %{http_code}", "-r", "2-5", "-H", "If-Range: "+tag, u)
		w.expect(want+" 200", "-w", " %{http_code}", "-r", "2-5", "-H", `If-Range: "other"`, u)
	}
}

// redirected asks for a file that is in S3, and follows.
func (w *web) redirected(path string) {
	w.Helper()
	want := content(path)
	object := attr(w.T, w.path(path), "user.contentfs.url")
	for _, server := range w.servers {
		u := w.url(server, path)
		w.expect("302 "+object, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", u)
		w.expect(want+" 200", "-L", "-w", " %{http_code}", u)
		if !strings.HasSuffix(path, "/ä.txt") {
			continue
		}
		w.expect("302 "+object, "-I", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", u)
		w.expect(want[2:6]+" 206", "-L", "-r", "2-5", "-w", " %{http_code}", u)
	}
}

// others asks for what is no file to be given.
func (w *web) others() {
	w.Helper()
	for _, server := range w.servers {
		for request, want := range map[string]string{
			"GET /files/none": "404", "GET /files/uid": "404", "GET /files/uid/": "404", "GET /files/healthz": "404",
			"DELETE /files/uid/image/large/plain.txt": "405", "GET /uid/image/large/plain.txt": "404",
			"GET /files/%2e%2e/%2e%2e/etc/passwd": "400", "GET /files/uid%00": "400",
		} {
			method, path, _ := strings.Cut(request, " ")
			got := w.curl("-X", method, "-o", "/dev/null", "-w", "%{http_code}", "http://"+server+path)
			// A path that leads out, the servers refuse each in its own way.
			if got != want && (want != "400" || got != "403" && got != "404") {
				w.Errorf("%s at %s: %s, not %s", request, server, got, want)
			}
		}
	}
}

// snippet returns the lines of configuration that stand in README.md behind a text.
func snippet(t *testing.T, behind string) string {
	t.Helper()
	b, err := os.ReadFile("../../../README.md")
	must(t, err)
	_, rest, found := strings.Cut(string(b), behind+"\n\n")
	var lines []string
	for line := range strings.SplitSeq(rest, "\n") {
		if !strings.HasPrefix(line, "    ") {
			break
		}
		lines = append(lines, line)
	}
	if !found || len(lines) == 0 {
		t.Fatalf("README.md has no configuration behind %q", behind)
	}
	return strings.Join(lines, "\n")
}

// publish lets everybody read the objects, as a CDN does.
func publish(v *volumetest.Volume) {
	v.Helper()
	p := &place{T: v.T, dir: v.TempDir(), aside: v.TempDir()}
	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::` + volumetest.Bucket + `/*"}]}`
	// The keys go by a file: arguments are world-readable.
	must(p.T, os.WriteFile(p.path("curlrc"), []byte(fmt.Sprintf("user = %q\n", v.Gateway.AccessKey+":"+v.Gateway.SecretKey)), 0o600))
	p.sh(`curl -sS --fail-with-body -K curlrc --aws-sigv4 aws:amz:us-east-1:s3 -H "x-amz-content-sha256: $(printf %s "$2" | sha256sum | cut -c1-64)" -X PUT --data-binary "$2" "$1/`+volumetest.Bucket+`?policy="`, v.Gateway.Endpoint, policy)
}

// attr reads an extended attribute.
func attr(t *testing.T, path, name string) string {
	t.Helper()
	b := make([]byte, 4096)
	n, err := unix.Getxattr(path, name, b)
	must(t, err)
	return string(b[:n])
}
