package volume_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	bt "contentfs/backend/backendtest"
	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// partSize of the tests: the smallest that a real server takes.
const partSize = 5 << 20

// strike is what a store does to some requests about one file.
type strike struct {
	match func(*http.Request) bool
	times int
	reply bt.Reply
}

// of limits requests to those about the object of a file, whose name no other has.
func of(name string, match func(*http.Request) bool) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "_"+name) && match(r) }
}

func isPut(r *http.Request) bool {
	return r.Method == "PUT" && r.Header.Get("X-Amz-Copy-Source") == "" && !r.URL.Query().Has("uploadId")
}

func isCopy(r *http.Request) bool {
	return r.Method == "PUT" && r.Header.Get("X-Amz-Copy-Source") != ""
}

var isGet = bt.Method("GET")

func onPart(n int) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == "PUT" && r.URL.Query().Get("partNumber") == strconv.Itoa(n)
	}
}

// misdeeds are the answers that every request may get, each so often that the driver's own
// attempts do not help.
func misdeeds() map[string]strike {
	repeat := func(reply bt.Reply) strike { return strike{times: 4, reply: reply} }
	once := func(reply bt.Reply) strike { return strike{times: 1, reply: reply} }
	wrongSum := base64.StdEncoding.EncodeToString(make([]byte, 32))
	return map[string]strike{
		"500":          repeat(bt.ErrorReply(500, "InternalError", "")),
		"503":          repeat(bt.ErrorReply(503, "", "")),
		"slowdown":     {times: 6, reply: bt.ErrorReply(503, "SlowDown", "Please reduce your request rate.")},
		"error-in-200": repeat(bt.ErrorReply(200, "InternalError", "We encountered an internal error.")),
		"lost":         once(bt.LostReply),
		"lost-thrice":  {times: 3, reply: bt.LostReply},
		"500-after":    {times: 3, reply: bt.ErrorAfterSuccess},
		"conflict":     repeat(bt.ErrorReply(409, "ConditionalRequestConflict", "")),
		"wrong-sum":    once(bt.Edit(func(h http.Header, b []byte) []byte { h.Set("X-Amz-Checksum-Sha256", wrongSum); return b })),
		"no-etag":      once(bt.DropHeader("ETag")),
		"portal":       repeat(bt.RawReply("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n<html>Log in</html>")),
		"expired":      {times: 2, reply: bt.ErrorReply(400, "ExpiredToken", "The provided token has expired.")},
		"forbidden":    {times: 2, reply: bt.ErrorReply(403, "AccessDenied", "Access Denied")},
		"skewed":       {times: 2, reply: bt.ErrorReply(403, "RequestTimeTooSkewed", "")},
		"no-bucket":    {times: 2, reply: bt.ErrorReply(404, "NoSuchBucket", "")},
		"wrong-region": {times: 2, reply: bt.ErrorReply(301, "PermanentRedirect", "", "X-Amz-Bucket-Region", "eu-central-1")},
		"redirect-loop": {times: 2, reply: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			bt.ErrorReply(307, "TemporaryRedirect", "", "Location", r.URL.String())(w, r, nil)
		}},
		"cut-at-0":         repeat(bt.RawReply("")),
		"cut-at-1":         repeat(bt.RawReply("H")),
		"cut-in-headers":   repeat(bt.RawReply("HTTP/1.1 200 OK\r\nETag: \"abc\"\r\n")),
		"cut-at-the-body":  repeat(bt.RawReply("HTTP/1.1 200 OK\r\nETag: \"abc\"\r\nContent-Length: 100\r\n\r\n")),
		"cut-in-an-error":  repeat(bt.RawReply("HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 100\r\n\r\n<?xml")),
		"no-http":          repeat(bt.RawReply("SSH-2.0-OpenSSH_9.2\r\n")),
		"request-at-0":     repeat(bt.ResetRequest(0)),
		"request-at-1":     repeat(bt.ResetRequest(1)),
		"request-at-64-k":  repeat(bt.ResetRequest(64 << 10)),
		"request-but-last": repeat(bt.ResetRequest(100<<10 - 1)),
	}
}

// uploadStrikes are the faults of uploads: each name is that of a file, whose size is
// told by its kind.
func uploadStrikes() map[string]strike {
	all := make(map[string]strike)
	for name, s := range misdeeds() {
		s.match = isPut
		all["put-"+name] = s
	}
	all["put-412"] = strike{isPut, 2, bt.ErrorReply(412, "PreconditionFailed", "")} // and nothing is there
	for _, name := range []string{"500", "error-in-200", "lost", "500-after", "conflict", "cut-at-1", "expired"} {
		s := misdeeds()[name]
		s.match = isCopy
		all["copy-"+name] = s
	}
	create, complete, abort := bt.Method("POST", "uploads"), bt.Method("POST", "uploadId"), bt.Method("DELETE", "uploadId")
	all["parts-create-lost"] = strike{create, 3, bt.LostReply}
	all["parts-part-500"] = strike{onPart(2), 4, bt.ErrorReply(500, "InternalError", "")}
	all["parts-part-lost"] = strike{onPart(1), 1, bt.LostReply}
	all["parts-part-unknown"] = strike{onPart(2), 1, bt.ErrorReply(404, "NoSuchUpload", "")}
	all["parts-part-cut"] = strike{onPart(1), 4, bt.ResetRequest(partSize - 1)}
	all["parts-complete-lost"] = strike{complete, 1, bt.LostReply}
	all["parts-complete-lost-thrice"] = strike{complete, 3, bt.LostReply}
	all["parts-complete-500-after"] = strike{complete, 1, bt.ErrorAfterSuccess}
	all["parts-complete-error-in-200"] = strike{complete, 4, bt.ErrorReply(200, "InternalError", "We encountered an internal error.")}
	all["parts-complete-invalid-part"] = strike{complete, 1, bt.ErrorReply(400, "InvalidPart", "")}
	all["parts-complete-412"] = strike{complete, 1, bt.ErrorReply(412, "PreconditionFailed", "")}
	all["parts-abort-500"] = strike{func(r *http.Request) bool { return abort(r) || onPart(2)(r) }, 6, bt.ErrorReply(500, "InternalError", "")}
	return all
}

// TestS3AtItsWorst sends one file through each fault, all at the same time: none is
// lost, each has one object and that is right, and all heals by itself.
func TestS3AtItsWorst(t *testing.T) {
	v := volumetest.Proxied(t, func(o *volume.Options) { o.PartSize = partSize })
	announce(v)
	source := random(30 << 10)
	v.Write("source", source)
	awaitS3(v, "source")
	strikes := uploadStrikes()
	files := map[string][]byte{"source": source}
	struck := make(map[string]*bool)
	var mu sync.Mutex // guards what struck points to
	for name, s := range strikes {
		hit := new(bool)
		struck[name] = hit
		v.Faults.Script(of(name, s.match), s.times, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			mu.Lock()
			*hit = true
			mu.Unlock()
			s.reply(w, r, next)
		})
		switch kind, _, _ := strings.Cut(name, "-"); kind {
		case "copy":
			files[name] = source
		case "parts":
			files[name] = random(partSize + 1000)
		default:
			files[name] = random(100 << 10)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(strikes)) {
		save(v, name, files[name])
	}
	for name, content := range files {
		expect(v, name, content)
		expectObject(v, name, content)
	}
	mu.Lock()
	for name, hit := range struck {
		if !*hit {
			t.Errorf("%s: the fault did not strike", name)
		}
	}
	mu.Unlock()
	lines, faults := v.Log.Seen("upload failed")+v.Log.Seen("the store is away"), v.Faults.Struck()
	t.Logf("%d faults struck in %d files, %d lines were logged", faults, len(strikes), lines)
	if lines > faults {
		t.Errorf("%d lines for %d faults", lines, faults)
	}
	v.Faults.Clear()
	v.Unmount()
	account(v, len(files))
	v.Mount()
	v.EvictAll()
	for name, content := range files {
		expect(v, name, content)
	}
}

// announce says which warnings faults of the store bring.
func announce(v *volumetest.Volume) {
	for _, part := range []string{"the store is away", "upload failed", "checksum", "what was fetched is not the content",
		"an object that should be in S3 is not there", "cannot"} {
		v.Log.Expect(part)
	}
}

// bodies are what a GET may bring instead of the content. other is an object's body.
func bodies(other []byte) map[string]strike {
	all := make(map[string]strike)
	for _, name := range []string{"500", "503", "error-in-200", "portal", "forbidden", "no-bucket", "wrong-region", "redirect-loop",
		"cut-at-0", "cut-in-headers", "cut-at-the-body", "no-http"} {
		all[name] = misdeeds()[name]
	}
	edit := func(change func(h http.Header, b []byte) []byte) strike {
		return strike{times: 3, reply: bt.Edit(change)}
	}
	all["short"] = strike{times: 3, reply: bt.ShortBody(1)}
	all["half"] = strike{times: 3, reply: bt.ShortBody(50 << 10)}
	all["empty"] = edit(func(h http.Header, _ []byte) []byte { h.Set("Content-Length", "0"); return nil })
	all["flipped"] = strike{times: 3, reply: bt.FlipByte(77)}
	all["anothers"] = edit(func(h http.Header, b []byte) []byte { return other[:min(len(b), len(other))] })
	all["zeros"] = edit(func(_ http.Header, b []byte) []byte { return make([]byte, len(b)) })
	all["moved-by-one"] = edit(func(_ http.Header, b []byte) []byte { return append(bytes.Clone(b[min(1, len(b)):]), 0) })
	all["longer"] = edit(func(h http.Header, b []byte) []byte {
		h.Set("Content-Length", strconv.Itoa(len(b)+10))
		return append(b, "and more.."...)
	})
	all["absent"] = strike{times: 1, reply: bt.ErrorReply(404, "NoSuchKey", "")}
	all["reset-at-1"] = strike{times: 3, reply: bt.ResetBody(1)}
	all["reset-at-last"] = strike{times: 3, reply: bt.ResetBody(100<<10 - 1)}
	all["range-off-by-one"] = edit(func(h http.Header, b []byte) []byte {
		if first, rest, ok := strings.Cut(strings.TrimPrefix(h.Get("Content-Range"), "bytes "), "-"); ok {
			n, _ := strconv.Atoi(first)
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%s", n+1, rest))
		}
		return b
	})
	return all
}

// TestReadsAtTheirWorst: whatever a GET brings, a reader gets the content or EIO, never
// another byte; and the content once the fault is over.
func TestReadsAtTheirWorst(t *testing.T) {
	v := volumetest.Proxied(t, nil)
	announce(v)
	files := make(map[string][]byte)
	strikes := bodies(random(24 << 20))
	for name, s := range strikes {
		files["small-"+name] = random(100 << 10)
		if strings.HasPrefix(name, "range") || strings.HasPrefix(name, "anothers") || name == "moved-by-one" || name == "half" {
			files["large-"+name] = random(9 << 20) // in ranges
		}
		for _, kind := range []string{"small-", "large-"} {
			v.Faults.Script(of(kind+name, isGet), s.times, s.reply)
		}
	}
	evicted(v, files)
	wrong := 0
	for name, content := range files {
		v.Await("the content of "+name, func() bool {
			b, err := os.ReadFile(v.Join(name))
			if err != nil && !errors.Is(err, unix.EIO) {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil {
				wrong++
			} else if !bytes.Equal(b, content) {
				t.Fatalf("%s was delivered as %s, not %s", name, brief(b), brief(content))
			}
			return err == nil
		})
		expect(v, name, content)
	}
	t.Logf("%d faults struck in %d files, %d reads failed", v.Faults.Struck(), len(files), wrong)
	if v.Faults.Struck() < len(strikes) {
		t.Errorf("%d faults struck, of %d kinds", v.Faults.Struck(), len(strikes))
	}
}
