package s3

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"contentfs/backend/backendtest"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// fakeStore is the little of S3 that these tests need, with the habits of stores
// that are not S3. It checks no signatures.
type fakeStore struct {
	refuse           []string // headers answered with NotImplemented
	ignoreConditions bool
	ignoreChecksums  bool
	oddETag          bool

	mu      sync.Mutex // guards what follows
	noBkt   bool
	objects map[string]fakeObject // by escaped path
	uploads map[string]map[int][]byte
	headers map[string]http.Header // of uploads
}

type fakeObject struct {
	body   []byte
	header http.Header
	etag   string // of parts; "" for the MD5
}

// newFake serves f behind a FaultServer and opens a store on it.
func newFake(t *testing.T, f *fakeStore) (*Store, *backendtest.FaultServer) {
	t.Helper()
	f.objects, f.uploads, f.headers = map[string]fakeObject{}, map[string]map[int][]byte{}, map[string]http.Header{}
	faults := backendtest.NewFaultServer(f)
	server := httptest.NewServer(faults)
	t.Cleanup(server.Close)
	return openAt(t, server.URL, "AK", "SK", stall), faults
}

// stall is how long the fake's store waits for a byte: short, because tests wait for
// it, and long for a machine that is busy with other tests.
const stall = 3 * time.Second

// openAt opens a store at endpoint; a stall of 0 is the package's own.
func openAt(t testing.TB, endpoint, access, secret string, stall time.Duration) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{
		Bucket: "bucket", Region: "us-east-1", Endpoint: endpoint, PathStyle: true,
		Credentials: StaticCredentials(access, secret),
		Stall:       stall,
	})
	if err != nil {
		t.Fatal(err)
	}
	// The same attempts, without the waiting between them.
	o := s.client.Options()
	o.Retryer = retry.AddWithMaxBackoffDelay(o.Retryer, time.Millisecond)
	s.client = s3.New(o)
	return s
}

func (f *fakeStore) removeBucket() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noBkt = true
}

func (f *fakeStore) object(key string) (fakeObject, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, ok := f.objects["/bucket/"+key]
	return o, ok
}

func (f *fakeStore) pending() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.uploads)
}

func (f *fakeStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fail := func(status int, code string) { backendtest.ErrorReply(status, code, "says the fake")(w, r, nil) }
	for _, name := range f.refuse {
		if r.Header.Get(name) != "" {
			fail(501, "NotImplemented")
			return
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path, q := r.URL.EscapedPath(), r.URL.Query()
	if f.noBkt {
		fail(404, "NoSuchBucket")
		return
	}
	sum := sha256.Sum256(body)
	if want := r.Header.Get("X-Amz-Checksum-Sha256"); r.Method == "PUT" && want != "" && !f.ignoreChecksums && want != *encode(sum[:]) {
		fail(400, "BadDigest")
		return
	}
	if want := r.Header.Get("Content-MD5"); r.Method == "PUT" && want != "" {
		if got := md5.Sum(body); want != base64.StdEncoding.EncodeToString(got[:]) {
			fail(400, "BadDigest")
			return
		}
	}
	_, exists := f.objects[path]
	id := q.Get("uploadId")
	parts, known := f.uploads[id]
	if id != "" && !known {
		fail(404, "NoSuchUpload")
		return
	}
	if exists && r.Header.Get("If-None-Match") == "*" && !f.ignoreConditions {
		fail(412, "PreconditionFailed")
		return
	}
	switch {
	case path == "/bucket" || path == "/bucket/":
		fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
	case r.Method == "POST" && q.Has("uploads"):
		id := strconv.Itoa(len(f.headers) + 1)
		f.uploads[id], f.headers[id] = map[int][]byte{}, r.Header.Clone()
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Header.Get("X-Amz-Copy-Source") != "":
		f.copyObject(w, r, parts, fail)
	case r.Method == "PUT" && id != "":
		n, _ := strconv.Atoi(q.Get("partNumber"))
		parts[n] = body
		f.describe(w, body, r.Header)
	case r.Method == "POST":
		var whole []byte
		sums := md5.New()
		for n := 1; n <= len(parts); n++ {
			whole = append(whole, parts[n]...)
			sum := md5.Sum(parts[n])
			sums.Write(sum[:])
		}
		etag := fmt.Sprintf("%x-%d", sums.Sum(nil), len(parts))
		f.objects[path] = fakeObject{whole, f.headers[id], etag}
		delete(f.uploads, id)
		xml.NewEncoder(w).Encode(struct {
			XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
			ETag    string
		}{ETag: `"` + etag + `"`})
	case r.Method == "DELETE" && id != "":
		delete(f.uploads, id)
		w.WriteHeader(204)
	case r.Method == "DELETE":
		delete(f.objects, path)
		w.WriteHeader(204)
	case r.Method == "PUT":
		f.objects[path] = fakeObject{body, r.Header.Clone(), ""}
		f.describe(w, body, r.Header)
	case !exists:
		fail(404, "NoSuchKey")
	default:
		o := f.objects[path]
		for name, values := range o.header {
			if strings.HasPrefix(name, "X-Amz-Meta-") {
				w.Header()[name] = values
			}
		}
		f.describe(w, o.body, o.header)
		if o.etag != "" {
			w.Header().Set("ETag", `"`+o.etag+`"`)
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(o.body)))
	}
}

// copyObject makes an object, or a part where there are parts, of another object.
func (f *fakeStore) copyObject(w http.ResponseWriter, r *http.Request, parts map[int][]byte, fail func(int, string)) {
	src, ok := f.objects["/"+r.Header.Get("X-Amz-Copy-Source")]
	if !ok {
		fail(404, "NoSuchKey")
		return
	}
	rec := httptest.NewRecorder()
	f.describe(rec, src.body, nil)
	etag := rec.Header().Get("ETag")
	if src.etag != "" {
		etag = `"` + src.etag + `"`
	}
	if want := r.Header.Get("X-Amz-Copy-Source-If-Match"); want != "" && want != etag {
		fail(412, "PreconditionFailed")
		return
	}
	if parts == nil {
		header := r.Header.Clone()
		sum := ""
		if header.Get("X-Amz-Checksum-Algorithm") != "" && !f.ignoreChecksums {
			sha := sha256.Sum256(src.body)
			header.Set("X-Amz-Checksum-Sha256", *encode(sha[:]))
			sum = "<ChecksumSHA256>" + *encode(sha[:]) + "</ChecksumSHA256>"
		}
		f.objects[r.URL.EscapedPath()] = fakeObject{src.body, header, ""}
		f.describe(rec, src.body, nil)
		fmt.Fprintf(w, "<CopyObjectResult><ETag>%s</ETag>%s</CopyObjectResult>", rec.Header().Get("ETag"), sum)
		return
	}
	var first, last int
	if _, err := fmt.Sscanf(r.Header.Get("X-Amz-Copy-Source-Range"), "bytes=%d-%d", &first, &last); err != nil || last >= len(src.body) {
		fail(400, "InvalidArgument")
		return
	}
	n, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
	parts[n] = src.body[first : last+1]
	sum := sha256.Sum256(parts[n])
	fmt.Fprintf(w, `<CopyPartResult><ETag>"%x"</ETag><ChecksumSHA256>%s</ChecksumSHA256></CopyPartResult>`, md5.Sum(parts[n]), *encode(sum[:]))
}

// describe sets the ETag, and the checksum that came with the body.
func (f *fakeStore) describe(w http.ResponseWriter, body []byte, sent http.Header) {
	etag := md5.Sum(body)
	if f.oddETag {
		etag[0]++
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, etag))
	if sum := sent.Get("X-Amz-Checksum-Sha256"); sum != "" && !f.ignoreChecksums {
		w.Header().Set("X-Amz-Checksum-Sha256", sum)
	}
}
